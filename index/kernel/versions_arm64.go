package kernel

import (
	"math/bits"

	"golang.org/x/sys/cpu"
)

// versions lists what this processor can run, the fastest last. Every 64-bit Arm
// processor has NEON. Dot products of bytes came with Arm v8.4 and many of v8.2: Neoverse
// N1, Apple M1, Cortex-A55 and A76 and what came after them.
func versions() []version {
	all := []version{plain, neon}
	if cpu.ARM64.HasASIMDDP {
		v := neon
		v.name = "neondot"
		v.dotU8Rows, v.dotU8Gather = byteFunctions(dotU8DOT)
		all = append(all, v)
	}
	return all
}

var neon = neonVersion()

func neonVersion() version {
	v := version{
		name: "neon",
		dot: func(a, b []float32) float32 {
			var dst [1]float32
			dotNEON(&dst[0], &a[0], &b[0], nil, 1, len(a))
			return dst[0]
		},
		dotRows: func(dst, q, rows []float32) {
			dotNEON(&dst[0], &q[0], &rows[0], nil, len(dst), len(q))
		},
		dotGather: func(dst, q, rows []float32, at []uint32) bool {
			if !allBelow(at, len(rows)/len(q)) {
				return false
			}
			dotNEON(&dst[0], &q[0], &rows[0], &at[0], len(dst), len(q))
			return true
		},
		l2: func(a, b []float32) float32 {
			var dst [1]float32
			l2NEON(&dst[0], &a[0], &b[0], 1, len(a))
			return dst[0]
		},
		l2Rows: func(dst, q, rows []float32) {
			l2NEON(&dst[0], &q[0], &rows[0], len(dst), len(q))
		},
		dotF16Rows: func(dst, q []float32, rows []uint16) {
			dotF16NEON(&dst[0], &q[0], &rows[0], nil, len(dst), len(q))
		},
		dotF16Gather: func(dst, q []float32, rows []uint16, at []uint32) bool {
			if !allBelow(at, len(rows)/len(q)) {
				return false
			}
			dotF16NEON(&dst[0], &q[0], &rows[0], &at[0], len(dst), len(q))
			return true
		},
		toF16:      toF16By8,
		fromF16:    fromF16By8,
		dotU4Rows:  plainDotU4Rows,
		atLeast:    atLeastBy16,
		atLeastF32: atLeastF32By16,
		lookupScan: lookupScanNEON,
		hamming:    hammingUpTo,
		signs:      plainSignsAtLeast,
		prefetch:   plainPrefetch,
	}
	v.dotU8Rows, v.dotU8Gather = byteFunctions(dotU8NEON)
	return v
}

// allBelow says whether all numbers are below n.
func allBelow(at []uint32, n int) bool {
	var most uint32
	for _, row := range at {
		most = max(most, row)
	}
	return uint64(most) < uint64(n)
}

// byteFunctions makes the functions of a version from one in assembly, which loads
// whole registers of 16 bytes: shorter vectors are for plain Go.
func byteFunctions(dot func(dst *int32, q *int8, rows *uint8, at *uint32, count, dims int)) (
	rows func(dst []int32, q []int8, rows []uint8),
	gather func(dst []int32, q []int8, rows []uint8, at []uint32) bool,
) {
	rows = func(dst []int32, q []int8, rows []uint8) {
		if len(q) < 16 {
			plainDotU8Rows(dst, q, rows)
			return
		}
		dot(&dst[0], &q[0], &rows[0], nil, len(dst), len(q))
	}
	gather = func(dst []int32, q []int8, rows []uint8, at []uint32) bool {
		if len(q) < 16 {
			return plainDotU8Gather(dst, q, rows, at)
		}
		if !allBelow(at, len(rows)/len(q)) {
			return false
		}
		dot(&dst[0], &q[0], &rows[0], &at[0], len(dst), len(q))
		return true
	}
	return rows, gather
}

func toF16By8(dst []uint16, src []float32) {
	n := len(src) &^ 7
	if n > 0 {
		toF16NEON(&dst[0], &src[0], n)
	}
	plainToF16(dst[n:], src[n:])
}

func fromF16By8(dst []float32, src []uint16) {
	n := len(src) &^ 7
	if n > 0 {
		fromF16NEON(&dst[0], &src[0], n)
	}
	plainFromF16(dst[n:], src[n:])
}

