package ivf

import (
	"math"
)

// pool keeps the slots of the best ranks that it is offered, each once.
type pool struct {
	keys []uint64 // descending: the rank, in the order of whole numbers, and the slot
	k    int      // of which this many are wanted in the end
	size int
}

func (p *pool) begin(k, size int) {
	p.k, p.size = k, size
	p.keys = p.keys[:0]
}

// full reports whether there are as many slots as are wanted.
func (p *pool) full() bool { return len(p.keys) >= p.k }

// floor returns the rank of the k-th best, lowest before there are so many. What is
// below it can hardly be among the best in the end.
func (p *pool) floor() float32 {
	if !p.full() {
		return lowest
	}
	return rankOf(p.keys[p.k-1])
}

// least returns a rank below which nothing gets in.
func (p *pool) least() float32 {
	if len(p.keys) < p.size {
		return float32(math.Inf(-1))
	}
	return rankOf(p.keys[len(p.keys)-1])
}

// offer adds a slot if its rank is among the best. The same slot has the same rank
// whenever it is offered.
func (p *pool) offer(rank float32, slot uint32) {
	key := keyOf(rank, slot)
	n := len(p.keys)
	if n == p.size && key <= p.keys[n-1] {
		return
	}
	from, to := 0, n // the first key that is not larger is there
	for from < to {
		if mid := (from + to) / 2; p.keys[mid] > key {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from < n && p.keys[from] == key {
		return
	}
	if n < p.size {
		p.keys = append(p.keys, 0)
	}
	copy(p.keys[from+1:], p.keys[from:])
	p.keys[from] = key
}

// slots appends the slots to dst, best first.
func (p *pool) slots(dst []uint32) []uint32 {
	for _, key := range p.keys {
		dst = append(dst, uint32(key))
	}
	return dst
}

// keyOf puts a rank and a number into one whole number that is in the order of ranks.
func keyOf(rank float32, number uint32) uint64 {
	bits := math.Float32bits(rank)
	if bits>>31 != 0 {
		bits = ^bits
	} else {
		bits |= 1 << 31
	}
	return uint64(bits)<<32 | uint64(number)
}

func rankOf(key uint64) float32 {
	bits := uint32(key >> 32)
	if bits>>31 != 0 {
		return math.Float32frombits(bits &^ (1 << 31))
	}
	return math.Float32frombits(^bits)
}
