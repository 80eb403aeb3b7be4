package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// addPeaks adds up bounds, 16 strips at a time.
func (g *generator) addPeaks() {
	g.TEXT("addPeaksAVX2", "func(sums *uint16, peaks *byte, n int, weight uint16)")
	g.Doc("addPeaksAVX2 reads n peaks and changes n sums; n is a multiple of 16 and not 0.")
	sums, peaks, n := g.load("sums"), g.load("peaks"), g.load("n")
	w := g.GP32()
	g.Load(g.Param("weight"), w)
	weight := g.YMM()
	g.VMOVD(w, weight.AsX())
	g.VPBROADCASTW(weight.AsX(), weight)
	// Count up from -n, so that one register is index and counter.
	g.ADDQ(n, peaks)
	g.LEAQ(Mem{Base: sums, Index: n, Scale: 2}, sums)
	g.NEGQ(n)
	g.Label("strips")
	v := g.YMM()
	g.VPMOVZXBW(Mem{Base: peaks, Index: n, Scale: 1}, v)
	g.VPSLLW(Imm(8), v, v)
	g.VPMULHUW(weight, v, v)
	g.VPADDUSW(Mem{Base: sums, Index: n, Scale: 2}, v, v)
	g.VMOVDQU(v, Mem{Base: sums, Index: n, Scale: 2})
	g.ADDQ(Imm(16), n)
	g.JNE(LabelRef("strips"))
	g.VZEROUPPER()
	g.RET()
}

// above compares 64 sums at a time and makes a bit of each.
func (g *generator) above() {
	g.TEXT("aboveAVX2", "func(dst *uint64, sums *uint16, n int, least uint16) int")
	g.Doc("aboveAVX2 reads n sums and writes n bits; n is a multiple of 64 and not 0. It returns the number of ones.")
	dst, sums, n := g.load("dst"), g.load("sums"), g.load("n")
	t := g.GP32()
	g.Load(g.Param("least"), t)
	least, zero := g.YMM(), g.YMM()
	g.VMOVD(t, least.AsX())
	g.VPBROADCASTW(least.AsX(), least)
	g.VPXOR(zero, zero, zero)
	total := g.GP64()
	g.XORQ(total, total)
	g.Label("words")
	low, high := g.GP64(), g.GP64()
	for i, out := range []reg.GPVirtual{low, high} {
		a, b := g.YMM(), g.YMM()
		g.VMOVDQU(Mem{Base: sums, Disp: 64 * i}, a)
		g.VMOVDQU(Mem{Base: sums, Disp: 64*i + 32}, b)
		g.VPSUBUSW(least, a, a) // 0 unless above
		g.VPSUBUSW(least, b, b)
		g.VPCMPEQW(zero, a, a)
		g.VPCMPEQW(zero, b, b)
		g.VPACKSSWB(b, a, a) // in each half of the register for itself
		g.VPERMQ(Imm(0xd8), a, a)
		g.VPMOVMSKB(a, out.As32())
	}
	g.SHLQ(Imm(32), high)
	g.ORQ(high, low)
	g.NOTQ(low)
	g.MOVQ(low, Mem{Base: dst})
	g.POPCNTQ(low, low)
	g.ADDQ(low, total)
	g.ADDQ(Imm(8), dst)
	g.ADDQ(U32(128), sums)
	g.SUBQ(Imm(64), n)
	g.JNE(LabelRef("words"))
	g.VZEROUPPER()
	g.Store(total, g.ReturnIndex(0))
	g.RET()
}
