package answer

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestAssemble(t *testing.T) {
	long := strings.Repeat("all work and no play makes a dull day for everyone in town today ", 4)
	h := func(doc, text string, start, tokens int) rag.Hit {
		return rag.Hit{Document: rag.Document{ID: rag.DocumentID(doc)}, Text: text, Span: rag.Span{Start: start, End: start + len(text)}, Tokens: tokens}
	}
	hits := []rag.Hit{
		h("a", tower, 0, 40),
		h("b", tower+" Indeed.", 0, 42), // a near-duplicate in another document
		h("a", tower[:30], 0, 8),        // within the first
		h("c", long, 0, 500),            // over the budget
		h("d", bridge, 0, 30),
		h("e", "Short words.", 0, 3),
	}
	asIs := func(h rag.Hit) (rag.Hit, error) { return h, nil }
	got, _, _ := assemble(hits, 3, 100, asIs)
	if len(got) != 3 || got[0].Document.ID != "a" || got[1].Document.ID != "d" || got[2].Document.ID != "e" {
		t.Errorf("%+v", got)
	}
	if got, _, _ := assemble(hits[3:4], 3, 100, asIs); len(got) != 1 {
		t.Error("the first hit must be taken even if it is over the budget")
	}
}

func TestAlign(t *testing.T) {
	for _, c := range []struct {
		statement, source, want string
		ok                      bool
	}{
		{"stands 330 metres", tower, "It stands 330 metres tall.", true},
		{"The tower's height is 330 metres.", tower, "It stands 330 metres tall.", true},
		{"The height is 331 metres.", tower, "", false},
		{"埃菲尔铁塔高三百三十米", "埃菲尔铁塔位于巴黎。埃菲尔铁塔高三百三十米。", "埃菲尔铁塔高三百三十米。", true},
		{"", tower, "", false},
		{"x", "", "", false},
		{"...", "...", "", false},
	} {
		span, _, ok := align(c.statement, c.source)
		if ok != c.ok || (ok && span.Of(c.source) != c.want) {
			t.Errorf("%q: %q, %v; want %q, %v", c.statement, span.Of(c.source), ok, c.want, c.ok)
		}
	}
}

func FuzzCiter(f *testing.F) {
	f.Add("It stands 330 metres tall [1].", 3)
	f.Add("[1][2] [ [1, 2;] [99999] [", 1)
	f.Add("a [1", 2)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		w := twoDocuments()
		hits := []rag.Hit{{ChunkID: 1, Text: tower, Document: w.docs["tower"], Version: 1}, {ChunkID: 2, Text: bridge, Document: w.docs["bridge"], Version: 1}}
		once := cited(t, w, hits, text, len(text)+1)
		if split := cited(t, w, hits, text, piece%8+1); once != split {
			t.Errorf("in one piece %q, in several %q", once, split)
		}
	})
}

func cited(t *testing.T, w *world, hits []rag.Hit, text string, piece int) string {
	c := newCiter(t.Context(), w, 1, hits, func(string) error { return nil })
	for len(text) > 0 {
		n := min(max(1, piece), len(text))
		if err := c.write(text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	return c.text()
}
