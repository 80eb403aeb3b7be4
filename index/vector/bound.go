package vector

// tiny is more than all that can be lost of products too small for a float32.
const tiny = 1e-38

// bound returns the largest difference between the rank of a slot of a block as
// Rescore computes it and what its bytes say: q.Code()*Code(slot) as Codes describes
// it. The block after the last stands for all.
//
// With q^ and x^ for what the bytes of q and x say,
//
//	<q,x> - <q^,x^> = <q-q^,x^> + <q,x-x^>
//
// hence its absolute value is at most |q-q^|*|x^| + |q|*|x-x^|. To that comes what is
// lost by the float32 operations of a score and of a bias. DESIGN.md has the proof.
func (s *Set) bound(q *Query, block int) float64 {
	return s.boundFor(q, float64(s.norms[block]), float64(s.errs[block]))
}

// slotBound is bound for a slot alone.
func (s *Set) slotBound(q *Query, slot uint32) float64 {
	b := s.slotBounds[2*int(slot):][:2]
	return s.boundFor(q, float64(b[0]), float64(b[1]))
}

// boundFor is bound for what has |x^| and |x - x^| up to near and lost.
func (s *Set) boundFor(q *Query, near, lost float64) float64 {
	return q.err*near + q.norm*lost + s.rounding(q, near+lost)
}

// rounding is what the float32 operations of a score and of a bias lose of a vector of up to a length.
func (s *Set) rounding(q *Query, length float64) float64 {
	size := q.norm * length
	if s.metric == L2 {
		size = q.norm + length
		size *= size
	}
	return float64(s.dims+8)/(1<<23)*size + tiny
}

// Bound returns the largest difference between the rank of a slot as Rescore computes
// it, and as its bytes and its bias say.
func (s *Set) Bound(q *Query) float64 { return s.bound(q, s.blocks()) }
