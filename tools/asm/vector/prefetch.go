package main

import . "github.com/mmcloughlin/avo/operand"

// prefetch emits requests for all lines of rows. PREFETCHT0 does not fault, whatever the
// address is, so that numbers of rows need not be looked at.
func prefetch(g *gen) {
	g.function("prefetchT0", "func(rows *byte, size int, at []uint32)", "takes at least one row of at least one byte.")
	rows, size := g.GP64(), g.GP64()
	g.Load(g.Param("rows"), rows)
	g.Load(g.Param("size"), size)
	at, count := g.base("at"), g.length("at")
	g.Label("row")
	row, end := g.GP64(), g.GP64()
	g.MOVL(Mem{Base: at}, row.As32())
	g.IMULQ(size, row)
	g.ADDQ(rows, row)
	g.LEAQ(Mem{Base: row, Index: size, Scale: 1}, end)
	g.Label("line")
	g.PREFETCHT0(Mem{Base: row})
	g.ADDQ(U32(64), row)
	g.CMPQ(row, end)
	g.JB(LabelRef("line"))
	g.ADDQ(U32(4), at)
	g.DECQ(count)
	g.JNZ(LabelRef("row"))
	g.RET()
}
