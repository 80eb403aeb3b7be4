package indextest

import (
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func testScores(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 20)
	const n = 300
	s.fill(n)
	v := s.maker.vector()
	axis := make([]float32, dims)
	axis[0] = 1
	s.upsert( // the same direction, the opposite one, and one at a right angle
		external.Item{ID: n + 1, Document: itemDocument(1), Vector: v},
		external.Item{ID: n + 2, Document: itemDocument(1), Vector: negated(v)},
		external.Item{ID: n + 3, Document: itemDocument(1), Vector: axis},
	)
	topK := f.DB.Limits().TopK
	for _, k := range []int{1, 2, 10, 100, n + 3, n + 100, topK} {
		s.checkSearch(external.Query{Vector: v, K: min(k, topK)})
		s.checkSearch(external.Query{Vector: negated(axis), K: min(k, topK)})
	}
	for range 30 {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(10, topK)})
	}
	s.checkRecall()
}

func testEqualScores(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 21)
	v := s.maker.vector()
	var items []external.Item
	for n := range 60 {
		items = append(items, external.Item{ID: rag.ChunkID(n + 1), Document: itemDocument(n / 3), Vector: v, Tags: suiteTags[n%3 : n%3+1]})
	}
	s.upsert(items...)
	for _, k := range []int{1, 7, 60, 61} {
		s.checkSearch(external.Query{Vector: v, K: k})
		s.checkSearch(external.Query{Vector: v, K: k, Where: external.Condition{Has: suiteTags[1:2]}})
	}
	s.checkRecall()
}

func testWords(t testing.TB, f DatabaseFixture) {
	if !f.DB.Limits().Words {
		t.Log("this database does not search texts by their words")
		return
	}
	s := newShelfOf(t, f, 22, external.Space{Name: spaceName(), Dimensions: dims, Text: true})
	put := func(id rag.ChunkID, text string, tags ...external.Tag) {
		t.Helper()
		s.upsert(external.Item{ID: id, Document: itemDocument(int(id)), Vector: s.maker.vector(), Tags: tags, Text: text})
	}
	put(1, "w1 w2 w3 w4", 1)
	put(2, "w1 w2 w8 w9", 1, 2)
	put(3, "w1 w7 w8 w9")
	put(4, "w5 w6 w7 w8", 2)
	put(5, "")
	first := func(text string, want ...rag.ChunkID) {
		t.Helper()
		q := external.Query{Text: text, K: 10}
		s.checkSearch(q)
		res, err := s.table.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for place, id := range want {
			if place >= len(res.Keyword) || res.Keyword[place].ChunkID != id {
				t.Fatalf("for %q the items are %v, want them to begin with %v", text, res.Keyword, want)
			}
		}
	}
	first("w1 w2 w3", 1, 2, 3) // more of the words comes before less of them
	first("w3", 1)
	first("w77")
	first("w5 w77", 4)
	for _, where := range []external.Condition{{Has: []external.Tag{2}}, not(external.Condition{Has: []external.Tag{1}}), {IDs: []rag.ChunkID{2, 5}}} {
		s.checkSearch(external.Query{Text: "w1 w8", K: 10, Where: where})
		s.checkSearch(external.Query{Text: "w1 w8", Vector: s.maker.vector(), K: 10, Where: where})
	}
	s.checkSearch(external.Query{Text: "w8", K: 1})
	put(4, "w10 w11") // the words of the earlier text are gone
	first("w8 w5")
	first("w11", 4)
	s.delete(2)
	first("w2", 1)
	s.deleteWhere(external.Condition{Has: []external.Tag{1}})
	first("w1 w2 w3", 3)
	s.fill(200)
	for range 40 {
		s.checkSearch(s.maker.query(200, f.DB.Limits().TopK))
	}
	s.checkRecall()
}

// testLargeIDs: ids that are one number where numbers have 53 bits.
func testLargeIDs(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 23)
	const p53, p62 = 1 << 53, 1 << 62
	ids := []rag.ChunkID{1, 2, 9, 10, 11, 99, 100, 1<<31 - 1, 1 << 31, 1 << 32, p53 - 1, p53, p53 + 1, p53 + 2, p62, p62 + 1, math.MaxInt64 - 1, math.MaxInt64}
	var items []external.Item
	for _, id := range ids {
		items = append(items, s.maker.item(id))
	}
	s.upsert(items...)
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(ids)})
	for _, id := range ids {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(ids), Where: external.Condition{IDs: []rag.ChunkID{id}}})
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(ids), Where: not(external.Condition{IDs: []rag.ChunkID{id, 5}})})
	}
	s.upsert(s.maker.item(p53+1), s.maker.item(math.MaxInt64))
	s.checkContents()
	s.delete(p53+1, math.MaxInt64-1)
	s.checkContents()
	s.deleteWhere(external.Condition{IDs: []rag.ChunkID{p53 + 2, 10}})
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(ids)})
}

// testPaging reads the ids in pages of every size that matters.
func testPaging(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 24)
	var items []external.Item
	var want []rag.ChunkID
	for i := range 257 {
		id := rag.ChunkID(7*i + 5)
		if i >= 200 {
			id = math.MaxInt64 - rag.ChunkID(256-i) // up to the largest there is
		}
		want = append(want, id)
		items = append(items, s.maker.item(id))
	}
	s.maker.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	s.upsert(items...)
	for _, limit := range []int{2, 64, 256, 257, 258, 10_000} {
		s.checkPages(want, limit)
	}
	for _, c := range []struct {
		after rag.ChunkID
		want  int // how many come after it
	}{{0, 257}, {4, 257}, {5, 256}, {6, 256}, {12, 255}, {1 << 53, 57}, {math.MaxInt64 - 1, 1}, {math.MaxInt64, 0}} {
		got, err := s.table.IDs(t.Context(), c.after, 1000)
		if err != nil || len(got) != c.want {
			t.Errorf("%d ids come after %d (%v), want %d", len(got), c.after, err, c.want)
		}
	}
}

// checkPages reads all ids, limit at a time. Small pages are read at both ends only.
func (s *shelf) checkPages(want []rag.ChunkID, limit int) {
	s.t.Helper()
	const pages = 12
	after := rag.ChunkID(0)
	for page := 0; ; page++ {
		if page == pages && len(want) > pages*limit {
			after, want = want[len(want)-pages*limit-1], want[len(want)-pages*limit:]
		}
		got, err := s.table.IDs(s.t.Context(), after, limit)
		if err != nil {
			s.t.Fatalf("%d ids after %d: %v", limit, after, err)
		}
		if !slices.Equal(got, want[:min(limit, len(want))]) {
			s.t.Fatalf("%d ids after %d are %s, want %s", limit, after, shorten(got), shorten(want[:min(limit, len(want))]))
		}
		want = want[len(got):]
		if len(got) < limit {
			return
		}
		after = got[len(got)-1]
	}
}
