package vector

import (
	"cmp"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
)

// Sections that have a coarse plane, if they are to be scanned: with few dimensions or rows, reading
// the byte plane takes no longer than finding out what need not be read.
var (
	coarseDims = 256
	coarseRows = 4096
)

const (
	// coarseStep is the step between two values of a dimension, in standard deviations: 16 of
	// them cover what lies within 2.8.
	coarseStep = .35
	// coarseMiddle is what lies between the 16 values.
	coarseMiddle = 7.5
	// A scan is seeded with one block of so many, and at least leastSeeds of them.
	seedShare  = 16
	leastSeeds = 16
	// siftedMost is the share of a chunk up to which what is not ruled out is read alone. Single rows take
	// about twice the time of rows in turn; but by then the coarse plane was read for nothing.
	siftedMost = 3
	// mostSkipped is the largest number of chunks that are scanned by bytes before the coarse plane
	// is tried again.
	mostSkipped = 15
)

// coarseStride is the number of dimensions that a row of the coarse plane has room for.
func coarseStride(dims int) int {
	return (dims + kernel.NibbleDims - 1) / kernel.NibbleDims * kernel.NibbleDims
}

// coarse is the plane of 4 bits a dimension that a scan reads first. Number p of dimension j stands for
// centre[j] + steps[j]*(p-7.5).
type coarse struct {
	centre []float32 // the mean c of the vectors; zeros beyond the dimensions
	steps  []float32
	codes  []uint8
	// With e for what is lost of a vector, and p for its numbers: of each block and of all the
	// largest |e|, |<e,c>| and |p-7.5|, and of each slot |e| and |<e,c>|.
	blocks []float32
	slots  []float32
}

func (l layout) coarse(h header, data []byte) *coarse {
	if !h.coarse {
		return nil
	}
	n, stride := int64(h.n), int64(coarseStride(h.dims))
	model := section.View[float32](data[l.model:][:8*stride])
	return &coarse{
		centre: model[:stride],
		steps:  model[stride:],
		codes:  data[l.coarseCodes:][:n*stride/2],
		blocks: section.View[float32](data[l.coarseBlocks:][:12*int64(h.blocks()+1)]),
		slots:  section.View[float32](data[l.coarseSlots:][:8*n]),
	}
}

// coarseQuery is a query, prepared for the coarse plane of a set. DESIGN.md has the formulas.
type coarseQuery struct {
	code   []int8
	step   float64
	offset float64 // that products are too large by
	base   float64 // <q,c>
	along  float64 // |a|, where q = a*c + q'
	across float64 // |q'|
	lost   float64 // |w-w^|, what rounding the query to code has cost
	fixed  float64 // what rounding of floats has cost
}

// coarsePays reports whether the coarse plane is faster than the vectors on this processor. Tests have it used anywhere.
var coarsePays = kernel.NibblesAreFast

// begin prepares the query, and reports whether the coarse plane is to be used.
func (cq *coarseQuery) begin(s *Set, q *Query) bool {
	c := s.coarse
	if c == nil || !coarsePays() {
		return false
	}
	cq.code = grow(cq.code, len(c.steps))
	clear(cq.code)
	steps, centre := c.steps[:len(q.vec)], c.centre[:len(q.vec)]
	var largest, product, length float64
	for j, x := range q.vec {
		largest = max(largest, math.Abs(float64(x)*float64(steps[j])))
		product += float64(x) * float64(centre[j])
		length += float64(centre[j]) * float64(centre[j])
	}
	if !(largest > 0) {
		return false
	}
	a := 0.
	if length > 0 {
		a = product / length
	}
	cq.step = largest / 127
	var sum, whole, lost, across float64
	inverse := 1 / cq.step
	for j, x := range q.vec {
		w := float64(x) * float64(steps[j])
		z := round(w * inverse)
		cq.code[j] = int8(int32(z))
		sum += z
		whole += w * w
		w -= cq.step * z
		lost += w * w
		y := float64(x) - a*float64(centre[j])
		across += y * y
	}
	length = math.Sqrt(length)
	cq.offset = coarseMiddle * sum
	cq.base = product
	cq.along = math.Abs(a)
	cq.lost = math.Sqrt(lost)*roundUp + math.Sqrt(whole)*(roundUp-1)
	cq.across = math.Sqrt(across)*roundUp + (q.norm+cq.along*length)*(roundUp-1)
	all := s.blocks()
	size := float64(s.norms[all]) + float64(s.errs[all])
	cq.fixed = s.rounding(q, size) + 1e-9*q.norm*(size+length+float64(c.blocks[3*all]))
	return true
}

