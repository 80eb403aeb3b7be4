package indextest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	cosineTolerance = 1e-3 // a database may keep vectors, and tell scores, with less than 32 bits
	recallFloor     = .98  // of the searches of one space: indexes of vectors may be approximate, though on spaces of this size they miss hardly anything
)

// shelf is a space together with a model of it that looks at every item.
type shelf struct {
	t     testing.TB
	space external.Space
	table external.Table
	items map[rag.ChunkID]external.Item
	maker itemMaker

	wanted, found int // places of the vector lists that were compared, and those that hold what they should
}

// spaceName returns a name that no other test has.
func spaceName() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "suite_" + hex.EncodeToString(b[:])
}

// newShelf opens an empty space, which is dropped at the end of the test.
func newShelf(t testing.TB, f DatabaseFixture, seed uint64) *shelf {
	t.Helper()
	return newShelfOf(t, f, seed, external.Space{Name: spaceName(), Dimensions: dims})
}

func newShelfOf(t testing.TB, f DatabaseFixture, seed uint64, s external.Space) *shelf {
	t.Helper()
	return &shelf{t: t, space: s, table: OpenSpace(t, f.DB, s), items: map[rag.ChunkID]external.Item{},
		maker: itemMaker{newMaker(seed, s.Dimensions), s.Text}}
}

// OpenSpace returns a space of a database that is dropped at the end of the test.
func OpenSpace(t testing.TB, db external.Database, s external.Space) external.Table {
	t.Helper()
	table, err := db.Open(t.Context(), s)
	if err != nil {
		t.Fatalf("open space %s: %v", s.Name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = db.Drop(ctx, s.Name)
	})
	return table
}

func (s *shelf) upsert(items ...external.Item) {
	s.t.Helper()
	if err := s.table.Upsert(s.t.Context(), items); err != nil {
		s.t.Fatalf("upsert %d items: %v", len(items), err)
	}
	for _, i := range items {
		s.items[i.ID] = i
	}
}

func (s *shelf) delete(ids ...rag.ChunkID) {
	s.t.Helper()
	if err := s.table.Delete(s.t.Context(), ids); err != nil {
		s.t.Fatalf("delete %d ids: %v", len(ids), err)
	}
	for _, id := range ids {
		delete(s.items, id)
	}
}

func (s *shelf) deleteWhere(c external.Condition) {
	s.t.Helper()
	if err := s.table.DeleteWhere(s.t.Context(), c); err != nil {
		s.t.Fatalf("delete where %s: %v", show(c), err)
	}
	maps.DeleteFunc(s.items, func(id rag.ChunkID, i external.Item) bool { return c.Match(id, i.Tags) })
}

// fill puts in n random items with the ids from 1.
func (s *shelf) fill(n int) {
	s.t.Helper()
	var items []external.Item
	for i := range n {
		items = append(items, s.maker.item(rag.ChunkID(i+1)))
	}
	s.upsert(items...)
}

// checkContents compares ids and their number with the model's.
func (s *shelf) checkContents() {
	s.t.Helper()
	s.checkTable(s.table)
}

func (s *shelf) checkTable(table external.Table) {
	s.t.Helper()
	want := slices.Sorted(maps.Keys(s.items))
	n, err := table.Count(s.t.Context())
	if err != nil {
		s.t.Fatalf("count: %v", err)
	}
	if n != int64(len(want)) {
		s.t.Errorf("the space counts %d items, want %d", n, len(want))
	}
	got, err := table.IDs(s.t.Context(), 0, len(want)+1)
	if err != nil {
		s.t.Fatalf("ids: %v", err)
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("the space has the ids %s, want %s", shorten(got), shorten(want))
	}
}

// checkSearch compares the answer to a query with the model's.
func (s *shelf) checkSearch(q external.Query) {
	s.t.Helper()
	res, err := s.table.Search(s.t.Context(), q)
	if err != nil {
		s.t.Fatalf("search %s: %v", showQuery(q), err)
	}
	s.compareVector(res.Vector, q)
	s.compareKeyword(res.Keyword, q)
}

