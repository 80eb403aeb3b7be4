package ivf

import (
	"runtime"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Compact returns the plan of an index of those of ix's vectors that were not
// dropped: src is a merge of ix's set alone. The section of ix is read until the plan
// is written. Centroids and codes stay as they are, so
// that it costs hardly more than copying. Lists become short, so that searches do more
// than they would after Build, which is better once half of all are gone. A src of other
// sets, or of a damaged one, is KindInvalid.
func (ix *Index) Compact(src *vector.Merged) (*Plan, error) {
	if !src.Only(ix.set) {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: only its own vectors can be compacted")
	}
	p := &Plan{header: ix.header, threads: runtime.GOMAXPROCS(0)}
	p.n, p.seconds = src.Len(), 0
	p.centroids, p.biases = ix.centre.codes, ix.centre.biases
	from := ix.keep(p, src)
	if len(p.order) != p.n {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: rows of the vector section share slots")
	}
	p.filler = func() func(int, []byte) {
		signs := make([]byte, 4*chunks(ix.dims))
		size := blockSize(ix.dims)
		return func(list int, blocks []byte) {
			entry := 0
			old := ix.codes[int(ix.block[list])*size : int(ix.block[list+1])*size]
			for _, was := range from[list] {
				source, at := blockOf(old, size, int(was))
				e := get(source, at, signs)
				block, at := blockOf(blocks, size, entry)
				put(block, at, e, signs)
				entry++
			}
		}
	}
	return p, nil
}

// keep sets the lists and the order of p, and returns the numbers of the entries of
// each list that stay.
func (ix *Index) keep(p *Plan, src *vector.Merged) (from [][]uint32) {
	vectorOf := make([]uint32, ix.n) // by old slot
	for slot := range vectorOf {
		vectorOf[slot] = none
	}
	for i := range src.Len() {
		_, slot := src.Origin(i)
		vectorOf[slot] = uint32(i)
	}
	newSlot := make([]uint32, ix.n)
	p.order = make([]uint32, 0, src.Len())
	for slot, i := range vectorOf {
		newSlot[slot] = none
		if i != none {
			newSlot[slot] = uint32(len(p.order))
			p.order = append(p.order, i)
		}
	}
	p.first, p.second = make([]uint32, ix.lists+1), make([]uint32, ix.lists+1)
	from = make([][]uint32, ix.lists)
	at := uint32(0)
	for l := range ix.lists {
		own := ix.first[l+1] - ix.first[l]
		for e := range own {
			if newSlot[ix.first[l]+e] != none {
				from[l] = append(from[l], e)
				at++
			}
		}
		p.first[l+1] = at
		for e, slot := range ix.slots[ix.second[l]:ix.second[l+1]] {
			if to := newSlot[slot]; to != none {
				from[l] = append(from[l], own+uint32(e))
				p.slots = append(p.slots, to)
			}
		}
		p.second[l+1] = uint32(len(p.slots))
	}
	p.seconds = len(p.slots)
	return from
}
