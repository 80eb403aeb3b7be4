package postings

import (
	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// small searches a segment of few rows: it adds up all postings in one window, without bounds, and without a table unless there is one.
func (s *Scratch) small(i int, v View, allowed index.Bitmap) {
	s.open(i, v)
	if len(s.used) == 0 {
		return
	}
	w := &s.window
	w.acc = grown(w.acc, int(v.Segment.rows))
	acc := w.acc[:v.Segment.rows]
	clear(acc)
	w.dirty = true
	f := s.plan.factors
	for _, q := range s.used {
		for b := range q.blocks {
			q.read(b)
			if t := s.plan.table; t != nil {
				kernel.Add(acc, q.block.Rows[:q.n], q.block.TFs[:q.n], v.Segment.norms, t, 0, q.weight)
				continue
			}
			for j, r := range q.block.Rows[:q.n] {
				acc[r] += kernel.Score(q.weight, f.at(q.block.TFs[j], v.Segment.norms[r]))
			}
		}
	}
	least := uint32(1)
	if s.floor.full() {
		least = s.floor.heap[0]
	}
	for r, sum := range acc {
		if sum < least || v.Deletes.Has(uint32(r)) || allowed != nil && !allowed.Has(uint32(r)) {
			continue
		}
		s.best.offer(ranked(sum, uint32(r)))
		if s.best.full() {
			if sum, _ := unranked(s.best.heap[0]); above(sum) > least {
				least = above(sum)
			}
		}
	}
}

// grown returns a slice of at least n zeros or anything that was there before.
func grown(acc []uint32, n int) []uint32 {
	if len(acc) < n {
		return make([]uint32, n)
	}
	return acc
}
