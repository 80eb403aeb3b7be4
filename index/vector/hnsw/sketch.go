package hnsw

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
)

// Sketches are what a walk reads of a node before it reads the node's row, which is several
// times as long and mostly far: the signs z of r = x - c, for a centre c that all rows
// share, and two numbers with which
//
//	<q,x> is about <q,c> + b + f*<z,q-c>
//
// f = |r|²/<z,r>, b = <r,c> + bias(x): the estimate of RaBitQ (Gao and Long 2024), as in the
// inverted file. All in steps of the plane, where rows and c are whole numbers.
type sketches struct {
	dims   int
	centre []uint8 // bytes like a row's
	rows   []byte  // as kernel.SignsAtLeast wants them
}

// sketchedFrom is the least number of bytes of a row that has a sketch. Shorter rows are
// read as fast as their sketches and themselves where that is needed.
const sketchedFrom = 256

// sketchSize returns the bytes of a sketch of rows of so many bytes, 0 if there is none.
func sketchSize(dims int) int {
	if dims < sketchedFrom {
		return 0
	}
	return kernel.SignRowSize(dims)
}

// size is the number of bytes of a sketch.
func (s *sketches) size() int { return sketchSize(s.dims) }

// centreOf returns the mean of the rows of some slots, rounded.
func (p *Plane) centreOf(slots []uint32) []uint8 {
	sums := make([]int, p.Dims)
	for _, x := range slots {
		for j, b := range p.row(x) {
			sums[j] += int(b)
		}
	}
	centre := make([]uint8, p.Dims)
	n := max(len(slots), 1)
	for j, sum := range sums {
		centre[j] = uint8((sum + n/2) / n)
	}
	return centre
}

// row returns the bytes of a slot.
func (p *Plane) row(x uint32) []uint8 { return p.Codes[int(x)*p.Dims:][:p.Dims] }

// sketch writes the sketch of a slot to dst, which is zero.
func (p *Plane) sketch(dst []byte, x uint32, centre []uint8) {
	var rr, zr, rc int
	for j, u := range p.row(x) {
		c := int(centre[j])
		r := int(u) - c
		rr += r * r
		rc += r * (c - zero)
		if r >= 0 {
			dst[j/8] |= 1 << (j % 8)
			zr += r
		} else {
			zr -= r
		}
	}
	f, b := float32(0), float32(rc)
	if zr > 0 {
		f = float32(rr) / float32(zr)
	}
	if len(p.Bias) > 0 {
		b += p.RowUnit * p.Bias[x]
	}
	end := dst[len(dst)-8:]
	binary.LittleEndian.PutUint32(end, math.Float32bits(f))
	binary.LittleEndian.PutUint32(end[4:], math.Float32bits(b))
}

// sieve is the sketches with a question: it puts nodes aside that are too far to be ranked.
type sieve struct {
	*sketches          // nil: nothing is put aside
	planes      []byte // the bits of q-c
	scale, bias float32
	unit, base  float64 // what makes a rank the floor of estimates
	offset      int32   // that ranks are too high by
	floats      bool    // ranks are those of floats, see ordered
}

// What a question is rounded to: steps are that many of the usual value of a dimension, so that
// what is cut off lies beyond three of them; margin is how much too low an estimate may be,
// in units of f*|q-c|, of which .6 is a usual error.
const (
	sketchStep   = .4
	sketchMargin = .9
)

// sketchesPay reports whether sketches are faster than the plane on this processor. Tests have them used anywhere.
var sketchesPay = kernel.SignsAreFast

// begin prepares the sieve for a question. It lets everything through if there are no sketches, or
// if the question cannot be told from the centre.
func (v *sieve) begin(s *sketches, p *Plane, q Probe) {
	v.sketches = nil
	if s.size() == 0 || !sketchesPay() {
		return
	}
	// With y = u*q - c, where u brings the question to the plane's steps:
	// u*<q,x> = u*<q,c> + <r,c> + <y,r>.
	codes, centre := q.Codes[:s.dims], s.centre[:s.dims]
	var qq, qc, cc int64
	for j, x := range codes {
		x, c := int64(x), int64(centre[j])-zero
		qq += x * x
		qc += x * c
		cc += c * c
	}
	u := float64(p.RowUnit) / float64(q.Unit)
	length := math.Sqrt(u*u*float64(qq) - 2*u*float64(qc) + float64(cc))
	step := sketchStep * length / math.Sqrt(float64(s.dims))
	if !(step > 1e-3 && u/step < 1e6) {
		return
	}
	v.sketches = s
	total := v.fill(codes, centre, u/step, 1/step)
	v.scale = float32(2 * step)
	v.bias = float32(sketchMargin*length - step*float64(total))
	v.unit, v.base = u, u*float64(qc)
	v.offset, v.floats = q.Offset, len(p.Bias) > 0
}

// end lets go of the sketches, whose memory may be unmapped.
func (v *sieve) end() { v.sketches = nil }

// fill writes the bits of a*q - b*c, rounded and cut off at -8 and 7, and returns their sum.
func (v *sieve) fill(codes []int8, centre []uint8, a, b float64) (total int) {
	const point = 20 // bits after the point
	fa, fb := int64(a*(1<<point)), int64(b*(1<<point))
	start := fb*zero + 17<<(point-1) // 8, and a half for rounding
	size := v.size()
	v.planes = resized(v.planes, kernel.SignPlanes*size)
	for at := 0; at < len(codes); at += 8 {
		// Eight values as bytes of a word, 8 too large.
		var word uint64 = 0x0808080808080808
		if q := codes[at:]; len(q) >= 8 {
			c := centre[at:][:8]
			word = 0
			for i, x := range q[:8] {
				word |= uint64(max(0, min(15, (start+fa*int64(x)-fb*int64(c[i]))>>point))) << (8 * i)
			}
		} else {
			for i, x := range q {
				word &^= 0xff << (8 * i)
				word |= uint64(max(0, min(15, (start+fa*int64(x)-fb*int64(centre[at+i]))>>point))) << (8 * i)
			}
		}
		total += int(word*0x0101010101010101>>56) - 64
		word ^= 0x0808080808080808 // two's complement
		for p := range kernel.SignPlanes {
			// The lowest bits of eight bytes, brought together in the highest byte.
			v.planes[p*size+at/8] = byte(word >> p & 0x0101010101010101 * 0x0102040810204080 >> 56)
		}
	}
	return total
}

// resized returns a slice of n zeros, in v's memory if that is large enough.
func resized(v []byte, n int) []byte {
	if cap(v) < n {
		return make([]byte, n)
	}
	v = v[:n]
	clear(v)
	return v
}

// ahead asks for the sketches of ids.
func (v *sieve) ahead(ids []uint32) { kernel.Prefetch(v.rows, v.size(), ids) }

// sift keeps those of ids, in place, that may have a rank above floor, and returns their number.
func (v *sieve) sift(ids []uint32, floor int32) int {
	rank := float64(floor - v.offset)
	if v.floats {
		rank = float64(disordered(floor))
	}
	return kernel.SignsAtLeast(ids, v.planes, v.rows, ids, v.scale, v.bias, float32(rank*v.unit-v.base))
}
