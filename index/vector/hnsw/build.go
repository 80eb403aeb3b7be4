package hnsw

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Build returns a graph of all slots of p. It stops early, with ctx's error, when ctx is
// done; an invalid Config or plane is KindInvalid.
func Build(ctx context.Context, p Plane, cfg Config) (*Graph, error) {
	g, err := New(p, cfg)
	if err != nil {
		return nil, err
	}
	slots := make([]uint32, p.Len())
	for i := range slots {
		slots[i] = uint32(i)
	}
	return g, g.InsertAll(ctx, slots)
}

// InsertAll inserts slots on cfg.Threads goroutines, those of high levels first, so that
// the entry does not change under way. It stops early, with ctx's error, when ctx
// is done. Goroutine-safe.
func (g *Graph) InsertAll(ctx context.Context, slots []uint32) error {
	order := slices.Clone(slots)
	slices.SortStableFunc(order, func(x, y uint32) int { return cmp.Compare(g.level[y], g.level[x]) })
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, min(g.cfg.Threads, len(order)/64)) {
		wg.Go(func() {
			b := newBuilder(g)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(order) {
					return
				}
				b.insert(order[i])
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
