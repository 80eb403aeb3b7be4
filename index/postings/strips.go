package postings

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// A strip is 128 consecutive rows. A list says of each strip what its postings there add at most: its peak, the strip's greatest factor in 255ths of
// 2^32, rounded up, and 0 where it has no posting. What all lists of a search together add at most in a strip is then a sum of a few bytes. Where rows
// that follow each other speak of the same things, nearly all strips are ruled out by that, and the best ones are known before any posting is read.
const (
	stripBits = 7
	stripRows = 1 << stripBits
)

func stripsOf(rows uint32) int { return int((uint64(rows) + stripRows - 1) >> stripBits) }

// peakOf is the peak of a factor; factorOf is the greatest factor that has it. A factor of 0 may be more under another mean length.
func peakOf(factor uint32) uint8 { return uint8(max(1, (uint64(factor)*255+math.MaxUint32)>>32)) }

func factorOf(peak uint8) uint32 { return uint32(min(uint64(peak)*(1<<32/255+1), math.MaxUint32)) }

// peakOfImpact is the peak of the greatest factor that has an impact.
func peakOfImpact(impact uint8) uint8 { return uint8(min(int(impact)+1, 255)) }

// peakWriter collects the peaks of a list: for each strip with postings the number of strips without before it, as uvarint, and the peak.
type peakWriter struct {
	data  []byte
	strip int // the one at work, -1 if there is none
	most  uint32
	next  int // the strip after the last that is in data
}

func (w *peakWriter) reset() { w.data, w.strip, w.most, w.next = w.data[:0], -1, 0, 0 }

// add takes a posting. Rows must ascend.
func (w *peakWriter) add(row, factor uint32) {
	if s := int(row >> stripBits); s != w.strip {
		w.begin(s)
	}
	w.most = max(w.most, factor)
}

// begin ends the strip at work and goes on to another.
func (w *peakWriter) begin(strip int) {
	if w.strip >= 0 {
		w.data = append(binary.AppendUvarint(w.data, uint64(w.strip-w.next)), peakOf(w.most))
		w.next = w.strip + 1
	}
	w.strip, w.most = strip, 0
}

// finish returns the peaks as they are stored: as collected or, where this takes no more, a byte for each strip; nothing where both take more than half
// a byte a posting, since so many strips have postings then that few can be ruled out.
func (w *peakWriter) finish(df uint32, strips int) []byte {
	w.begin(-1)
	n := len(w.data)
	if min(n, strips) > int(df)/2 {
		return nil
	}
	if n < strips {
		return w.data
	}
	w.data = append(w.data, make([]byte, strips)...)
	spreadPeaks(w.data[n:], w.data[:n])
	return w.data[n:]
}

// spreadPeaks puts collected peaks at the places of their strips. It panics where they are damaged.
func spreadPeaks(dst, src []byte) {
	at := uint64(0)
	for i := 0; i+1 < len(src); i += 2 {
		gap := uint64(src[i])
		if gap >= 0x80 {
			var n int
			if gap, n = binary.Uvarint(src[i:]); n <= 0 || i+n >= len(src) {
				panic("postings: a list has impossible peaks")
			}
			i += n - 1
		}
		at += gap
		dst[at] = src[i+1]
		at++
	}
}

const (
	maxPeaks    = 16 << 20 // of all lists of a search
	maxBounded  = 1 << 8   // lists whose peaks are added up, at most
	vagueShare  = 0.25     // how much of all may be added by lists whose peaks are not known well
	wholeBlocks = 4        // lists without stored peaks of no more blocks are decoded for them
)

// bound adds up the peaks of all lists, strip by strip, in w.sums: a row whose sum reaches t lies in a strip whose sum is above t>>16. It
// returns false where that does not pay.
func (s *Scratch) bound(v View, allowed index.Bitmap) bool {
	strips, lists, postings := stripsOf(v.Segment.rows), len(s.used), 0
	var all, vague float64
	for _, q := range s.used {
		postings += int(q.df)
		all += float64(q.ub)
		if len(q.stored) == 0 && q.blocks > wholeBlocks {
			vague += float64(q.ub)
		}
	}
	if s.plain || postings < strips || vague > all*vagueShare || lists > maxBounded || lists*strips > maxPeaks {
		return false
	}
	w := &s.window
	size := (strips + 63) &^ 63
	if cap(w.sums) < size {
		w.sums = make([]uint16, size)
	}
	w.sums = w.sums[:size]
	w.sums[0] = uint16(lists) // what is cut off is less than one a list
	for n := 1; n < size; n *= 2 {
		copy(w.sums[n:], w.sums[:n])
	}
	clear(w.sums[strips:])
	for _, q := range s.used {
		q.findPeaks(strips, s.plan.table)
		// A posting adds at most peak/255 of the weight, and one more: DESIGN.md.
		m := math.Ceil(float64(q.weight)*q.peakDrift*(1+1e-9)*(256.0/255/(1<<16))) + 1
		if m > math.MaxUint16 {
			for _, q := range s.used {
				q.peaks = nil
			}
			return false
		}
		kernel.AddPeaks(w.sums[:strips], q.peaks, uint16(m))
	}
	if allowed != nil {
		w.allow(allowed)
	}
	return true
}

// allow rules out the strips of which no row is allowed.
func (w *window) allow(rows index.Bitmap) {
	const words = stripRows / 64
	whole := min(len(rows)/words, len(w.sums))
	for i := range w.sums[:whole] {
		if rows[i*words]|rows[i*words+1] == 0 {
			w.sums[i] = 0
		}
	}
	if rest := whole * words; rest < len(rows) && rows[rest] != 0 && whole < len(w.sums) {
		whole++
	}
	clear(w.sums[whole:])
}

