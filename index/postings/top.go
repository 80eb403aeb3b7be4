package postings

import "math/bits"

// A sum of scores has up to 31 bits, a result's Score is a float32 with 24. To rank what callers can see, and nothing else, a sum is cut to its 24
// highest bits before it is compared; a float32 then holds it exactly.

// cut clears what a float32 would not hold.
func cut(sum uint32) uint32 {
	if n := bits.Len32(sum); n > 24 {
		sum &^= 1<<(n-24) - 1
	}
	return sum
}

// above returns the lowest sum whose cut is above that of a cut sum.
func above(sum uint32) uint32 {
	if n := bits.Len32(sum); n > 24 {
		return sum + 1<<(n-24)
	}
	return sum + 1
}

// top keeps the best k of the numbers it is offered in a heap whose root is the least of them.
type top[N uint32 | uint64] struct {
	k    int
	heap []N
}

func (t *top[N]) reset(k int) { t.k, t.heap = k, t.heap[:0] }

func (t *top[N]) full() bool { return len(t.heap) == t.k }

func (t *top[N]) offer(v N) {
	h := t.heap
	if len(h) < t.k {
		h = append(h, v)
		t.heap = h
		for i := len(h) - 1; i > 0; {
			parent := (i - 1) / 2
			if h[parent] <= h[i] {
				return
			}
			h[parent], h[i] = h[i], h[parent]
			i = parent
		}
		return
	}
	if v <= h[0] {
		return
	}
	i := 0
	for {
		least := 2*i + 1
		if least >= len(h) {
			break
		}
		if r := least + 1; r < len(h) && h[r] < h[least] {
			least = r
		}
		if h[least] >= v {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = v
}

// A ranked row is one number: the cut sum above, the row's complement below, so that a greater number is better.
func ranked(sum, row uint32) uint64 { return uint64(cut(sum))<<32 | uint64(^row) }

func unranked(v uint64) (sum, row uint32) { return uint32(v >> 32), ^uint32(v) }
