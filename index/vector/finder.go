package vector

import (
	"cmp"
	"math"
	"slices"

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
	var bias float64
	if f.set.maxBias != nil {
		bias = float64(f.set.maxBias[block])
	}
	x := (f.need-err-bias)/f.factor + f.offset - 1
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
	rank := f.factor * (float64(dot) - f.offset)
	if s.biases != nil {
		rank += float64(s.biases[slot])
	}
	if rank+err < f.need {
		return
	}
	if s.slotBounds != nil {
		err = s.slotBound(f.q, slot)
	}
	if rank+err < f.need || allowed != nil && !allowed.Has(s.slotRow[slot]) {
		return
	}
	f.pending = append(f.pending, pending{upper: rank + err, slot: slot})
	f.low(rank - err)
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

// rescore rescores the slots that wait, as long as they may be among the best.
func (f *finder) rescore(sc *Scratch) {
	f.thin()
	slices.SortFunc(f.pending, func(a, b pending) int { return cmp.Compare(b.upper, a.upper) })
	for i := 0; i < len(f.pending); i += batchRows {
		batch := f.pending[i:min(i+batchRows, len(f.pending))]
		if batch[0].upper < f.need {
			break
		}
		slots := sc.slots[:len(batch)]
		for j, p := range batch {
			slots[j] = p.slot
		}
		f.set.Rescore(f.q, slots, sc.scores[:], sc)
		for j, slot := range slots {
			row := f.set.slotRow[slot]
			f.top.Offer(index.Hit{ID: rag.ChunkID(row), Row: row, Score: sc.scores[j]})
		}
		if worst := f.top.Floor(); worst > float32(math.Inf(-1)) {
			f.need = max(f.need, f.rank(worst))
		}
	}
	f.pending = f.pending[:0]
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
