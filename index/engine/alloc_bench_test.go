package engine

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
)

func BenchmarkSearchSmall(b *testing.B) {
	ix := create(b, exact(indextest.Dims))
	h := indextest.NewHistory(6)
	for range 40 {
		h.Step(b, ix)
	}
	q := rag.IndexQuery{Text: "w1 w2 w3", Vector: h.Query().Vector, K: 10}
	for len(q.Vector) == 0 {
		q.Vector = h.Query().Vector
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ix.Search(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
