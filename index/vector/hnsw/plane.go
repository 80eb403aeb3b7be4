package hnsw

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// zero is the byte that stands for 0 in a row.
const zero = 128

// Plane is the byte plane of a vector section: what a graph is built and walked on.
// Slot i has the Dims bytes at i*Dims; byte u stands for u-128 times a step that is the
// same for all of the plane. How near a row is to a probe is its rank, higher is
// nearer: the dot product of the probe's signed bytes with the row's bytes, and, where
// there is a Bias, the slot's bias brought to the same unit.
//
// The rows of slots that are in a graph must not change. A graph may be made over a
// plane whose further rows are not written yet; a row must be complete when its slot is
// inserted.
type Plane struct {
	Dims  int
	Codes []uint8
	// Bias is empty, or holds what is added to a slot's dot product before two slots
	// are compared: minus half its squared length for Euclidean distance, nothing for
	// the dot product and the cosine.
	Bias []float32
	// RowUnit multiplies a Bias when a row is the probe: 1/step².
	RowUnit float32
}

// Probe is a question in the terms of a plane.
type Probe struct {
	// Codes are the question's values as signed bytes, Dims of them.
	Codes []int8
	// Unit multiplies a Bias for this question: 1/(step of the plane * step of Codes).
	Unit float32
	// Offset is 128 times the sum of Codes: what bytes being unsigned adds to a product.
	Offset int32

	row bool // it is a row of the plane: ranks are whole numbers
}

// Len returns the number of slots.
func (p *Plane) Len() int {
	if p.Dims <= 0 {
		return 0
	}
	return len(p.Codes) / p.Dims
}

// check refuses a plane that no graph can be over.
func (p *Plane) check() error {
	if p.Dims < 1 || p.Dims > kernel.MaxByteDims || len(p.Codes)%p.Dims != 0 || p.Len() >= MaxSlots ||
		(len(p.Bias) != 0 && len(p.Bias) < p.Len()) {
		return rag.Errorf(rag.KindInvalid, "hnsw: %d bytes and %d biases are no plane of %d dimensions", len(p.Codes), len(p.Bias), p.Dims)
	}
	return nil
}

// ranks sets dst[i] to the rank of ids[i]. It panics if there is no such slot.
//
// Where there is a Bias, the ranks for a question are the bits of floats in the order of
// integers: a bias may be very much larger than a product with a short question.
func (p *Plane) ranks(dst []int32, q Probe, ids []uint32) {
	kernel.DotU8Gather(dst, q.Codes, p.Codes, ids)
	switch {
	case len(p.Bias) == 0:
	case q.row:
		for i, id := range ids {
			dst[i] += p.rowBias(id)
		}
	default:
		for i, id := range ids {
			dst[i] = ordered(float32(dst[i]-q.Offset) + q.Unit*p.Bias[id])
		}
	}
}

// ordered returns a number that is as large among such numbers as f is among floats.
func ordered(f float32) int32 {
	b := int32(math.Float32bits(f))
	return b ^ int32(uint32(b>>31)>>1)
}

// disordered is the float that ordered has made a number of.
func disordered(x int32) float32 {
	return math.Float32frombits(uint32(x ^ int32(uint32(x>>31)>>1)))
}

// rowBias is the bias of a slot when a row is the probe.
func (p *Plane) rowBias(id uint32) int32 {
	if len(p.Bias) == 0 {
		return 0
	}
	// No row of bytes has half a square as long as this; biases of rows that were cut
	// off, or are damaged, may.
	const most = 1 << 29
	return int32(max(min(p.RowUnit*p.Bias[id], most), -most))
}

// probe makes the row of id the probe, in dst, and returns the sum of its values.
// The dot product of this probe with a row's bytes is 128 times that sum too high: what
// zero adds to it.
func (p *Plane) probe(dst []int8, id uint32) (Probe, int32) {
	row := p.Codes[int(id)*p.Dims:][:p.Dims]
	dst = dst[:len(row)]
	sum := int32(-zero * len(row))
	i := 0
	for ; i+8 <= len(row); i += 8 {
		// Eight bytes at once: the sum in four 16-bit lanes, twice two bytes a lane.
		x := binary.LittleEndian.Uint64(row[i:])
		const even = 0x00ff00ff00ff00ff
		lanes := x&even + x>>8&even
		sum += int32(lanes * 0x0001000100010001 >> 48)
		x ^= 0x8080808080808080
		d := dst[i : i+8 : i+8]
		d[0], d[1], d[2], d[3] = int8(x), int8(x>>8), int8(x>>16), int8(x>>24)
		d[4], d[5], d[6], d[7] = int8(x>>32), int8(x>>40), int8(x>>48), int8(x>>56)
	}
	for ; i < len(row); i++ {
		dst[i] = int8(row[i] ^ zero)
		sum += int32(row[i])
	}
	return Probe{Codes: dst, row: true}, sum
}
