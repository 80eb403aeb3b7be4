package ivf

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
)

// entry is what a list knows of a vector x: the signs z of what is left of it beside
// the centroid c, r = x - c, and two numbers with which
//
//	rank(q,x) is about <q,c> + b + f*<z,q>
//
// f = |r|²/<z,r> makes f*<z,v> an estimate of <r,v> that is right for v = r and without
// bias for the rest (RaBitQ, Gao and Long 2024). Taken for v = q - c it gives
// <q,x> = <q,c> + <r,c> + <r,q-c>, hence b = <r,c> - f*<z,c> + bias(x).
type entry struct {
	f, b float32
}

// encoder makes entries. It is for one goroutine.
type encoder struct {
	dims  int
	turn  *rotation
	x     []float32 // turned
	signs []byte    // a nibble for 4 dimensions
}

func newEncoder(dims int, turn *rotation) *encoder {
	return &encoder{dims: dims, turn: turn, x: make([]float32, dims), signs: make([]byte, 4*chunks(dims))}
}

// encode makes the entry of x in the list of a centroid, which is turned already. The
// signs are left in e.signs.
func (e *encoder) encode(x, centroid []float32, bias float32) entry {
	copy(e.x, x)
	e.turn.apply(e.x)
	clear(e.signs)
	var rr, zr, rc, zc float32
	for j, c := range centroid[:len(e.x)] {
		r := e.x[j] - c
		rr += r * r
		rc += r * c
		if r >= 0 {
			e.signs[j/4] |= 1 << (j % 4)
			zr += r
			zc += c
		} else {
			zr -= r
			zc -= c
		}
	}
	if !(zr > 0) { // x is the centroid
		return entry{b: bias}
	}
	f := rr / zr
	return entry{f: f, b: rc - f*zc + bias}
}

// A block holds the codes of 32 entries in the order that kernel.LookupScan describes,
// then their f, then their b.

// clearBlock makes all places of a block empty.
func clearBlock(block []byte) {
	clear(block)
	b := block[len(block)-4*kernel.LookupBlock:]
	for i := range kernel.LookupBlock {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(float32(math.Inf(-1))))
	}
}

// nibble returns where the nibble of 4 dimensions is in a block for an entry.
func nibble(at, entry int) (place, shift int) {
	return at/4*64 + 4*(entry%16) + at%4, entry / 16 * 4
}

// put writes an entry into a cleared place of a block.
func put(block []byte, at int, e entry, signs []byte) {
	for m, s := range signs {
		place, shift := nibble(m, at)
		block[place] |= s << shift
	}
	f := block[len(block)-8*kernel.LookupBlock:]
	binary.LittleEndian.PutUint32(f[4*at:], math.Float32bits(e.f))
	binary.LittleEndian.PutUint32(f[4*(kernel.LookupBlock+at):], math.Float32bits(e.b))
}

// get reads an entry of a block, and its signs.
func get(block []byte, at int, signs []byte) entry {
	for m := range signs {
		place, shift := nibble(m, at)
		signs[m] = block[place] >> shift & 15
	}
	f := block[len(block)-8*kernel.LookupBlock:]
	return entry{
		f: math.Float32frombits(binary.LittleEndian.Uint32(f[4*at:])),
		b: math.Float32frombits(binary.LittleEndian.Uint32(f[4*(kernel.LookupBlock+at):])),
	}
}
