package engine

import (
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

// DefaultEffort is how thoroughly inverted files and graphs are searched where nothing was tuned: so many times the square root of the
// number of lists are looked into, and so many times 32 nodes are kept (efSearch).
const DefaultEffort = 3

// Bounds of an effort.
const (
	minEffort = 1. / 16
	maxEffort = 64
)

// Effort returns how thoroughly inverted files are searched; see DefaultEffort.
func (ix *Index) Effort() float64 {
	if e := math.Float64frombits(ix.effort.Load()); e > 0 {
		return e
	}
	return DefaultEffort
}

// SetEffort sets it, from 1/16 to 64; 0 is the default. It is kept with the next Commit.
func (ix *Index) SetEffort(e float64) error {
	if e != 0 && !(e >= minEffort && e <= maxEffort) {
		return rag.Errorf(rag.KindInvalid, "index: an effort of %v; it must lie between %v and %v", e, minEffort, maxEffort)
	}
	ix.effort.Store(math.Float64bits(e))
	return nil
}

// params says how to search a segment's lists.
func (ix *Index) params(lists *ivf.Index, effort float64) ivf.SearchParams {
	return ivf.SearchParams{Probes: int(math.Ceil(effort * math.Sqrt(float64(lists.Lists()))))}
}

// Tuning is what Tune has measured.
type Tuning struct {
	Queries int         `json:"queries"`
	K       int         `json:"k"`
	Target  float64     `json:"target"`
	Effort  float64     `json:"effort"` // that was chosen
	Recall  float64     `json:"recall"` // with it: the share of the true best k that is found
	Exact   bool        `json:"exact"`  // there is nothing to tune: every vector is compared
	Points  []TunePoint `json:"points"` // everything that was measured, by effort
}

// TunePoint is the recall of one effort.
type TunePoint struct {
	Effort float64 `json:"effort"`
	Recall float64 `json:"recall"`
}

// Tune measures the recall of vector search for queries against comparing every vector, and returns the least effort that reaches
// target, a recall of up to 1; the highest effort if none does. It changes nothing.
func (ix *Index) Tune(ctx context.Context, queries [][]float32, k int, target float64) (Tuning, error) {
	t := Tuning{Queries: len(queries), K: k, Target: target}
	switch {
	case len(queries) == 0:
		return t, rag.Errorf(rag.KindInvalid, "index: tuning needs queries")
	case k < 1:
		return t, rag.Errorf(rag.KindInvalid, "index: k is %d; it must be at least 1", k)
	case !(target > 0 && target <= 1):
		return t, rag.Errorf(rag.KindInvalid, "index: a recall of %v; it must be above 0 and at most 1", target)
	}
	s := ix.acquire()
	defer s.release()
	r := &run{ix: ix, state: s}
	if !slices.ContainsFunc(s.views, func(v *view) bool { return v.seg.lists != nil || v.seg.graph != nil }) {
		t.Exact, t.Recall, t.Effort = true, 1, ix.Effort()
		return t, nil
	}
	truth := make([][]float32, len(queries))
	err := r.guard(func() error {
		for i, q := range queries {
			scores, err := r.best(ctx, q, k, nil)
			if err != nil {
				return err
			}
			truth[i] = slices.Clone(scores)
		}
		lo, hi := math.Log2(minEffort), math.Log2(maxEffort) // recall grows with effort: halve the range
		for range 8 {
			mid := (lo + hi) / 2
			e := math.Exp2(mid)
			recall, err := r.recall(ctx, queries, truth, k, e)
			if err != nil {
				return err
			}
			t.Points = append(t.Points, TunePoint{e, recall})
			if recall >= target {
				hi = mid
			} else {
				lo = mid
			}
		}
		t.Effort = math.Exp2(hi)
		recall, err := r.recall(ctx, queries, truth, k, t.Effort)
		t.Recall = recall
		t.Points = append(t.Points, TunePoint{t.Effort, recall})
		return err
	})
	slices.SortFunc(t.Points, func(a, b TunePoint) int {
		if a.Effort < b.Effort {
			return -1
		}
		return 1
	})
	return t, err
}

// best returns the scores of the k best vectors: of all vectors, or as a search with an effort finds them.
func (r *run) best(ctx context.Context, q []float32, k int, effort *float64) ([]float32, error) {
	if err := r.query.Set(q, r.ix.cfg.Metric); err != nil {
		return nil, err
	}
	seek := r.seeker(0, k)
	for i, v := range r.state.views {
		if v.seg.vectors == nil {
			continue
		}
		var hits []index.Hit
		var err error
		if effort == nil {
			hits, err = v.seg.vectors.Exact(ctx, &r.query, k, v.live, seek.top.Floor(), &seek.exact, seek.one[:0])
		} else {
			hits, err = seek.near(ctx, r, v.seg, choice{v.live, v.rows()}, k, *effort, seek.top.Floor(), seek.one[:0])
		}
		if err != nil {
			return nil, err
		}
		seek.one = hits
		for _, h := range hits {
			seek.offer(r.state, i, h.Row, h.Score)
		}
	}
	seek.end()
	scores := make([]float32, len(seek.hits))
	for i, h := range seek.hits {
		scores[i] = h.Score
	}
	return scores, nil
}

// recall is the share of true best scores that a search finds. Scores are compared, not chunks, so that of chunks that are equally near it does
// not matter which are found.
func (r *run) recall(ctx context.Context, queries, truth [][]float32, k int, effort float64) (float64, error) {
	found, all := 0, 0
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		scores, err := r.best(ctx, q, k, &effort)
		if err != nil {
			return 0, err
		}
		want := truth[i]
		all += len(want)
		if len(want) == 0 {
			continue
		}
		least := want[len(want)-1]
		for _, s := range scores {
			if s >= least {
				found++
			}
		}
	}
	if all == 0 {
		return 1, nil
	}
	return float64(found) / float64(all), nil
}

// Sample returns the vectors of up to n live chunks, evenly spread, as queries for Tune where there are no questions.
func (ix *Index) Sample(n int) [][]float32 {
	s := ix.acquire()
	defer s.release()
	total := 0
	for _, v := range s.views {
		total += v.seg.vectorCount()
	}
	if n <= 0 || total == 0 {
		return nil
	}
	every := max(1, total/n)
	var out [][]float32
	at := 0
	for _, v := range s.views {
		for slot := range v.seg.vectorCount() {
			if at++; at%every != 0 || len(out) == n || !v.isLive(v.seg.vectors.SlotRow(uint32(slot))) {
				continue
			}
			out = append(out, slices.Clone(v.seg.vectors.Vector(slot, make([]float32, ix.cfg.Dimensions))))
		}
	}
	return out
}
