package hnsw

import (
	"sync"
	"sync/atomic"
)

// sweep mends all lists that name dead nodes, and empties those of the dead. A list is
// written by one goroutine, and depends on itself and on those of the dead only, so that
// the result does not depend on the number of goroutines. The caller holds change
// for writing.
func (g *Graph) sweep() {
	if g.stale == 0 {
		return
	}
	g.parallel(func(b *builder, x uint32) {
		if !g.live.has(x) {
			return
		}
		for l := range int(g.level[x]) + 1 {
			b.sweepList(x, l)
		}
	})
	for x := range uint32(len(g.level)) {
		if !g.live.has(x) {
			for l := range int(g.level[x]) + 1 {
				g.store(x, l, nil)
			}
		}
	}
	g.stale = 0
}

// sweepList mends one list.
func (b *builder) sweepList(x uint32, level int) {
	list := b.load(x, level, b.list)
	dead := b.choice.left[:0]
	for _, y := range list {
		if !b.live.has(y) {
			dead = append(dead, y)
		}
	}
	b.choice.left = dead
	if len(dead) == 0 {
		return
	}
	b.mend(x, level, b.beyond(dead, func(y uint32, buf []uint32) []uint32 { return b.load(y, level, buf) }, b.live.has))
}

// beyond returns the live nodes that the dead lead to, perhaps through further dead
// ones: of each of these at most a list, and as soon as some are found no
// further step is taken.
func (b *builder) beyond(dead []uint32, list func(uint32, []uint32) []uint32, alive func(uint32) bool) []uint32 {
	w := &b.walker
	var memory [2 * maxM]uint32
	found, queue := w.found[:0], append(b.queue[:0], dead...)
	for _, y := range queue {
		w.visit(y)
	}
	step := len(queue) // the end of those that are as many steps away
	for i := 0; i < len(queue) && i < deepest; i++ {
		if i == step {
			if len(found) > 0 {
				break
			}
			step = len(queue)
		}
		for _, z := range list(queue[i], memory[:]) {
			if !w.visit(z) {
				continue
			}
			if alive(z) {
				found = append(found, z)
			} else {
				queue = append(queue, z)
			}
		}
	}
	w.unmark()
	w.found, b.queue = found, queue
	return found
}

// deepest is how many dead nodes beyond looks at.
const deepest = 256

// parallel calls f for all slots on cfg.Threads goroutines, each with a builder.
func (g *Graph) parallel(f func(b *builder, x uint32)) {
	const share = 256
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, min(g.cfg.Threads, len(g.level)/share)) {
		wg.Go(func() {
			b := newBuilder(g)
			for {
				from := int(next.Add(share)) - share
				if from >= len(g.level) {
					return
				}
				for x := from; x < min(from+share, len(g.level)); x++ {
					f(b, uint32(x))
				}
			}
		})
	}
	wg.Wait()
}
