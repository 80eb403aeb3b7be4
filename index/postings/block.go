package postings

import (
	"math/bits"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// A block holds up to 128 postings, in a form that does not depend on where it stands. Its rows are an ascending list in the form of Elias
// and Fano: with base the row after the last one of the block before, and row i = base + i + v(i), the numbers v(i) never fall. Their
// lower low bits are packed; their upper parts are a bitmap with a one for each row and, before it, a zero for each step of the
// upper part. This takes low+2 bits a row and at most half a bit more, whatever the gaps are like: one wide gap does not set the width of all
// as it does for packed gaps, and there is no running sum to wait for when it is decoded.
//
//	low (1 byte)
//	the low parts, to the byte; the bitmap, (n + v(n-1)>>low + 7)/8 bytes
//	the term frequencies less one, as small numbers
//
// The number of rows and the last row stand outside.

// lowBits returns the width of the low parts for n numbers up to last that takes least.
func lowBits(n int, last uint32) int {
	low := min(max(0, bits.Len32(last/uint32(n))-1), kernel.MaxLow)
	if low < kernel.MaxLow && blockRowBytes(n, low+1, last) < blockRowBytes(n, low, last) {
		low++
	}
	return low
}

// blockRowBytes returns the size of the rows of a block.
func blockRowBytes(n, low int, last uint32) int { return (n*low+7)/8 + highBytes(n, low, last) }

func highBytes(n, low int, last uint32) int { return (n + int(last>>low) + 7) / 8 }

// packBlock appends a block. base is the row after the last of the block before.
func (e *encoder) packBlock(dst []byte, rows []uint32, tfs []uint8, base uint32) []byte {
	n := len(rows)
	last := rows[n-1] - base - uint32(n-1)
	low := lowBits(n, last)
	dst = append(dst, byte(low))
	mask := uint32(1)<<low - 1
	lows := e.lows[:n]
	var ones [kernel.MaxHigh/8 + 1]uint64
	for i, r := range rows {
		v := r - base - uint32(i)
		lows[i] = v & mask
		at := v>>low + uint32(i)
		ones[at>>6] |= 1 << (at & 63)
	}
	dst = packBits(dst, lows, low)
	for i := range highBytes(n, low, last) {
		dst = append(dst, byte(ones[i>>3]>>(i&7*8)))
	}
	return packSmall(dst, tfs)
}

// unpackBlock decodes n postings whose last row is last. It returns what follows the block.
func unpackBlock(b *kernel.Block, src []byte, n int, base, last uint32) []byte {
	src = unpackRows(b, src, n, base, last)
	return unpackSmall(&b.TFs, src, n)
}

// unpackRows decodes the rows only, and returns where the term frequencies begin.
func unpackRows(b *kernel.Block, src []byte, n int, base, last uint32) []byte {
	low := int(src[0])
	if low > kernel.MaxLow || last-base < uint32(n-1) {
		panic("postings: a block has an impossible shape")
	}
	high := highBytes(n, low, last-base-uint32(n-1))
	src = src[1:]
	kernel.Rows(b, src, n, low, high, base)
	return src[(n*low+7)/8+high:]
}
