package ivf

import (
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Index is an opened inverted file over a set. It never changes; searches may run at
// the same time.
type Index struct {
	header
	set    *vector.Set
	centre *centroids
	first  []uint32
	second []uint32
	block  []uint32
	slots  []uint32
	codes  []byte
	turn   *rotation

	longest int // entries in the longest list, with its empty places
}

// Open makes an index of a section's bytes, which it keeps, over the set that was
// written in its order. The bytes begin at a multiple of 64, as section.Alloc and mapped
// files do. What is wrong with the header, the lengths or the lists is KindInvalid. Its
// time depends on the number of lists, not of vectors.
func Open(data []byte, set *vector.Set) (*Index, error) {
	h, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	if h.n != set.Len() || h.dims != set.Dims() || h.metric != set.Metric() {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: it is of %d vectors of %d dimensions, the vector section of %d of %d, or of another metric",
			h.n, h.dims, set.Len(), set.Dims())
	}
	l := h.layout()
	if l.size != int64(len(data)) {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: %d bytes, want %d", len(data), l.size)
	}
	if !vector.Aligned(data) {
		return nil, rag.Errorf(rag.KindInternal, "inverted file: the memory is not aligned")
	}
	lists := int64(h.lists)
	numbers := func(at, n int64) []uint32 { return section.View[uint32](data[at:][:4*n]) }
	ix := &Index{
		header: h,
		set:    set,
		centre: &centroids{
			n: h.lists, dims: h.dims, stride: stride(h.dims), scale: h.scale,
			codes:  data[l.centroids:][:lists*int64(stride(h.dims))],
			biases: section.View[float32](data[l.biases:][:4*lists]),
		},
		first:  numbers(l.first, lists+1),
		second: numbers(l.second, lists+1),
		block:  numbers(l.block, lists+1),
		slots:  numbers(l.slots, int64(h.seconds)),
		codes:  data[l.codes:][:int64(h.blocks)*int64(blockSize(h.dims))],
		turn:   newRotation(h.dims, h.seed),
	}
	return ix, ix.checkLists()
}

// checkLists refuses lists that are not a partition of the slots, the second entries
// and the blocks.
func (ix *Index) checkLists() error {
	bad := rag.Errorf(rag.KindInvalid, "inverted file: the lists are damaged")
	if ix.first[0] != 0 || ix.second[0] != 0 || ix.block[0] != 0 {
		return bad
	}
	for l := range ix.lists {
		if ix.first[l] > ix.first[l+1] || ix.second[l] > ix.second[l+1] || ix.block[l] > ix.block[l+1] {
			return bad
		}
		entries := int(ix.first[l+1]-ix.first[l]) + int(ix.second[l+1]-ix.second[l])
		if int(ix.block[l+1]-ix.block[l]) != blocksOf(entries) {
			return bad
		}
		ix.longest = max(ix.longest, entries)
	}
	if int(ix.first[ix.lists]) != ix.n || int(ix.second[ix.lists]) != ix.seconds || int(ix.block[ix.lists]) != ix.blocks {
		return bad
	}
	return nil
}

// Lists returns the number of lists.
func (ix *Index) Lists() int { return ix.lists }

// Set returns the set that the index is over.
func (ix *Index) Set() *vector.Set { return ix.set }
