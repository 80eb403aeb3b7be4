package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type generator struct {
	*build.Context
	wide  Mem // per width 0..25: 64 bytes of VPERMB indices, then 16 shifts, for 16 values of that width in 32-bit lanes
	small Mem // per width 0..8: 64 bytes of VPERMB indices, 64 bytes of VPMULTISHIFTQB controls, 64 bytes of masks
	iota4 Mem // 0..15 as uint32
	iota2 Mem // 0..31 as uint16
}

func (g *generator) TEXT(name string, signature string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT) // leaves without a frame
	g.SignatureExpr(signature)
	g.Pragma("noescape")
}

func (g *generator) GLOBL(name string) Mem {
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	return m
}

// maxLow is the widest low part of Elias-Fano: 25 bits at any bit offset lie within 4 bytes.
const maxLow = 25

func (g *generator) tables() {
	g.wide = g.GLOBL("wide")
	for w := 0; w <= maxLow; w++ {
		for i := range 16 {
			var at uint32
			for j := range 4 {
				at |= uint32(i*w>>3+j) & 63 << (8 * j)
			}
			g.AddDatum(w*128+i*4, U32(at))
		}
		for i := range 16 {
			g.AddDatum(w*128+64+i*4, U32(i*w&7))
		}
	}
	g.small = g.GLOBL("small")
	for w := 0; w <= 8; w++ {
		at := func(q, i int) int { return (q*w + i) & 63 }
		shift := func(_, i int) int { return i * w }
		mask := func(_, _ int) int { return 1<<w - 1 }
		for part, value := range []func(q, i int) int{at, shift, mask} {
			for q := range 8 {
				var v uint64
				for i := range 8 {
					v |= uint64(value(q, i)) << (8 * i)
				}
				g.AddDatum(w*192+part*64+q*8, U64(v))
			}
		}
	}
	g.iota4 = g.GLOBL("iota4")
	for i := range 16 {
		g.AddDatum(i*4, U32(i))
	}
	g.iota2 = g.GLOBL("iota2")
	for i := range 16 {
		g.AddDatum(i*4, U32(2*i|(2*i+1)<<16))
	}
}

func (g *generator) load(name string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(name), r)
	return r
}

func (g *generator) load32(name string) reg.GPVirtual {
	r := g.GP32()
	g.Load(g.Param(name), r)
	return r
}

// rowsAVX512 finds the ones of the high part with VPCOMPRESSW, 32 bits at a time, and joins them with the low parts, 16 rows
// at a time.
func (g *generator) rowsAVX512() {
	g.TEXT("rowsAVX512", "func(dst *uint32, pos *uint16, src *byte, n, low, high int, base uint32)")
	g.Doc("rowsAVX512 writes up to 16 rows beyond n, positions of all ones of high bytes (rounded up to 4) and 32 more, and reads 64 bytes beyond src's end.")
	dst, pos, src := g.load("dst"), g.load("pos"), g.load("src")
	n, low, high := g.load("n"), g.load("low"), g.load("high")
	base := g.load32("base")

	ones := g.GP64() // the high part: src + (n*low+7)/8
	g.MOVQ(n, ones)
	g.IMULQ(low, ones)
	g.ADDQ(Imm(7), ones)
	g.SHRQ(Imm(3), ones)
	g.ADDQ(src, ones)

	word, step := g.ZMM(), g.ZMM()
	g.VMOVDQU64(g.iota2, word)
	thirtyTwo := g.GP32()
	g.MOVL(U32(32), thirtyTwo)
	g.VPBROADCASTW(thirtyTwo, step)
	at := g.GP64()
	g.MOVQ(pos, at)
	g.Label("ones")
	bitsOf, out, k := g.GP32(), g.ZMM(), g.K()
	g.MOVL(Mem{Base: ones}, bitsOf)
	g.KMOVD(bitsOf, k)
	g.VPCOMPRESSW_Z(word, k, out)
	g.VMOVDQU64(out, Mem{Base: at})
	g.POPCNTL(bitsOf, bitsOf)
	g.LEAQ(Mem{Base: at, Index: bitsOf.As64(), Scale: 2}, at)
	g.VPADDW(step, word, word)
	g.ADDQ(Imm(4), ones)
	g.SUBQ(Imm(4), high)
	g.JG(LabelRef("ones"))

	table, offset := g.GP64(), g.GP64()
	g.LEAQ(g.wide, table)
	g.MOVQ(low, offset)
	g.SHLQ(Imm(7), offset)
	perm, shift := g.ZMM(), g.ZMM()
	g.VMOVDQU64(Mem{Base: table, Index: offset, Scale: 1}, perm)
	g.VMOVDQU64(Mem{Base: table, Index: offset, Scale: 1, Disp: 64}, shift)
	one, mask := g.GP32(), g.ZMM()
	g.MOVL(U32(1), one)
	g.SHLXL(low.As32(), one, one)
	g.DECL(one)
	g.VPBROADCASTD(one, mask)
	count := g.XMM()
	g.VMOVD(low.As32(), count)
	index, start, sixteen := g.ZMM(), g.ZMM(), g.ZMM()
	g.VMOVDQU64(g.iota4, index)
	g.VPBROADCASTD(base, start)
	g.MOVL(U32(16), one)
	g.VPBROADCASTD(one, sixteen)
	stride := g.GP64()
	g.LEAQ(Mem{Base: low, Index: low, Scale: 1}, stride)
	g.Label("rows")
	hi, lo := g.ZMM(), g.ZMM()
	g.VPMOVZXWD(Mem{Base: pos}, hi)
	g.VMOVDQU64(Mem{Base: src}, lo)
	g.VPERMB(lo, perm, lo)
	g.VPSUBD(index, hi, hi)
	g.VPSRLVD(shift, lo, lo)
	g.VPSLLD(count, hi, hi)
	g.VPANDD(mask, lo, lo)
	g.VPADDD(index, start, out)
	g.VPADDD(lo, hi, hi)
	g.VPADDD(out, hi, hi)
	g.VMOVDQU64(hi, Mem{Base: dst})
	g.VPADDD(sixteen, index, index)
	g.ADDQ(Imm(32), pos)
	g.ADDQ(stride, src)
	g.ADDQ(Imm(64), dst)
	g.SUBQ(Imm(16), n)
	g.JG(LabelRef("rows"))
	g.VZEROUPPER()
	g.RET()
}

