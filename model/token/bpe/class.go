package bpe

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class says what the patterns ask of a character.
type class uint8

const (
	letter  class = 1 << iota // \p{L}
	upper                     // \p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}
	lower                     // \p{Ll}\p{Lm}\p{Lo}\p{M}
	number                    // \p{N}
	space                     // \s
	newline                   // \r\n
	slash                     // /
)

// planes bounds the characters whose class is looked up in classes: the two
// planes in which nearly everything lies that is written.
const planes = 0x20000

// classes has the class of each character below planes, once classify has run:
// a program that counts no tokens does not pay for it.
var classes [planes]class

var classify = sync.OnceFunc(func() {
	set := func(table *unicode.RangeTable, c class) {
		for _, r := range table.R16 {
			for x := uint32(r.Lo); x <= uint32(r.Hi); x += uint32(r.Stride) {
				classes[x] |= c
			}
		}
		for _, r := range table.R32 {
			for x := r.Lo; x <= r.Hi && x < planes; x += r.Stride {
				classes[x] |= c
			}
		}
	}
	for _, g := range groups {
		for _, table := range g.tables {
			set(table, g.class)
		}
	}
	classes['\r'] |= newline
	classes['\n'] |= newline
	classes['/'] |= slash
})

var groups = []struct {
	class  class
	tables []*unicode.RangeTable
}{
	{letter | upper, []*unicode.RangeTable{unicode.Lu, unicode.Lt}},
	{letter | lower, []*unicode.RangeTable{unicode.Ll}},
	{letter | upper | lower, []*unicode.RangeTable{unicode.Lm, unicode.Lo}},
	{upper | lower, []*unicode.RangeTable{unicode.M}},
	{number, []*unicode.RangeTable{unicode.N}},
	{space, []*unicode.RangeTable{unicode.White_Space}},
}

// classAt returns the class of the character at place i, and its length in bytes.
// Behind the end there is none. A byte that is not UTF-8 is of no class, like a
// sign.
func classAt(text string, i int) (class, int) {
	if i >= len(text) {
		return 0, 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		return classes[b], 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if r < planes {
		return classes[r], size
	}
	var c class
	for _, g := range groups {
		if unicode.In(r, g.tables...) {
			c |= g.class
		}
	}
	return c, size
}
