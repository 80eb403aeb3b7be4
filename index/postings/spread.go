package postings

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index"
)

// Spread says how the views of a search are searched at the same time. The zero Spread searches one after the other.
type Spread struct {
	Workers int // at the same time
	// Run calls work for 0 to n-1, each in a goroutine of its own, and returns the first error. It is the caller's, who knows what to do with a panic
	// over a damaged segment.
	Run func(n int, work func(worker int) error) error
}

// spread is the views of a search that several workers share.
type spread struct {
	s       *Scratch
	views   []View
	allowed []index.Bitmap
	dst     [][]index.Hit
	order   []int // of views, the largest first
	next    atomic.Int64

	mu sync.Mutex // guards s.floor
}

// together searches views at the same time. Workers share the best scores so far, so that what one finds is left out by the others.
func (s *Scratch) together(ctx context.Context, views []View, allowed []index.Bitmap, dst [][]index.Hit) error {
	sp := &spread{s: s, views: views, allowed: allowed, dst: dst}
	for i := range views {
		sp.order = append(sp.order, i)
	}
	slices.SortFunc(sp.order, func(a, b int) int { return cmp.Compare(views[b].Segment.rows, views[a].Segment.rows) })
	n := min(s.Spread.Workers, len(views))
	for len(s.workers) < n {
		s.workers = append(s.workers, &Scratch{})
	}
	return s.Spread.Run(n, func(worker int) error { return sp.work(ctx, s.workers[worker]) })
}

// work searches one view after the other, until none is left.
func (sp *spread) work(ctx context.Context, w *Scratch) error {
	s := sp.s
	// What a search knows before it looks at views is read by all.
	w.query, w.found, w.has, w.gone, w.plan, w.views, w.windows, w.plain = s.query, s.found, s.has, s.gone, s.plan, s.views, s.windows, s.plain
	w.floor.reset(s.plan.k)
	defer func() {
		w.query, w.found, w.has, w.gone = nil, nil, nil, nil // which are the search's own
		w.forget()
	}()
	for {
		at := int(sp.next.Add(1)) - 1
		if at >= len(sp.order) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		i := sp.order[at]
		var only index.Bitmap
		if sp.allowed != nil {
			only = sp.allowed[i]
		}
		sp.mu.Lock()
		w.floor.heap = append(w.floor.heap[:0], s.floor.heap...)
		sp.mu.Unlock()
		var err error
		if sp.dst[i], err = w.view(ctx, i, sp.views[i], only, sp.dst[i]); err != nil {
			return err
		}
		sp.mu.Lock()
		for _, ranked := range w.best.heap {
			sum, _ := unranked(ranked)
			s.floor.offer(sum)
		}
		sp.mu.Unlock()
	}
}