// chunkAVX512 lists the ones of a bitmap of 256 rows, 16 at a time.
func (g *generator) chunkAVX512() {
	g.TEXT("chunkAVX512", "func(dst *uint32, bitmap *byte, base uint32) int")
	g.Doc("chunkAVX512 writes up to 272 rows and reads 32 bytes.")
	dst, src := g.load("dst"), g.load("bitmap")
	base := g.load32("base")
	row, sixteen := g.ZMM(), g.ZMM()
	g.VPBROADCASTD(base, row)
	g.VPADDD(g.iota4, row, row)
	c := g.GP32()
	g.MOVL(U32(16), c)
	g.VPBROADCASTD(c, sixteen)
	total := g.GP64()
	g.XORQ(total, total)
	for i := range 16 {
		m, out, k := g.GP32(), g.ZMM(), g.K()
		g.MOVWLZX(Mem{Base: src, Disp: 2 * i}, m)
		g.KMOVW(m, k)
		g.VPCOMPRESSD_Z(row, k, out)
		g.VMOVDQU32(out, Mem{Base: dst, Index: total, Scale: 4})
		g.POPCNTL(m, m)
		g.ADDQ(m.As64(), total)
		g.VPADDD(sixteen, row, row)
	}
	g.VZEROUPPER()
	g.Store(total, g.ReturnIndex(0))
	g.RET()
}

// smallAVX512 unpacks 64 values of up to 8 bits with one VPERMB and one VPMULTISHIFTQB.
func (g *generator) smallAVX512() {
	g.TEXT("smallAVX512", "func(dst, src *byte, n, width, ones, more int)")
	g.Doc("smallAVX512 writes n values rounded up to 64, and patches within the first 256; it reads 64 bytes beyond src's end.")
	dst, src, n, width := g.load("dst"), g.load("src"), g.load("n"), g.load("width")
	table, offset := g.GP64(), g.GP64()
	g.LEAQ(g.small, table)
	g.IMUL3Q(U32(192), width, offset)
	perm, shift, mask := g.ZMM(), g.ZMM(), g.ZMM()
	g.VMOVDQU64(Mem{Base: table, Index: offset, Scale: 1}, perm)
	g.VMOVDQU64(Mem{Base: table, Index: offset, Scale: 1, Disp: 64}, shift)
	g.VMOVDQU64(Mem{Base: table, Index: offset, Scale: 1, Disp: 128}, mask)
	from, to := g.GP64(), g.GP64()
	g.MOVQ(src, from)
	g.MOVQ(dst, to)
	left := g.GP64()
	g.MOVQ(n, left)
	g.Label("values")
	v := g.ZMM()
	g.VMOVDQU64(Mem{Base: from}, v)
	g.VPERMB(v, perm, v)
	g.VPMULTISHIFTQB(v, shift, v)
	g.VPANDQ(mask, v, v)
	g.VMOVDQU64(v, Mem{Base: to})
	g.LEAQ(Mem{Base: from, Index: width, Scale: 8}, from)
	g.ADDQ(Imm(64), to)
	g.SUBQ(Imm(64), left)
	g.JG(LabelRef("values"))
	g.VZEROUPPER()
	g.patches(dst, src, n, width)
	g.RET()
}

// patches applies what stands after the packed values: places whose value is greater by 1<<width, then pairs of a place and a value.
func (g *generator) patches(dst, src, n, width reg.GPVirtual) {
	p := g.GP64()
	g.MOVQ(n, p)
	g.IMULQ(width, p)
	g.ADDQ(Imm(7), p)
	g.SHRQ(Imm(3), p)
	g.ADDQ(src, p)
	by := g.GP32()
	g.MOVL(U32(1), by)
	g.SHLXL(width.As32(), by, by)
	ones, more := g.load("ones"), g.load("more")
	place := g.GP32()
	g.TESTQ(ones, ones)
	g.JE(LabelRef("more"))
	g.Label("one")
	g.MOVBLZX(Mem{Base: p}, place)
	g.ADDB(by.As8(), Mem{Base: dst, Index: place.As64(), Scale: 1})
	g.INCQ(p)
	g.DECQ(ones)
	g.JNE(LabelRef("one"))
	g.Label("more")
	g.TESTQ(more, more)
	g.JE(LabelRef("done"))
	g.Label("pair")
	value := g.GP32()
	g.MOVBLZX(Mem{Base: p}, place)
	g.MOVBLZX(Mem{Base: p, Disp: 1}, value)
	g.MOVB(value.As8(), Mem{Base: dst, Index: place.As64(), Scale: 1})
	g.ADDQ(Imm(2), p)
	g.DECQ(more)
	g.JNE(LabelRef("pair"))
	g.Label("done")
}
