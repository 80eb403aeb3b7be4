package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A byteSet says how one instruction set multiplies bytes, a register of a row at a time.
type byteSet struct {
	suffix string
	size   int // bytes of a register
	// constants are made once, if there is any.
	constants func(g *gen) reg.VecVirtual
	// query makes of a register of the query what mac takes.
	query func(g *gen, q reg.VecVirtual) []reg.VecVirtual
	// mac adds the products with a register of a row, which it may change.
	mac func(g *gen, constants reg.VecVirtual, q []reg.VecVirtual, row, acc reg.VecVirtual)
	// special are numbers of dimensions for which the query stays in registers.
	special []int
}

// bytesAVX2 splits registers into 16-bit numbers of the bytes at even and at odd places.
// VPMADDWD adds two products of them in 32 bits, which cannot overflow. (VPMADDUBSW would
// multiply bytes directly, but adds two products in 16 bits with saturation, which
// full-range bytes reach.)
func bytesAVX2(g *gen) {
	byteSet{suffix: "AVX2", size: 32, constants: evenBytes(32), query: splitQuery, mac: macWords, special: []int{128}}.emit(g)
}

// bytesAVX512 is bytesAVX2 with registers of twice the size.
func bytesAVX512(g *gen) {
	byteSet{suffix: "AVX512", size: 64, constants: evenBytes(64), query: splitQuery, mac: macWords, special: []int{128, 384}}.emit(g)
}

// bytesVNNI uses VPDPBUSD, which adds four products of unsigned and signed bytes to a
// sum of 32 bits, without saturation.
func bytesVNNI(g *gen) {
	byteSet{
		suffix: "VNNI", size: 64,
		constants: func(*gen) reg.VecVirtual { return nil },
		query:     func(_ *gen, q reg.VecVirtual) []reg.VecVirtual { return []reg.VecVirtual{q} },
		mac: func(g *gen, _ reg.VecVirtual, q []reg.VecVirtual, row, acc reg.VecVirtual) {
			g.VPDPBUSD(q[0], row, acc)
		},
		special: []int{128, 256, 384, 512, 768, 1024},
	}.emit(g)
}

// evenBytes makes a register that selects the bytes at even places.
func evenBytes(size int) func(g *gen) reg.VecVirtual {
	return func(g *gen) reg.VecVirtual {
		m := g.vectors(1, size)[0]
		if size == 64 {
			g.VPTERNLOGD(U8(0xff), m, m, m)
		} else {
			g.VPCMPEQW(m, m, m)
		}
		g.VPSRLW(Imm(8), m, m)
		return m
	}
}

// splitQuery returns the signed bytes at even and at odd places as 16-bit numbers.
func splitQuery(g *gen, q reg.VecVirtual) []reg.VecVirtual {
	even := g.vectors(1, int(q.Size()))[0]
	g.VPSLLW(Imm(8), q, even)
	g.VPSRAW(Imm(8), even, even)
	g.VPSRAW(Imm(8), q, q)
	return []reg.VecVirtual{even, q}
}

// macWords does the same with the unsigned bytes of a row.
func macWords(g *gen, evenBytes reg.VecVirtual, q []reg.VecVirtual, row, acc reg.VecVirtual) {
	even := g.vectors(1, int(acc.Size()))[0]
	if acc.Size() == 64 {
		g.VPANDD(evenBytes, row, even)
	} else {
		g.VPAND(evenBytes, row, even)
	}
	g.VPSRLW(Imm(8), row, row)
	g.VPMADDWD(q[0], even, even)
	g.VPMADDWD(q[1], row, row)
	g.VPADDD(even, acc, acc)
	g.VPADDD(row, acc, acc)
}

// load loads a register.
func (s byteSet) load(g *gen, from Mem) reg.VecVirtual {
	x := g.vectors(1, s.size)[0]
	if s.size == 64 {
		g.VMOVDQU64(from, x)
	} else {
		g.VMOVDQU(from, x)
	}
	return x
}

func (s byteSet) emit(g *gen) {
	d := distance{dst: "int32", query: "int8", row: "uint8", rowSize: 1, group: 4, setup: s.setup, compute: s.compute}
	for _, dims := range s.special {
		d.special = append(d.special, special{dims, s.loadQuery(dims), s.computeLoaded})
	}
	d.rowsFunction(g, "dotU8Rows"+s.suffix)
	d.gatherFunction(g, "dotU8Gather"+s.suffix)
}

