package ivf

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
)

// Plan is an index that was built and is to be written: the order of the vector
// section's slots, and the section that refers to them.
type Plan struct {
	header
	centroids []uint8
	biases    []float32
	first     []uint32 // by list
	second    []uint32 // by list
	slots     []uint32 // of the second entries
	order     []uint32 // vector of each slot
	threads   int

	// filler returns a function for one goroutine that writes the entries of lists into
	// cleared blocks.
	filler func() func(list int, blocks []byte)
}

// Order returns the number of the vector in each slot, for vector.Write. It is not to
// be changed.
func (p *Plan) Order() []uint32 { return p.order }

// place sets the order of slots, by the first lists of vectors and in them by their
// numbers, and the entries of lists.
func (p *Plan) place(first, second []uint32) {
	p.first, p.order = group(first, p.lists)
	p.second = make([]uint32, p.lists+1)
	if second == nil {
		return
	}
	p.seconds = p.n
	ofSlot := make([]uint32, p.n)
	for slot, i := range p.order {
		ofSlot[slot] = second[i]
	}
	p.second, p.slots = group(ofSlot, p.lists)
}

// entries returns the number of a list's entries, in its first slots and as second ones.
func (p *Plan) entries(list int) int {
	return int(p.first[list+1] - p.first[list] + p.second[list+1] - p.second[list])
}

// writeLists is the number of lists that are encoded at a time.
const writeLists = 256

// Write writes the section to w. Vectors are read again, those of a list together.
func (p *Plan) Write(ctx context.Context, w io.Writer) error {
	block := make([]uint32, p.lists+1)
	for l := range p.lists {
		block[l+1] = block[l] + uint32(blocksOf(p.entries(l)))
	}
	p.blocks = int(block[p.lists])
	parts := [][]byte{
		p.append(nil), p.centroids, section.Bytes(p.biases),
		section.Bytes(p.first), section.Bytes(p.second), section.Bytes(block), section.Bytes(p.slots),
	}
	var zeros [section.Align]byte
	for _, b := range parts {
		if err := write(w, b, zeros[:section.Pad(len(b))]); err != nil {
			return err
		}
	}
	size := blockSize(p.dims)
	var out []byte
	fillers := make([]func(int, []byte), p.threads)
	for from := 0; from < p.lists; from += writeLists {
		lists := min(writeLists, p.lists-from)
		base := int(block[from])
		out = slices.Grow(out[:0], (int(block[from+lists])-base)*size)[:(int(block[from+lists])-base)*size]
		err := parallel(ctx, p.threads, lists, 4, func(thread, a, b int) {
			if fillers[thread] == nil {
				fillers[thread] = p.filler()
			}
			for l := from + a; l < from+b; l++ {
				blocks := out[(int(block[l])-base)*size : (int(block[l+1])-base)*size]
				for at := 0; at < len(blocks); at += size {
					clearBlock(blocks[at:][:size])
				}
				fillers[thread](l, blocks)
			}
		})
		if err != nil {
			return err
		}
		if err := write(w, out); err != nil {
			return err
		}
	}
	return nil
}

func write(w io.Writer, parts ...[]byte) error {
	for _, b := range parts {
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write inverted file: %w", err)
		}
	}
	return nil
}

// blockOf returns the block of a list's entry, and its place there.
func blockOf(blocks []byte, size, entry int) (block []byte, at int) {
	return blocks[entry/kernel.LookupBlock*size:][:size], entry % kernel.LookupBlock
}
