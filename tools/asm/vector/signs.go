package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	signs      = "func(dst []uint32, planes []byte, rows []byte, at []uint32, scale float32, bias float32, floor float32) (n int, ok bool)"
	signPlanes = 4
)

// signsBITALG emits the estimates from signs, for four rows at a time. The bits that a row and a plane both
// have are counted byte by byte (VPOPCNTB), and VPDPBUSD adds the counts with the weight of
// the plane to sums of 32 bits, as if they were products of bytes. The last 8 bytes of a
// row are no signs: there the planes are zero.
func signsBITALG(g *gen) {
	g.function("signsBITALG", signs, "takes rows of 32 bytes or a multiple of 64. There is at least one row.")
	dst, at, count := g.base("dst"), g.base("at"), g.length("at")
	planes, size := g.base("planes"), g.length("planes")
	g.SHRQ(Imm(2), size)
	rows, last := g.base("rows"), g.length("rows")
	g.SUBQ(size, last)
	g.JB(LabelRef("outside"))
	n := g.GP64()
	g.XORQ(n, n)

	s := signScan{gen: g, dst: dst, at: at, planes: planes, size: size, rows: rows, last: last, count: count, n: n}
	for _, fixed := range []int{32, 64} {
		other := g.label("other")
		g.CMPQ(size, U32(fixed))
		g.JNE(LabelRef(other))
		s.body(fixed)
		g.Label(other)
	}
	s.body(0)
	g.Label("outside")
	g.VZEROUPPER()
	g.returnBool(false)
	g.RET()
}

// A signScan is the registers of the function.
type signScan struct {
	*gen
	dst, at, planes, size, rows, last, count, n reg.GPVirtual
}

// body emits the scan for one size of a row, or for any multiple of 64.
func (s signScan) body(fixed int) {
	width := 64
	if fixed == 32 {
		width = 32
	}
	weights := s.vectors(signPlanes, width)
	for j, w := range weights {
		s.VPBROADCASTD(s.data("weights", signWeights()).Offset(4*j), w)
	}
	var loaded []reg.VecVirtual
	if fixed > 0 {
		loaded = s.vectors(signPlanes, width)
		for j, p := range loaded {
			s.load(Mem{Base: s.planes, Disp: j * fixed}, p)
		}
	}
	d := distance{group: 4}
	d.groups(s.gen, s.count, func(n int) {
		rows := make([]reg.GPVirtual, n)
		for i := range rows {
			rows[i] = s.GP64()
			s.MOVL(Mem{Base: s.at, Disp: 4 * i}, rows[i].As32())
			s.IMULQ(s.size, rows[i])
			s.CMPQ(rows[i], s.last)
			s.JHI(LabelRef("outside"))
			s.ADDQ(s.rows, rows[i])
		}
		sums := s.vectors(n, width)
		s.zero(sums...)
		if fixed > 0 {
			for i, r := range rows {
				x := s.vectors(1, width)[0]
				s.load(Mem{Base: r}, x)
				for j, p := range loaded {
					s.add(x, p, weights[j], sums[i])
				}
			}
		} else {
			s.pieces(rows, weights, sums)
		}
		s.finish(rows, reduce(s.gen, sums, func(ops ...Op) { s.VPADDD(ops...) }))
		s.ADDQ(U32(4*n), s.at)
	})
	s.MOVQ(s.n, s.result("n"))
	s.returnBool(true)
	s.VZEROUPPER()
	s.RET()
}

func signWeights() []byte {
	return fill(4*signPlanes, func(i int) byte { return []byte{1, 2, 4, 0xf8}[i/4] })
}

func (s signScan) load(from Mem, x reg.VecVirtual) {
	if x.Size() == 64 {
		s.VMOVDQU64(from, x)
	} else {
		s.VMOVDQU(from, x)
	}
}

// add adds the weighted number of bits that are in both x and a plane.
func (s signScan) add(x, plane reg.VecVirtual, weight, sum reg.VecVirtual) {
	both := s.vectors(1, int(sum.Size()))[0]
	s.VPANDQ(plane, x, both)
	s.VPOPCNTB(both, both)
	s.VPDPBUSD(weight, both, sum)
}

// pieces goes through rows of any multiple of 64 bytes.
func (s signScan) pieces(rows []reg.GPVirtual, weights, sums []reg.VecVirtual) {
	off, next := s.GP64(), s.label("piece")
	s.XORQ(off, off)
	s.Label(next)
	planes := s.vectors(signPlanes, 64)
	from := s.GP64()
	s.LEAQ(Mem{Base: s.planes, Index: off, Scale: 1}, from)
	for _, p := range planes {
		s.VMOVDQU64(Mem{Base: from}, p)
		s.ADDQ(s.size, from)
	}
	for i, r := range rows {
		x := s.ZMM()
		s.VMOVDQU64(Mem{Base: r, Index: off, Scale: 1}, x)
		for j, p := range planes {
			s.add(x, p, weights[j], sums[i])
		}
	}
	s.ADDQ(U32(64), off)
	s.CMPQ(off, s.size)
	s.JB(LabelRef(next))
}

// finish turns the sums of one row or four into estimates, and writes the numbers of those that
// reach the floor.
func (s signScan) finish(rows []reg.GPVirtual, sum reg.Register) {
	own := s.vectors(len(rows), 16) // f and b of each row
	for i, r := range rows {
		s.VMOVQ(Mem{Base: r, Index: s.size, Scale: 1, Disp: -8}, own[i])
	}
	f, b := own[0], s.XMM()
	if len(rows) == 1 {
		s.VPSHUFD(Imm(1), f, b)
	} else {
		s.VUNPCKLPS(own[1], own[0], own[0])
		s.VUNPCKLPS(own[3], own[2], own[2])
		s.VUNPCKHPD(own[2], own[0], b)
		s.VUNPCKLPD(own[2], own[0], f)
	}
	x := s.XMM()
	s.VCVTDQ2PS(sum, x)
	s.VMULPS_BCST(s.param("scale"), x, x)
	s.VADDPS_BCST(s.param("bias"), x, x)
	s.VMULPS(f, x, x)
	s.VADDPS(b, x, x)
	k, selected := s.K(), s.GP64()
	s.VCMPPS_BCST(Imm(atLeast), s.param("floor"), x, k)
	s.KMOVW(k, selected.As32())
	if len(rows) == 1 {
		id := s.GP64()
		s.MOVL(Mem{Base: s.at}, id.As32())
		s.MOVL(id.As32(), Mem{Base: s.dst, Index: s.n, Scale: 4})
		s.ANDL(U32(1), selected.As32())
	} else {
		ids := s.XMM()
		s.VMOVDQU(Mem{Base: s.at}, ids)
		s.VPCOMPRESSD_Z(ids, k, ids)
		s.VMOVDQU(ids, Mem{Base: s.dst, Index: s.n, Scale: 4})
		s.POPCNTL(selected.As32(), selected.As32())
	}
	s.ADDQ(selected, s.n)
}
