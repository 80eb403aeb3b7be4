package vector

import (
	"context"
	"math"
	"math/bits"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
)

const (
	scanRows   = 8 * boundRows // slots that one kernel call of a scan compares
	gatherRows = 256           // slots that one kernel call picks out
)

// Exact appends the k rows of allowed with the best scores for q to dst: descending
// by score, equal scores by ascending row. A nil allowed allows all rows; rows without
// a vector are never found. Rows with scores below floor are left out. The IDs of hits
// are left zero.
//
// The result is what rescoring every allowed row would give, bit for bit. A query that
// does not fit the set is KindInvalid, otherwise the only error is that of ctx. It
// allocates nothing once sc and dst have grown.
func (s *Set) Exact(ctx context.Context, q *Query, k int, allowed index.Bitmap, floor float32, sc *Scratch, dst []index.Hit) ([]index.Hit, error) {
	if err := q.fits(s); err != nil {
		return dst, err
	}
	if k <= 0 || s.n == 0 {
		return dst, ctx.Err()
	}
	f := &sc.finder
	f.begin(s, q, min(k, s.n), floor)
	defer f.end()
	var err error
	if allowed != nil && s.gatherIsCheaper(allowed.Count()) {
		err = s.gather(ctx, allowed, sc)
	} else {
		err = s.scan(ctx, q, allowed, sc)
	}
	if err != nil {
		return dst, err
	}
	f.rescore(sc)
	return f.results(floor, dst), nil
}

// scan offers every slot that is allowed.
func (s *Set) scan(ctx context.Context, q *Query, allowed index.Bitmap, sc *Scratch) error {
	coarse := sc.coarse.begin(s, q)
	if coarse {
		s.seed(allowed, sc)
	}
	skip, wait := 0, 0 // chunks that are scanned by bytes, now and the next time that too little was ruled out
	for first := 0; first < s.n; first += scanRows {
		if first%(32*scanRows) == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		rows := min(scanRows, s.n-first)
		switch {
		case !coarse || math.IsInf(sc.finder.need, -1): // nothing can be ruled out yet
			s.scanBytes(q, first, rows, allowed, sc)
		case skip > 0:
			skip--
			s.scanBytes(q, first, rows, allowed, sc)
		case s.sift(first, rows, allowed, sc):
			wait = 0
		default:
			wait = min(2*wait+1, mostSkipped)
			skip = wait
			s.scanBytes(q, first, rows, allowed, sc)
		}
	}
	return nil
}

// scanBytes offers the slots of a chunk that are allowed.
func (s *Set) scanBytes(q *Query, first, rows int, allowed index.Bitmap, sc *Scratch) {
	f := &sc.finder
	dots := sc.dots[:rows]
	kernel.DotU8Rows(dots, q.code, s.codes[first*s.stride:][:rows*s.stride])
	for at := 0; at < rows; at += boundRows {
		block := dots[at:min(at+boundRows, rows)]
		err := s.bound(q, (first+at)/boundRows)
		n := kernel.AtLeast(sc.above[:], block, f.least((first+at)/boundRows, err))
		for _, i := range sc.above[:n] {
			f.offer(uint32(first+at)+i, block[i], err, allowed)
		}
		f.relieve(sc)
	}
}

// gather offers the slots of the allowed rows alone.
func (s *Set) gather(ctx context.Context, allowed index.Bitmap, sc *Scratch) error {
	f := &sc.finder
	n := 0
	for w := range min(len(allowed), (s.rows+63)/64) {
		if w%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		for word := allowed[w]; word != 0; word &= word - 1 {
			slot, ok := s.Slot(uint32(w*64 + bits.TrailingZeros64(word)))
			if !ok {
				continue
			}
			sc.slots[n] = slot
			if n++; n == gatherRows {
				f.gathered(n, sc)
				n = 0
			}
		}
	}
	f.gathered(n, sc)
	return nil
}

// gathered offers the first n of the scratch's slots.
func (f *finder) gathered(n int, sc *Scratch) {
	s := f.set
	dots, slots := sc.dots[:n], sc.slots[:n]
	kernel.DotU8Gather(dots, f.q.code, s.codes, slots)
	all := s.blocks() // the bounds of all blocks
	above := sc.above[:kernel.AtLeast(sc.above[:], dots, f.least(all, s.bound(f.q, all)))]
	for _, i := range above {
		f.offer(slots[i], dots[i], s.bound(f.q, int(slots[i]/boundRows)), nil)
	}
	f.relieve(sc)
}
