package kernel

import "math"

// DotF16Rows sets dst[i] to the dot product of q and row i of rows, which hold
// float16 numbers (IEEE 754 binary16), len(q) a row, one row after the other. The
// products and sums are those of float32. It panics if rows is shorter than
// len(dst) rows.
func DotF16Rows(dst, q []float32, rows []uint16) {
	rows = head(rows, len(dst)*len(q))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.dotF16Rows(dst, q, rows)
}

// DotF16Gather sets dst[i] to the dot product of q and row at[i] of rows of
// float16 numbers, with exactly the bits that DotF16Rows has for that row. It
// panics if dst is shorter than at, or if there is no row at[i]; dst then holds
// nothing of use.
func DotF16Gather(dst, q []float32, rows []uint16, at []uint32) {
	dst = head(dst, len(at))
	if len(dst) == 0 || len(q) == 0 {
		clear(dst)
		return
	}
	if !used.dotF16Gather(dst, q, rows, at) {
		rowOutOfRange()
	}
}

// ToF16 sets dst[i] to the float16 number nearest to src[i]; of two equally near
// ones the one with an even last bit. What is too large becomes an infinity, and
// a NaN stays a NaN. It panics if dst is shorter than src.
func ToF16(dst []uint16, src []float32) {
	dst = head(dst, len(src))
	if len(src) > 0 {
		used.toF16(dst, src)
	}
}

// FromF16 sets dst[i] to the value of the float16 number src[i], which is exact.
// It panics if dst is shorter than src.
func FromF16(dst []float32, src []uint16) {
	dst = head(dst, len(src))
	if len(src) > 0 {
		used.fromF16(dst, src)
	}
}

func plainDotF16(q []float32, row []uint16) float32 {
	var s0, s1 float32
	row = row[:len(q)]
	i := 0
	for ; i+2 <= len(q); i += 2 {
		s0 += q[i] * fromHalf(row[i])
		s1 += q[i+1] * fromHalf(row[i+1])
	}
	for ; i < len(q); i++ {
		s0 += q[i] * fromHalf(row[i])
	}
	return s0 + s1
}

func plainDotF16Rows(dst, q []float32, rows []uint16) {
	for i := range dst {
		dst[i] = plainDotF16(q, rows[i*len(q):][:len(q)])
	}
}

func plainDotF16Gather(dst, q []float32, rows []uint16, at []uint32) bool {
	n := uint64(len(rows) / len(q))
	for i, row := range at {
		if uint64(row) >= n {
			return false
		}
		dst[i] = plainDotF16(q, rows[int(row)*len(q):][:len(q)])
	}
	return true
}

func plainToF16(dst []uint16, src []float32) {
	for i, f := range src {
		dst[i] = toHalf(f)
	}
}

func plainFromF16(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = fromHalf(h)
	}
}

// toHalf rounds as the processors' instructions do, down to the bits of a NaN.
func toHalf(f float32) uint16 {
	const (
		infinity  = 0x7f800000
		tooLarge  = 0x477ff000 // 65520, from which on rounding leads to infinity
		subnormal = 0x38800000 // 2^-14, below which float16 has a fixed step of 2^-24
	)
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > infinity:
		return sign | 0x7e00 | uint16(bits>>13&0x3ff)
	case bits >= tooLarge:
		return sign | 0x7c00
	case bits < subnormal:
		// From .5 to 1, the steps of float32 are 2^-24 too: the addition rounds.
		const half = 0x3f000000
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+.5)-half)
	}
	const exponents = (127 - 15) << 23 // the difference of the offsets of both formats
	bits += 0xfff + bits>>13&1
	return sign | uint16((bits-exponents)>>13)
}

// fromHalf makes signalling NaNs quiet, as the processors' instructions do. The bits of
// exponent and fraction, moved to those of a float32, are a number that is too small by a
// power of two, the difference of the offsets of both exponents; for subnormal ones too.
func fromHalf(h uint16) float32 {
	const infinity, offsets = 0x7c00, 1 << (127 - 15)
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	if magnitude >= infinity {
		return specialHalf(sign, magnitude)
	}
	f := math.Float32frombits(magnitude<<13) * offsets
	return math.Float32frombits(math.Float32bits(f) | sign)
}

// specialHalf returns an infinity or a NaN.
func specialHalf(sign, magnitude uint32) float32 {
	bits := sign | 0x7f800000 | magnitude<<13
	if magnitude > 0x7c00 {
		bits |= 0x400000
	}
	return math.Float32frombits(bits)
}
