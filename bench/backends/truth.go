package main

import (
	"context"
	"slices"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// truth is what the store holds, to be compared with.
type truth struct {
	ids      []rag.ChunkID
	vectors  []float32
	allowed  map[string][]bool // by the key of a share, for each of ids
	position map[rag.ChunkID]int
}

func readTruth(ctx context.Context, s *setup) (*truth, error) {
	col, err := s.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return nil, err
	}
	t := &truth{allowed: map[string][]bool{}, position: map[rag.ChunkID]int{}}
	_, err = s.store.Snapshot(ctx, col.ID, 0, func(r rag.Record) error {
		t.position[r.ChunkID] = len(t.ids)
		t.ids, t.vectors = append(t.ids, r.ChunkID), append(t.vectors, r.Vector...)
		for _, sh := range shares {
			t.allowed[sh.key] = append(t.allowed[sh.key], r.Document.Metadata[sh.key].String() == "in")
		}
		return nil
	})
	return t, err
}

// exact returns the scores of all chunks, and those of the best k that a filter lets through, in descending order. key is that of a share, "" for no filter.
func (t *truth) exact(vector []float32, key string, k int) (scores, best []float32) {
	scores = make([]float32, len(t.ids))
	kernel.DotRows(scores, vector, t.vectors)
	for i, s := range scores {
		if key == "" || t.allowed[key][i] {
			best = append(best, s)
		}
	}
	slices.SortFunc(best, func(a, b float32) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	return scores, best[:min(k, len(best))]
}

// judged is how good a result is.
type judged struct {
	right   int // hits that are as near as the last of the exact answer: of chunks that are equally near, any is right
	wanted  int // length of the exact answer
	lacking int // hits that there are too few of
	strays  int // hits that the filter does not let through
}

// judge compares hits with the exact answer.
func (t *truth) judge(hits []rag.Hit, vector []float32, key string, k int) (j judged) {
	scores, best := t.exact(vector, key, k)
	j.wanted = len(best)
	j.lacking = max(0, len(best)-len(hits))
	const rounding = 1e-5 // of float32 sums in another order
	for _, h := range hits {
		i, ok := t.position[h.ChunkID]
		switch {
		case !ok || key != "" && !t.allowed[key][i]:
			j.strays++
		case scores[i] >= best[len(best)-1]-rounding:
			j.right++
		}
	}
	return j
}
