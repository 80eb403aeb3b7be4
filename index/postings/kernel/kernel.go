package kernel

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Sizes of blocks.
const (
	BlockRows = 128 // most postings of a sparse block
	ChunkRows = 256 // rows of a chunk of a dense list
	MaxLow    = 25  // widest low part of Elias-Fano
	MaxHigh   = 64  // longest high part in bytes
	Slack     = 64  // bytes that must be readable after what is decoded
)

// Table holds a score per term frequency and norm: of frequency f and norm n at (f-1)<<8|n.
type Table [1 << 16]uint32

// Block is what a block or a chunk of postings decodes to.
type Block struct {
	Rows [ChunkRows + 16]uint32
	TFs  [ChunkRows]uint8 // each one less than the term frequency
	ones [8*MaxHigh + 64]uint16
}

// version is one way to do it.
type version struct {
	name    string
	rows    func(b *Block, src []byte, n, low, high int, base uint32)
	chunk   func(b *Block, bitmap *[ChunkRows / 8]byte, base uint32) int
	small   func(dst *[ChunkRows]uint8, src []byte, n, width, ones, more int)
	add     func(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight uint32)
	addFind func(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight, need uint32, found []uint32) int
	peaks   func(sums []uint16, peaks []uint8, weight uint16)
	above   func(dst []uint64, sums []uint16, least uint16) int
}

// used is chosen at start and never changes.
var used = best()

// Name says which version is in use: avx512, bmi2 or plain.
func Name() string { return used.name }

// Rows decodes n rows of a block, 1 to 128, into b.Rows. Row i is base + i + its value, an ascending number in Elias-Fano form:
// src holds n low parts of low bits, to the byte, then high bytes in which the value's upper part of row i is the number of zeros
// before the one of number i. If there are fewer ones than n, the rest of the rows is anything.
func Rows(b *Block, src []byte, n, low, high int, base uint32) {
	if n < 1 || n > BlockRows || low < 0 || low > MaxLow || high < 1 || high > MaxHigh {
		panic("postings: a block has an impossible shape")
	}
	_ = src[:(n*low+7)/8+high+Slack]
	used.rows(b, src, n, low, high, base)
}

// Chunk lists the rows of a chunk in b.Rows and returns their number: base + i for every bit i of bitmap.
func Chunk(b *Block, bitmap *[ChunkRows / 8]byte, base uint32) int {
	return used.chunk(b, bitmap, base)
}

// Small decodes n numbers below 256, 0 to 256 of them: src holds n values of width bits, to the byte, then ones bytes, each the place of a
// number that is greater by 1<<width, then more pairs of a place and the number itself.
func Small(dst *[ChunkRows]uint8, src []byte, n, width, ones, more int) {
	if n < 0 || n > ChunkRows || width < 0 || width > 8 || ones < 0 || more < 0 {
		panic("postings: a block has an impossible shape")
	}
	_ = src[:(n*width+7)/8+ones+2*more+Slack]
	used.small(dst, src, n, width, ones, more)
}

// Add adds the scores of postings to acc, whose first place is that of row lo: weight*table[tf][norm]/2^32, rounded down, for each row
// whose place lies within acc and norms. norms[i] is the norm of row lo+i, and tfs are one less than term frequencies, as in Block.
func Add(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight uint32) {
	used.add(acc, rows, tfs[:len(rows)], norms, table, lo, weight)
}

// AddFind does what Add does and lists in found the rows whose sum was below need and no longer is. It returns their number; found must
// have a place for each posting.
func AddFind(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight, need uint32, found []uint32) int {
	return used.addFind(acc, rows, tfs[:len(rows)], norms, table, lo, weight, need, found[:len(rows)])
}

// AddPeaks adds peaks[i]*weight/256, rounded down, to each sums[i], which stops at the greatest value. There is a peak for each sum.
func AddPeaks(sums []uint16, peaks []uint8, weight uint16) {
	used.peaks(sums, peaks[:len(sums)], weight)
}

