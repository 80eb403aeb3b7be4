package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var listTests = []test{
	{"pages", listPages},
	{"under change", listUnderChange},
	{"filters", listFilters},
	{"bad options", listBadOptions},
}

func fill(t *testing.T, s Store, collectionID int64, n int) []string {
	t.Helper()
	var puts []rag.Put
	var ids []string
	for i := range n {
		p := Put(collectionID, fmt.Sprintf("d%02d", i), fmt.Sprintf("Text %d.", i))
		p.Document.Metadata = rag.Metadata{"n": rag.Num(float64(i)), "even": rag.Bool(i%2 == 0), "tags": rag.Strs(fmt.Sprint("t", i%3), "all")}
		if i%5 == 0 {
			delete(p.Document.Metadata, "n")
		}
		puts = append(puts, p)
		ids = append(ids, p.Document.ExternalID)
	}
	mustPut(t, s, puts...)
	return ids
}

func listPages(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	page, err := s.Documents(t.Context(), scopeOf(c), rag.ListOptions{})
	if err != nil || len(page.Items) > 0 || page.Next != "" {
		t.Errorf("the empty collection: %+v, %v", page, err)
	}
	want := fill(t, s, c.ID, 23)
	mustPut(t, s, Put(c.ID, "d03", "Replaced: still in its old place."))
	for _, limit := range []int{0, 1, 7, 22, 23, 24, 100_000} {
		if got := externalIDs(allDocuments(t, s, scopeOf(c), rag.ListOptions{Limit: limit})); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
	slices.Reverse(want)
	if got := externalIDs(allDocuments(t, s, scopeOf(c), rag.ListOptions{Limit: 5, Descending: true})); !slices.Equal(got, want) {
		t.Errorf("newest first: %v", got)
	}
}

// What is there during the whole listing is listed once, whatever comes and goes.
func listUnderChange(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	want := fill(t, s, c.ID, 20)
	opt := rag.ListOptions{Limit: 6}
	seen := map[string]int{}
	for round := 0; ; round++ {
		page, err := s.Documents(t.Context(), scopeOf(c), opt)
		ok(t, "list", err)
		for _, d := range page.Items {
			seen[d.ExternalID]++
		}
		if page.Next == "" {
			break
		}
		opt.Cursor = page.Next
		// The last one of the page goes, an earlier one is replaced, one comes.
		last := page.Items[len(page.Items)-1]
		if round == 0 {
			ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), last.ID))
		}
		mustPut(t, s, Put(c.ID, page.Items[0].ExternalID, fmt.Sprint("Replaced ", round)), Put(c.ID, fmt.Sprint("new ", round), "New."))
	}
	for _, id := range want {
		equal(t, id, seen[id], 1)
	}
}

func listFilters(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	fill(t, s, c.ID, 40)
	all := allDocuments(t, s, scopeOf(c), rag.ListOptions{})
	third := all[3]
	for _, f := range []rag.Filter{
		rag.Eq("even", rag.Bool(true)),
		rag.Eq("tags", rag.Str("t1")),
		{Type: rag.OpGt, Key: "n", Value: rag.Num(30)},
		{Type: rag.OpNe, Key: "n", Value: rag.Num(31)},
		{Type: rag.OpExists, Key: "n", Value: rag.Bool(false)},
		{Type: rag.OpPrefix, Key: rag.KeyExternalID, Value: rag.Str("d1")},
		{Type: rag.OpGte, Key: rag.KeyCreatedAt, Value: rag.Num(0)},
		{Type: rag.OpLt, Key: rag.KeyUpdatedAt, Value: rag.Num(0)},
		rag.In("tags", rag.Str("t0"), rag.Str("t2")),
		rag.Not(rag.In("tags", rag.Str("t0"), rag.Str("t2"))),
		rag.And(rag.Eq("even", rag.Bool(false)), rag.Filter{Type: rag.OpLte, Key: "n", Value: rag.Num(10)}),
		rag.Eq(rag.KeyExternalID, rag.Str("d07")),
		rag.Eq(rag.KeyExternalID, rag.Str("none")),
		rag.Eq(rag.KeyExternalID, rag.Num(7)),
		rag.Eq(rag.KeyDocumentID, rag.Str(string(third.ID))),
		rag.Eq(rag.KeyDocumentID, rag.Str("none")),
		rag.And(rag.Eq(rag.KeyDocumentID, rag.Str(string(third.ID))), rag.Eq("even", rag.Bool(true))),
		rag.And(rag.Eq("even", rag.Bool(false)), rag.Eq(rag.KeyExternalID, rag.Str("d03"))),
		rag.Or(rag.Eq(rag.KeyExternalID, rag.Str("d03")), rag.Eq(rag.KeyExternalID, rag.Str("d05"))),
		rag.Not(rag.Eq(rag.KeyExternalID, rag.Str("d03"))),
		rag.Eq("' OR '1'='1", rag.Str("x")),
	} {
		want := []string{}
		for _, d := range all {
			if f.Match(d.Lookup) {
				want = append(want, d.ExternalID)
			}
		}
		for _, limit := range []int{0, 1, 3} {
			if got := externalIDs(allDocuments(t, s, scopeOf(c), rag.ListOptions{Limit: limit, Filter: f})); !slices.Equal(got, want) {
				t.Errorf("%+v in pages of %d: %v, want %v", f, limit, got, want)
			}
		}
	}
}

func listBadOptions(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	fill(t, s, c.ID, 3)
	first, err := s.Documents(t.Context(), scopeOf(c), rag.ListOptions{Limit: 1})
	ok(t, "list", err)
	for _, opt := range []rag.ListOptions{
		{Limit: -1}, {Cursor: "%%%"}, {Cursor: "bm9uc2Vuc2U"}, {Cursor: first.Next, Descending: true}, {Filter: rag.Filter{Type: "nope"}},
	} {
		_, err := s.Documents(t.Context(), scopeOf(c), opt)
		wantKind(t, fmt.Sprintf("%+v", opt), err, rag.KindInvalid)
	}
	_, err = s.Queries(t.Context(), scopeOf(c), rag.ListOptions{Cursor: first.Next})
	wantKind(t, "the cursor of another listing", err, rag.KindInvalid)
	_, err = s.Documents(t.Context(), rag.Scope{Collection: "none"}, rag.ListOptions{})
	wantKind(t, "no collection", err, rag.KindNotFound)
}
