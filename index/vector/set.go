package vector

import (
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// Set is an opened vector section. It never changes; all its methods may run at the
// same time.
//
// What it returns of the section's memory, numbers of rows and slots among it, may be
// damaged until the section's checksum was verified: see "Damage" in
// index/engine/DESIGN.md.
type Set struct {
	header
	stride  int
	slotRow []uint32
	rowSlot []uint32
	codes   []uint8
	norms   []float32 // |x^| of blocks, and of all; x^ is what the bytes of x say
	errs    []float32 // |x - x^| of blocks, and of all
	maxBias []float32 // of blocks, and of all; nil unless L2
	biases  []float32 // nil unless L2
	// slotBounds has |x^| and |x - x^| of each slot; nil for Cosine, where all have about the
	// same length, so that the bounds of blocks are good enough.
	slotBounds []float32
	f32        []float32 // Float32 alone
	f16        []uint16  // Float16 alone
	coarse     *coarse   // nil unless the section has one
}

// Open makes a set of a section's bytes, which it keeps. They begin at a multiple of
// 64, as section.Alloc and mapped files do. What is wrong with the header or the
// length is KindInvalid. Its time does not depend on the number of vectors.
func Open(data []byte) (*Set, error) {
	if !Aligned(data) {
		return nil, rag.Errorf(rag.KindInternal, "vector section: the memory is not aligned")
	}
	h, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	l := h.layout()
	if l.size != int64(len(data)) {
		return nil, rag.Errorf(rag.KindInvalid, "vector section: %d bytes for %d vectors of %d dimensions, want %d",
			len(data), h.n, h.dims, l.size)
	}
	n, blocks := int64(h.n), int64(h.blocks())+1
	s := &Set{
		header:  h,
		stride:  stride(h.dims),
		slotRow: section.View[uint32](data[l.slotRow:][:4*n]),
		rowSlot: section.View[uint32](data[l.rowSlot:][:4*h.rows]),
		codes:   data[l.codes:][:n*int64(stride(h.dims))],
		norms:   section.View[float32](data[l.norms:][:4*blocks]),
		errs:    section.View[float32](data[l.errs:][:4*blocks]),
	}
	if h.metric != Cosine {
		s.slotBounds = section.View[float32](data[l.slotBounds:][:8*n])
	}
	if h.metric == L2 {
		s.maxBias = section.View[float32](data[l.maxBias:][:4*blocks])
		s.biases = section.View[float32](data[l.biases:][:4*n])
	}
	s.coarse = l.coarse(h, data)
	fine := data[l.fine:][:n*int64(h.dims)*h.storage.size()]
	switch h.storage {
	case Float32:
		s.f32 = section.View[float32](fine)
	case Float16:
		s.f16 = section.View[uint16](fine)
	}
	return s, nil
}

// Len returns the number of vectors, which are in the slots 0 to Len()-1.
func (s *Set) Len() int { return s.n }

// Dims returns the number of dimensions.
func (s *Set) Dims() int { return s.dims }

// Rows returns the number of rows of the segment, those without a vector among them.
func (s *Set) Rows() int { return s.rows }

// Metric returns the metric.
func (s *Set) Metric() Metric { return s.metric }

// Storage returns the finest form that is kept.
func (s *Set) Storage() Storage { return s.storage }

// SlotRow returns the row of a slot below Len.
func (s *Set) SlotRow(slot uint32) uint32 { return s.slotRow[slot] }

// SlotRows returns the rows of all slots, in the section's memory.
func (s *Set) SlotRows() []uint32 { return s.slotRow }

// Slot returns the slot of a row, and whether the row has a vector: then the slot is
// below Len.
func (s *Set) Slot(row uint32) (uint32, bool) {
	if uint64(row) >= uint64(len(s.rowSlot)) {
		return 0, false
	}
	slot := s.rowSlot[row]
	return slot, uint64(slot) < uint64(s.n)
}

// Codes returns the byte plane, in the section's memory: Stride bytes a slot.
//
// Byte b of a slot stands for Scale()*(b-128). Hence the rank of slot x for a query q is
// about
//
//	Factor(q) * (sum_j q.Code()[j]*byte[j] - q.Offset()) + Bias(x)
func (s *Set) Codes() []uint8 { return s.codes }

// Code returns the bytes of a slot.
func (s *Set) Code(slot uint32) []uint8 { return s.codes[int(slot)*s.stride:][:s.stride] }

// Stride returns the bytes a slot has in the byte plane: the dimensions, rounded up to
// a multiple of 64.
func (s *Set) Stride() int { return s.stride }

// Scale returns the step between two byte values.
func (s *Set) Scale() float32 { return s.scale }

// Factor returns what turns products of q's code and a slot's bytes into ranks; see Codes.
func (s *Set) Factor(q *Query) float32 { return s.scale * q.scale }

// Biases returns the biases of all slots, in the section's memory; nil if all are 0,
// as for the cosine and the inner product.
func (s *Set) Biases() []float32 { return s.biases }

// Signed writes the code of a slot as that of a query to dst, which has Stride places,
// so that slots can be compared with each other. It returns what Query.Offset is for
// it; its scale is Scale.
func (s *Set) Signed(slot uint32, dst []int8) (offset int32) {
	for i, b := range s.Code(slot) {
		x := int8(b ^ 0x80)
		dst[i] = x
		offset += int32(x)
	}
	return 128 * offset
}

// Vector returns the vector of a slot in its finest form, in dst, which has Dims
// places, or in the section's memory, which is not to be changed.
func (s *Set) Vector(slot int, dst []float32) []float32 {
	switch s.storage {
	case Float32:
		return s.f32[slot*s.dims:][:s.dims:s.dims]
	case Float16:
		dst = dst[:s.dims]
		kernel.FromF16(dst, s.f16[slot*s.dims:][:s.dims])
		return dst
	}
	dst = dst[:s.dims]
	decode(dst, s.Code(uint32(slot)), s.scale)
	return dst
}

func (s *Set) byteScale() (float32, bool) { return s.scale, s.storage == Int8 }
