package answer

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// family is a world with a document of three chunks, the first two of one parent.
func family() *world {
	w := newWorld()
	text := "The pump stands in the cellar. It was built in 1960. The garden lies behind the house."
	w.add("house", text)
	whole := w.chunks[0]
	w.chunks = nil
	parent := rag.Span{End: strings.Index(text, " The garden")}
	for i, s := range []string{"The pump stands in the cellar.", "It was built in 1960.", "The garden lies behind the house."} {
		c := whole
		c.ID, c.Ordinal, c.Text, c.Page = rag.ChunkID(i+1), i, s, i+1
		c.Span = rag.Span{Start: strings.Index(text, s), End: strings.Index(text, s) + len(s)}
		c.Tokens = len(wordsOf(s))
		if i < 2 {
			c.Parent = parent
		}
		w.chunks = append(w.chunks, c)
	}
	return w
}

func TestAnswersReadParents(t *testing.T) {
	w := family()
	g := &script{pieces: []string{"It was built in 1960 [1]."}, draft: Draft{Confidence: -1}}
	a, err := build(t, w, g, nil).Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how old is the pump?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.seen.Sources) != 2 || g.seen.Sources[0].Text != "The pump stands in the cellar. It was built in 1960." {
		t.Fatalf("sources: %+v", g.seen.Sources)
	}
	// Hits stay what was found, and a citation names the chunk that its words stand in.
	if len(a.Hits) != 2 || a.Hits[0].Text != "The pump stands in the cellar." || a.Hits[0].ChunkID != 1 {
		t.Errorf("hits: %+v", a.Hits)
	}
	if len(a.Citations) != 1 {
		t.Fatalf("citations: %+v", a.Citations)
	}
	c := a.Citations[0]
	if c.ChunkID != 2 || c.Page != 2 || c.Quote != "It was built in 1960." || c.Span.Of(w.texts["house"]) != c.Quote {
		t.Errorf("citation: %+v", c)
	}
}

func TestParentBeyondTheBudget(t *testing.T) {
	w := family()
	w.texts["house"] += strings.Repeat(" And so on.", 1000)
	for i := range w.chunks[:2] {
		w.chunks[i].Parent = rag.Span{End: len(w.texts["house"])}
	}
	g := &script{draft: Draft{Refused: true}}
	if _, err := build(t, w, g, nil).Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "pump?"}, nil); err != nil {
		t.Fatal(err)
	}
	if len(g.seen.Sources) != 3 || g.seen.Sources[0].Text != "The pump stands in the cellar." {
		t.Errorf("sources: %d, the first has %d bytes", len(g.seen.Sources), len(g.seen.Sources[0].Text))
	}
}

func TestContextOfHits(t *testing.T) {
	w := family()
	for _, wanted := range []bool{false, true} {
		res, err := build(t, w, &script{}, nil).Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "pump", Context: wanted})
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if wanted {
			want = "The pump stands in the cellar. It was built in 1960."
		}
		if h := res.Hits[0]; h.Context != want || h.Parent.Len() == 0 || res.Hits[2].Context != "" {
			t.Errorf("context %q of %+v", h.Context, h.Parent)
		}
	}
}
