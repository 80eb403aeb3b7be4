package ivf

import (
	"runtime"
	"slices"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Compact returns the plan of an index of those of ix's vectors that were not
// dropped: src is a merge of ix's set alone. The section of ix and src are read until the
// plan is written. A list that lost vectors gets the mean of what is left as its centroid,
// which would tell of them otherwise (that of a list of one vector is that vector); all
// others stay as they are, so that it costs hardly more than copying where few are gone.
// Lists become short, so that searches do more
// than they would after Build, which is better once half of all are gone. A src of other
// sets, or of a damaged one, is KindInvalid.
func (ix *Index) Compact(src *vector.Merged) (*Plan, error) {
	if !src.Only(ix.set) {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: only its own vectors can be compacted")
	}
	p := &Plan{header: ix.header, threads: runtime.GOMAXPROCS(0)}
	p.n, p.seconds = src.Len(), 0
	from := ix.keep(p, src)
	if len(p.order) != p.n {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: rows of the vector section share slots")
	}
	c, moved := ix.without(p, src)
	p.centroids, p.biases = c.codes, c.biases
	p.filler = func() func(int, []byte) {
		again := p.fillFrom(src, c)
		signs := make([]byte, 4*chunks(ix.dims))
		size := blockSize(ix.dims)
		return func(list int, blocks []byte) {
			if moved[list] {
				again(list, blocks)
				return
			}
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

// without returns the centroids of p, which is placed, and which of them are others than before.
func (ix *Index) without(p *Plan, src *vector.Merged) (c *centroids, moved []bool) {
	old := ix.centre
	c = &centroids{n: old.n, dims: old.dims, stride: old.stride, scale: old.scale, codes: slices.Clone(old.codes), biases: slices.Clone(old.biases)}
	moved = make([]bool, ix.lists)
	room, sum, mean := make([]float32, ix.dims), make([]float64, ix.dims), make([]float32, ix.dims)
	full := -1 // a list with a centroid that may stay
	for l := range ix.lists {
		left := p.first[l+1] - p.first[l]
		// One without vectors of its own may have its centroid from any that is gone.
		moved[l] = p.n < ix.n && (left == 0 || left != ix.first[l+1]-ix.first[l])
		if left > 0 && full < 0 {
			full = l
		}
		if !moved[l] || left == 0 {
			continue
		}
		clear(sum)
		for _, i := range p.order[p.first[l]:p.first[l+1]] {
			for j, x := range src.Vector(int(i), room) {
				sum[j] += float64(x)
			}
		}
		for j := range mean {
			mean[j] = float32(sum[j] / float64(left))
		}
		c.set(l, mean)
	}
	// A list without vectors of its own, which may have second ones, gets the centroid of another.
	for l := range ix.lists {
		if moved[l] && p.first[l+1] == p.first[l] {
			clear(mean)
			if full >= 0 {
				c.vector(full, mean)
			}
			c.set(l, mean)
		}
	}
	return c, moved
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
