package postings

import (
	"context"
	"math/bits"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// windowRows is how many rows are searched together.
const (
	windowRows = 1 << 15
	shortRows  = 1 << 10 // a window of no more is a short one
)

// Costs in units of a posting that is decoded and added, measured (DESIGN.md).
const (
	lookupCost  = 12.0 // of looking a row up in a list
	sparseShare = 0.03 // if fewer places of the sums than this are touched, they are cleared one by one
)

// window is the memory for one.
type window struct {
	acc     []uint32 // sums of scores, all 0 between windows unless dirty
	dirty   bool
	touched []uint32 // rows whose sums are not 0, in any order and maybe more than once, unless dirty
	found   []uint32 // candidates
	seen    [windowRows / 64]uint64
	others  []*source

	sums   []uint16 // what all lists together add at most, by strip (strips.go); 0 for strips that were searched
	seeds  []uint64 // strips to be searched first
	live   [windowRows / stripRows / 64]uint64
	masked bool // only live strips of the window are searched
}

// large searches a view by MaxScore over windows. See DESIGN.md for why it finds exactly the best.
func (s *Scratch) large(ctx context.Context, i int, v View, allowed index.Bitmap) error {
	s.open(i, v)
	if len(s.used) == 0 {
		return nil
	}
	if allowed != nil && len(allowed) == 0 {
		return nil
	}
	w := &s.window
	if len(w.acc) < windowRows || w.dirty {
		w.acc = grown(w.acc, windowRows)
		clear(w.acc)
	}
	w.dirty, w.masked = true, false // dirty until this ends without a panic
	// Those that save the most postings per unit of bound become non-essential first.
	slices.SortFunc(s.used, func(a, b *source) int {
		x, y := uint64(a.ub)*uint64(b.df), uint64(b.ub)*uint64(a.df)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return int(a.term.number) - int(b.term.number)
	})
	start := s.start(v, allowed)
	clean := true
	bounded := s.bound(v, allowed)
	if bounded {
		s.seed(v, allowed, start)
	}
	for lo := uint32(0); lo < v.Segment.rows; {
		if err := ctx.Err(); err != nil {
			w.dirty = !clean
			return err
		}
		hi := min(lo+windowRows, v.Segment.rows)
		threshold := s.threshold(start, lo)
		if s.useless(threshold) == len(s.used) {
			break // no row anywhere can reach it
		}
		if bounded {
			clean = s.strips(v, allowed, lo, hi, start, threshold, clean)
			lo = hi
			continue
		}
		if any, still := s.search(v, allowed, lo, hi, threshold, clean); any {
			clean, lo = still, hi
			continue
		}
		next := s.next(hi, threshold)
		if next >= v.Segment.rows {
			break
		}
		lo = next &^ (windowRows - 1)
	}
	w.dirty = !clean
	return nil
}

// start returns a sum that at least k rows of the view reach: from the stored factors of high ranks, if no row is kept out by a filter, and so few
// are deleted that enough are left.
func (s *Scratch) start(v View, allowed index.Bitmap) uint32 {
	most := uint32(0)
	if allowed != nil {
		return most
	}
	for _, q := range s.used {
		if q.form != formSparse && q.form != formDense {
			continue
		}
		for r, rank := range ranks {
			if rank >= s.plan.k+int(q.gone) {
				most = max(most, q.least(r, &s.plan))
				break
			}
		}
	}
	return cut(most)
}

// threshold returns the sum that a row from lo on must reach to get in: at least that of rank k in this view, more if the row there comes before,
// and at least that of rank k in all views.
func (s *Scratch) threshold(start, lo uint32) uint32 {
	t := max(start, 1)
	if s.best.full() {
		sum, row := unranked(s.best.heap[0])
		if row < lo {
			sum = above(sum)
		}
		t = max(t, sum)
	}
	if s.floor.full() {
		t = max(t, s.floor.heap[0])
	}
	return t
}

// useless returns how many of the first sources together cannot reach the threshold in any window.
func (s *Scratch) useless(threshold uint32) int {
	sum := uint32(0)
	for i, q := range s.used {
		if sum += q.ub; sum >= threshold {
			return i
		}
	}
	return len(s.used)
}

// next returns a row before which, from lo on, no row can reach the threshold: one where a source may go on that is not useless.
func (s *Scratch) next(lo, threshold uint32) uint32 {
	next := ^uint32(0)
	for _, q := range s.used[s.useless(threshold):] {
		b := q.find(q.b, lo)
		q.b = b
		if b >= q.blocks {
			continue
		}
		at := max(lo, q.first(b))
		if q.form == formBlock {
			q.read(b)
		}
		if q.decoded == b {
			at = max(lo, q.nextRow(lo))
		}
		next = min(next, at)
	}
	return next
}

// search looks at one window, and says whether there was anything to look at. clean says whether all sums are 0; it returns whether they
// are again.
func (s *Scratch) search(v View, allowed index.Bitmap, lo, hi, threshold uint32, clean bool) (any, still bool) {
	w := &s.window
	// bound is what the non-essential lists, the first e, add at most; all what all lists add. They must leave half the threshold to the others: where they
	// leave little, nearly every posting of these makes a candidate, and looking that up costs more than adding a list.
	e, bound, all := 0, uint32(0), uint32(0)
	touches := 0.0
	for i, q := range s.used {
		q.enter(lo, hi)
		all += q.wub
		if e == i && bound+q.wub <= threshold/2 {
			bound += q.wub
			e++
			continue
		}
		if q.wub > 0 {
			touches += q.share
		}
	}
	if all < threshold || touches == 0 {
		return false, clean
	}
	w.found, w.touched = w.found[:0], w.touched[:0]
	few := false // so few rows are allowed that they are rather looked up than sought
	if allowed != nil {
		n := words(allowed, lo, hi).Count()
		if n == 0 {
			return false, clean
		}
		few = float64(n*(len(s.used)-e))*lookupCost < touches*float64(hi-lo)
	}
	sparse := few || touches < sparseShare && hi-lo > shortRows
	if !clean {
		clear(w.acc[:windowRows])
	}
	acc := w.acc[:hi-lo]
	if few {
		w.list(allowed, lo, hi)
		w.touched = append(w.touched, w.found...)
		sparse = s.refine(v, allowed, lo, threshold, all, s.used)
		return true, w.zero(acc, lo, sparse)
	}
	need := max(1, threshold-bound)
	norms := v.Segment.norms[lo:hi]
	sum := uint32(0) // what the lists so far add at most
	for _, q := range s.used[e:] {
		if q.wub == 0 {
			continue
		}
		q.place()
		sum += q.wub
		others := all - q.wub
		for b := q.b0; b < q.b1; b++ {
			if q.impacts != nil && others+q.most(boundOf(q.impacts[b])) < threshold || w.masked && w.dead(q, b) {
				continue // no row of this block gets in
			}
			q.read(b)
			rows, tfs := q.block.Rows[:q.n], q.block.TFs[:q.n]
			if sparse {
				w.touched = append(w.touched, rows...)
			}
			if sum < need {
				kernel.Add(acc, rows, tfs, norms, s.plan.table, lo, q.weight)
				continue
			}
			w.find(acc, rows, tfs, norms, s.plan.table, lo, q.weight, need)
		}
	}
	if !s.refine(v, allowed, lo, threshold, bound, s.used[:e]) {
		sparse = false
	}
	return true, w.zero(acc, lo, sparse)
}

// zero clears the sums where this costs little: in short windows, or those of the touched rows if no others are to be cleared. It returns whether all
// are 0.
func (w *window) zero(acc []uint32, lo uint32, sparse bool) bool {
	if len(acc) <= shortRows {
		clear(acc)
		return true
	}
	if !sparse {
		return false
	}
	for _, r := range w.touched {
		if r -= lo; int(r) < len(acc) {
			acc[r] = 0
		}
	}
	return true
}

// words returns the part of a bitmap that is about the rows from lo to before hi, and no more than 63 beyond. lo is a multiple of 64.
func words(b index.Bitmap, lo, hi uint32) index.Bitmap {
	from := min(len(b), int(lo/64))
	return b[from:min(len(b), int((hi+63)/64))]
}

// list puts the rows of a bitmap in the window into w.found.
func (w *window) list(b index.Bitmap, lo, hi uint32) {
	for i, word := range words(b, lo, hi) {
		for ; word != 0; word &= word - 1 {
			if r := lo + uint32(i*64+bits.TrailingZeros64(word)); r < hi {
				w.found = append(w.found, r)
			}
		}
	}
}

// find adds postings, and appends to w.found the rows that reach need.
func (w *window) find(acc, rows []uint32, tfs, norms []uint8, table *kernel.Table, lo, weight, need uint32) {
	n := len(w.found)
	if n > windowRows {
		panic("postings: a block holds a row twice") // a row is found once
	}
	if cap(w.found) < n+len(rows) {
		w.found = slices.Grow(w.found, windowRows+kernel.ChunkRows)
	}
	n += kernel.AddFind(acc, rows, tfs, norms, table, lo, weight, need, w.found[n:n+len(rows)])
	w.found = w.found[:n]
}

// refine completes the sums of the candidates with the lists that are not essential, which add at most bound, and offers those that reach the
// threshold. It returns whether sums of other rows than the touched ones are as they were.
func (s *Scratch) refine(v View, allowed index.Bitmap, lo, threshold, bound uint32, lists []*source) bool {
	w := &s.window
	w.found = visible(w.found, v, allowed)
	if w.masked {
		w.found = w.alive(w.found, lo)
	}
	if len(w.found) == 0 {
		return true
	}
	size := int(s.used[0].hi - lo)
	w.order(lo, size)
	w.others = append(w.others[:0], lists...)
	slices.SortFunc(w.others, func(a, b *source) int { return int(int64(b.wub) - int64(a.wub)) })
	same := true
	acc, norms := w.acc[:size], v.Segment.norms[lo:][:size]
	for _, q := range w.others {
		if q.wub == 0 || len(w.found) == 0 {
			break // the rest adds nothing
		}
		bound -= q.wub
		q.place()
		if float64(len(w.found))*lookupCost > q.share*float64(size) {
			same = false
			for b := q.b0; b < q.b1; b++ {
				q.read(b)
				kernel.Add(acc, q.block.Rows[:q.n], q.block.TFs[:q.n], norms, s.plan.table, lo, q.weight)
			}
		} else {
			for _, r := range w.found {
				if less, ok := q.find1(r); ok {
					acc[r-lo] += kernel.Score(q.weight, s.plan.table[int(less)<<8|int(norms[r-lo])])
				}
			}
		}
		w.found = reach(w.found, acc, lo, threshold-min(bound, threshold))
	}
	for _, r := range w.found {
		if sum := acc[r-lo]; sum >= threshold {
			s.best.offer(ranked(sum, r))
		}
	}
	return same
}

// visible keeps the rows that are allowed and not deleted.
func visible(rows []uint32, v View, allowed index.Bitmap) []uint32 {
	if allowed == nil && v.Deletes.Len() == 0 {
		return rows
	}
	kept := rows[:0]
	for _, r := range rows {
		if (allowed == nil || allowed.Has(r)) && !v.Deletes.Has(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// order sorts the candidates by row. The window has size rows.
func (w *window) order(lo uint32, size int) {
	if len(w.found) < 24 {
		slices.Sort(w.found)
		return
	}
	for _, r := range w.found {
		r -= lo
		w.seen[r>>6] |= 1 << (r & 63)
	}
	kept := w.found[:0]
	seen := w.seen[:(size+63)/64]
	for i, word := range seen {
		for ; word != 0; word &= word - 1 {
			kept = append(kept, lo+uint32(i*64+bits.TrailingZeros64(word)))
		}
	}
	clear(seen)
	w.found = kept
}

// reach keeps the rows whose sum is at least need.
func reach(rows, acc []uint32, lo, need uint32) []uint32 {
	n := 0
	for _, r := range rows {
		rows[n] = r
		if acc[r-lo] >= need {
			n++
		}
	}
	return rows[:n]
}
