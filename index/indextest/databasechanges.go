package indextest

import (
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func testEmptySpace(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 1)
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: 3})
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: 3, Where: external.Condition{Has: suiteTags[:2]}})
	s.upsert()
	s.delete()
	s.delete(7)
	s.deleteWhere(external.Condition{Has: suiteTags[:2]})
	s.deleteWhere(external.Condition{})
	s.checkContents()
}

func testUpsertReplaceDelete(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 2)
	a, b := suiteTags[0], suiteTags[6]
	q := external.Query{Vector: s.maker.vector(), K: 10}
	check := func() {
		t.Helper()
		s.checkContents()
		s.checkSearch(q)
		for _, tag := range []external.Tag{a, b} {
			q := q
			q.Where = external.Condition{Has: []external.Tag{tag}}
			s.checkSearch(q)
			q.Where = not(q.Where)
			s.checkSearch(q)
		}
	}
	put := func(id rag.ChunkID, document int, tags ...external.Tag) {
		t.Helper()
		slices.Sort(tags)
		s.upsert(external.Item{ID: id, Document: itemDocument(document), Vector: s.maker.vector(), Tags: tags})
	}
	put(1, 1, a)
	check()
	put(2, 1, a, b)
	put(3, 2)
	check()
	put(2, 3, b) // in place of what was there: document, vector and tags
	check()
	put(2, 3) // no tag of the earlier ones stays
	check()
	s.delete(1, 99)
	check()
	put(1, 4, a, b) // one that was deleted comes back
	check()
	same := s.items[1]
	s.upsert(same) // the same again changes nothing
	check()
	s.upsert(s.maker.item(4), s.maker.item(1), s.maker.item(5)) // new ones and known ones together
	check()
	s.delete(1, 2, 3, 4, 5)
	check()
}

func testDeleteWhere(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 3)
	const n = 60
	s.fill(n)
	for range 15 {
		s.deleteWhere(s.maker.condition(3, n))
		s.checkContents()
		var again []external.Item
		for id := range rag.ChunkID(n) {
			if _, ok := s.items[id+1]; !ok {
				again = append(again, s.maker.item(id+1))
			}
		}
		s.upsert(again...)
	}
	s.checkContents()
	s.deleteWhere(not(external.Condition{Has: []external.Tag{absentTag}})) // nothing has it, so all go
	s.checkContents()
	s.fill(n)
	s.deleteWhere(external.Condition{})
	s.checkContents()
}

func testReadYourWrites(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 4)
	s.fill(30)
	for round := range 15 {
		i := s.maker.item(rag.ChunkID(100 + round%3))
		i.Tags = suiteTags[4:5]
		near := external.Query{Vector: i.Vector, K: 1}
		s.upsert(i)
		s.checkSearch(near)
		s.checkContents()
		if round%2 == 0 {
			s.delete(i.ID)
		} else {
			s.deleteWhere(external.Condition{All: []external.Condition{{IDs: []rag.ChunkID{i.ID}}, {Has: suiteTags[4:5]}}})
		}
		s.checkSearch(near)
		s.checkContents()
	}
	s.checkRecall()
}

// testDatabaseHistory compares a space with the model over a history of random changes.
func testDatabaseHistory(t testing.TB, f DatabaseFixture) {
	space := external.Space{Name: spaceName(), Dimensions: dims, Text: f.DB.Limits().Words}
	s := newShelfOf(t, f, 5, space)
	steps := 40
	if testing.Short() {
		steps = 15
	}
	const most = 120
	for step := range steps {
		puts := map[rag.ChunkID]external.Item{}
		for range s.maker.IntN(12) {
			i := s.maker.item(1 + rag.ChunkID(s.maker.IntN(most)))
			puts[i.ID] = i
		}
		var items []external.Item
		for id := rag.ChunkID(1); id <= most; id++ { // in order, so that a seed repeats
			if i, ok := puts[id]; ok {
				items = append(items, i)
			}
		}
		s.upsert(items...)
		var gone []rag.ChunkID
		for range s.maker.IntN(4) {
			gone = append(gone, 1+rag.ChunkID(s.maker.IntN(most)))
		}
		s.delete(gone...)
		if step%8 == 7 {
			s.deleteWhere(external.Condition{All: []external.Condition{s.maker.condition(2, most), {Has: suiteTags[step%4 : step%4+2]}}})
		}
		s.checkSearch(s.maker.query(most, f.DB.Limits().TopK))
		if step%5 == 4 {
			s.checkContents()
		}
	}
	s.checkContents()
	s.checkRecall()
}
