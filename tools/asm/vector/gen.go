package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gen is avo's context with the few things that all functions here need.
type gen struct {
	*build.Context
	labels int
	tables map[string]Mem // those defined, by name
}

func newGen() *gen {
	return &gen{Context: build.NewContext(), tables: make(map[string]Mem)}
}

// function begins a function.
func (g *gen) function(name, signature string, doc ...string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr(signature)
	g.Doc(append([]string{name + " " + doc[0]}, doc[1:]...)...)
	g.Pragma("noescape")
}

// label returns a name that no other label has.
func (g *gen) label(name string) string {
	g.labels++
	return fmt.Sprintf("%s%d", name, g.labels)
}

// base and length load the parts of a slice that is a parameter.
func (g *gen) base(param string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(param).Base(), r)
	return r
}

func (g *gen) length(param string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(param).Len(), r)
	return r
}

// param returns a parameter's place, to be read where it is.
func (g *gen) param(name string) Mem {
	b, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// lowBits returns a register with n low bits set, for n below 64.
func (g *gen) lowBits(n reg.GPVirtual) reg.GPVirtual {
	ones := g.GP64()
	g.MOVQ(I32(-1), ones)
	g.BZHIQ(n, ones, ones)
	return ones
}

// zero clears registers.
func (g *gen) zero(rs ...reg.VecVirtual) {
	for _, r := range rs {
		if r.Size() == 64 {
			g.VPXORD(r, r, r)
		} else {
			g.VPXOR(r, r, r)
		}
	}
}

// vectors returns n new registers of 16, 32 or 64 bytes.
func (g *gen) vectors(n, size int) []reg.VecVirtual {
	rs := make([]reg.VecVirtual, n)
	for i := range rs {
		switch size {
		case 16:
			rs[i] = g.XMM()
		case 32:
			rs[i] = g.YMM()
		default:
			rs[i] = g.ZMM()
		}
	}
	return rs
}
