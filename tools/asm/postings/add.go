package main

import (
	. "github.com/mmcloughlin/avo/operand"
)

// add scores postings and adds them up. A gather and a scatter per 16 postings would be fewer instructions and are slower:
// gathers cost a load a lane on every processor, scatters much more on some, while here two or three postings are in flight at a time.
// With find it also lists the rows that reach need; a branch that is rarely taken costs less than a store and a sum per posting.
func (g *generator) add(find bool) {
	if find {
		g.TEXT("addFindAMD64", "func(acc, rows *uint32, tfs, norms *byte, table *uint32, n int, lo, size, weight, need uint32, found *uint32) int")
		g.Doc("addFindAMD64 reads and writes acc and norms below size, and writes at most n rows to found.")
	} else {
		g.TEXT("addAMD64", "func(acc, rows *uint32, tfs, norms *byte, table *uint32, n int, lo, size, weight uint32)")
		g.Doc("addAMD64 reads and writes acc and norms below size.")
	}
	acc, rows, tfs, norms, table := g.load("acc"), g.load("rows"), g.load("tfs"), g.load("norms"), g.load("table")
	n := g.load("n")
	lo, size := g.load32("lo"), g.load32("size")
	weight := g.GP64()
	g.Load(g.Param("weight"), weight.As32()) // the upper half becomes 0
	need, found, out := g.GP32(), g.GP64(), g.GP64()
	if find {
		g.Load(g.Param("need"), need)
		g.Load(g.Param("found"), found)
		g.MOVQ(found, out)
	}
	// Count up from -n, so that one register is index and counter.
	g.LEAQ(Mem{Base: rows, Index: n, Scale: 4}, rows)
	g.ADDQ(n, tfs)
	g.NEGQ(n)
	row, norm, tf := g.GP32(), g.GP32(), g.GP32()
	g.Label("posting")
	g.MOVL(Mem{Base: rows, Index: n, Scale: 4}, row)
	g.MOVBLZX(Mem{Base: tfs, Index: n, Scale: 1}, tf)
	g.SUBL(lo, row)
	g.CMPL(row, size)
	g.JAE(LabelRef("next"))
	g.MOVBLZX(Mem{Base: norms, Index: row.As64(), Scale: 1}, norm)
	g.SHLL(Imm(8), tf)
	g.ORL(tf, norm)
	g.MOVL(Mem{Base: table, Index: norm.As64(), Scale: 4}, norm)
	g.IMULQ(weight, norm.As64())
	g.SHRQ(Imm(32), norm.As64())
	if !find {
		g.ADDL(norm, Mem{Base: acc, Index: row.As64(), Scale: 4})
		g.Label("next")
		g.INCQ(n)
		g.JNE(LabelRef("posting"))
		g.RET()
		return
	}
	before := g.GP32()
	g.MOVL(Mem{Base: acc, Index: row.As64(), Scale: 4}, before)
	g.ADDL(before, norm)
	g.MOVL(norm, Mem{Base: acc, Index: row.As64(), Scale: 4})
	g.CMPL(norm, need)
	g.JAE(LabelRef("reaches"))
	g.Label("next")
	g.INCQ(n)
	g.JNE(LabelRef("posting"))
	g.SUBQ(found, out)
	g.SHRQ(Imm(2), out)
	g.Store(out, g.ReturnIndex(0))
	g.RET()
	g.Label("reaches")
	g.CMPL(before, need)
	g.JAE(LabelRef("next")) // it had reached need before, and is listed
	g.ADDL(lo, row)
	g.MOVL(row, Mem{Base: out})
	g.ADDQ(Imm(4), out)
	g.JMP(LabelRef("next"))
}
