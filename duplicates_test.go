package smartretriever_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// letters is an embedder of one dimension, for tests in which vectors do not matter.
type letters struct{}

func (letters) Model() rag.Model         { return rag.Model{ID: "letters", Dimensions: 1} }
func (letters) CountTokens(s string) int { return len(strings.Fields(s)) }
func (letters) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1}
	}
	return out, nil
}

// prose is some text of its own for each number.
func prose(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	var b strings.Builder
	for range 120 {
		fmt.Fprintf(&b, "%c%c%c ", 'a'+r.IntN(26), 'a'+r.IntN(26), 'a'+r.IntN(26))
	}
	return b.String()
}

func TestDuplicates(t *testing.T) {
	r := open(t, t.TempDir(), func(c *smartretriever.Config) { c.Embedder = letters{} })
	texts := map[string]string{
		"a": prose(1), "copy of a": "  " + strings.ToUpper(prose(1)), "nearly a": strings.Replace(prose(1), " ", " changed ", 1),
		"b": prose(2), "copy of b": prose(2),
		"prices": prose(3) + "costs 100", "new prices": prose(3) + "costs 120",
	}
	for name, text := range texts {
		add(t, r, rag.Scope{}, rag.Input{ExternalID: name, Text: text})
	}
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "secret", Text: prose(1), ACL: []string{"alice"}})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "gone", Text: prose(2)})
	gone, err := r.FindDocument(t.Context(), rag.Scope{}, "gone")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, gone.ID); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		add(t, r, rag.Scope{}, rag.Input{ExternalID: fmt.Sprint("other", i), Text: prose(30 + i)})
	}
	sizes := func(scope rag.Scope) string {
		var out []string
		err := r.Duplicates(t.Context(), scope, func(g rag.DuplicateGroup) error {
			out = append(out, fmt.Sprint(1+len(g.Others)))
			for _, d := range append(g.Others, g.First) {
				if d.Document.ExternalID == "secret" && len(scope.Principals) == 0 && !scope.Admin {
					t.Error("a document that may not be seen is named")
				}
				if d.Span.Len() == 0 || d.Similarity < .9 || g.Text == "" || strings.HasPrefix(d.Document.ExternalID, "other") || strings.Contains(d.Document.ExternalID, "prices") {
					t.Errorf("%s: %+v", d.Document.ExternalID, d)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(out, " ")
	}
	for want, scope := range map[string]rag.Scope{"3 2": {}, "4 2": {Principals: []string{"alice"}}} {
		if got := sizes(scope); got != want {
			t.Errorf("groups of %s, want %s", got, want)
		}
	}
	stop := errors.New("enough")
	n := 0
	err = r.Duplicates(t.Context(), rag.Scope{}, func(rag.DuplicateGroup) error { n++; return stop })
	if n != 1 || !errors.Is(err, stop) {
		t.Errorf("%d, %v", n, err)
	}
	if err := r.Duplicates(t.Context(), rag.Scope{Collection: "none"}, nil); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestChunkersFromEndToEnd adds a text with every chunker, finds it, and has an
// answer quote from a parent.
func TestChunkersFromEndToEnd(t *testing.T) {
	r := open(t, t.TempDir(), func(c *smartretriever.Config) { c.Embedder = letters{} })
	text := "The pump stands in the cellar of the old house by the river. It was built in 1960 by a firm that is long gone. " +
		strings.Repeat("Water comes in from the well and goes out to the garden. ", 8)
	for _, opt := range []rag.ChunkerOptions{
		{Name: "structure", Size: 24, Parent: 60}, {Name: "semantic", Size: 40}, {Name: "auto"}, {Name: "fixed", Unit: "characters", Size: 100}, {Name: "sentence", Size: 30},
	} {
		scope := rag.Scope{Collection: opt.Name}
		made, err := r.CreateCollection(t.Context(), scope, rag.Collection{Generation: rag.Generation{Chunker: opt}})
		if err != nil {
			t.Fatal(err)
		}
		if made.Generation.Chunker != opt {
			t.Errorf("%+v became %+v", opt, made.Generation.Chunker)
		}
		add(t, r, scope, rag.Input{ExternalID: "pump", Text: text})
		hits := search(t, r, scope, rag.Query{Text: "cellar pump", Mode: rag.ModeKeyword, Context: true})
		if len(hits) == 0 || !strings.Contains(hits[0].Text, "pump") {
			t.Fatalf("%s: %+v", opt.Name, hits)
		}
		if opt.Parent > 0 && (hits[0].Parent.Len() <= hits[0].Span.Len() || hits[0].Context != hits[0].Parent.Of(text)) {
			t.Errorf("%s: parent %v of %v, context %q", opt.Name, hits[0].Parent, hits[0].Span, hits[0].Context)
		}
	}
	if _, err := r.CreateCollection(t.Context(), rag.Scope{Collection: "bad"}, rag.Collection{Generation: rag.Generation{Chunker: rag.ChunkerOptions{Name: "legal", Unit: "characters"}}}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
