package indextest

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func testConditions(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 10)
	const n = 150
	s.fill(n)
	one, two := external.Condition{Has: suiteTags[:1]}, external.Condition{Has: suiteTags[2:3]}
	none, ids := external.Condition{Has: []external.Tag{absentTag}}, external.Condition{IDs: []rag.ChunkID{3, 5, 149, 1000}}
	chosen := []external.Condition{
		{}, one, not(one), none, not(none), ids, not(ids), not(not(one)), not(external.Condition{}),
		{Has: suiteTags}, not(external.Condition{Has: suiteTags}), // the items with tags, and those without
		{All: []external.Condition{one}}, {Any: []external.Condition{one}},
		{All: []external.Condition{one, two}}, {Any: []external.Condition{one, two}},
		{All: []external.Condition{one, not(two)}}, {Any: []external.Condition{one, not(two)}},
		not(external.Condition{All: []external.Condition{one, two}}), not(external.Condition{Any: []external.Condition{one, two}}),
		{All: []external.Condition{ids, one}}, {Any: []external.Condition{ids, one}}, {All: []external.Condition{not(ids), one}},
		{All: []external.Condition{{}, one}}, {Any: []external.Condition{{}, one}}, // the empty one is met by all
		{All: []external.Condition{{}, {}}}, not(external.Condition{All: []external.Condition{{}, {}}}),
		{All: []external.Condition{one, none}}, {Any: []external.Condition{none, ids}}, {All: []external.Condition{one, not(one)}},
		{All: []external.Condition{{Any: []external.Condition{one, {All: []external.Condition{two, not(ids)}}}}, not(external.Condition{Has: suiteTags[5:8]})}},
	}
	for _, c := range chosen {
		for _, k := range []int{1, 10, n + 1} {
			s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(k, f.DB.Limits().TopK), Where: c})
		}
	}
	random := 120
	if testing.Short() {
		random = 40
	}
	for range random {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(1+s.maker.IntN(2*n), f.DB.Limits().TopK), Where: s.maker.condition(4, n)})
	}
	s.checkRecall()
}

// testHardTags asks for every tag alone: two that a database cannot tell apart would be met by each other's items.
func testHardTags(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 11)
	var items []external.Item
	for n, tag := range suiteTags {
		i := s.maker.item(rag.ChunkID(n + 1))
		i.Tags = []external.Tag{tag}
		items = append(items, i)
	}
	s.upsert(items...)
	for _, tag := range suiteTags {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(suiteTags), Where: external.Condition{Has: []external.Tag{tag}}})
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: len(suiteTags), Where: not(external.Condition{Has: []external.Tag{tag}})})
	}
	s.deleteWhere(external.Condition{Has: suiteTags[3:4]})
	s.checkContents()
}

// testManyTags: an item may have hundreds of tags, and a query ask for one of hundreds, as where people are in many groups.
func testManyTags(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 12)
	const many = 400
	var tags []external.Tag
	for n := range external.Tag(many) {
		tags = append(tags, n<<32+7)
	}
	var items []external.Item
	for n := range 20 {
		i := s.maker.item(rag.ChunkID(n + 1))
		i.Tags = tags[n : n+20]
		if n == 19 {
			i.Tags = tags[many/2:]
		}
		items = append(items, i)
	}
	s.upsert(items...)
	for _, where := range []external.Condition{{Has: tags}, {Has: tags[30:]}, {Has: tags[many-1:]}, not(external.Condition{Has: tags[10:]})} {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: 20, Where: where})
	}
	s.deleteWhere(external.Condition{Has: tags[15:]})
	s.checkContents()
}

func testManyIDs(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 13)
	const n = 50
	s.fill(n)
	var ids []rag.ChunkID
	for i := range min(f.DB.Limits().IDs, 5000) {
		ids = append(ids, rag.ChunkID(10+3*i))
	}
	if len(ids) == 0 {
		t.Fatal("no id may be in a condition: Limits.IDs is 0")
	}
	where := external.Condition{IDs: ids}
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(n, f.DB.Limits().TopK), Where: where})
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: min(n, f.DB.Limits().TopK), Where: not(where)})
	s.deleteWhere(external.Condition{All: []external.Condition{where, not(external.Condition{IDs: []rag.ChunkID{10}})}})
	s.checkContents()
}
