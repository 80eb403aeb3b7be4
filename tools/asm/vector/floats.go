package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A floatSet says how one instruction set computes with floats: size of registers,
// rows at a time. A row has four accumulators, for pieces of four registers, so that
// an addition need not wait for the one before even if the row is alone. Pieces of
// one register go to the first accumulator, the rest to the second.
type floatSet struct {
	suffix string
	size   int // bytes of a register
	group  int
}

var (
	avx2Floats   = floatSet{"AVX2", 32, 2}
	avx512Floats = floatSet{"AVX512", 64, 4}
)

// floats emits the functions for dot products and distances.
func floats(g *gen, s floatSet) {
	dot := s.distance(4, s.dotStep)
	dot.oneFunction(g, "dot"+s.suffix)
	dot.rowsFunction(g, "dotRows"+s.suffix)
	dot.gatherFunction(g, "dotGather"+s.suffix)
	l2 := s.distance(4, s.l2Step)
	l2.oneFunction(g, "l2"+s.suffix)
	l2.rowsFunction(g, "l2Rows"+s.suffix)
	half := s.distance(2, s.halfStep)
	half.rowsFunction(g, "dotF16Rows"+s.suffix)
	half.gatherFunction(g, "dotF16Gather"+s.suffix)
}

// step adds what a register of the query and a place in a row give. The row is a
// place in memory, or a register whose elements beyond the row are zero.
type step func(g *gen, q reg.VecVirtual, row Op, acc reg.VecVirtual)

func (s floatSet) dotStep(g *gen, q reg.VecVirtual, row Op, acc reg.VecVirtual) {
	g.VFMADD231PS(row, q, acc)
}

func (s floatSet) l2Step(g *gen, q reg.VecVirtual, row Op, acc reg.VecVirtual) {
	difference := g.vectors(1, s.size)[0]
	g.VSUBPS(row, q, difference)
	g.VFMADD231PS(difference, difference, acc)
}

func (s floatSet) halfStep(g *gen, q reg.VecVirtual, row Op, acc reg.VecVirtual) {
	wide := g.vectors(1, s.size)[0]
	g.VCVTPH2PS(row, wide)
	g.VFMADD231PS(wide, q, acc)
}

// pieces are numbers of dimensions: in whole pieces of four registers, in whole
// registers. mask selects the rest.
type pieces struct {
	four, one reg.GPVirtual
	mask      reg.Register
	halfMask  reg.Register
}

func (s floatSet) distance(rowSize int, step step) distance {
	d := distance{dst: "float32", query: "float32", row: "float32", rowSize: rowSize, group: s.group}
	if rowSize == 2 {
		d.row = "uint16"
	}
	lanes := s.size / 4
	d.setup = func(g *gen, in inputs) any {
		p := pieces{four: g.GP64(), one: g.GP64()}
		g.MOVQ(in.dims, p.four)
		g.ANDQ(I32(int32(-4*lanes)), p.four)
		g.MOVQ(in.dims, p.one)
		g.ANDQ(I32(int32(-lanes)), p.one)
		p.mask, p.halfMask = s.masks(g, in, rowSize)
		return p
	}
	d.compute = func(g *gen, in inputs, prepared any, rows []reg.GPVirtual) reg.Register {
		return s.compute(g, in, prepared.(pieces), rows, rowSize, step)
	}
	return d
}

// masks select the last dims%lanes elements of a register, or of the last register of
// a row, as rest takes them.
func (s floatSet) masks(g *gen, in inputs, rowSize int) (mask, halfMask reg.Register) {
	rest := g.GP64()
	g.MOVQ(in.dims, rest)
	if s.size == 64 {
		g.ANDQ(U32(15), rest)
		k := g.K()
		g.KMOVW(g.lowBits(rest).As32(), k)
		return k, k
	}
	g.ANDQ(U32(7), rest)
	table := g.GP64()
	g.LEAQ(g.edges(), table)
	m := g.YMM()
	if rowSize == 4 { // the first lanes
		g.SHLQ(Imm(2), rest)
		g.SUBQ(rest, table)
		g.VMOVDQU(Mem{Base: table, Disp: 32}, m)
		return m, nil
	}
	// The last lanes of floats, and of half floats.
	h := g.XMM()
	g.VMOVDQU(Mem{Base: table, Index: rest, Scale: 4, Disp: 64 - 32}, m)
	g.VMOVDQU(Mem{Base: table, Index: rest, Scale: 2, Disp: 64 - 16}, h)
	return m, h
}

