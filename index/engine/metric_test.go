package engine

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestMetrics: vectors of any length are ranked by each metric as comparing them one by one ranks them.
func TestMetrics(t *testing.T) {
	const dims, rows, k = 24, 3000, 10
	score := map[vector.Metric]func(a, b []float32) float64{
		vector.Cosine:       func(a, b []float32) float64 { return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)) },
		vector.InnerProduct: dot,
		vector.L2:           func(a, b []float32) float64 { return 2*dot(a, b) - dot(a, a) - dot(b, b) },
	}
	for metric, like := range score {
		for _, kind := range []string{TypeFlat, TypeIVF, TypeHNSW} {
			t.Run(metric.String()+"/"+kind, func(t *testing.T) {
				cfg := Config{Dimensions: dims, Analyzer: analyze.For(""), Metric: metric, Type: kind, Dir: t.TempDir()}
				ix, rng := create(t, cfg), newClustered(9, dims, 25)
				var puts []rag.Record
				for i := range rows {
					v, _ := rng.vector()
					puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: "a"}, Vector: v})
				}
				if err := ix.Apply(puts, nil, 1); err != nil {
					t.Fatal(err)
				}
				if err := ix.Optimize(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := ix.SetEffort(8); err != nil {
					t.Fatal(err)
				}
				found := 0
				const queries = 40
				for range queries {
					q, _ := rng.vector()
					got, err := ix.Search(t.Context(), rag.IndexQuery{Vector: q, K: k})
					if err != nil {
						t.Fatal(err)
					}
					all := make([]float64, rows)
					for i := range puts {
						all[i] = like(q, puts[i].Vector)
					}
					for _, h := range got.Vector {
						if want := all[h.ChunkID-1]; math.Abs(float64(h.Score)-want) > 1e-4*max(1, math.Abs(want)) {
							t.Fatalf("chunk %d scores %v, want %v", h.ChunkID, h.Score, want)
						}
					}
					slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
					for _, h := range got.Vector {
						if float64(h.Score) >= all[k-1]-1e-4 {
							found++
						}
					}
				}
				if recall := float64(found) / (queries * k); recall < .98 || kind == TypeFlat && recall < 1 {
					t.Errorf("recall %.3f", recall)
				}
				// Files of one metric are not those of another.
				if err := ix.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := ix.Close(); err != nil {
					t.Fatal(err)
				}
				other := cfg
				other.Metric = metric%3 + 1
				if _, err := Open(other); rag.KindOf(err) != rag.KindConflict {
					t.Errorf("opened with %v: %v", other.Metric, err)
				}
			})
		}
	}
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
