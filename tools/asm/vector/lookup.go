package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lookup     = "func(dst []uint32, blocks []byte, luts []byte, scale float32, bias float32, floor float32, first uint32) (n int)"
	chunk      = 64  // bytes of codes, and of tables, of four sub-quantisers
	blockSize  = 32  // vectors
	chunkLimit = 64  // chunks whose sums fit into 16 bits: 64*4*255 = 65,280
	oneBits    = 0xf // the lower half of a byte
)

// lookupVBMI emits the scan for VPERMB and VPDPBUSD. VPERMB looks 64 bytes up in a
// register of 64 bytes, by the six lower bits of an index: four tables of 16, chosen by
// two bits that depend on the place in the chunk. VPDPBUSD with ones then adds the
// four lookups of a vector to its sum. Tables of 8 and of 24 chunks (128 and 384
// dimensions of one bit) stay in registers.
func lookupVBMI(g *gen) {
	g.function("lookupScanVBMI", lookup, "takes at least one block and one chunk.")
	dst, block, end := g.base("dst"), g.base("blocks"), g.length("blocks")
	g.ADDQ(block, end)
	tables, size := g.base("luts"), g.length("luts")
	n, first := g.GP64(), g.GP64()
	g.XORQ(n, n)
	g.MOVL(g.param("first"), first.As32())

	low, places, ones := g.ZMM(), g.ZMM(), g.ZMM()
	g.VPBROADCASTD(g.data("lookup", []byte{oneBits, oneBits, oneBits, oneBits, 0x00, 0x10, 0x20, 0x30, 1, 1, 1, 1, 0, 0, 0, 0}), low)
	g.VPBROADCASTD(g.data("lookup", nil).Offset(4), places)
	g.VPBROADCASTD(g.data("lookup", nil).Offset(8), ones)

	// add adds the lookups of a chunk to the sums of vectors 0 to 15 and 16 to 31.
	add := func(codes Mem, table reg.VecVirtual, sums []reg.VecVirtual) {
		lower, upper := g.ZMM(), g.ZMM()
		g.VMOVDQU64(codes, lower)
		g.VPSRLW(Imm(4), lower, upper)
		for i, x := range []reg.VecVirtual{lower, upper} {
			g.VPTERNLOGD(U8(0xea), places, low, x) // (x & low) | places
			g.VPERMB(table, x, x)
			g.VPDPBUSD(ones, x, sums[i])
		}
	}
	// finish turns sums into estimates, selects, and moves on to the next block.
	finish := func(sums []reg.VecVirtual) {
		ks := []reg.OpmaskVirtual{g.K(), g.K()}
		for i, x := range sums {
			g.VCVTDQ2PS(x, x)
			g.VMULPS_BCST(g.param("scale"), x, x)
			g.VADDPS_BCST(g.param("bias"), x, x)
			g.VMULPS(Mem{Base: block, Disp: 64 * i}, x, x)
			g.VADDPS(Mem{Base: block, Disp: 4*blockSize + 64*i}, x, x)
			g.VCMPPS_BCST(Imm(atLeast), g.param("floor"), x, ks[i])
		}
		g.ADDQ(U32(8*blockSize), block)
		nothing := g.label("nothing")
		g.KORTESTW(ks[0], ks[1])
		g.JZ(LabelRef(nothing))
		for i, k := range ks {
			// Sums are lost by now: their registers serve again.
			indices, base, selected := sums[i], g.GP64(), g.GP64()
			g.LEAL(Mem{Base: first, Disp: 16 * i}, base.As32())
			g.VPBROADCASTD(base.As32(), indices)
			g.VPADDD(g.numbers(), indices, indices)
			g.VPCOMPRESSD_Z(indices, k, indices)
			g.KMOVW(k, selected.As32())
			g.VMOVDQU32(indices, Mem{Base: dst, Index: n, Scale: 4})
			g.POPCNTL(selected.As32(), selected.As32())
			g.ADDQ(selected, n)
		}
		g.Label(nothing)
		g.ADDL(U32(blockSize), first.As32())
	}

	for _, chunks := range []int{8, 24} {
		other, next := g.label("other"), g.label("block")
		g.CMPQ(size, U32(chunks*chunk))
		g.JNE(LabelRef(other))
		loaded := g.vectors(chunks, 64)
		for i, t := range loaded {
			g.VMOVDQU64(Mem{Base: tables, Disp: chunk * i}, t)
		}
		g.Label(next)
		// With few tables there is room for two pairs of sums.
		pairs := [][]reg.VecVirtual{g.vectors(2, 64)}
		if chunks <= 16 {
			pairs = append(pairs, g.vectors(2, 64))
		}
		for _, p := range pairs {
			g.zero(p...)
		}
		for i, t := range loaded {
			add(Mem{Base: block, Disp: chunk * i}, t, pairs[i%len(pairs)])
		}
		for _, p := range pairs[1:] {
			g.VPADDD(p[0], pairs[0][0], pairs[0][0])
			g.VPADDD(p[1], pairs[0][1], pairs[0][1])
		}
		g.ADDQ(U32(chunks*chunk), block)
		finish(pairs[0])
		g.CMPQ(block, end)
		g.JB(LabelRef(next))
		g.VZEROUPPER()
		g.MOVQ(n, g.result("n"))
		g.RET()
		g.Label(other)
	}

	g.Label("block")
	sums := g.vectors(2, 64)
	g.zero(sums...)
	at := g.GP64()
	g.XORQ(at, at)
	g.Label("chunk")
	table := g.ZMM()
	g.VMOVDQU64(Mem{Base: tables, Index: at, Scale: 1}, table)
	add(Mem{Base: block, Index: at, Scale: 1}, table, sums)
	g.ADDQ(U32(chunk), at)
	g.CMPQ(at, size)
	g.JB(LabelRef("chunk"))
	g.ADDQ(size, block)
	finish(sums)
	g.CMPQ(block, end)
	g.JB(LabelRef("block"))
	g.VZEROUPPER()
	g.MOVQ(n, g.result("n"))
	g.RET()
}