// bound is the largest difference between the rank of a slot as Rescore computes it and what the coarse
// plane says, for what has |e|, |<e,c>| and |p-7.5| up to these.
func (cq *coarseQuery) bound(err, along, near float64) float64 {
	return cq.across*err + cq.along*along + cq.lost*near + cq.fixed
}

// seed finds a rank that k slots reach, before a scan begins: the k-th best of what is best by the
// coarse plane in a sample of blocks. Without it too little is ruled out in the first chunks.
func (s *Set) seed(allowed index.Bitmap, sc *Scratch) {
	f, c, cq := &sc.finder, s.coarse, &sc.coarse
	keep := 2 * f.k
	if keep > gatherRows {
		return // their lower ends are hardly better than what the scan soon finds
	}
	size := len(cq.code) / 2
	blocks := s.n / boundRows // whole ones
	worst := f.need
	count := min(blocks, max(leastSeeds, blocks/seedShare))
	for i := range count {
		block := i * blocks / count
		first := block * boundRows
		dots := sc.dots[:boundRows]
		kernel.DotU4Rows(dots, cq.code, c.codes[first*size:][:boundRows*size])
		n := kernel.AtLeast(sc.above[:], dots, s.least(block, worst-cq.base, cq.step, cq.offset))
		for _, i := range sc.above[:n] {
			slot := uint32(first) + i
			if allowed != nil && !allowed.Has(s.slotRow[slot]) {
				continue
			}
			rank := cq.base + cq.step*(float64(dots[i])-cq.offset)
			if s.biases != nil {
				rank += float64(s.biases[slot])
			}
			f.pending = append(f.pending, pending{upper: rank, slot: slot})
		}
		if len(f.pending) >= keep+boundRows {
			f.best(keep)
			worst = max(worst, f.pending[keep-1].upper)
		}
	}
	f.best(keep)
	slots := sc.slots[:len(f.pending)]
	for i, p := range f.pending {
		slots[i] = p.slot
	}
	f.pending = f.pending[:0]
	for len(slots) > 0 {
		n := min(len(slots), batchRows)
		f.score(slots[:n], sc)
		slots = slots[n:]
	}
	f.top.Reset(f.k) // the scan comes by these slots again
}

// best keeps so many of the slots that wait, the best.
func (f *finder) best(n int) {
	slices.SortFunc(f.pending, func(a, b pending) int { return cmp.Compare(b.upper, a.upper) })
	f.pending = f.pending[:min(n, len(f.pending))]
}

// sift offers those slots of a chunk that the coarse plane does not rule out. It reports false, and has
// offered none, if these are so many that the bytes of all are read as fast.
func (s *Set) sift(first, rows int, allowed index.Bitmap, sc *Scratch) bool {
	f, c, cq := &sc.finder, s.coarse, &sc.coarse
	dots := sc.dots[:rows]
	size := len(cq.code) / 2
	kernel.DotU4Rows(dots, cq.code, c.codes[first*size:][:rows*size])
	n, most := 0, rows/siftedMost
	for at := 0; at < rows; at += boundRows {
		block := (first + at) / boundRows
		b := c.blocks[3*block:][:3]
		near := float64(b[2])
		least := s.least(block, f.need-cq.bound(float64(b[0]), float64(b[1]), near)-cq.base, cq.step, cq.offset)
		part := dots[at:min(at+boundRows, rows)]
		above := sc.above[:kernel.AtLeast(sc.above[:], part, least)]
		for _, i := range above {
			slot := uint32(first+at) + i
			own := c.slots[2*int(slot):][:2]
			upper := cq.base + cq.step*(float64(part[i])-cq.offset)
			upper += cq.bound(float64(own[0]), float64(own[1]), near)
			if s.biases != nil {
				upper += float64(s.biases[slot])
			}
			if upper < f.need || allowed != nil && !allowed.Has(s.slotRow[slot]) {
				continue
			}
			if n == most {
				return false
			}
			sc.slots[n] = slot
			n++
		}
	}
	waiting := len(f.pending)
	f.gathered(n, sc)
	f.promote(waiting, sc)
	return true
}
