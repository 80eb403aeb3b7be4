package ivf

import (
	"math"

	"github.com/smartretriever/smartretriever/index"
)

// limit says when enough lists were searched.
//
// Without a filter that is a number of lists. With one, the best allowed rows are
// further away, perhaps where the first lists hold none at all. What counts is then
// the number of allowed vectors seen: for a share s of all vectors, s^(3/4) times
// those of Probes lists, which is Probes / s^(1/4) lists if the filter has nothing to
// do with the query, and as many as it takes if it has. Of few allowed rows the best are a large
// share, which is hard to guess: at least 50 are seen for each that is wanted. What
// lists hold is estimated from a few of their slots.
type limit struct {
	ix      *Index
	probes  int
	allowed index.Bitmap
	seen    float64 // allowed vectors in the lists so far
	enough  float64
	none    bool // nothing is allowed
}

// samples is the number of slots of a list that are looked at.
const samples = 8

func newLimit(ix *Index, probes, k int, allowed index.Bitmap) limit {
	l := limit{ix: ix, probes: probes, allowed: allowed}
	if allowed != nil {
		n := allowed.Count()
		l.none = n == 0
		l.enough = enough(ix, probes, k, min(1, float64(n)/float64(ix.n)))
	}
	return l
}

// enough returns the number of allowed vectors to see, of a share of all.
func enough(ix *Index, probes, k int, share float64) float64 {
	usual := float64(probes) * float64(ix.n) / float64(ix.lists)
	return max(usual*math.Pow(share, .75), seenForOne*float64(k))
}

// reached reports whether n lists are enough.
func (l *limit) reached(n int) bool {
	return n >= l.probes && (l.allowed == nil || l.seen >= l.enough)
}

// probed counts a list.
func (l *limit) probed(list int) {
	if l.allowed == nil {
		return
	}
	first, n := l.ix.first[list], l.ix.first[list+1]-l.ix.first[list]
	if n == 0 {
		return
	}
	rows := l.ix.set.SlotRows()[first:][:n]
	step := max(1, n/samples)
	looked, open := 0, 0
	for at := uint32(0); at < n; at += step {
		looked++
		if l.allowed.Has(rows[at]) {
			open++
		}
	}
	l.seen += float64(n) * float64(open) / float64(looked)
}
