package ivf

import (
	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/vector"
)

// Scratch is the memory of a search, kept for the next one. The zero Scratch is ready;
// it is for one search at a time.
type Scratch struct {
	set     vector.Scratch
	turned  []float32 // the query
	luts    []byte
	order   order
	found   []uint32
	waiting []uint32 // found, and not compared yet
	dots    []int32
	pool    pool
	scores  []float32
	top     index.Top
}

// grow makes room for any list of an index.
func (sc *Scratch) grow(ix *Index) {
	sc.luts = grow(sc.luts, 64*chunks(ix.dims))
	entries := blocksOf(ix.longest)*kernel.LookupBlock + kernel.LookupSlack
	sc.found = grow(sc.found, entries)
	sc.waiting = grow(sc.waiting, entries)
	sc.dots = grow(sc.dots, entries)
}

// grow returns a slice of n places, in v's memory if that is large enough. What it
// holds is of no use.
func grow[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}