// Above sets the bits of the sums that are greater than least in dst, clears the others, and returns how many it has set. The number of sums must be a
// multiple of 64, and dst have room for them.
func Above(dst []uint64, sums []uint16, least uint16) int {
	if len(sums)%64 != 0 {
		panic("postings: sums do not fill words")
	}
	return used.above(dst[:len(sums)/64], sums, least)
}

// plain is the reference and the fallback.
var plain = version{"plain", rowsPlain, chunkPlain, smallPlain, addPlain, addFindPlain, peaksPlain, abovePlain}

func rowsPlain(b *Block, src []byte, n, low, high int, base uint32) {
	src = src[:cap(src)]
	ones := src[(n*low+7)/8:]
	mask := uint64(1)<<low - 1
	i, at := 0, 0
	for j := 0; j < high; j += 8 {
		for w := binary.LittleEndian.Uint64(ones[j:]); w != 0; w &= w - 1 {
			upper := uint32(j*8 + bits.TrailingZeros64(w) - i)
			lower := uint32(binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask)
			b.Rows[i] = base + uint32(i) + (upper<<low + lower)
			at += low
			if i++; i == n {
				return
			}
		}
	}
}

func chunkPlain(b *Block, bitmap *[ChunkRows / 8]byte, base uint32) int {
	n := 0
	for j := 0; j < len(bitmap); j += 8 {
		for w := binary.LittleEndian.Uint64(bitmap[j:]); w != 0; w &= w - 1 {
			b.Rows[n] = base + uint32(j*8+bits.TrailingZeros64(w))
			n++
		}
	}
	return n
}

func smallPlain(dst *[ChunkRows]uint8, src []byte, n, width, ones, more int) {
	src = src[:cap(src)]
	mask := uint16(1)<<width - 1
	for i, at := 0, 0; i < n; i, at = i+1, at+width {
		dst[i] = uint8(binary.LittleEndian.Uint16(src[at>>3:]) >> (at & 7) & mask)
	}
	src = src[(n*width+7)/8:]
	for _, p := range src[:ones] {
		dst[p] += 1 << width
	}
	src = src[ones:]
	for i := range more {
		dst[src[2*i]] = src[2*i+1]
	}
}

func addPlain(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight uint32) {
	acc = acc[:min(len(acc), len(norms))]
	norms = norms[:len(acc)]
	tfs = tfs[:len(rows)]
	for i, r := range rows {
		if r -= lo; int(r) < len(acc) {
			acc[r] += Score(weight, table[int(tfs[i])<<8|int(norms[r])])
		}
	}
}

func addFindPlain(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight, need uint32, found []uint32) int {
	acc = acc[:min(len(acc), len(norms))]
	norms = norms[:len(acc)]
	tfs = tfs[:len(rows)]
	n := 0
	for i, r := range rows {
		p := r - lo
		if int(p) >= len(acc) {
			continue
		}
		before := acc[p]
		sum := before + Score(weight, table[int(tfs[i])<<8|int(norms[p])])
		acc[p] = sum
		if sum >= need && before < need {
			found[n] = r
			n++
		}
	}
	return n
}

func peaksPlain(sums []uint16, peaks []uint8, weight uint16) {
	peaks = peaks[:len(sums)]
	for i, p := range peaks {
		sums[i] = uint16(min(uint32(sums[i])+uint32(p)*uint32(weight)>>8, math.MaxUint16))
	}
}

func abovePlain(dst []uint64, sums []uint16, least uint16) int {
	total := 0
	for i := range dst {
		word := uint64(0)
		for j, sum := range sums[64*i:][:64] {
			if sum > least {
				word |= 1 << j
			}
		}
		dst[i] = word
		total += bits.OnesCount64(word)
	}
	return total
}

// Score is what a posting adds: weight*factor/2^32, rounded down.
func Score(weight, factor uint32) uint32 { return uint32(uint64(weight) * uint64(factor) >> 32) }
