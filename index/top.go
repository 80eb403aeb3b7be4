package index

import (
	"cmp"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Hit is a row that was found.
type Hit struct {
	ID    rag.ChunkID
	Row   uint32
	Score float32
}

// Before is the order of results: higher score first, then lower chunk id.
func (h Hit) Before(o Hit) bool {
	return h.Score > o.Score || (h.Score == o.Score && h.ID < o.ID)
}

// Top keeps the best k of the hits it is offered, in a heap whose root is the
// worst of them. The zero Top keeps nothing; Reset sets k. A Top may be used
// again, which spares its memory.
type Top struct {
	k    int
	heap []Hit
}

// Reset empties the list and sets the number of hits it keeps.
func (t *Top) Reset(k int) {
	t.k = max(k, 0)
	t.heap = t.heap[:0]
}

// Floor returns the lowest score that can still get in, minus infinity while
// there is room. A hit with exactly this score gets in if its id is lower.
func (t *Top) Floor() float32 {
	if len(t.heap) < t.k {
		return float32(math.Inf(-1))
	}
	if t.k == 0 {
		return float32(math.Inf(1))
	}
	return t.heap[0].Score
}

// Offer adds h if it is among the best k so far.
func (t *Top) Offer(h Hit) {
	if len(t.heap) < t.k {
		t.heap = append(t.heap, h)
		t.up(len(t.heap) - 1)
		return
	}
	if t.k > 0 && h.Before(t.heap[0]) {
		t.heap[0] = h
		t.down()
	}
}

// AppendTo appends the hits to dst, best first, and leaves the list empty.
func (t *Top) AppendTo(dst []Hit) []Hit {
	slices.SortFunc(t.heap, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	dst = append(dst, t.heap...)
	t.heap = t.heap[:0]
	return dst
}

func (t *Top) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.heap[parent].Before(t.heap[i]) {
			return
		}
		t.heap[parent], t.heap[i] = t.heap[i], t.heap[parent]
		i = parent
	}
}

func (t *Top) down() {
	i := 0
	for {
		worst := 2*i + 1
		if worst >= len(t.heap) {
			return
		}
		if r := worst + 1; r < len(t.heap) && t.heap[worst].Before(t.heap[r]) {
			worst = r
		}
		if !t.heap[i].Before(t.heap[worst]) {
			return
		}
		t.heap[i], t.heap[worst] = t.heap[worst], t.heap[i]
		i = worst
	}
}
