package main

import . "github.com/mmcloughlin/avo/operand"

const (
	toF16   = "func(dst []uint16, src []float32)"
	fromF16 = "func(dst []float32, src []uint16)"
)

// halvesAVX2 emits the conversions for whole registers of eight numbers.
func halvesAVX2(g *gen) {
	for _, to := range []bool{true, false} {
		if to {
			g.function("toF16AVX2", toF16, "converts len(src) numbers, a multiple of 8 and not 0.")
		} else {
			g.function("fromF16AVX2", fromF16, "converts len(src) numbers, a multiple of 8 and not 0.")
		}
		dst, src, n := g.base("dst"), g.base("src"), g.length("src")
		x := g.YMM()
		g.Label("eight")
		if to {
			g.VMOVUPS(Mem{Base: src}, x)
			g.VCVTPS2PH(Imm(0), x, Mem{Base: dst})
			g.ADDQ(U32(32), src)
			g.ADDQ(U32(16), dst)
		} else {
			g.VCVTPH2PS(Mem{Base: src}, x)
			g.VMOVUPS(x, Mem{Base: dst})
			g.ADDQ(U32(16), src)
			g.ADDQ(U32(32), dst)
		}
		g.SUBQ(U32(8), n)
		g.JNZ(LabelRef("eight"))
		g.VZEROUPPER()
		g.RET()
	}
}

// halvesAVX512 emits the conversions, with a mask for the last numbers.
func halvesAVX512(g *gen) {
	for _, to := range []bool{true, false} {
		if to {
			g.function("toF16AVX512", toF16, "converts len(src) numbers.")
		} else {
			g.function("fromF16AVX512", fromF16, "converts len(src) numbers.")
		}
		dst, src, n := g.base("dst"), g.base("src"), g.length("src")
		x := g.ZMM()
		g.SUBQ(U32(16), n)
		g.JB(LabelRef("rest"))
		g.Label("sixteen")
		if to {
			g.VMOVUPS(Mem{Base: src}, x)
			g.VCVTPS2PH(Imm(0), x, Mem{Base: dst})
			g.ADDQ(U32(64), src)
			g.ADDQ(U32(32), dst)
		} else {
			g.VCVTPH2PS(Mem{Base: src}, x)
			g.VMOVUPS(x, Mem{Base: dst})
			g.ADDQ(U32(32), src)
			g.ADDQ(U32(64), dst)
		}
		g.SUBQ(U32(16), n)
		g.JAE(LabelRef("sixteen"))
		g.Label("rest")
		g.ADDQ(U32(16), n)
		g.JZ(LabelRef("done"))
		k := g.K()
		g.KMOVW(g.lowBits(n).As32(), k)
		if to {
			y := g.YMM()
			g.VMOVUPS_Z(Mem{Base: src}, k, x)
			g.VCVTPS2PH(Imm(0), x, y)
			g.VMOVDQU16(y, k, Mem{Base: dst})
		} else {
			y := g.YMM()
			g.VMOVDQU16_Z(Mem{Base: src}, k, y)
			g.VCVTPH2PS(y, x)
			g.VMOVUPS(x, k, Mem{Base: dst})
		}
		g.Label("done")
		g.VZEROUPPER()
		g.RET()
	}
}
