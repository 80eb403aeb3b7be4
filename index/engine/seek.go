package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/hnsw"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

// seeker looks for the nearest vectors, in one segment after the other. Several of a search work at the same time, each on segments of its own.
type seeker struct {
	side
	plans plans
	exact vector.Scratch
	lists ivf.Scratch
	graph hnsw.Scratch
}

// seeker returns the seeker of number i, with nothing found.
func (r *run) seeker(i, k int) *seeker {
	for len(r.seekers) <= i {
		r.seekers = append(r.seekers, &seeker{})
	}
	s := r.seekers[i]
	s.begin(k)
	s.plans = plans{}
	return s
}

// searchVectors looks for the nearest vectors in every segment.
func (r *run) searchVectors(ctx context.Context) error {
	if err := r.query.Set(r.q.Vector, r.ix.cfg.Metric); err != nil {
		return err
	}
	if n := r.workers(); n > 1 {
		return r.seekTogether(ctx, n)
	}
	first := r.seekers[0]
	for i := range r.state.views {
		if err := first.seek(ctx, r, i, first.top.Floor()); err != nil {
			return err
		}
	}
	first.end()
	return nil
}

// workers is how many segments are searched at the same time: the shards, as far as there are cores.
func (r *run) workers() int {
	if r.ix.cfg.ShardBy == "" {
		return 1
	}
	large := 0
	for _, c := range r.choices {
		if c.count >= concurrentRows {
			large++
		}
	}
	return min(runtime.GOMAXPROCS(0), large)
}

// together does n pieces of work at the same time, each under guard.
func (r *run) together(n int, work func(worker int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = r.guard(func() error { return work(i) }) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// seekTogether searches the segments with n seekers at the same time, the largest first.
func (r *run) seekTogether(ctx context.Context, n int) error {
	r.order = r.order[:0]
	for i := range r.choices {
		r.order = append(r.order, i)
	}
	slices.SortFunc(r.order, func(a, b int) int { return cmp.Compare(r.choices[b].count, r.choices[a].count) })
	r.floor.lower()
	for i := range n {
		r.seeker(i, r.q.K)
	}
	var next atomic.Int64
	err := r.together(n, func(worker int) error {
		s := r.seekers[worker]
		for {
			at := int(next.Add(1)) - 1
			if at >= len(r.order) {
				return nil
			}
			if err := s.seek(ctx, r, r.order[at], r.floor.raise(s.top.Floor())); err != nil {
				return err
			}
		}
	})
	first := r.seekers[0]
	for _, s := range r.seekers[1:n] {
		first.take(&s.side, r.state)
		first.plans.add(s.plans)
	}
	first.end()
	return err
}

// floor is the highest k-th score that one of several seekers has: what lies below it is not among the best of all.
type floor struct{ bits atomic.Uint32 }

func (f *floor) lower() { f.bits.Store(math.Float32bits(float32(math.Inf(-1)))) }

// raise returns the floor, which is at least x afterwards.
func (f *floor) raise(x float32) float32 {
	for {
		old := f.bits.Load()
		if now := math.Float32frombits(old); x <= now {
			return now
		}
		if f.bits.CompareAndSwap(old, math.Float32bits(x)) {
			return x
		}
	}
}

// seek searches segment i.
func (s *seeker) seek(ctx context.Context, r *run, i int, floor float32) error {
	v, c := r.state.views[i], r.choices[i]
	if v.seg.vectors == nil || c.count == 0 {
		return nil
	}
	var err error
	s.one, err = s.near(ctx, r, v.seg, c, r.q.K, r.ix.Effort(), floor, s.one[:0])
	if err != nil {
		return rag.Wrap(rag.KindOf(err), err, "index: search")
	}
	for _, h := range s.one {
		s.offer(r.state, i, h.Row, h.Score)
	}
	return nil
}

// near searches one segment by its lists or its graph, where that is cheaper than comparing every vector that the query may see.
func (s *seeker) near(ctx context.Context, r *run, seg *segment, c choice, k int, effort float64, floor float32, dst []index.Hit) ([]index.Hit, error) {
	switch {
	case r.ix.cfg.Type == TypeFlat:
	case seg.graph != nil:
		return s.walk(ctx, r, seg, c, k, effort, floor, dst)
	case seg.lists != nil:
		p := r.ix.params(seg.lists, effort)
		if p.Probes >= seg.lists.Lists() {
			break // every list: then every vector can be compared as well
		}
		if c.rows == nil || seg.vectors.ExactCost(c.count) >= seg.lists.Cost(k, p, c.count) {
			s.plans.lists++
			return seg.lists.Search(ctx, &r.query, k, p, c.rows, floor, &s.lists, dst)
		}
	}
	s.plans.exact++
	return seg.vectors.Exact(ctx, &r.query, k, c.rows, floor, &s.exact, dst)
}

// plans counts how the segments' vectors were searched.
type plans struct{ exact, lists, graph int }

func (p *plans) add(q plans) {
	p.exact, p.lists, p.graph = p.exact+q.exact, p.lists+q.lists, p.graph+q.graph
}

// note says it. The usual cases are no work.
func (p plans) note() string {
	switch p {
	case plans{}:
		return ""
	case plans{exact: p.exact}:
		return "every vector compared"
	case plans{lists: 1}:
		return "by an inverted file"
	case plans{graph: 1}:
		return "by a graph"
	}
	return fmt.Sprintf("segments: %d compared, %d by inverted files, %d by graphs", p.exact, p.lists, p.graph)
}
