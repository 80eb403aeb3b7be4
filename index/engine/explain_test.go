package engine

import (
	"math"
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
)

// TestExplain: what is explained is what searches say, over many segments with deletions.
func TestExplain(t *testing.T) {
	ix := create(t, exact(indextest.Dims))
	h := indextest.NewHistory(8)
	for range 60 {
		h.Step(t, ix)
	}
	explained := 0
	for range 60 {
		q := h.Query()
		q.K = 15
		res, err := ix.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i, hit := range res.Vector {
			e, err := ix.Explain(t.Context(), q, hit.ChunkID)
			if err != nil {
				t.Fatal(err)
			}
			if !e.Present || !e.Allowed || e.DocumentID != hit.DocumentID || float32(e.Vector) != hit.Score || e.VectorRank != i+1 {
				t.Fatalf("place %d: %+v is explained as %+v", i+1, hit, e)
			}
			explained++
		}
		for _, hit := range res.Keyword {
			e, err := ix.Explain(t.Context(), q, hit.ChunkID)
			if err != nil {
				t.Fatal(err)
			}
			var sum float64
			for _, x := range e.Terms {
				sum += x.Score
			}
			if !e.Allowed || math.Abs(e.Keyword-float64(hit.Score)) > 1e-6*e.Keyword || math.Abs(sum-e.Keyword) > 1e-9 {
				t.Fatalf("%+v is explained as %+v", hit, e)
			}
			explained++
		}
	}
	if explained < 200 {
		t.Errorf("only %d hits", explained)
	}
	if e, err := ix.Explain(t.Context(), rag.IndexQuery{Text: "w1"}, 1<<40); err != nil || e.Present || e.Allowed {
		t.Errorf("a chunk that is not there: %+v, %v", e, err)
	}
	hidden := rag.Record{ChunkID: 1 << 30, Document: &rag.Document{ID: "hidden", ACL: []string{"anna"}}, Text: "w1"}
	if err := ix.Apply([]rag.Record{hidden}, nil, h.Seq()+1); err != nil {
		t.Fatal(err)
	}
	if e, err := ix.Explain(t.Context(), rag.IndexQuery{Text: "w1"}, 1<<30); err != nil || !e.Present || e.Allowed {
		t.Errorf("a chunk that may not be seen: %+v, %v", e, err)
	}
}
