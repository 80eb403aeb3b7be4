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

	wub    uint32 // no posting in this window adds more; 0 if there is none
	b0, b1 int    // the blocks that can hold rows of the window
}

func (q *source) reset(s *Segment, t *Term, weight, gone uint32, p *plan) {
	q.list = s.openList(t)
	q.seg, q.term, q.weight, q.gone = s, t, weight, gone
	q.b, q.decoded, q.n = 0, -1, 0
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

// enter finds the blocks that can hold rows from lo to before hi, and bounds what they add.
func (q *source) enter(lo, hi uint32) {
	b := q.find(q.b, lo)
	q.b, q.b0, q.b1, q.wub = b, b, b, 0
	if b >= q.blocks || q.first(b) >= hi {
		return
	}
	if q.decoded == b && q.form != formDense && q.nextRow(lo) >= hi {
		return
	}
	switch q.form {
	case formOne, formBlock:
		q.b1, q.wub = b+1, q.ub
		return
	case formDense:
		q.b1 = min(int((hi+kernel.ChunkRows-1)/kernel.ChunkRows), q.blocks)
	default:
		if q.b1 = q.find(b, hi-1); q.b1 < q.blocks && q.first(q.b1) < hi {
			q.b1++
		}
	}
	most := uint8(0)
	for _, v := range q.impacts[b:q.b1] {
		most = max(most, v)
	}
	q.wub = min(q.ub, q.most(boundOf(most)))
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
