package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// TestEstimateIsWhatRunDoes compares an estimate with the run after it, and holds
// the estimate to leaving nothing behind.
func TestEstimateIsWhatRunDoes(t *testing.T) {
	m := newMemory()
	m.run(t, rag.Input{ExternalID: "same", Text: "one two"}, rag.Input{ExternalID: "changed", Text: "one"})
	m.embedded = nil
	inputs := []rag.Input{
		{ExternalID: "same", Text: "one two"},
		{ExternalID: "changed", Text: "one three"},
		{ExternalID: "new", Text: "three four four"}, // three and four, once each
		{ExternalID: "twin", Title: "new", Text: "four"},
		{ExternalID: "bad", Text: "damaged"},
		{ExternalID: "none", Text: " "},
	}
	docs, vectors, blobs := len(m.docs), len(m.vectors), len(m.blobs)
	got := make([]rag.DocumentEstimate, len(inputs))
	sample, err := m.pipeline().Estimate(t.Context(), collection, slices.Values(inputs), func(i int, e rag.DocumentEstimate) { got[i] = e })
	if err != nil {
		t.Fatal(err)
	}
	if len(m.docs) != docs || len(m.vectors) != vectors || len(m.blobs) != blobs || len(m.embedded) != 0 {
		t.Error("the estimate has stored or embedded something")
	}
	results := m.run(t, inputs...)
	fresh, embedded := 0, 0
	for i, e := range got {
		r := results[i]
		if e.State != r.State || e.Chunks != r.Chunks || e.Bytes != r.Bytes || (e.Err != nil) != (r.Err != nil) {
			t.Errorf("%s: estimated %+v, became %+v", r.ExternalID, e, r)
		}
		fresh += e.NewChunks
		embedded += r.Embedded
	}
	if fresh != 3 || fresh != embedded || len(sample) != 3 {
		t.Errorf("%d chunks estimated, %d embedded, sample %q", fresh, embedded, sample)
	}
}

func TestEstimateEnds(t *testing.T) {
	m := newMemory()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	endless := func(yield func(rag.Input) bool) {
		for yield(rag.Input{Text: "word"}) {
			if n++; n == 100 {
				cancel()
			}
		}
	}
	if _, err := m.pipeline().Estimate(ctx, collection, endless, func(int, rag.DocumentEstimate) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// asking is a chunker that embeds what it cuts.
type asking struct {
	*memory
	embed Embedder
}

func (a asking) Chunk(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	if _, err := a.embed.Embed(ctx, rag.PassageText, []string{t.Content, "again"}); err != nil {
		return nil, err
	}
	return a.memory.Chunk(ctx, t)
}

// TestChunkersThatEmbed holds an estimate to counting what such a chunker would
// embed without doing it, and a run to stopping where its model fails.
func TestChunkersThatEmbed(t *testing.T) {
	m := newMemory()
	p := m.pipeline()
	p.cfg.Chunker = func(_ rag.ChunkerOptions, e Embedder, _ int) (Chunker, error) { return asking{m, e}, nil }
	inputs := slices.Values([]rag.Input{{ExternalID: "a", Text: "one two"}})
	var got rag.DocumentEstimate
	if _, err := p.Estimate(t.Context(), collection, inputs, func(_ int, e rag.DocumentEstimate) { got = e }); err != nil {
		t.Fatal(err)
	}
	if len(m.embedded) != 0 || got.Tokens != 2+2 || got.NewChunks != 2 {
		t.Errorf("%d texts embedded, estimated %+v", len(m.embedded), got)
	}
	down := rag.Errorf(rag.KindUnavailable, "the model is down")
	p.cfg.Embed = func(context.Context, rag.Collection) (Embedder, error) { return failing{m, down}, nil }
	err := p.Run(t.Context(), collection, inputs, func(_ int, r rag.AddResult) { t.Errorf("%+v", r) })
	if !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

// failing is an embedder that is down.
type failing struct {
	*memory
	err error
}

func (f failing) Embed(context.Context, rag.EmbedKind, []string) ([][]float32, error) {
	return nil, f.err
}
