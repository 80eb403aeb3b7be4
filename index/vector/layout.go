package vector

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	magic      = "SRVEC\x00\x02\x00" // the seventh byte is the version
	headerSize = 64

	// boundRows is the number of slots that share their bounds.
	boundRows = 64
)

// header is what the first 64 bytes of a section say. The places of all parts follow
// from it.
type header struct {
	metric  Metric
	storage Storage
	dims    int
	n       int // vectors, hence slots
	rows    int // rows of the segment
	scale   float32
	coarse  bool // there is a coarse plane
}

func (h header) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, byte(h.metric), byte(h.storage), 0, 0)
	if h.coarse {
		b[len(b)-2] = 1
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(h.dims))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.n))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.rows))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.scale))
	return append(b, make([]byte, headerSize-len(b))...)
}

func parseHeader(data []byte) (header, error) {
	var h header
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return h, rag.Errorf(rag.KindInvalid, "no vector section of a known version")
	}
	h = header{
		metric:  Metric(data[8]),
		storage: Storage(data[9]),
		dims:    int(binary.LittleEndian.Uint32(data[12:])),
		n:       int(binary.LittleEndian.Uint32(data[16:])),
		rows:    int(binary.LittleEndian.Uint32(data[20:])),
		scale:   math.Float32frombits(binary.LittleEndian.Uint32(data[24:])),
		coarse:  data[10] == 1,
	}
	switch {
	case metricNames[h.metric] == "":
		return h, rag.Errorf(rag.KindInvalid, "vector section: unknown metric %d", h.metric)
	case storageNames[h.storage] == "":
		return h, rag.Errorf(rag.KindInvalid, "vector section: unknown storage %d", h.storage)
	case data[10] > 1:
		return h, rag.Errorf(rag.KindInvalid, "vector section: unknown planes %d", data[10])
	case h.dims < 1 || h.dims > MaxDims:
		return h, rag.Errorf(rag.KindInvalid, "vector section: %d dimensions", h.dims)
	case h.n > h.rows || uint32(h.rows) == NoRow:
		return h, rag.Errorf(rag.KindInvalid, "vector section: %d vectors for %d rows", h.n, h.rows)
	case !(h.scale > 0 && h.scale <= math.MaxFloat32):
		return h, rag.Errorf(rag.KindInvalid, "vector section: scale %v", h.scale)
	}
	return h, nil
}

// stride is the number of bytes of a row of the byte plane: a multiple of 64, so that
// no row shares a cache line with another.
func stride(dims int) int { return (dims + 63) &^ 63 }

// layout has the places of the parts of a section, in this order, each at a multiple
// of 64.
type layout struct {
	slotRow, rowSlot     int64
	codes                int64
	norms, errs, maxBias int64 // upper bounds of each block of boundRows slots, and of all
	slotBounds           int64 // unless Cosine: the norm and the error of each slot
	biases               int64
	fine                 int64

	// If there is a coarse plane: the centre and the steps, its codes, and the bounds of blocks and of slots.
	model, coarseCodes, coarseBlocks, coarseSlots int64

	size int64
}

func (h header) layout() layout {
	var l layout
	n, blocks := int64(h.n), int64(h.blocks())+1
	at := int64(headerSize)
	part := func(size int64) int64 {
		start := at
		at += size + section.Pad(size)
		return start
	}
	l.slotRow = part(4 * n)
	l.rowSlot = part(4 * int64(h.rows))
	l.codes = part(n * int64(stride(h.dims)))
	l.norms = part(4 * blocks)
	l.errs = part(4 * blocks)
	if h.metric != Cosine {
		l.slotBounds = part(8 * n)
	}
	if h.metric == L2 {
		l.maxBias = part(4 * blocks)
		l.biases = part(4 * n)
	}
	l.fine = part(n * int64(h.dims) * h.storage.size())
	if h.coarse {
		stride := int64(coarseStride(h.dims))
		l.model = part(8 * stride)
		l.coarseCodes = part(n * stride / 2)
		l.coarseBlocks = part(12 * blocks)
		l.coarseSlots = part(8 * n)
	}
	l.size = at
	return l
}

func (h header) blocks() int { return (h.n + boundRows - 1) / boundRows }
