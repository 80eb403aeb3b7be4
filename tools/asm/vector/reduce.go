package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// reduce adds up the elements of each accumulator and returns a 16-byte register with
// the sums of accs[0], accs[1] ... from its lowest element on. There are one, two or
// four accumulators of 32 or 64 bytes. However many there are, an accumulator's
// elements are added in the same order, so that a sum of floats has the same bits: in
// each 16 bytes (0+2)+(1+3), then the upper half of the register to the lower one,
// until 16 bytes are left.
func reduce(g *gen, accs []reg.VecVirtual, add func(ops ...Op)) reg.Register {
	sum := accs[0]
	switch len(accs) {
	case 1:
		turned := g.vectors(1, int(sum.Size()))[0]
		g.VPSHUFD(Imm(0x4e), sum, turned)
		add(turned, sum, sum)
		g.VPSHUFD(Imm(0xb1), sum, turned)
		add(turned, sum, sum)
	case 2:
		sum = pair(g, accs[0], accs[1], add)
		turned := g.vectors(1, int(sum.Size()))[0]
		g.VPSHUFD(Imm(0x4e), sum, turned)
		add(turned, sum, sum)
	case 4:
		low, high := pair(g, accs[0], accs[1], add), pair(g, accs[2], accs[3], add)
		ts := g.vectors(2, int(sum.Size()))
		g.VPUNPCKLQDQ(high, low, ts[0])
		g.VPUNPCKHQDQ(high, low, ts[1])
		add(ts[1], ts[0], ts[0])
		sum = ts[0]
	default:
		panic("no way to reduce so many accumulators")
	}
	upper := g.YMM()
	if sum.Size() == 64 {
		g.VEXTRACTI64X4(Imm(1), sum, upper)
		add(upper, sum.AsY(), sum.AsY())
		g.VEXTRACTI32X4(Imm(1), sum.AsY(), upper.AsX()) // takes registers above 15 too
	} else {
		g.VEXTRACTI128(Imm(1), sum.AsY(), upper.AsX())
	}
	add(upper.AsX(), sum.AsX(), sum.AsX())
	return sum.AsX()
}

// pair returns, in each 16 bytes, a0+a2, b0+b2, a1+a3, b1+b3.
func pair(g *gen, a, b reg.VecVirtual, add func(ops ...Op)) reg.VecVirtual {
	ts := g.vectors(2, int(a.Size()))
	g.VPUNPCKLDQ(b, a, ts[0])
	g.VPUNPCKHDQ(b, a, ts[1])
	add(ts[1], ts[0], ts[0])
	return ts[0]
}
