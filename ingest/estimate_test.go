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