// bytePieces is the number of dimensions in whole registers, a mask for the rest, and
// constants.
type bytePieces struct {
	whole     reg.GPVirtual
	mask      reg.Register
	constants reg.VecVirtual
}

func (s byteSet) setup(g *gen, in inputs) any {
	p := bytePieces{whole: g.GP64(), constants: s.constants(g)}
	g.MOVQ(in.dims, p.whole)
	g.ANDQ(I32(int32(-s.size)), p.whole)
	rest := g.GP64()
	g.MOVQ(in.dims, rest)
	g.ANDQ(U32(s.size-1), rest)
	if s.size == 64 {
		k := g.K()
		g.KMOVQ(g.lowBits(rest), k)
		p.mask = k
		return p
	}
	table, m := g.GP64(), g.YMM()
	g.LEAQ(g.edges(), table)
	g.VMOVDQU(Mem{Base: table, Index: rest, Scale: 1, Disp: 64 - 32}, m)
	p.mask = m
	return p
}

func (s byteSet) compute(g *gen, in inputs, prepared any, rows []reg.GPVirtual) reg.Register {
	p := prepared.(bytePieces)
	accs := g.vectors(len(rows), s.size)
	g.zero(accs...)
	off := g.GP64()
	g.XORQ(off, off)
	at := func(base reg.Register) Mem { return Mem{Base: base, Index: off, Scale: 1} }

	piece, rest, sum := g.label("piece"), g.label("rest"), g.label("sum")
	g.CMPQ(off, p.whole)
	g.JE(LabelRef(rest))
	g.Label(piece)
	q := s.query(g, s.load(g, at(in.query)))
	for r := range rows {
		s.mac(g, p.constants, q, s.load(g, at(rows[r])), accs[r])
	}
	g.ADDQ(U32(s.size), off)
	g.CMPQ(off, p.whole)
	g.JB(LabelRef(piece))

	g.Label(rest)
	g.CMPQ(off, in.dims)
	g.JE(LabelRef(sum))
	s.rest(g, in, p, rows, at, accs)
	g.Label(sum)
	return reduce(g, accs, func(ops ...Op) { g.VPADDD(ops...) })
}

// rest takes the dimensions after the last whole register. With AVX-512 a mask keeps the
// loads within the vectors. AVX2 loads the last 32 bytes of the vectors, hence it needs
// 32 dimensions; those of the query that were taken before are set to zero.
func (s byteSet) rest(g *gen, in inputs, p bytePieces, rows []reg.GPVirtual, at func(reg.Register) Mem, accs []reg.VecVirtual) {
	load := func(base reg.Register) reg.VecVirtual {
		if s.size == 32 {
			return s.load(g, Mem{Base: base, Index: in.dims, Scale: 1, Disp: -32})
		}
		x := g.ZMM()
		g.VMOVDQU8_Z(at(base), p.mask, x)
		return x
	}
	last := load(in.query)
	if s.size == 32 {
		g.VPAND(p.mask, last, last)
	}
	q := s.query(g, last)
	for r := range rows {
		s.mac(g, p.constants, q, load(rows[r]), accs[r])
	}
}

// loadedQuery is a whole query in registers, and constants.
type loadedQuery struct {
	query     [][]reg.VecVirtual
	constants reg.VecVirtual
}

func (s byteSet) loadQuery(dims int) func(g *gen, in inputs) any {
	return func(g *gen, in inputs) any {
		loaded := loadedQuery{constants: s.constants(g)}
		for at := 0; at < dims; at += s.size {
			loaded.query = append(loaded.query, s.query(g, s.load(g, Mem{Base: in.query, Disp: at})))
		}
		return loaded
	}
}

func (s byteSet) computeLoaded(g *gen, _ inputs, prepared any, rows []reg.GPVirtual) reg.Register {
	loaded := prepared.(loadedQuery)
	accs := g.vectors(len(rows), s.size)
	g.zero(accs...)
	for i, q := range loaded.query {
		for r := range rows {
			s.mac(g, loaded.constants, q, s.load(g, Mem{Base: rows[r], Disp: i * s.size}), accs[r])
		}
	}
	return reduce(g, accs, func(ops ...Op) { g.VPADDD(ops...) })
}
