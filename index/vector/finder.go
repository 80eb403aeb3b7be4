package vector

import (
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	batchRows  = 32   // slots that are rescored together
	maxPending = 4096 // slots that wait to be rescored
)

// finder finds the best k of the slots that it is offered with what the bytes say of
// them.
//
// It thinks in ranks, as float64. Each slot has an interval that its rank is in, as
// computed by Rescore with all its rounding. need is a rank that k slots have or
// surpass: the k-th best of the lower ends so far, or the k-th best true rank. A slot
// whose upper end is below need is out; the others wait to be rescored, best
// upper ends first, until the next upper end is below what k slots truly have.
type finder struct {
	set    *Set
	q      *Query
	factor float64 // of the products of bytes
	offset float64 // that they are too large by
	need   float64

	k       int
	lows    []float64 // heap of the k best lower ends, the worst first
	pending []pending
	top     index.Top
}

type pending struct {
	upper float64
	rank  float32 // by bytes
	slot  uint32
}

func (f *finder) begin(s *Set, q *Query, k int, floor float32) {
	f.set, f.q, f.k = s, q, k
	f.factor = float64(s.scale) * float64(q.scale)
	f.offset = float64(q.offset)
	f.need = f.rank(floor)
	f.lows = f.lows[:0]
	f.pending = f.pending[:0]
	f.top.Reset(k)
}

// end lets go of the set, whose memory may be unmapped.
func (f *finder) end() { f.set, f.q = nil, nil }

// rank returns the rank that a score stands for.
func (f *finder) rank(score float32) float64 {
	if f.set.metric == L2 {
		return (float64(score) + f.q.norm*f.q.norm) / 2
	}
	return float64(score)
}

// least returns the least product of bytes that a slot of a block must have to be
// offered.
func (f *finder) least(block int, err float64) int32 {
	return f.set.least(block, f.need-err, f.factor, f.offset)
}

// least returns the least product that a slot of a block must have for a rank of need, where products
// stand for factor*(product-offset).
func (s *Set) least(block int, need, factor, offset float64) int32 {
	var bias float64
	if s.maxBias != nil {
		bias = float64(s.maxBias[block])
	}
	x := (need-bias)/factor + offset - 1
	switch {
	case x >= math.MaxInt32:
		return math.MaxInt32
	case x > math.MinInt32:
		return int32(x)
	}
	return math.MinInt32 // also if x is not a number: then all are offered
}

// offer takes a slot with the product of its bytes, if it may be among the best. A nil
// allowed allows all rows.
func (f *finder) offer(slot uint32, dot int32, err float64, allowed index.Bitmap) {
	s := f.set
	rank := f.byBytes(slot, dot)
	if rank+err < f.need {
		return
	}
	if s.slotBounds != nil {
		err = s.slotBound(f.q, slot)
	}
	if rank+err < f.need || allowed != nil && !allowed.Has(s.slotRow[slot]) {
		return
	}
	f.pending = append(f.pending, pending{upper: rank + err, rank: float32(rank), slot: slot})
	f.low(rank - err)
}

// byBytes returns the rank of a slot by the product of its bytes.
func (f *finder) byBytes(slot uint32, dot int32) float64 {
	rank := f.factor * (float64(dot) - f.offset)
	if f.set.biases != nil {
		rank += float64(f.set.biases[slot])
	}
	return rank
}

// low adds a lower end to the best k.
func (f *finder) low(x float64) {
	h := f.lows
	if len(h) < f.k {
		h = append(h, x)
		f.lows = h
		for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
	} else if x > h[0] {
		h[0] = x
		for i := 0; ; {
			least := 2*i + 1
			if least >= len(h) {
				break
			}
			if r := least + 1; r < len(h) && h[r] < h[least] {
				least = r
			}
			if h[i] <= h[least] {
				break
			}
			h[i], h[least] = h[least], h[i]
			i = least
		}
	}
	if len(h) == f.k {
		f.need = max(f.need, h[0])
	}
}

// relieve keeps the number of slots that wait within bounds.
func (f *finder) relieve(sc *Scratch) {
	if len(f.pending) < maxPending {
		return
	}
	f.thin()
	if len(f.pending) > maxPending/2 {
		f.rescore(sc)
	}
}

// thin drops the slots that are out by now.
func (f *finder) thin() {
	n := 0
	for _, p := range f.pending {
		if p.upper >= f.need {
			f.pending[n] = p
			n++
		}
	}
	f.pending = f.pending[:n]
}

// rescore rescores the slots that wait, as long as they may be among the best. Most of them never come to it, so
// that a heap is faster than sorting them.
func (f *finder) rescore(sc *Scratch) {
	f.thin()
	for i := len(f.pending)/2 - 1; i >= 0; i-- {
		f.sink(i)
	}
	for {
		n := 0
		for n < batchRows && len(f.pending) > 0 && f.pending[0].upper >= f.need {
			sc.slots[n] = f.pop()
			n++
		}
		if n == 0 {
			break
		}
		f.score(sc.slots[:n], sc)
	}
	f.pending = f.pending[:0]
}

// promote rescores those of the slots that wait, from one on, that are likely to be among the best so far.
// The bytes lose so much that what is known for sure of them would leave need too low.
func (f *finder) promote(from int, sc *Scratch) {
	if from > len(f.pending) {
		return // some were rescored meanwhile
	}
	n, waiting := 0, f.pending[:from]
	for _, p := range f.pending[from:] {
		if float64(p.rank) < f.need {
			waiting = append(waiting, p)
			continue
		}
		sc.slots[n] = p.slot
		if n++; n == batchRows {
			f.score(sc.slots[:n], sc)
			n = 0
		}
	}
	f.pending = waiting
	f.score(sc.slots[:n], sc)
}

// score rescores up to batchRows slots.
func (f *finder) score(slots []uint32, sc *Scratch) {
	f.set.Rescore(f.q, slots, sc.scores[:], sc)
	for j, slot := range slots {
		row := f.set.slotRow[slot]
		f.top.Offer(index.Hit{ID: rag.ChunkID(row), Row: row, Score: sc.scores[j]})
	}
	if worst := f.top.Floor(); worst > float32(math.Inf(-1)) {
		f.need = max(f.need, f.rank(worst))
	}
}

// pop takes the slot with the best upper end from the heap of those that wait.
func (f *finder) pop() uint32 {
	h := f.pending
	slot, last := h[0].slot, len(h)-1
	h[0] = h[last]
	f.pending = h[:last]
	f.sink(0)
	return slot
}

// sink moves a slot that waits down the heap to where it belongs.
func (f *finder) sink(i int) {
	h := f.pending
	for {
		most := 2*i + 1
		if most >= len(h) {
			return
		}
		if r := most + 1; r < len(h) && h[r].upper > h[most].upper {
			most = r
		}
		if h[i].upper >= h[most].upper {
			return
		}
		h[i], h[most] = h[most], h[i]
		i = most
	}
}

// results appends the best to dst.
func (f *finder) results(floor float32, dst []index.Hit) []index.Hit {
	from := len(dst)
	dst = f.top.AppendTo(dst)
	for i := range dst[from:] {
		hit := &dst[from+i]
		hit.ID = 0 // held the row, for the order of equals
		if hit.Score < floor {
			return dst[:from+i]
		}
	}
	return dst
}
