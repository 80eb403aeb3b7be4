package storetest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var logTests = []test{
	{"record and list", recordAndList},
	{"who sees it", whoSeesTheLog},
	{"stats", stats},
}

func recordAndList(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	doc := mustPut(t, s, Put(c.ID, "a", "One."))[0].Document
	full := rag.QueryRecord{
		ID: "q-1", Scope: rag.Scope{Collection: "c", Principals: []string{"bob", "alice"}}, Kind: "query", Text: "what's one?", Answer: "One. [1]",
		Hits: []rag.ChunkID{3, 1}, Confidence: 0.75, Refused: true, Cached: true, Took: 1234567 * time.Nanosecond,
		Citations: []rag.Citation{{Number: 1, Document: doc, ChunkID: 1, Version: 1, Page: 2, Heading: []string{"H"}, Span: rag.Span{End: 4}, Quote: "One.", SHA256: "ab"}},
		Usage:     rag.Usage{PromptTokens: 10, TotalTokens: 12, Cost: 0.0001, Currency: "EUR", Model: "m"},
		At:        time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC), Err: "late",
	}
	records := []rag.QueryRecord{full}
	for i := range 6 {
		records = append(records, rag.QueryRecord{Scope: full.Scope, Kind: "search", Text: fmt.Sprint("s", i), Confidence: math.NaN()})
	}
	ok(t, "record", s.RecordQueries(t.Context(), records))
	var got []rag.QueryRecord
	opt := rag.ListOptions{Limit: 3}
	for {
		page, err := s.Queries(t.Context(), full.Scope, opt)
		ok(t, "list", err)
		got = append(got, page.Items...)
		if opt.Cursor = page.Next; opt.Cursor == "" {
			break
		}
	}
	equal(t, "rows", len(got), 7)
	want := full
	want.Citations[0].Document.InputHash = "" // the store's own, and not for the log
	want.Scope = full.Scope.WithDefaults()
	equal(t, "what is read is what was recorded", fmt.Sprintf("%+v", got[0]), fmt.Sprintf("%+v", want))
	for i, r := range got[1:] {
		equal(t, "text", r.Text, fmt.Sprint("s", i))
		if r.ID == "" || r.At.IsZero() {
			t.Errorf("row %d has no id or time: %+v", i, r)
		}
	}
	newest, err := s.Queries(t.Context(), full.Scope, rag.ListOptions{Limit: 1, Descending: true})
	ok(t, "newest", err)
	equal(t, "newest", newest.Items[0].Text, "s5")
	_, err = s.Queries(t.Context(), full.Scope, rag.ListOptions{Filter: rag.Eq("k", rag.Num(1))})
	wantKind(t, "a filter", err, rag.KindInvalid)
	wantKind(t, "no collection", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: rag.Scope{Collection: "none"}}), rag.KindNotFound)
	bad := full
	bad.Usage.Cost = math.NaN()
	wantKind(t, "a cost that is none", s.RecordQuery(t.Context(), bad), rag.KindInvalid)
}

func whoSeesTheLog(t *testing.T, s Store) {
	makeCollection(t, s, "", "c")
	as := func(who ...string) rag.Scope { return rag.Scope{Collection: "c", Principals: who} }
	for _, who := range [][]string{{"alice"}, {"bob"}, {"bob", "alice"}, nil} {
		ok(t, "record", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: as(who...), Text: fmt.Sprint(who)}))
	}
	for _, test := range []struct {
		scope rag.Scope
		want  string
	}{
		{as("alice"), "[[alice]]"}, {as("alice", "bob"), "[[bob alice]]"}, {as(), "[[]]"}, {as("carol"), "[]"},
		{rag.Scope{Collection: "c", Admin: true}, "[[alice] [bob] [bob alice] []]"},
	} {
		page, err := s.Queries(t.Context(), test.scope, rag.ListOptions{})
		ok(t, "list", err)
		texts := []string{}
		for _, r := range page.Items {
			texts = append(texts, r.Text)
		}
		equal(t, fmt.Sprintf("%+v", test.scope), fmt.Sprint(texts), test.want)
	}
}

func stats(t *testing.T, s Store) {
	st, err := s.Stats(t.Context(), rag.Scope{})
	ok(t, "stats", err)
	if st.Collections+st.Documents+st.Chunks > 0 || st.StoreBytes <= 0 {
		t.Errorf("of nothing: %+v", st)
	}
	a, b := makeCollection(t, s, "", "a"), makeCollection(t, s, "", "b")
	r := mustPut(t, s, Put(a.ID, "d", "One.", "Two."), Put(b.ID, "d", "One."), Put(b.ID, "e", "Three."))
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(a), r[0].Document.ID))
	ok(t, "record", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: scopeOf(a)}))
	st, err = s.Stats(t.Context(), rag.Scope{})
	ok(t, "stats", err)
	st.StoreBytes = 0
	// The embeddings of a document that can be restored still count.
	equal(t, "stats", st, rag.Stats{Collections: 2, Documents: 2, Chunks: 2, Embeddings: 3, Bytes: r[1].Document.Bytes + r[2].Document.Bytes, Queries: 1, Seq: r[2].Seq + 2})
	ok(t, "ping", s.Ping(t.Context()))
	if s.ID() == "" {
		t.Error("the store has no id")
	}
}
