package postings

import (
	"math"
	"sync"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// factors is the part of BM25 that depends on a posting: tf/(tf+k1*(1-b+b*len/avg)) times 2^32, rounded down, for a term frequency
// and a norm. It is a whole number, so that sums do not depend on their order, and it never falls when tf rises.
type factors struct {
	k1, b, avg float64
	k          [256]float64 // per norm, what is added to tf below the line
	filling    sync.Mutex
	full       *kernel.Table
	filled     int // term frequencies that it has
}

func newFactors(k1, b, avg float64) *factors {
	f := &factors{k1: k1, b: b, avg: avg}
	for norm := range f.k {
		// Conversions forbid fused operations, so that every processor gets the same bits.
		part := float64(b * float64(normLength(uint8(norm))))
		f.k[norm] = k1 * (1 - b + float64(part/avg))
	}
	return f
}

// at returns the factor of a posting; less is one less than the term frequency, as postings hold it.
func (f *factors) at(less, norm uint8) uint32 {
	tf := float64(less) + 1
	return uint32(tf / (tf + f.k[norm]) * math.MaxUint32)
}

// table returns at for term frequencies up to most and all norms; its other places must not be read. A quarter of a MiB, and a
// microsecond or two for each frequency, at first use: for segments with many postings.
func (f *factors) table(most int) *kernel.Table {
	f.filling.Lock()
	defer f.filling.Unlock()
	if f.full == nil {
		f.full = new(kernel.Table)
	}
	// Who reads the table now does not read what is filled in here.
	for ; f.filled < min(most, MaxTF); f.filled++ {
		for norm := range 256 {
			f.full[f.filled<<8|norm] = f.at(uint8(f.filled), uint8(norm))
		}
	}
	return f.full
}

// remembered keeps the factors of the mean lengths that were asked for last. Each write changes the mean length of its index, and each
// search asks for the one of its state.
var remembered struct {
	sync.Mutex
	list [8]*factors // the latest first
}

// factorsFor returns the factors for a mean length. Goroutine-safe.
func factorsFor(k1, b, avg float64) *factors {
	r := &remembered
	r.Lock()
	defer r.Unlock()
	for i, f := range r.list {
		if f != nil && f.k1 == k1 && f.b == b && f.avg == avg {
			copy(r.list[1:i+1], r.list[:i])
			r.list[0] = f
			return f
		}
	}
	f := newFactors(k1, b, avg)
	copy(r.list[1:], r.list[:])
	r.list[0] = f
	return f
}

// A block's bound is kept as the upper 8 bits of its greatest factor; boundOf is the greatest factor that has them.
func impactOf(factor uint32) uint8 { return uint8(factor >> 24) }

func boundOf(impact uint8) uint32 { return uint32(impact)<<24 | (1<<24 - 1) }
