//go:build faiss

package faiss

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// view is the positions that a query may see.
type view struct {
	rows  index.Bitmap // nil: every position
	count int
}

// everything returns the view of a query that may see every chunk.
func (v *vectors) everything() view {
	if v.dead() == 0 {
		return view{nil, len(v.where)}
	}
	return view{v.live, len(v.where)}
}

// of returns the view of a query that may see these chunks.
func (v *vectors) of(ids []rag.ChunkID) view {
	s := view{rows: make(index.Bitmap, len(v.live))}
	for _, id := range ids {
		if p, ok := v.where[id]; ok {
			s.rows.Set(p)
			s.count++
		}
	}
	return s
}

// search returns the best k that s holds, in descending order of score, then ascending order of chunk id. q has unit length.
// The index's own search finds as many as there are, up to k: what lists and graphs miss is then looked for everywhere.
func (v *vectors) search(ctx context.Context, q []float32, k int, s view) ([]index.Hit, error) {
	k = min(k, s.count)
	if k <= 0 {
		return nil, nil
	}
	if effort, ok := v.shortcut(k, s.count); ok {
		hits, err := v.ranked(ctx, q, k, effort, false, s)
		if err != nil || len(hits) == k {
			return hits, err
		}
	}
	const scan = 4 // below this share, going to the few that may be seen is less work than FAISS's loop over all
	if s.count >= len(v.ids)/scan {
		return v.ranked(ctx, q, k, 1, true, s)
	}
	return v.each(ctx, q, k, s)
}

// longestQueue bounds the candidates of a walk over a graph: FAISS looks through all of them at every step.
const longestQueue = 4096

// shortcut says how thoroughly lists or a graph are to be searched for k, and whether that is cheaper than comparing count vectors.
func (v *vectors) shortcut(k, count int) (effort int, ok bool) {
	cheap := count >= v.cfg.ExactBelow
	switch v.native.kind {
	case ivf:
		probes := v.cfg.NProbe
		if probes == 0 {
			probes = int(math.Ceil(engine.DefaultEffort * math.Sqrt(float64(v.native.lists))))
		}
		return probes, cheap || v.cfg.alwaysApproximate
	case hnsw:
		// The graph is walked over all vectors, of which those that the query may not see fill the queue as well.
		ef := min(max(k, v.cfg.EfSearch)*len(v.ids)/count, len(v.ids))
		return ef, cheap && ef <= longestQueue && ef*v.cfg.M < count || v.cfg.alwaysApproximate
	}
	return 0, false
}

// ranked has FAISS search. Of equal scores at the end of its list FAISS keeps any; so it is asked for more, until the list ends with a lower
// one than the k-th.
func (v *vectors) ranked(ctx context.Context, q []float32, k, effort int, exact bool, s view) ([]index.Hit, error) {
	const more = 16
	for ask := min(k+more, s.count); ; ask = min(2*ask, s.count) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hits, err := v.native.search(q, ask, effort, exact, s.rows)
		if err != nil {
			return nil, err
		}
		v.rank(hits)
		if len(hits) <= k {
			return hits, nil
		}
		if len(hits) < ask || ask == s.count || hits[k-1].Score > hits[len(hits)-1].Score {
			return hits[:k], nil
		}
	}
}

// rank fills in ids and sorts.
func (v *vectors) rank(hits []index.Hit) {
	for i := range hits {
		hits[i].ID = v.ids[hits[i].Row]
	}
	slices.SortFunc(hits, func(a, b index.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
}

// each finds the best k by computing the score of every position of s.
func (v *vectors) each(ctx context.Context, q []float32, k int, s view) ([]index.Hit, error) {
	var top index.Top
	top.Reset(k)
	if err := v.scores(ctx, q, s, top.Offer); err != nil {
		return nil, err
	}
	return top.AppendTo(nil), nil
}

// scores hands fn every position of s with its score.
func (v *vectors) scores(ctx context.Context, q []float32, s view, fn func(index.Hit)) error {
	const batch = 1 << 14
	positions, scores := make([]int64, 0, min(batch, s.count)), make([]float32, batch)
	offer := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := scores[:len(positions)]
		if err := v.native.score(q, positions, some); err != nil {
			return err
		}
		for i, p := range positions {
			fn(index.Hit{ID: v.ids[p], Row: uint32(p), Score: some[i]})
		}
		positions = positions[:0]
		return nil
	}
	for p := range uint32(len(v.ids)) {
		if s.rows != nil && !s.rows.Has(p) {
			continue
		}
		positions = append(positions, int64(p))
		if len(positions) == batch {
			if err := offer(); err != nil {
				return err
			}
		}
	}
	return offer()
}

// scored returns hits with their documents.
func (v *vectors) scored(hits []index.Hit) []rag.Scored {
	if len(hits) == 0 {
		return nil
	}
	out := make([]rag.Scored, len(hits))
	for i, h := range hits {
		out[i] = rag.Scored{ChunkID: h.ID, DocumentID: v.names[v.docs[h.Row]], Score: h.Score}
	}
	return out
}
