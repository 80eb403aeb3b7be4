package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
)

// data defines read-only data once and returns its place.
func (g *gen) data(name string, content []byte) Mem {
	if m, ok := g.tables[name]; ok {
		return m
	}
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := 0; i < len(content); i += 8 {
		var word uint64
		for j, b := range content[i : i+8] {
			word |= uint64(b) << (8 * j)
		}
		g.AddDatum(i, U64(word))
	}
	g.tables[name] = m
	return m
}

// fill returns n bytes made by f.
func fill(n int, f func(i int) byte) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = f(i)
	}
	return data
}

// edges returns the place of 32 bytes of ones, 32 of zeros and 32 of ones. A mask for the
// first n bytes of a register begins at 32-n, one for the last n bytes of a register of s
// bytes at 64-s+n.
func (g *gen) edges() Mem {
	return g.data("edges", fill(96, func(i int) byte {
		if i/32 == 1 {
			return 0
		}
		return 0xff
	}))
}

// numbers returns the place of the numbers 0 to 15, in 32 bits each.
func (g *gen) numbers() Mem {
	return g.data("numbers", fill(64, func(i int) byte {
		if i%4 == 0 {
			return byte(i / 4)
		}
		return 0
	}))
}
