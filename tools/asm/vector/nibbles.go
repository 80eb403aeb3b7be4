package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A nibbleSet says how one instruction set multiplies rows of 4-bit numbers with a query of bytes. 64 bytes of a row are 128
// dimensions, the first 64 in the lower halves of the bytes.
type nibbleSet struct {
	suffix string
	size   int // bytes of a register
	// ones are 16-bit ones, if mac wants them.
	ones bool
	mac  func(g *gen, ones, q, row, acc reg.VecVirtual)
}

// nibblesAVX2 multiplies bytes directly: two products of at most 15*128 fit into 16 bits.
func nibblesAVX2(g *gen) {
	nibbleSet{suffix: "AVX2", size: 32, ones: true, mac: func(g *gen, ones, q, row, acc reg.VecVirtual) {
		g.VPMADDUBSW(q, row, row)
		g.VPMADDWD(ones, row, row)
		g.VPADDD(row, acc, acc)
	}}.emit(g)
}

func nibblesVNNI(g *gen) {
	nibbleSet{suffix: "VNNI", size: 64, mac: func(g *gen, _, q, row, acc reg.VecVirtual) {
		g.VPDPBUSD(q, row, acc)
	}}.emit(g)
}

func (s nibbleSet) emit(g *gen) {
	d := distance{dst: "int32", query: "int8", row: "uint8", halves: true, group: 4, setup: s.setup, compute: s.compute}
	d.rowsFunction(g, "dotU4Rows"+s.suffix)
}

// nibbleConstants are bytes of 15 and, if wanted, 16-bit ones.
type nibbleConstants struct {
	low, ones reg.VecVirtual
	end       reg.GPVirtual // the size of a row
}

func (s nibbleSet) setup(g *gen, in inputs) any {
	c := nibbleConstants{low: g.vectors(1, s.size)[0], end: g.GP64()}
	g.MOVQ(in.dims, c.end)
	g.SHRQ(Imm(1), c.end)
	g.VPBROADCASTD(g.data("lowHalves", fill(8, func(int) byte { return 15 })), c.low)
	if s.ones {
		c.ones = g.vectors(1, s.size)[0]
		g.VPCMPEQW(c.ones, c.ones, c.ones)
		g.VPSRLW(Imm(15), c.ones, c.ones)
	}
	return c
}

func (s nibbleSet) compute(g *gen, in inputs, prepared any, rows []reg.GPVirtual) reg.Register {
	c := prepared.(nibbleConstants)
	accs := g.vectors(len(rows), s.size)
	g.zero(accs...)
	off := g.GP64()
	g.XORQ(off, off)
	piece := g.label("piece")
	g.Label(piece)
	for part := 0; part < 64; part += s.size {
		q := g.vectors(2, s.size)
		for half := range q {
			s.load(g, Mem{Base: in.query, Index: off, Scale: 2, Disp: 64*half + part}, q[half])
		}
		for r := range rows {
			x := g.vectors(2, s.size)
			s.load(g, Mem{Base: rows[r], Index: off, Scale: 1, Disp: part}, x[0])
			g.VPSRLW(Imm(4), x[0], x[1])
			for half := range x {
				if s.size == 64 {
					g.VPANDD(c.low, x[half], x[half])
				} else {
					g.VPAND(c.low, x[half], x[half])
				}
				s.mac(g, c.ones, q[half], x[half], accs[r])
			}
		}
	}
	g.ADDQ(U32(64), off)
	g.CMPQ(off, c.end)
	g.JB(LabelRef(piece))
	return reduce(g, accs, func(ops ...Op) { g.VPADDD(ops...) })
}

func (s nibbleSet) load(g *gen, from Mem, x reg.VecVirtual) {
	if s.size == 64 {
		g.VMOVDQU64(from, x)
	} else {
		g.VMOVDQU(from, x)
	}
}