// findPeaks sets q.peaks, a byte for each strip.
func (q *source) findPeaks(strips int, table *kernel.Table) {
	q.peakDrift = q.drift
	if len(q.stored) == strips {
		q.peaks = q.stored
		return
	}
	if cap(q.spread) < strips {
		q.spread = make([]byte, strips)
	}
	q.peaks = q.spread[:strips]
	clear(q.peaks)
	switch {
	case len(q.stored) > 0:
		spreadPeaks(q.peaks, q.stored)
	case q.blocks <= wholeBlocks:
		q.peakDrift = 1 // these are factors under the search's mean length
		for b := range q.blocks {
			q.read(b)
			for i, r := range q.block.Rows[:q.n] {
				p := &q.peaks[r>>stripBits]
				*p = max(*p, peakOf(table[int(q.block.TFs[i])<<8|int(q.seg.norms[r])]))
			}
		}
	default:
		for b := range q.blocks {
			peak := peakOfImpact(q.impacts[b])
			part := q.peaks[q.first(b)>>stripBits : min(int(q.last(b)>>stripBits)+1, strips)]
			part[0] = max(part[0], peak) // which may be the last of the block before
			for i := range part[1:] {
				part[1+i] = peak
			}
		}
	}
}

// How the strips with the highest bounds are searched first.
const (
	seedStrips = 8  // at most so many
	seedShare  = 10 // and one more for so many results
	wholeShare = 4  // a window of which more than one in so many strips is live is searched as a whole
	fewerShare = 16 // the same where there is a filter, since looking up the allowed rows of a window may cost less
)

// seed searches the strips with the highest bounds, so that the threshold is high from the beginning.
func (s *Scratch) seed(v View, allowed index.Bitmap, start uint32) {
	w := &s.window
	if cap(w.seeds) < len(w.sums)/64 {
		w.seeds = make([]uint64, len(w.sums)/64)
	}
	seeds := w.seeds[:len(w.sums)/64]
	// Halve the bounds down to one that few strips are above.
	most := seedStrips + s.plan.k/seedShare
	lo, hi := uint16(0), uint16(math.MaxUint16)
	for hi-lo > 1 {
		mid := lo + (hi-lo)/2
		n := kernel.Above(seeds, w.sums, mid)
		if n > most {
			lo = mid
			continue
		}
		hi = mid
		if n > most/2 {
			break
		}
	}
	if kernel.Above(seeds, w.sums, hi) == 0 {
		return
	}
	s.runs(v, allowed, seeds, w.sums, 0, start)
	for i, word := range seeds {
		for ; word != 0; word &= word - 1 {
			w.sums[i*64+bits.TrailingZeros64(word)] = 0 // not again
		}
	}
	for _, q := range s.used {
		q.rewind()
	}
}

// strips searches the live strips of a window. clean says whether all sums of scores are 0; it returns whether they are again.
func (s *Scratch) strips(v View, allowed index.Bitmap, lo, hi, start, threshold uint32, clean bool) bool {
	w := &s.window
	sums := w.sums[lo>>stripBits:]
	sums = sums[:min(len(sums), windowRows/stripRows)]
	live := w.live[:len(sums)/64]
	n, all := kernel.Above(live, sums, uint16(threshold>>16)), stripsOf(hi-lo)
	share := wholeShare
	if allowed != nil {
		share = fewerShare
	}
	switch {
	case n == 0:
	case n*share <= all:
		if !clean {
			clear(w.acc[:windowRows])
		}
		s.runs(v, allowed, live, sums, lo, start)
		clean = true
	default:
		w.masked = n < all
		_, clean = s.search(v, allowed, lo, hi, threshold, clean)
		w.masked = false
	}
	return clean
}

// runs searches strips, the first of which begins at row lo, each run of them as a short window. All sums of scores must be 0, and are again.
func (s *Scratch) runs(v View, allowed index.Bitmap, strips []uint64, sums []uint16, lo, start uint32) {
	for i, word := range strips {
		for word != 0 {
			first := bits.TrailingZeros64(word)
			n := min(bits.TrailingZeros64(^(word >> first)), shortRows/stripRows)
			word &^= (1<<n - 1) << first
			at := i*64 + first
			from := lo + uint32(at)<<stripBits
			threshold := s.threshold(start, from)
			most := uint16(0)
			for _, sum := range sums[at : at+n] {
				most = max(most, sum)
			}
			if uint32(most) > threshold>>16 { // it may have risen
				s.search(v, allowed, from, min(from+uint32(n)<<stripBits, v.Segment.rows), threshold, true)
			}
		}
	}
}

// dead says whether block b of a list holds no row of a live strip of its window.
func (w *window) dead(q *source, b int) bool {
	first, last := max(q.first(b), q.lo), min(q.last(b), q.hi-1)
	if first > last {
		return true
	}
	for i := (first - q.lo) >> stripBits; i <= (last-q.lo)>>stripBits; i++ {
		if w.live[i>>6]>>(i&63)&1 != 0 {
			return false
		}
	}
	return true
}

// alive keeps the rows of live strips. The window begins at lo.
func (w *window) alive(rows []uint32, lo uint32) []uint32 {
	n := 0
	for _, r := range rows {
		rows[n] = r
		i := (r - lo) >> stripBits
		n += int(w.live[i>>6] >> (i & 63) & 1)
	}
	return rows[:n]
}