// lookupAVX2 emits the scan for VPSHUFB, which looks 16 bytes up in a table of 16. All
// codes of one sub-quantiser have to be in one register first: the four bytes of each
// vector are turned to four bytes of each sub-quantiser within 16 bytes, then 32-bit
// parts of both registers of a chunk are interleaved, then 64-bit parts of the lower
// and upper halves of the bytes. That leaves the vectors in this order, for each
// 16 bytes of a register:
//
//	0-3, 8-11, 16-19, 24-27
//	4-7, 12-15, 20-23, 28-31
//
// Sums are kept in 16 bits: one register adds the lookups as if they were 16-bit
// numbers, another one their upper bytes, of which the first is freed at the end. After
// at most 64 chunks they are added to sums of 32 bits, where interleaving restores the
// order of the vectors.
func lookupAVX2(g *gen) {
	g.function("lookupScanAVX2", lookup, "takes at least one block and one chunk.")
	dst, block, end := g.base("dst"), g.base("blocks"), g.length("blocks")
	g.ADDQ(block, end)
	n, first := g.GP64(), g.GP64()
	g.XORQ(n, n)
	g.MOVL(g.param("first"), first.As32())
	compress := g.GP64()
	g.LEAQ(g.compressTable(), compress)

	low, turn := g.YMM(), g.YMM()
	g.VBROADCASTI128(g.data("halves", fill(16, func(int) byte { return oneBits })), low)
	g.VBROADCASTI128(g.data("turn", fill(16, func(i int) byte { return byte(i%4*4 + i/4) })), turn)

	g.Label("block")
	sums := g.vectors(4, 32) // of vectors 0 to 7, 8 to 15, 16 to 23, 24 to 31
	g.zero(sums...)
	table, left := g.base("luts"), g.length("luts")
	piece := g.GP64()

	g.Label("piece") // as many chunks as sums of 16 bits can take
	limit := g.GP64()
	g.MOVQ(U32(chunkLimit*chunk), limit)
	g.MOVQ(left, piece)
	g.CMPQ(piece, limit)
	g.CMOVQHI(limit, piece)
	g.SUBQ(piece, left)
	all, odd := g.YMM(), g.YMM()
	g.zero(all, odd)

	g.Label("chunk")
	a, b := g.YMM(), g.YMM()
	g.VMOVDQU(Mem{Base: block}, a)
	g.VMOVDQU(Mem{Base: block, Disp: 32}, b)
	g.VPSHUFB(turn, a, a)
	g.VPSHUFB(turn, b, b)
	two := g.vectors(2, 32) // sub-quantisers 0 and 1, 2 and 3
	g.VPUNPCKLDQ(b, a, two[0])
	g.VPUNPCKHDQ(b, a, two[1])
	for i, x := range two {
		lower, upper := g.YMM(), g.YMM()
		g.VPSRLW(Imm(4), x, upper)
		g.VPAND(low, x, lower)
		g.VPAND(low, upper, upper)
		codes := g.vectors(2, 32)
		g.VPUNPCKLQDQ(upper, lower, codes[0])
		g.VPUNPCKHQDQ(upper, lower, codes[1])
		for j, c := range codes {
			t := g.YMM()
			g.VBROADCASTI128(Mem{Base: table, Disp: 16 * (2*i + j)}, t)
			g.VPSHUFB(c, t, t)
			g.VPADDW(t, all, all)
			g.VPSRLW(Imm(8), t, t)
			g.VPADDW(t, odd, odd)
		}
	}
	g.ADDQ(U32(chunk), block)
	g.ADDQ(U32(chunk), table)
	g.SUBQ(U32(chunk), piece)
	g.JNZ(LabelRef("chunk"))

	t := g.YMM()
	g.VPSLLW(Imm(8), odd, t)
	g.VPSUBW(t, all, all) // even places
	lower, upper, zero := g.YMM(), g.YMM(), g.YMM()
	g.VPUNPCKLWD(odd, all, lower)
	g.VPUNPCKHWD(odd, all, upper)
	g.zero(zero)
	for i, x := range []reg.VecVirtual{lower, upper} {
		g.VPUNPCKLWD(zero, x, t)
		g.VPADDD(t, sums[2*i], sums[2*i])
		g.VPUNPCKHWD(zero, x, t)
		g.VPADDD(t, sums[2*i+1], sums[2*i+1])
	}
	g.TESTQ(left, left)
	g.JNZ(LabelRef("piece"))

	scale, bias, floor := g.YMM(), g.YMM(), g.YMM()
	g.VBROADCASTSS(g.param("scale"), scale)
	g.VBROADCASTSS(g.param("bias"), bias)
	g.VBROADCASTSS(g.param("floor"), floor)
	masks := make([]reg.GPVirtual, len(sums))
	for i, x := range sums {
		g.VCVTDQ2PS(x, x)
		g.VMULPS(scale, x, x)
		g.VADDPS(bias, x, x)
		g.VMULPS(Mem{Base: block, Disp: 32 * i}, x, x)
		g.VADDPS(Mem{Base: block, Disp: 4*blockSize + 32*i}, x, x)
		g.VCMPPS(Imm(atLeast), floor, x, x)
		masks[i] = g.GP64()
		g.VMOVMSKPS(x, masks[i].As32())
	}
	anything := g.GP64()
	g.MOVQ(masks[0], anything)
	for _, m := range masks[1:] {
		g.ORQ(m, anything)
	}
	g.JZ(LabelRef("nothing"))
	for i, m := range masks {
		g.compressIndices(dst, n, m, compress, first, 8*i)
	}
	g.Label("nothing")
	g.ADDL(U32(blockSize), first.As32())
	g.ADDQ(U32(8*blockSize), block)
	g.CMPQ(block, end)
	g.JB(LabelRef("block"))
	g.VZEROUPPER()
	g.MOVQ(n, g.result("n"))
	g.RET()
}