// compareVector: as many as there can be, each with its cosine, in descending order; which ones is counted for checkRecall.
func (s *shelf) compareVector(got []rag.Scored, q external.Query) {
	s.t.Helper()
	if q.Vector == nil {
		if len(got) > 0 {
			s.t.Fatalf("%d items found by a vector that was not asked for", len(got))
		}
		return
	}
	exact := map[rag.ChunkID]float64{}
	for id, i := range s.items {
		if q.Where.Match(id, i.Tags) {
			exact[id] = cosine(q.Vector, i.Vector)
		}
	}
	s.compareList("vector", got, min(q.K, len(exact)), q, func(id rag.ChunkID) bool { _, ok := exact[id]; return ok })
	best := slices.SortedFunc(maps.Values(exact), func(a, b float64) int { return cmp.Compare(b, a) })
	for place, h := range got {
		if math.Abs(float64(h.Score)-exact[h.ChunkID]) > cosineTolerance {
			s.t.Fatalf("item %d has the score %v, its cosine is %v: %s", h.ChunkID, h.Score, exact[h.ChunkID], showQuery(q))
		}
		s.wanted++
		if exact[h.ChunkID] >= best[place]-2*cosineTolerance {
			s.found++
		}
	}
}

// compareKeyword: the items with one of the words, as many as there can be, in descending order.
func (s *shelf) compareKeyword(got []rag.Scored, q external.Query) {
	s.t.Helper()
	if q.Text == "" {
		if len(got) > 0 {
			s.t.Fatalf("%d items found by words that were not asked for", len(got))
		}
		return
	}
	fits := func(id rag.ChunkID) bool {
		i, ok := s.items[id]
		return ok && q.Where.Match(id, i.Tags) && sharesWord(i.Text, q.Text)
	}
	n := 0
	for id := range s.items {
		if fits(id) {
			n++
		}
	}
	s.compareList("keyword", got, min(q.K, n), q, fits)
	for _, h := range got {
		if !(h.Score > 0) {
			s.t.Fatalf("item %d was found by words with the score %v: %s", h.ChunkID, h.Score, showQuery(q))
		}
	}
}

func sharesWord(text, query string) bool {
	words := strings.Fields(query)
	return slices.ContainsFunc(strings.Fields(text), func(w string) bool { return slices.Contains(words, w) })
}

func (s *shelf) compareList(side string, got []rag.Scored, want int, q external.Query, fits func(rag.ChunkID) bool) {
	s.t.Helper()
	if len(got) != want {
		s.t.Fatalf("%s side: %d items, want %d: %s", side, len(got), want, showQuery(q))
	}
	seen := map[rag.ChunkID]bool{}
	for place, h := range got {
		switch {
		case !fits(h.ChunkID):
			s.t.Fatalf("%s side: item %d does not meet the query: %s", side, h.ChunkID, showQuery(q))
		case seen[h.ChunkID]:
			s.t.Fatalf("%s side: item %d comes twice: %s", side, h.ChunkID, showQuery(q))
		case h.DocumentID != s.items[h.ChunkID].Document:
			s.t.Fatalf("%s side: item %d is of document %q, want %q", side, h.ChunkID, h.DocumentID, s.items[h.ChunkID].Document)
		case place > 0 && h.Score > got[place-1].Score:
			s.t.Fatalf("%s side: score %v comes after %v: %s", side, h.Score, got[place-1].Score, showQuery(q))
		}
		seen[h.ChunkID] = true
	}
}

// checkRecall says whether the searches so far found the nearest items.
func (s *shelf) checkRecall() {
	s.t.Helper()
	if float64(s.found) < recallFloor*float64(s.wanted) {
		s.t.Errorf("of %d places of the lists %d hold what they should; at least %v of them have to", s.wanted, s.found, recallFloor)
	}
}

func shorten(ids []rag.ChunkID) string {
	if len(ids) <= 40 {
		return fmt.Sprint(ids)
	}
	return fmt.Sprintf("%v ... %v (%d)", ids[:20], ids[len(ids)-20:], len(ids))
}

func showQuery(q external.Query) string {
	sides := []string{}
	if q.Vector != nil {
		sides = append(sides, "a vector")
	}
	if q.Text != "" {
		sides = append(sides, strconv.Quote(q.Text))
	}
	return fmt.Sprintf("by %s, k %d, where %s", strings.Join(sides, " and "), q.K, show(q.Where))
}

func show(c external.Condition) string {
	list := func(word string, subs []external.Condition) string {
		parts := make([]string, len(subs))
		for i, sub := range subs {
			parts[i] = show(sub)
		}
		return word + "(" + strings.Join(parts, " ") + ")"
	}
	switch {
	case len(c.IDs) > 0:
		return "ids" + shorten(c.IDs)
	case len(c.Has) > 10:
		return fmt.Sprintf("has[%d tags]", len(c.Has))
	case len(c.Has) > 0:
		return "has" + fmt.Sprint(c.Has)
	case len(c.All) > 0:
		return list("all", c.All)
	case len(c.Any) > 0:
		return list("any", c.Any)
	case c.Not != nil:
		return "not(" + show(*c.Not) + ")"
	}
	return "anything"
}
