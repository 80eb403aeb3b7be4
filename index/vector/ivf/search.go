package ivf

import (
	"context"
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Search appends up to k rows of allowed with good scores for q to dst: descending by
// score, equal scores by ascending row. A nil allowed allows all rows; rows without a
// vector are never found. Rows with scores below floor are left out. The IDs of hits
// are left zero. Scores are those of vector.Set.Rescore, hence true; that a better row
// is missing is possible, and the less likely, the larger Probes, Eps and Pool are.
//
// A query that does not fit the set is KindInvalid, otherwise the only error is that
// of ctx. It works on the caller's goroutine and allocates nothing once sc and
// dst have grown.
func (ix *Index) Search(ctx context.Context, q *vector.Query, k int, p SearchParams, allowed index.Bitmap, floor float32, sc *Scratch, dst []index.Hit) ([]index.Hit, error) {
	if q.Metric() != ix.metric || q.Dims() != ix.dims {
		return dst, rag.Errorf(rag.KindInvalid, "the query is for %d dimensions and %v, the index for %d and %v",
			q.Dims(), q.Metric(), ix.dims, ix.metric)
	}
	k = min(k, ix.n)
	if k <= 0 {
		return dst, ctx.Err()
	}
	p = p.withDefaults(k, ix.lists, ix.n)
	limit := newLimit(ix, p.Probes, k, allowed)
	if limit.none {
		return dst, ctx.Err()
	}
	s := search{ix: ix, q: q, sc: sc, eps: p.Eps, allowed: allowed}
	s.begin(k, min(p.Pool, ix.n), floor)
	s.sc.order.begin(ix, q, p.Probes)
	s.sc.waiting = s.sc.waiting[:0]
	for n := 0; n < ix.lists; n++ {
		if limit.reached(n) && (sc.pool.full() || floor > float32(math.Inf(-1))) {
			break
		}
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return dst, err
			}
		}
		list, rank := sc.order.next()
		s.probe(list, rank)
		limit.probed(list)
	}
	s.compare(sc.waiting)
	return s.results(k, floor, dst), nil
}

// search is a search that is under way.
type search struct {
	ix      *Index
	q       *vector.Query
	sc      *Scratch
	allowed index.Bitmap
	eps     float32
	factor  float32 // of products of bytes
	square  float32 // |q|²
	scale   float32 // of sums of table entries
	bias    float32
	// rounding is twice the usual error of a sum of rounded table entries.
	rounding float32
	// noise is more than the usual error of a rank by bytes.
	noise float32
	floor float32 // rank below which nothing is wanted
}

// lowest is a floor that everything reaches but the empty places of blocks.
const lowest = -2e38

func (s *search) begin(k, pool int, floor float32) {
	ix, sc := s.ix, s.sc
	sc.grow(ix)
	turned := append(sc.turned[:0], s.q.Vector()...)
	sc.turned = turned
	ix.turn.apply(turned)
	s.scale, s.bias = tables(sc.luts, turned)
	s.rounding = s.scale * sqrt(float32(len(sc.luts))/48)
	s.noise = float32(s.q.Norm()) * ix.set.Scale()
	s.factor = ix.set.Factor(s.q)
	s.square = float32(s.q.Norm() * s.q.Norm())
	s.floor = lowest
	if floor > float32(math.Inf(-1)) {
		s.floor = max(lowest, s.q.Rank(floor)-float32(ix.set.Bound(s.q)))
	}
	sc.pool.begin(k, pool)
}

// probe searches a list; rank is <q,c> for its centroid c.
func (s *search) probe(list int, rank float32) {
	ix, sc := s.ix, s.sc
	size := blockSize(ix.dims)
	blocks := ix.codes[int(ix.block[list])*size : int(ix.block[list+1])*size]
	// |q-c|², of whose root the errors of estimates are fractions.
	distance := max(0, s.square-2*rank-2*ix.centre.biases[list])
	margin := s.eps*sqrt(distance) + s.rounding
	first := uint32(0)
	for len(blocks) > 0 {
		part := blocks
		if !sc.pool.full() {
			part = blocks[:size] // all of it gets in, but perhaps not all of the rest
		}
		floor := max(s.floor, sc.pool.floor()) - s.noise - rank
		n := kernel.LookupScan(sc.found, part, sc.luts, s.scale, s.bias+margin, floor, first)
		s.await(s.slots(list, sc.found[:n]))
		blocks = blocks[len(part):]
		first += uint32(len(part) / size * kernel.LookupBlock)
	}
}

// await asks for the rows of slots, and compares those of the list before, whose rows have
// arrived meanwhile. The floor of a list is so the one that the list before it began with.
func (s *search) await(slots []uint32) {
	sc := s.sc
	if !sc.pool.full() { // then the floor is worth more
		s.compare(slots)
		return
	}
	kernel.Prefetch(s.ix.set.Codes(), s.ix.set.Stride(), slots)
	s.compare(sc.waiting)
	sc.found, sc.waiting = sc.waiting[:cap(sc.waiting)], slots
}

// compare offers slots to the pool with their ranks by bytes.
func (s *search) compare(slots []uint32) {
	dots := s.sc.dots[:len(slots)]
	kernel.DotU8Gather(dots, s.q.Code(), s.ix.set.Codes(), slots)
	offset, biases := s.q.Offset(), s.ix.set.Biases()
	least := s.sc.pool.least()
	for i, slot := range slots {
		rank := s.factor * float32(dots[i]-offset)
		if biases != nil {
			rank += biases[slot]
		}
		if !(rank < least) {
			s.sc.pool.offer(rank, slot)
			least = s.sc.pool.least()
		}
	}
}

// slots turns numbers of a list's entries into slots, in place, and drops those that
// are not allowed.
func (s *search) slots(list int, found []uint32) []uint32 {
	ix := s.ix
	first := ix.first[list]
	own := ix.first[list+1] - first
	seconds := ix.slots[ix.second[list]:ix.second[list+1]]
	rows := ix.set.SlotRows()
	n := 0
	for _, entry := range found {
		slot := first + entry
		if entry >= own {
			if int(entry-own) >= len(seconds) {
				continue // an empty place of a damaged block
			}
			slot = seconds[entry-own]
		}
		if s.allowed != nil && !s.allowed.Has(rows[slot]) {
			continue
		}
		found[n] = slot
		n++
	}
	return found[:n]
}

// results rescores the pool.
func (s *search) results(k int, floor float32, dst []index.Hit) []index.Hit {
	sc := s.sc
	slots := sc.pool.slots(sc.found[:0])
	sc.found = slots[:cap(slots)]
	sc.scores = grow(sc.scores, len(slots))
	s.ix.set.Rescore(s.q, slots, sc.scores, &sc.set)
	sc.top.Reset(k)
	for i, slot := range slots {
		if score := sc.scores[i]; score >= floor {
			row := s.ix.set.SlotRow(slot)
			sc.top.Offer(index.Hit{ID: rag.ChunkID(row), Row: row, Score: score})
		}
	}
	from := len(dst)
	dst = sc.top.AppendTo(dst)
	for i := range dst[from:] {
		dst[from+i].ID = 0 // held the row, for the order of equals
	}
	return dst
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
