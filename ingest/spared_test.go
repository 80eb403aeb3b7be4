package ingest

import (
	"context"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// told is a memory whose embedder is told what it was spared.
type told struct {
	*memory
	tokens int
}

func (s *told) Saved(_ context.Context, kind rag.EmbedKind, tokens int) {
	if kind == rag.PassageText {
		s.tokens += tokens
	}
}

func TestSparedEmbeddings(t *testing.T) {
	m := newMemory()
	s := &told{memory: m}
	p := m.pipeline()
	p.cfg.Embed = func(context.Context, rag.Collection) (Embedder, error) { return s, nil }
	run := func(text string) {
		t.Helper()
		one := func(yield func(rag.Input) bool) { yield(rag.Input{ExternalID: "a", Title: "t", Text: text}) }
		if err := p.Run(t.Context(), collection, one, func(int, rag.AddResult) {}); err != nil {
			t.Fatal(err)
		}
	}
	run("one two three")
	if s.tokens != 0 {
		t.Errorf("%d tokens were spared of what is new", s.tokens)
	}
	run("one two four four")
	if s.tokens != 2 {
		t.Errorf("%d tokens were spared, want those of one and two", s.tokens)
	}
}
