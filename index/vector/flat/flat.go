package flat

import (
	"context"
	"math/bits"
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// blockRows is the number of vectors in a block: one word of a Bitmap.
const blockRows = 64

// Index holds vectors by row. Searches may run at the same time as each other,
// but not while Set or Clear runs; the owner sees to that.
type Index struct {
	dims   int
	blocks [][]float32 // nil where no row of the block is set
	ids    []rag.ChunkID
	set    index.Bitmap
	count  int
	held   int // blocks that are not nil
}

// New returns an empty index of vectors with dims values, which is at least 1.
func New(dims int) *Index {
	return &Index{dims: dims}
}

// Dimensions returns the length of the vectors.
func (ix *Index) Dimensions() int { return ix.dims }

// Len returns the number of rows that hold a vector.
func (ix *Index) Len() int { return ix.count }

// Bytes returns the memory held for vectors and ids.
func (ix *Index) Bytes() int64 {
	return int64(ix.held)*int64(blockRows*ix.dims*4) + int64(cap(ix.ids))*8
}

// Set copies v, a unit vector of the index's dimensions, into row, in place of
// what was there. It panics if the length is wrong: checking input is the
// owner's part.
func (ix *Index) Set(row uint32, id rag.ChunkID, v []float32) {
	if len(v) != ix.dims {
		panic("flat: vector of wrong length")
	}
	b := int(row / blockRows)
	for b >= len(ix.blocks) {
		ix.blocks = append(ix.blocks, nil)
	}
	for int(row) >= len(ix.ids) {
		ix.ids = append(ix.ids, 0)
	}
	if ix.blocks[b] == nil {
		ix.blocks[b] = make([]float32, blockRows*ix.dims)
		ix.held++
	}
	copy(ix.row(row), v)
	ix.ids[row] = id
	if !ix.set.Has(row) {
		ix.set.Set(row)
		ix.count++
	}
}

// Clear removes the vector of row, if there is one, and wipes its memory.
func (ix *Index) Clear(row uint32) {
	if !ix.set.Has(row) {
		return
	}
	ix.set.Clear(row)
	ix.count--
	ix.ids[row] = 0
	b := row / blockRows
	if ix.set[b] == 0 {
		ix.blocks[b] = nil
		ix.held--
		return
	}
	clear(ix.row(row))
}

// Vector returns the vector of row, nil if there is none. It is the index's own
// memory: read only, and not beyond the next change.
func (ix *Index) Vector(row uint32) []float32 {
	if !ix.set.Has(row) {
		return nil
	}
	return ix.row(row)
}

func (ix *Index) row(row uint32) []float32 {
	at := int(row%blockRows) * ix.dims
	return ix.blocks[row/blockRows][at : at+ix.dims]
}

var tops = sync.Pool{New: func() any { return new(index.Top) }}

// scanFrom is how many rows of a block must be allowed before the whole block is
// scanned instead of its allowed rows alone: a row within a scan costs about a
// third of a row by itself.
const scanFrom = 20

// Search appends the k rows of allowed whose vectors have the highest dot
// product with q to dst: best first, equal scores by ascending chunk id. q has
// the index's dimensions. The only error is that of a cancelled ctx.
func (ix *Index) Search(ctx context.Context, q []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
	top := tops.Get().(*index.Top)
	defer tops.Put(top)
	top.Reset(k)
	var scores [blockRows]float32
	for b := range min(len(allowed), len(ix.set)) {
		if b%64 == 0 {
			if err := ctx.Err(); err != nil {
				return dst, err
			}
		}
		word := allowed[b] & ix.set[b]
		if word == 0 {
			continue
		}
		base := uint32(b * blockRows)
		whole := bits.OnesCount64(word) >= scanFrom
		if whole {
			kernel.DotRows(scores[:], q, ix.blocks[b])
		}
		floor := top.Floor()
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			row := base + uint32(i)
			s := scores[i]
			if !whole {
				s = kernel.Dot(q, ix.row(row))
			}
			if s >= floor {
				top.Offer(index.Hit{ID: ix.ids[row], Row: row, Score: s})
				floor = top.Floor()
			}
		}
	}
	return top.AppendTo(dst), nil
}
