package postings

import (
	"math"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// source is a query term at work in one view.
type source struct {
	list
	seg    *Segment
	term   *Term
	weight uint32
	gone   uint32
	drift  float64 // what stored factors are multiplied by, so that they bound those under the search's mean length
	ub     uint32  // no posting adds more
	share  float64 // postings per row of the segment

	b       int // no block before it holds a row of this window or a later one
	decoded int // the block in block, -1 if there is none
	n       int // its postings
	i       int // of these, where nextRow stopped
	block   kernel.Block

	peaks     []byte  // of each strip, if they are in use
	spread    []byte  // memory for that
	peakDrift float64 // what factors of peaks are multiplied by

	wub    uint32 // no posting in this window adds more; 0 if there is none
	lo, hi uint32 // the window
	placed bool   // whether b0 and b1 are known
	b0, b1 int    // the blocks that can hold rows of the window
}

func (q *source) reset(s *Segment, t *Term, weight, gone uint32, p *plan) {
	q.list = s.openList(t)
	q.seg, q.term, q.weight, q.gone = s, t, weight, gone
	q.b, q.decoded, q.n, q.peaks = 0, -1, 0, nil
	q.drift = 1
	if p.factors.avg > s.mean {
		q.drift = p.factors.avg / s.mean
	}
	if q.form == formOne {
		q.max = p.factors.at(q.less, s.norms[q.row])
		q.drift = 1
	}
	q.ub = q.most(q.max)
	q.share = float64(q.df) / float64(s.rows)
}

// most returns what a posting can add whose factor under the segment's own mean length is at most factor.
//
// With mean lengths a of the segment and a' of the search, and x = tf + k1(1-b), y = k1*b*len, the factors are tf/(x+y/a) and
// tf/(x+y/a'). Their ratio (x+y/a)/(x+y/a') is at most 1 for a' <= a, and at most a'/a for a' > a, because x >= 0. Rounding is covered
// by a margin: factors are computed in float64 and rounded down to multiples of 2^-32, so that they are off by less than 1 of these
// units and 1e-12 of their size. For a' <= a no margin is needed: all operations of factors.at are monotone under rounding.
func (q *source) most(factor uint32) uint32 {
	if q.drift > 1 {
		factor = uint32(min(float64(factor)*(q.drift*(1+1e-9))+2, math.MaxUint32))
	}
	return kernel.Score(q.weight, factor)
}

// least returns what the postings of rank r add at least, if p has the mean length of a search. The same argument the other way round.
func (q *source) least(r int, p *plan) uint32 {
	f := float64(q.ranks[r])
	if p.factors.avg < q.seg.mean {
		f *= p.factors.avg / q.seg.mean
	}
	f = f*(1-1e-9) - 2
	if f < 0 {
		return 0
	}
	return kernel.Score(q.weight, uint32(f))
}

// rewind makes ready for windows from the first on.
func (q *source) rewind() { q.b, q.i = 0, 0 }

// enter bounds what the postings of rows from lo to before hi add.
func (q *source) enter(lo, hi uint32) {
	q.lo, q.hi, q.placed = lo, hi, false
	if q.peaks != nil && hi-lo <= shortRows {
		peak := uint8(0)
		for _, v := range q.peaks[lo>>stripBits : (hi-1)>>stripBits+1] {
			peak = max(peak, v)
		}
		q.wub = q.mostOf(peak)
		return
	}
	q.wub = 0
	q.place()
	if q.b0 >= q.b1 || q.decoded == q.b0 && q.form != formDense && q.nextRow(lo) >= hi {
		return
	}
	if q.form == formOne || q.form == formBlock {
		q.wub = q.ub
		return
	}
	b := q.b0
	most := uint8(0)
	for _, v := range q.impacts[b:q.b1] {
		most = max(most, v)
	}
	q.wub = min(q.ub, q.most(boundOf(most)))
}

// mostOf returns what a posting adds at most in a strip of that peak.
func (q *source) mostOf(peak uint8) uint32 {
	switch {
	case peak == 0:
		return 0
	case q.peakDrift > 1:
		return min(q.ub, q.most(factorOf(peak)))
	}
	return min(q.ub, kernel.Score(q.weight, factorOf(peak)))
}

// place finds the blocks that can hold rows of the window.
func (q *source) place() {
	if q.placed {
		return
	}
	q.placed = true
	b := q.find(q.b, q.lo)
	q.b, q.b0, q.b1 = b, b, b
	if b >= q.blocks || q.first(b) >= q.hi {
		return
	}
	switch q.form {
	case formOne, formBlock:
		q.b1 = b + 1
	case formDense:
		q.b1 = min(int((q.hi+kernel.ChunkRows-1)/kernel.ChunkRows), q.blocks)
	default:
		if q.b1 = q.find(b, q.hi-1); q.b1 < q.blocks && q.first(q.b1) < q.hi {
			q.b1++
		}
	}
}

// nextRow returns the first row of the decoded block that is at least row, or what follows its last one. Rows must not fall from call to call.
func (q *source) nextRow(row uint32) uint32 {
	i, n := q.i, q.n
	for ; i < n; i++ {
		if r := q.block.Rows[i]; r >= row {
			q.i = i
			return r
		}
	}
	q.i = n
	return q.last(q.decoded) + 1
}

// read decodes block b unless it is.
func (q *source) read(b int) {
	if q.decoded != b {
		q.decoded = -1 // if decode panics
		q.n = q.decode(&q.block, b)
		q.decoded, q.i = b, 0
	}
}

// find1 returns what a posting of row holds: one less than its term frequency, and whether there is one. Rows must not fall from call to
// call within a window, beginning at the window's first block.
func (q *source) find1(row uint32) (less uint8, ok bool) {
	if q.form == formDense {
		src := q.blockData(int(row / kernel.ChunkRows))
		i, ok := chunkHas(src, row)
		if !ok {
			return 0, false
		}
		return smallAt(src[kernel.ChunkRows/8:], chunkSize(src), i), true
	}
	if q.b0 >= q.b1 {
		return 0, false
	}
	if q.last(q.b0) < row {
		if q.b0 = q.find(q.b0, row); q.b0 >= q.b1 {
			return 0, false
		}
	}
	q.read(q.b0)
	i, n := 0, q.n
	rows := &q.block.Rows
	for step := kernel.BlockRows / 2; step > 0; step >>= 1 {
		if i+step <= n && rows[(i+step-1)&(kernel.BlockRows-1)] < row {
			i += step
		}
	}
	i &= kernel.BlockRows - 1
	if i < n && rows[i] == row {
		return q.block.TFs[i], true
	}
	return 0, false
}
