package postings

import (
	"encoding/binary"
	"math/bits"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// Small numbers, term frequencies less one mostly, are packed with few bits and patched, up to 256 of them together:
//
//	width, plus hasPatches
//	if so: number of places whose value is greater by 1<<width (1 byte), number of pairs (1 byte)
//	the packed values, to the byte; the places (1 byte each); the pairs of a place and a value (2 bytes each)
//
// The width is the one that takes least.

const hasPatches = 0x10

// smallShape is how a run of small numbers is written.
type smallShape struct {
	width, ones, more int
}

func (s smallShape) patched() bool { return s.ones > 0 || s.more > 0 }

// size is the number of bytes after the head.
func (s smallShape) size(n int) int { return (n*s.width+7)/8 + s.ones + 2*s.more }

func shapeOf(values []uint8) smallShape {
	var count [10]int // by number of bits
	for _, v := range values {
		count[bits.Len8(v)]++
	}
	best, least := smallShape{width: 8}, len(values)+1
	longer := 0
	for width := 8; width >= 0; width-- {
		// count[width+1] is the number of values that a patch of one byte mends, longer that of those that need two
		s := smallShape{width, count[width+1], longer}
		cost := s.size(len(values))
		if s.patched() {
			cost += 2
		}
		if cost < least && s.ones < 256 && s.more < 256 {
			best, least = s, cost
		}
		longer += count[width+1]
	}
	return best
}

// packSmall appends values, at most 256.
func packSmall(dst []byte, values []uint8) []byte {
	s := shapeOf(values)
	if s.patched() {
		dst = append(dst, byte(s.width)|hasPatches, byte(s.ones), byte(s.more))
	} else {
		dst = append(dst, byte(s.width))
	}
	if s.width > 0 {
		mask := uint64(1)<<s.width - 1
		var hold uint64
		held := 0
		for _, v := range values {
			hold |= uint64(v) & mask << held
			if held += s.width; held >= 8 {
				dst = append(dst, byte(hold))
				hold >>= 8
				held -= 8
			}
		}
		if held > 0 {
			dst = append(dst, byte(hold))
		}
	}
	if s.ones > 0 {
		for i, v := range values {
			if bits.Len8(v) == s.width+1 {
				dst = append(dst, byte(i))
			}
		}
	}
	if s.more > 0 {
		for i, v := range values {
			if bits.Len8(v) > s.width+1 {
				dst = append(dst, byte(i), v)
			}
		}
	}
	return dst
}

// smallHead reads the head of small numbers and returns what follows it.
func smallHead(src []byte) (smallShape, []byte) {
	s := smallShape{width: int(src[0] &^ hasPatches)}
	if s.width > 8 {
		panic("postings: a block has an impossible width")
	}
	if src[0]&hasPatches == 0 {
		return s, src[1:]
	}
	s.ones, s.more = int(src[1]), int(src[2])
	return s, src[3:]
}

// unpackSmall decodes n small numbers and returns what follows them.
func unpackSmall(dst *[kernel.ChunkRows]uint8, src []byte, n int) []byte {
	s, src := smallHead(src)
	kernel.Small(dst, src, n, s.width, s.ones, s.more)
	return src[s.size(n):]
}

// smallAt decodes the number at place i of n.
func smallAt(src []byte, n, i int) uint8 {
	s, src := smallHead(src)
	at := i * s.width
	pair := binary.LittleEndian.Uint16(src[at>>3 : at>>3+2]) // holds 8 bits at any offset; there is slack after the last
	v := uint8(pair >> (at & 7) & (1<<s.width - 1))
	if !s.patched() {
		return v
	}
	src = src[(n*s.width+7)/8:]
	for _, p := range src[:s.ones] {
		if int(p) == i {
			return v + 1<<s.width
		}
	}
	src = src[s.ones:]
	for j := range s.more {
		if int(src[2*j]) == i {
			return src[2*j+1]
		}
	}
	return v
}
