package indextest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Bounds of the batches that the suite makes, where a database has no lower ones.
const (
	mostItems = 5_000
	mostBytes = 4 << 20
)

// testFullBatches: as many items in a batch as the limits allow.
func testFullBatches(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 30)
	n := min(f.DB.Limits().Items, mostItems)
	if b := f.DB.Limits().Bytes; b > 0 {
		n = min(n, b/(4*dims))
	}
	s.fill(n)
	s.checkContents()
	for range 3 {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(50, f.DB.Limits().TopK), Where: s.maker.condition(2, rag.ChunkID(n))})
	}
	s.fill(n) // all of them replaced
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(50, f.DB.Limits().TopK)})
	ids := slices.Sorted(maps.Keys(s.items))
	s.delete(ids[:n/3]...)
	s.checkContents()
	s.deleteWhere(external.Condition{Has: suiteTags})
	s.checkContents()
	s.delete(ids...)
	s.checkContents()
	s.checkRecall()
}

// testLargeBatches: as many bytes in a batch as the limits allow, of vectors as they come from models.
func testLargeBatches(t testing.TB, f DatabaseFixture) {
	const dimensions, words = 384, 120
	limits := f.DB.Limits()
	s := newShelfOf(t, f, 31, external.Space{Name: spaceName(), Dimensions: dimensions, Text: limits.Words})
	room := mostBytes
	if limits.Bytes > 0 {
		room = min(room, limits.Bytes)
	}
	var items []external.Item
	for id := rag.ChunkID(1); len(items) < min(limits.Items, mostItems); id++ {
		i := s.maker.item(id)
		if s.space.Text {
			i.Text = strings.TrimSpace(s.maker.maker.text(words))
		}
		for range 30 { // as an item of a document with an access list has
			i.Tags = append(i.Tags, external.Tag(s.maker.Int64()))
		}
		slices.Sort(i.Tags)
		i.Tags = slices.Compact(i.Tags)
		if room -= 4*len(i.Vector) + len(i.Text); room < 0 {
			break
		}
		items = append(items, i)
	}
	s.upsert(items...)
	s.checkContents()
	for range 5 {
		q := s.maker.query(rag.ChunkID(len(items)), limits.TopK)
		q.Vector = s.maker.vector()
		s.checkSearch(q)
	}
	s.checkRecall()
}

func testWrongDimensions(t testing.TB, f DatabaseFixture) {
	s := newShelfOf(t, f, 32, external.Space{Name: spaceName(), Dimensions: dims, Text: f.DB.Limits().Words})
	s.fill(5)
	for _, d := range []int{dims - 1, dims + 1, 2 * dims} {
		if _, err := f.DB.Open(t.Context(), external.Space{Name: s.space.Name, Dimensions: d, Text: s.space.Text}); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("a space of %d dimensions opened with %d: error %v, want a conflict", dims, d, err)
		}
	}
	vectors := map[string][]float32{"short": s.maker.vector()[:dims-1], "long": append(s.maker.vector(), 0), "missing": nil, "empty": {}}
	for name, v := range vectors {
		bad := s.maker.item(7)
		bad.Vector = v
		if s.space.Text {
			bad.Text = privateText
		}
		if err := s.table.Upsert(t.Context(), []external.Item{s.maker.item(6), bad, s.maker.item(1)}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("an item with a vector that is %s: error %v, want an invalid one", name, err)
		}
		if name == "missing" || name == "empty" {
			continue // a query may have none
		}
		if _, err := s.table.Search(t.Context(), external.Query{Vector: v, K: 3}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("a query by a vector that is %s: error %v, want an invalid one", name, err)
		}
	}
	s.checkContents() // nothing of the batches is there
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: 10})
	if table, err := f.DB.Open(t.Context(), s.space); err != nil {
		t.Errorf("opened again after the refusals: %v", err)
	} else {
		s.checkTable(table)
	}
}
