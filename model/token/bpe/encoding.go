// Package bpe turns text into the tokens of OpenAI's encodings, exactly as
// OpenAI's library tiktoken does: byte-pair encoding over the pieces that a
// pattern cuts a text into.
//
//	text -> pieces (pattern.go) -> whole token, or merge by rank (merge.go) -> tokens
//
// The patterns are regular expressions with look-ahead, which package regexp does
// not have; they are written out by hand as the few loops that they come to, and
// are linear in the length of the text. So is merging but for a logarithm,
// whatever the text: a piece of a megabyte is a heap, not a square.
package bpe

import (
	"fmt"
	"sync"

	"github.com/smartretriever/smartretriever/model/token/vocabulary"
)

// Encoding is a vocabulary with its pattern. It is goroutine-safe. The vocabulary
// is unpacked at first use, which takes some ten to thirty milliseconds and three to
// eight megabytes that stay.
type Encoding struct {
	name string
	next func(text string) int // length of the first piece of a text that is not empty
	load func() *table
}

// Cl100k is the encoding cl100k_base, O200k is o200k_base.
var (
	Cl100k = &Encoding{"cl100k_base", nextCl100k, sync.OnceValue(func() *table { return unpack("cl100k_base", vocabulary.Cl100k) })}
	O200k  = &Encoding{"o200k_base", nextO200k, sync.OnceValue(func() *table { return unpack("o200k_base", vocabulary.O200k) })}
)

// unpack panics if the vocabulary is damaged: it is part of the program.
func unpack(name string, packed []byte) *table {
	classify()
	text, begins, err := vocabulary.Unpack(packed)
	if err != nil {
		panic(fmt.Sprintf("bpe: vocabulary %s %v", name, err))
	}
	return newTable(text, begins)
}

// Name returns the name that OpenAI gives the encoding.
func (e *Encoding) Name() string { return e.name }

// Exact reports that Count is what the model counts.
func (e *Encoding) Exact() bool { return true }

// Count returns the number of tokens of text. What looks like a control token
// ("<|endoftext|>") is text like any other. Bytes that are not UTF-8 are encoded as
// they are.
func (e *Encoding) Count(text string) int {
	n := 0
	t := e.load()
	for len(text) > 0 {
		size := e.next(text)
		if _, whole := t.rank(text[:size]); whole {
			n++
		} else {
			n += t.merge(text[:size], nil)
		}
		text = text[size:]
	}
	return n
}

// Append appends the tokens of text to dst; a token is its rank in the vocabulary.
func (e *Encoding) Append(dst []uint32, text string) []uint32 {
	t := e.load()
	for len(text) > 0 {
		size := e.next(text)
		if rank, whole := t.rank(text[:size]); whole {
			dst = append(dst, rank)
		} else {
			t.merge(text[:size], &dst)
		}
		text = text[size:]
	}
	return dst
}

// Decode returns the bytes of tokens. A token that the vocabulary does not have
// is left out.
func (e *Encoding) Decode(tokens []uint32) []byte {
	t := e.load()
	var out []byte
	for _, token := range tokens {
		if int(token)+1 < len(t.begins) {
			out = append(out, t.text[t.begins[token]:t.begins[token+1]]...)
		}
	}
	return out
}
