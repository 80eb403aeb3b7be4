package answer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// prose is some text of its own for each number.
func prose(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	var b strings.Builder
	for range 60 {
		fmt.Fprintf(&b, "%c%c%c ", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26))
	}
	return b.String()
}

// TestDuplicates finds copies in other documents, one of them closed to who asks.
func TestDuplicates(t *testing.T) {
	w := newWorld()
	w.add("first", prose(1))
	w.add("copy", strings.ToUpper(prose(1)))
	w.add("secret", prose(1), "alice")
	w.add("price", prose(2)+" 100")
	w.add("new price", prose(2)+" 120")
	for i := range 30 {
		w.add(fmt.Sprint("other", i), prose(10+i))
	}
	names := func(res rag.SearchResult) string {
		var out []string
		for _, h := range res.Hits {
			name := h.Document.Title
			for _, d := range h.Duplicates {
				name += "=" + d.Document.Title
				if d.Span != (rag.Span{End: len(w.texts[d.Document.ID])}) || d.ChunkID == 0 || d.Similarity != 1 {
					t.Errorf("%+v", d)
				}
			}
			out = append(out, name)
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct {
		name   string
		scope  rag.Scope
		query  rag.Query
		change func(*Config)
		want   string
	}{
		{"folded", rag.Scope{}, rag.Query{K: 4}, nil, "first=copy price new price other0"},
		{"who may see it is told of it", rag.Scope{Principals: []string{"alice"}}, rag.Query{K: 2}, nil, "first=copy=secret price"},
		{"kept by the query", rag.Scope{}, rag.Query{K: 3, KeepDuplicates: true}, nil, "first copy price"},
		{"kept by the settings", rag.Scope{}, rag.Query{K: 3}, func(c *Config) { c.KeepDuplicates = true }, "first copy price"},
		{"by document", rag.Scope{}, rag.Query{K: 2, GroupBy: "document"}, nil, "first=copy price"},
	} {
		tt.query.Text = "anything"
		res, err := build(t, w, &script{}, tt.change).Search(t.Context(), tt.scope, rag.Collection{ID: 1}, tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(res); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		noted := false
		for _, s := range res.Trace.Stages {
			noted = noted || s.Name == "duplicates" && s.In >= s.Out
		}
		if keeps := strings.HasPrefix(tt.name, "kept"); noted == keeps {
			t.Errorf("%s: the trace has a stage for duplicates: %v", tt.name, noted)
		}
	}
}

// TestReadsOfDuplicates: what is behind one hit in many copies is not read copy by copy.
func TestReadsOfDuplicates(t *testing.T) {
	for _, tt := range []struct{ copies, others, k, hits, reads int }{
		{1, 60, 10, 10, 1},
		{4, 60, 10, 10, 1}, // three more than are wanted are read in any case
		{5, 60, 10, 10, 2},
		{40, 60, 10, 10, 2},
		{90, 5, 10, 6, 3}, // 13, 52, and the rest
	} {
		w := newWorld()
		for i := range tt.copies {
			w.add(fmt.Sprint("copy", i), prose(1))
		}
		for i := range tt.others {
			w.add(fmt.Sprint("other", i), prose(10+i))
		}
		res, err := build(t, w, &script{}, nil).Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "anything", K: tt.k})
		if err != nil || len(res.Hits) != tt.hits || len(res.Hits[0].Duplicates) != tt.copies-1 {
			t.Errorf("%+v: %d hits, %v", tt, len(res.Hits), err)
		}
		if got := int(w.reads.Load()); got != tt.reads {
			t.Errorf("%+v: %d reads", tt, got)
		}
	}
}

// TestOverlappingChunksAreNoDuplicates has two chunks of one document that share all
// but a few words.
func TestOverlappingChunksAreNoDuplicates(t *testing.T) {
	w := newWorld()
	w.add("a", prose(1))
	c := w.chunks[0]
	c.ID, c.Span.Start = 2, 4
	c.Text = c.Span.Of(w.texts["a"])
	w.chunks = append(w.chunks, c)
	res, err := build(t, w, &script{}, nil).Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "anything"})
	if err != nil || len(res.Hits) != 2 {
		t.Errorf("%d hits, %v", len(res.Hits), err)
	}
}
