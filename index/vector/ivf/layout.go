package ivf

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	magic      = "SRIVF\x00\x01\x00" // the seventh byte is the version
	headerSize = 64
)

// header is what the first 64 bytes of a section say.
type header struct {
	metric  vector.Metric
	dims    int
	n       int // slots
	lists   int
	seconds int // entries of vectors in their second lists
	blocks  int
	scale   float32 // of the centroids
	seed    uint64  // of the rotation, 0 without
}

func (h header) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, byte(h.metric), 0, 0, 0)
	for _, x := range []int{h.dims, h.n, h.lists, h.seconds, h.blocks} {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.scale))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, h.seed)
	return append(b, make([]byte, headerSize-len(b))...)
}

func parseHeader(data []byte) (header, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return header{}, rag.Errorf(rag.KindInvalid, "no inverted file of a known version")
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint32(data[at:])) }
	h := header{
		metric:  vector.Metric(data[8]),
		dims:    number(12),
		n:       number(16),
		lists:   number(20),
		seconds: number(24),
		blocks:  number(28),
		scale:   math.Float32frombits(binary.LittleEndian.Uint32(data[32:])),
		seed:    binary.LittleEndian.Uint64(data[40:]),
	}
	switch {
	case h.dims < 1 || h.dims > vector.MaxDims:
		return h, rag.Errorf(rag.KindInvalid, "inverted file: %d dimensions", h.dims)
	case h.lists > maxLists || h.n > 0 && h.lists == 0:
		return h, rag.Errorf(rag.KindInvalid, "inverted file: %d lists of %d vectors", h.lists, h.n)
	case h.seconds > h.n:
		return h, rag.Errorf(rag.KindInvalid, "inverted file: %d second entries of %d vectors", h.seconds, h.n)
	case !(h.scale > 0 && h.scale <= math.MaxFloat32):
		return h, rag.Errorf(rag.KindInvalid, "inverted file: scale %v", h.scale)
	}
	return h, nil
}

// layout has the places of the parts of a section, in this order, each at a multiple
// of 64.
type layout struct {
	centroids int64
	biases    int64 // of the centroids
	first     int64 // of each list its first slot, and the number of slots
	second    int64 // of each list its first place among the second entries, and their number
	block     int64 // of each list its first block, and the number of blocks
	slots     int64 // of the second entries
	codes     int64 // blocks
	size      int64
}

func (h header) layout() layout {
	var l layout
	at := int64(headerSize)
	part := func(size int64) int64 {
		start := at
		at += size + section.Pad(size)
		return start
	}
	lists := int64(h.lists)
	l.centroids = part(lists * int64(stride(h.dims)))
	l.biases = part(4 * lists)
	l.first = part(4 * (lists + 1))
	l.second = part(4 * (lists + 1))
	l.block = part(4 * (lists + 1))
	l.slots = part(4 * int64(h.seconds))
	l.codes = part(int64(h.blocks) * int64(blockSize(h.dims)))
	l.size = at
	return l
}

// stride is the number of bytes of a centroid, as of a vector in the byte plane.
func stride(dims int) int { return (dims + 63) &^ 63 }

// chunks is the number of pieces of 16 dimensions that a code has.
func chunks(dims int) int { return (dims + 15) / 16 }

func blockSize(dims int) int { return kernel.LookupBlockSize(chunks(dims)) }

// blocksOf returns the number of blocks that so many entries take.
func blocksOf(entries int) int { return (entries + kernel.LookupBlock - 1) / kernel.LookupBlock }
