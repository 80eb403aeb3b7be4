package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A distance computes one number of a query and a row. It is what the functions for
// rows one after the other and for gathered rows are made of.
type distance struct {
	// dst, query and row are Go's types of an element.
	dst, query, row string
	// rowSize is the size of an element of a row.
	rowSize int
	// halves says that an element of a row is half a byte.
	halves bool
	// group is how many rows are computed together. Their results are reduced
	// together, and a register of the query is loaded once for all of them.
	group int
	// setup emits what is done once: masks and numbers of whole pieces.
	setup func(g *gen, in inputs) any
	// compute emits the distances of some rows, one or a whole group, and returns
	// a 16-byte register with the results in its lowest elements.
	compute func(g *gen, in inputs, prepared any, rows []reg.GPVirtual) reg.Register
	// special are variants for one number of dimensions each, which keep the
	// whole query in registers. Others take the general way.
	special []special
}

type special struct {
	dims    int
	setup   func(g *gen, in inputs) any
	compute func(g *gen, in inputs, prepared any, rows []reg.GPVirtual) reg.Register
}

// inputs are the registers with a query.
type inputs struct {
	query, dims reg.GPVirtual
}

// rowsFunction emits the function for rows that lie one after the other.
func (d distance) rowsFunction(g *gen, name string) {
	g.function(name, "func(dst []"+d.dst+", q []"+d.query+", rows []"+d.row+")",
		"computes rows that lie one after the other. There is at least one row and one dimension.")
	dst, count := g.base("dst"), g.length("dst")
	in := inputs{g.base("q"), g.length("q")}
	row, stride := g.base("rows"), d.stride(g, in)
	d.variants(g, in, func(special special) {
		prepared := special.setup(g, in)
		d.groups(g, count, func(n int) {
			rows := []reg.GPVirtual{row}
			for len(rows) < n {
				next := g.GP64()
				g.LEAQ(Mem{Base: rows[len(rows)-1], Index: stride, Scale: 1}, next)
				rows = append(rows, next)
			}
			d.store(g, dst, special.compute(g, in, prepared, rows), n)
			g.LEAQ(Mem{Base: rows[n-1], Index: stride, Scale: 1}, row)
		})
	})
}

// gatherFunction emits the function for rows that are named by their numbers. An
// offset that does not leave room for a row ends the function with false: no
// number, whatever it is, leads to a read beyond the rows.
func (d distance) gatherFunction(g *gen, name string) {
	g.function(name, "func(dst []"+d.dst+", q []"+d.query+", rows []"+d.row+", at []uint32) (ok bool)",
		"computes the rows with the numbers at, up to the first that does not exist, and says",
		"whether all do. There is at least one number and one dimension.")
	dst, at, count := g.base("dst"), g.base("at"), g.length("at")
	in := inputs{g.base("q"), g.length("q")}
	base, stride := g.base("rows"), d.stride(g, in)
	last := g.length("rows") // the offset of the last row that fits
	if d.rowSize > 1 {
		g.SHLQ(shift(d.rowSize), last)
	}
	g.SUBQ(stride, last)
	g.JB(LabelRef("outside"))
	d.variants(g, in, func(special special) {
		prepared := special.setup(g, in)
		d.groups(g, count, func(n int) {
			rows := make([]reg.GPVirtual, n)
			for i := range rows {
				rows[i] = g.GP64()
				g.MOVL(Mem{Base: at, Disp: 4 * i}, rows[i].As32())
				g.IMULQ(stride, rows[i])
				g.CMPQ(rows[i], last)
				g.JHI(LabelRef("outside"))
				g.ADDQ(base, rows[i])
			}
			d.store(g, dst, special.compute(g, in, prepared, rows), n)
			g.ADDQ(U32(4*n), at)
		})
		g.returnBool(true)
	})
	g.Label("outside")
	g.VZEROUPPER()
	g.returnBool(false)
	g.RET()
}

// oneFunction emits the function for two vectors.
func (d distance) oneFunction(g *gen, name string) {
	g.function(name, "func(a, b []"+d.row+") (result "+d.dst+")", "computes two vectors of at least one dimension.")
	in := inputs{g.base("a"), g.length("a")}
	row := g.base("b")
	x := d.compute(g, in, d.setup(g, in), []reg.GPVirtual{row})
	g.VZEROUPPER()
	g.MOVSS(x, g.result("result"))
	g.RET()
}

func (g *gen) returnBool(ok bool) {
	value := uint64(0)
	if ok {
		value = 1
	}
	g.MOVB(U8(value), g.result("ok"))
}

// result returns a result's place.
func (g *gen) result(name string) Mem {
	b, err := g.Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func shift(size int) Op {
	switch size {
	case 2:
		return Imm(1)
	case 4:
		return Imm(2)
	}
	panic("no such size of an element")
}

// stride returns the size of a row.
func (d distance) stride(g *gen, in inputs) reg.GPVirtual {
	stride := g.GP64()
	g.MOVQ(in.dims, stride)
	switch {
	case d.halves:
		g.SHRQ(Imm(1), stride)
	case d.rowSize > 1:
		g.SHLQ(shift(d.rowSize), stride)
	}
	return stride
}

// variants emits the body for each special number of dimensions and for all others.
func (d distance) variants(g *gen, in inputs, body func(special)) {
	for _, s := range d.special {
		other := g.label("other")
		g.CMPQ(in.dims, U32(s.dims))
		g.JNE(LabelRef(other))
		body(s)
		g.VZEROUPPER()
		g.RET()
		g.Label(other)
	}
	body(special{setup: d.setup, compute: d.compute})
	g.VZEROUPPER()
	g.RET()
}

// groups emits the loop over whole groups, then the loop over what remains.
func (d distance) groups(g *gen, count reg.GPVirtual, body func(n int)) {
	group, one, done := g.label("group"), g.label("one"), g.label("done")
	g.SUBQ(U32(d.group), count)
	g.JB(LabelRef(one + "_left"))
	g.Label(group)
	body(d.group)
	g.SUBQ(U32(d.group), count)
	g.JAE(LabelRef(group))
	g.Label(one + "_left")
	g.ADDQ(U32(d.group), count)
	g.JZ(LabelRef(done))
	g.Label(one)
	body(1)
	g.DECQ(count)
	g.JNZ(LabelRef(one))
	g.Label(done)
}

// store writes n results and moves on.
func (d distance) store(g *gen, dst reg.GPVirtual, x reg.Register, n int) {
	to := Mem{Base: dst}
	switch n {
	case 1:
		g.VMOVD(x, to)
	case 2:
		g.VMOVQ(x, to)
	case 4:
		g.VMOVUPS(x, to)
	default:
		panic("no way to store so many results")
	}
	g.ADDQ(U32(4*n), dst)
}
