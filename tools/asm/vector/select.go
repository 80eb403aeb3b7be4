package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	atLeastInt   = "func(dst []uint32, v []int32, floor int32) (n int)"
	atLeastFloat = "func(dst []uint32, v []float32, floor float32) (n int)"

	notLess = 5    // VPCMPD: not less than
	atLeast = 0x1d // VCMPPS: greater or equal, false for NaN, no exception
)

// compressTable returns the place of 256 times eight bytes: those of number m are the
// places of the bits of m, from its lowest on.
func (g *gen) compressTable() Mem {
	content := make([]byte, 0, 256*8)
	for m := range 256 {
		var places [8]byte
		n := 0
		for rest := m; rest != 0; rest &= rest - 1 {
			places[n] = byte(bits.TrailingZeros(uint(rest)))
			n++
		}
		content = append(content, places[:]...)
	}
	return g.data("compress", content)
}

// selectAVX2 emits the selection from whole registers of eight numbers. A register of
// indices is stored for each that has one selected, at the place after the last
// index: that place is never beyond the eight numbers themselves.
func selectAVX2(g *gen) {
	for _, float := range []bool{false, true} {
		doc := "takes len(v) numbers, a multiple of 8 and not 0."
		if float {
			g.function("atLeastF32AVX2", atLeastFloat, doc)
		} else {
			g.function("atLeastAVX2", atLeastInt, doc)
		}
		dst, v, count := g.base("dst"), g.base("v"), g.length("v")
		floor, x := g.YMM(), g.YMM()
		g.VBROADCASTSS(g.param("floor"), floor) // four bytes, whatever they mean
		table := g.GP64()
		g.LEAQ(g.compressTable(), table)
		i, n, mask := g.GP64(), g.GP64(), g.GP64()
		g.XORQ(i, i)
		g.XORQ(n, n)
		g.Label("eight")
		if float {
			g.VMOVUPS(Mem{Base: v, Index: i, Scale: 4}, x)
			g.VCMPPS(Imm(atLeast), floor, x, x)
		} else { // not (floor > x)
			g.VPCMPGTD(Mem{Base: v, Index: i, Scale: 4}, floor, x)
		}
		g.VMOVMSKPS(x, mask.As32())
		if !float {
			g.XORL(Imm(0xff), mask.As32())
		} else {
			g.TESTL(mask.As32(), mask.As32())
		}
		g.JZ(LabelRef("next"))
		g.compressIndices(dst, n, mask, table, i, 0)
		g.Label("next")
		g.ADDQ(U32(8), i)
		g.CMPQ(i, count)
		g.JB(LabelRef("eight"))
		g.VZEROUPPER()
		g.MOVQ(n, g.result("n"))
		g.RET()
	}
}

// compressIndices stores i+plus+j for every bit j of the mask of eight, at dst[n], and
// moves n on. Eight places are written. The mask is lost.
func (g *gen) compressIndices(dst, n, mask, table, i reg.GPVirtual, plus int) {
	places, from := g.YMM(), g.YMM()
	base := g.GP64()
	g.VPMOVZXBD(Mem{Base: table, Index: mask, Scale: 8}, places)
	g.LEAQ(Mem{Base: i, Disp: plus}, base)
	g.VMOVD(base.As32(), from.AsX())
	g.VPBROADCASTD(from.AsX(), from)
	g.VPADDD(from, places, places)
	g.VMOVDQU(places, Mem{Base: dst, Index: n, Scale: 4})
	g.POPCNTL(mask.As32(), mask.As32())
	g.ADDQ(mask, n)
}

// selectAVX512 emits the selection: four registers at a time while none of them has
// anything, which is the usual case.
func selectAVX512(g *gen) {
	for _, float := range []bool{false, true} {
		doc := "takes any number of numbers."
		if float {
			g.function("atLeastF32AVX512", atLeastFloat, doc)
		} else {
			g.function("atLeastAVX512", atLeastInt, doc)
		}
		dst, v, count := g.base("dst"), g.base("v"), g.length("v")
		floor := g.ZMM()
		g.VBROADCASTSS(g.param("floor"), floor) // four bytes, whatever they mean
		numbers := g.ZMM()
		g.VMOVDQU32(g.numbers(), numbers)
		i, n := g.GP64(), g.GP64()
		g.XORQ(i, i)
		g.XORQ(n, n)
		compare := func(ops ...Op) { // x >= floor into a mask
			if float {
				g.VCMPPS(append([]Op{Imm(atLeast)}, ops...)...)
			} else {
				g.VPCMPD(append([]Op{Imm(notLess)}, ops...)...)
			}
		}
		store := func(k reg.OpmaskVirtual, plus int, partly bool) {
			base, indices := g.GP64(), g.ZMM()
			g.LEAQ(Mem{Base: i, Disp: plus}, base)
			g.VPBROADCASTD(base.As32(), indices)
			g.VPADDD(numbers, indices, indices)
			g.VPCOMPRESSD_Z(indices, k, indices)
			selected := g.GP64()
			g.KMOVW(k, selected.As32())
			g.POPCNTL(selected.As32(), selected.As32())
			to := Mem{Base: dst, Index: n, Scale: 4}
			if partly {
				some := g.K()
				g.KMOVW(g.lowBits(selected).As32(), some)
				g.VMOVDQU32(indices, some, to)
			} else {
				g.VMOVDQU32(indices, to)
			}
			g.ADDQ(selected, n)
		}

		end := g.GP64()
		g.LEAQ(Mem{Base: count, Disp: -64}, end)
		g.CMPQ(count, U32(64))
		g.JB(LabelRef("one"))
		g.Label("four")
		ks := make([]reg.OpmaskVirtual, 4)
		for j := range ks {
			ks[j] = g.K()
			x := g.ZMM()
			g.VMOVDQU32(Mem{Base: v, Index: i, Scale: 4, Disp: 64 * j}, x)
			compare(floor, x, ks[j])
		}
		any01, any23 := g.K(), g.K()
		g.KORW(ks[0], ks[1], any01)
		g.KORW(ks[2], ks[3], any23)
		g.KORTESTW(any01, any23)
		g.JZ(LabelRef("nothing"))
		for j, k := range ks {
			store(k, 16*j, false)
		}
		g.Label("nothing")
		g.ADDQ(U32(64), i)
		g.CMPQ(i, end)
		g.JBE(LabelRef("four"))

		g.Label("one")
		g.LEAQ(Mem{Base: count, Disp: -16}, end)
		g.CMPQ(i, end)
		g.JGT(LabelRef("rest"))
		x, k := g.ZMM(), g.K()
		g.VMOVDQU32(Mem{Base: v, Index: i, Scale: 4}, x)
		compare(floor, x, k)
		store(k, 0, false)
		g.ADDQ(U32(16), i)
		g.JMP(LabelRef("one"))

		g.Label("rest")
		left, valid := g.GP64(), g.K()
		g.MOVQ(count, left)
		g.SUBQ(i, left)
		g.JZ(LabelRef("done"))
		g.KMOVW(g.lowBits(left).As32(), valid)
		x, k = g.ZMM(), g.K()
		g.VMOVDQU32_Z(Mem{Base: v, Index: i, Scale: 4}, valid, x)
		compare(floor, x, valid, k)
		store(k, 0, true)
		g.Label("done")
		g.VZEROUPPER()
		g.MOVQ(n, g.result("n"))
		g.RET()
	}
}