// atLeastBy16 lets assembly find the next 16 numbers with one to select, and goes
// through these in Go.
func atLeastBy16(dst []uint32, v []int32, floor int32) int {
	n := 0
	for i := 0; i < len(v); {
		if whole := (len(v) - i) &^ 15; whole > 0 {
			if i += noneAtLeastNEON(&v[i], whole, floor); i == len(v) {
				break
			}
		}
		end := min(i+16, len(v))
		for ; i < end; i++ {
			dst[n] = uint32(i)
			if v[i] >= floor {
				n++
			}
		}
	}
	return n
}

// atLeastF32By16 is atLeastBy16 for floats.
func atLeastF32By16(dst []uint32, v []float32, floor float32) int {
	n := 0
	for i := 0; i < len(v); {
		if whole := (len(v) - i) &^ 15; whole > 0 {
			if i += noneAtLeastF32NEON(&v[i], whole, floor); i == len(v) {
				break
			}
		}
		end := min(i+16, len(v))
		for ; i < end; i++ {
			dst[n] = uint32(i)
			if v[i] >= floor {
				n++
			}
		}
	}
	return n
}

// lookupScanNEON lets assembly find the next block with something to select.
func lookupScanNEON(dst []uint32, blocks, luts []byte, scale, bias, floor float32, first uint32) int {
	chunks := len(luts) / lookupChunk
	size := LookupBlockSize(chunks)
	n := 0
	for len(blocks) > 0 {
		skipped, mask := lookupNEON(&blocks[0], len(blocks)/size, &luts[0], chunks, scale, bias, floor)
		if mask == 0 {
			break
		}
		first += uint32(skipped) * LookupBlock
		for ; mask != 0; mask &= mask - 1 {
			dst[n] = first + uint32(bits.TrailingZeros32(mask))
			n++
		}
		first += LookupBlock
		blocks = blocks[(skipped+1)*size:]
	}
	return n
}

// hammingUpTo leaves rows whose counts may not fit into 16 bits to plain Go.
func hammingUpTo(dst []uint32, q, rows []uint64) {
	const mostWords = 8000
	if len(q) > mostWords {
		plainHamming(dst, q, rows)
		return
	}
	hammingNEON(&dst[0], &q[0], &rows[0], len(dst), len(q))
}

// In assembly. There is at least one row and one dimension; at may be nil, for rows
// one after the other.

//go:noescape
func dotNEON(dst, q, rows *float32, at *uint32, count, dims int)

//go:noescape
func l2NEON(dst, q, rows *float32, count, dims int)

//go:noescape
func dotF16NEON(dst, q *float32, rows *uint16, at *uint32, count, dims int)

// toF16NEON converts n numbers, a multiple of 8 and not 0.
//
//go:noescape
func toF16NEON(dst *uint16, src *float32, n int)

// fromF16NEON converts n numbers, a multiple of 8 and not 0.
//
//go:noescape
func fromF16NEON(dst *float32, src *uint16, n int)

// dotU8NEON takes at least 16 dimensions.
//
//go:noescape
func dotU8NEON(dst *int32, q *int8, rows *uint8, at *uint32, count, dims int)

// dotU8DOT is dotU8NEON for processors with dot products.
//
//go:noescape
func dotU8DOT(dst *int32, q *int8, rows *uint8, at *uint32, count, dims int)

// noneAtLeastNEON returns how many of n numbers, a multiple of 16 and not 0, come before
// the first 16 of which one is at least floor.
//
//go:noescape
func noneAtLeastNEON(v *int32, n int, floor int32) int

// noneAtLeastF32NEON is noneAtLeastNEON for floats.
//
//go:noescape
func noneAtLeastF32NEON(v *float32, n int, floor float32) int

// lookupNEON goes through n blocks up to the first with an estimate that reaches the
// floor. It returns how many it skipped, and a bit for each selected vector of that
// one; none, if it skipped all.
//
//go:noescape
func lookupNEON(blocks *byte, n int, luts *byte, chunks int, scale, bias, floor float32) (skipped int, mask uint32)

// hammingNEON takes at most 8190 words a row.
//
//go:noescape
func hammingNEON(dst *uint32, q, rows *uint64, count, words int)