func (s floatSet) compute(g *gen, in inputs, p pieces, rows []reg.GPVirtual, rowSize int, step step) reg.Register {
	accs := make([][]reg.VecVirtual, len(rows))
	for r := range rows {
		accs[r] = g.vectors(4, s.size)
		g.zero(accs[r]...)
	}
	lanes := s.size / 4
	off := g.GP64()
	g.XORQ(off, off)
	query := func(i int) Mem { return Mem{Base: in.query, Index: off, Scale: 4, Disp: i * s.size} }
	row := func(r, i int) Mem {
		return Mem{Base: rows[r], Index: off, Scale: uint8(rowSize), Disp: i * lanes * rowSize}
	}

	by4, by1, rest, sum := g.label("by4"), g.label("by1"), g.label("rest"), g.label("sum")
	g.CMPQ(off, p.four)
	g.JE(LabelRef(by1 + "_any"))
	g.Label(by4)
	for i := range 4 {
		q := g.vectors(1, s.size)[0]
		g.VMOVUPS(query(i), q)
		for r := range rows {
			step(g, q, row(r, i), accs[r][i])
		}
	}
	g.ADDQ(U32(4*lanes), off)
	g.CMPQ(off, p.four)
	g.JB(LabelRef(by4))

	g.Label(by1 + "_any")
	g.CMPQ(off, p.one)
	g.JE(LabelRef(rest))
	g.Label(by1)
	q := g.vectors(1, s.size)[0]
	g.VMOVUPS(query(0), q)
	for r := range rows {
		step(g, q, row(r, 0), accs[r][0])
	}
	g.ADDQ(U32(lanes), off)
	g.CMPQ(off, p.one)
	g.JB(LabelRef(by1))

	g.Label(rest)
	g.CMPQ(off, in.dims)
	g.JE(LabelRef(sum))
	s.rest(g, in, p, rows, rowSize, step, func(r int) Mem { return row(r, 0) }, query(0), accs)

	g.Label(sum)
	sums := make([]reg.VecVirtual, len(rows))
	for r, a := range accs {
		g.VADDPS(a[1], a[0], a[0])
		g.VADDPS(a[3], a[2], a[2])
		g.VADDPS(a[2], a[0], a[0])
		sums[r] = a[0]
	}
	return reduce(g, sums, func(ops ...Op) { g.VADDPS(ops...) })
}

// rest takes the dimensions after the last whole register. With AVX-512 a mask keeps
// the loads within the vectors. So it does with AVX2 for float32; float16 has no such
// load there: the last eight elements of the vectors are loaded, of which those that
// were taken before are set to zero. Hence AVX2 needs eight dimensions for float16.
func (s floatSet) rest(g *gen, in inputs, p pieces, rows []reg.GPVirtual, rowSize int, step step, row func(r int) Mem, query Mem, accs [][]reg.VecVirtual) {
	q := g.vectors(1, s.size)[0]
	switch {
	case s.size == 64:
		g.VMOVUPS_Z(query, p.mask, q)
		for r := range rows {
			x := g.ZMM()
			if rowSize == 4 {
				g.VMOVUPS_Z(row(r), p.mask, x)
				step(g, q, x, accs[r][1])
			} else {
				g.VMOVDQU16_Z(row(r), p.mask, x.AsY())
				step(g, q, x.AsY(), accs[r][1])
			}
		}
	case rowSize == 4:
		g.VMASKMOVPS(query, p.mask, q)
		for r := range rows {
			x := g.YMM()
			g.VMASKMOVPS(row(r), p.mask, x)
			step(g, q, x, accs[r][1])
		}
	default:
		g.VMOVUPS(Mem{Base: in.query, Index: in.dims, Scale: 4, Disp: -32}, q)
		g.VPAND(p.mask, q, q)
		for r := range rows {
			x := g.XMM()
			g.VMOVDQU(Mem{Base: rows[r], Index: in.dims, Scale: 2, Disp: -16}, x)
			g.VPAND(p.halfMask, x, x)
			step(g, q, x, accs[r][1])
		}
	}
}
