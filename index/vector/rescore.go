package vector

import "github.com/smartretriever/smartretriever/index/kernel"

// Rescore writes the scores of slots for q to dst, which is at least as long, computed
// from the finest form. The score of a slot depends on nothing but q and the slot:
// all searches report the same bits for it. sc is for one search at a time. A slot
// that is not below Len panics, as does a query of other dimensions.
func (s *Set) Rescore(q *Query, slots []uint32, dst []float32, sc *Scratch) {
	dst = dst[:len(slots)]
	if s.metric != L2 {
		switch s.storage {
		case Float32:
			kernel.DotGather(dst, q.vec, s.f32, slots)
			return
		case Float16:
			kernel.DotF16Gather(dst, q.vec, s.f16, slots)
			return
		}
	}
	sc.row = grow(sc.row, s.dims)
	for i, slot := range slots {
		v := s.Vector(int(slot), sc.row)
		if s.metric == L2 {
			dst[i] = -kernel.L2(q.vec, v)
		} else {
			dst[i] = kernel.Dot(q.vec, v)
		}
	}
}

// grow returns a slice of n places, in v's memory if that is large enough. What it
// holds is of no use.
func grow[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}
