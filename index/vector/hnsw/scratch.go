package hnsw

import (
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
)

// Scratch is the memory of a search. One goroutine at a time can use it; used again
// it spares all allocations. The zero Scratch is ready, for graphs of any size.
type Scratch struct {
	visited []uint64 // a bit a slot; all clear between walks
	touched []uint32 // the slots whose bits are set
	best    pool
	aside   heap     // of the filtered walk
	ids     []uint32 // a batch that is to be ranked
	waiting []uint32 // another one
	sieve   sieve
	ranks   []int32
	list    []uint32 // a list of neighbours that others may be changing
	found   []uint32
	scores  []float32
	top     index.Top
	fine    vector.Scratch

	distances, passed, expanded int
	walking                     bool // a walk did not come to its end: marks may be left
}

// grow makes room for a graph of n slots and lists of stride words.
func (s *Scratch) grow(n, stride int) {
	if words := (n + 63) / 64; len(s.visited) < words {
		s.visited = make([]uint64, words)
	}
	if len(s.list) < stride {
		s.list = make([]uint32, stride)
	}
	// A batch is at most one list and almost as many as a filtered walk wants of it, or
	// its seeds.
	if most := stride + max(enough, seeds); len(s.ids) < most {
		s.ids, s.waiting, s.ranks = make([]uint32, most), make([]uint32, most), make([]int32, most)
	}
}

// visit marks id and reports whether it was not marked yet.
func (s *Scratch) visit(id uint32) bool {
	w, b := id>>6, uint64(1)<<(id&63)
	if s.visited[w]&b != 0 {
		return false
	}
	s.visited[w] |= b
	s.touched = append(s.touched, id)
	return true
}

// unmark clears all marks. Few are cleared one by one, which costs less than all
// of the set's memory.
func (s *Scratch) unmark() {
	if len(s.touched) > len(s.visited) {
		clear(s.visited)
	} else {
		for _, id := range s.touched {
			s.visited[id>>6] = 0
		}
	}
	s.touched = s.touched[:0]
}

// reset makes the scratch clean, also after a walk that panicked.
func (s *Scratch) reset(n, stride int) {
	s.grow(n, stride)
	if s.walking {
		clear(s.visited)
		s.walking = false
	}
	s.unmark()
	s.distances, s.passed, s.expanded = 0, 0, 0
}

// A key is a node with its rank: greater keys are nearer. The upper half is
// the rank with its sign bit turned, the lower half the slot and a mark.
type key = uint64

// mark says that a node of a pool was expanded, or that a candidate must be chosen.
const mark = 1 << 31

func newKey(rank int32, id uint32) key { return uint64(uint32(rank)^1<<31)<<32 | uint64(id) }
func keyID(k key) uint32               { return uint32(k) &^ mark }
func keyRank(k key) int32              { return int32(uint32(k>>32) ^ 1<<31) }

// pool is the nearest nodes of a walk: at most size keys in descending order. next is
// where the first one may be that is not expanded.
type pool struct {
	keys []key
	size int
	next int
}

func (p *pool) reset(size int) {
	p.size, p.next = size, 0
	p.keys = slices.Grow(p.keys[:0], size+1)
}

func (p *pool) full() bool { return len(p.keys) >= p.size }

// floor is the rank that a node must surpass to get in.
func (p *pool) floor() int32 {
	if !p.full() {
		return -1 << 31
	}
	return keyRank(p.keys[len(p.keys)-1])
}

// offer puts k in its place and drops the last if there is one too many. It does
// not look at floor: the caller has.
func (p *pool) offer(k key) {
	keys := p.keys
	lo, n := 0, len(keys)
	for n > 0 { // without a branch on what is compared, as there is no telling
		half := (n + 1) / 2
		next := lo
		if keys[lo+half-1] >= k {
			next = lo + half
		}
		lo, n = next, n-half
	}
	if !p.full() {
		keys = keys[:len(keys)+1]
	}
	if lo >= len(keys) {
		return
	}
	copy(keys[lo+1:], keys[lo:])
	keys[lo] = k
	p.keys, p.next = keys, min(p.next, lo)
}

// peek returns the nearest node that is not expanded.
func (p *pool) peek() (key, bool) {
	for ; p.next < len(p.keys); p.next++ {
		if k := p.keys[p.next]; k&mark == 0 {
			return k, true
		}
	}
	return 0, false
}

// take returns the nearest node that is not expanded, and marks it.
func (p *pool) take() (uint32, bool) {
	k, ok := p.peek()
	if ok {
		p.keys[p.next] = k | mark
		p.next++
	}
	return keyID(k), ok
}

// heap is a set of keys whose greatest is the first.
type heap []key

func (h *heap) push(k key) {
	keys := append(*h, k)
	i := len(keys) - 1
	for i > 0 && keys[(i-1)/2] < k {
		keys[i] = keys[(i-1)/2]
		i = (i - 1) / 2
	}
	keys[i] = k
	*h = keys
}

func (h *heap) pop() key {
	keys := *h
	first, last := keys[0], keys[len(keys)-1]
	keys = keys[:len(keys)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(keys) {
			break
		}
		if child+1 < len(keys) && keys[child+1] > keys[child] {
			child++
		}
		if keys[child] <= last {
			break
		}
		keys[i] = keys[child]
		i = child
	}
	if i < len(keys) {
		keys[i] = last
	}
	*h = keys
	return first
}
