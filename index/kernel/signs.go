package kernel

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// SignPlanes is the number of bits of a query's values in SignsAtLeast.
const SignPlanes = 4

// SignRowSize returns the size in bytes of a row of so many signs in SignsAtLeast, with
// its f and b: 32, 64, or a larger multiple of 64, so that rows of aligned memory lie
// in as few cache lines as they can.
func SignRowSize(signs int) int {
	size := (signs+63)/64*8 + 8
	if size <= 32 {
		return 32
	}
	return (size + 63) &^ 63
}

// SignsAtLeast estimates products of a query with rows of which little more than signs is
// known, and writes the numbers of those that reach a floor to dst: each at[i] with
//
//	(float32(sum)*scale + bias)*f + b >= floor
//
// in their order. It returns how many they are. sum is the sum of the query's values, -8
// to 7, where the row's signs are set; f and b belong to the row. All operations round
// to float32, on every processor alike.
//
// A row has a bit for each sign, the first in the lowest bit of the first byte, and in its last
// 8 bytes f and b, as float32. planes are SignPlanes rows of the same size with the bits of
// the query's values, the lowest first, the last standing for -8; their last 8 bytes
// are zero. An estimate that is a NaN is never selected.
//
// dst and at may be the same memory. It panics if planes are not as long as rows of a
// size that SignRowSize returns, if dst is shorter than at, or if there is no row at[i].
func SignsAtLeast(dst []uint32, planes, rows []byte, at []uint32, scale, bias, floor float32) int {
	size := len(planes) / SignPlanes
	if size*SignPlanes != len(planes) || size == 0 || size != 32 && size%64 != 0 {
		panic("kernel: planes of signs have no size of a row")
	}
	dst = head(dst, len(at))
	if len(dst) == 0 {
		return 0
	}
	n, ok := used.signs(dst, planes, rows, at, scale, bias, floor)
	if !ok {
		rowOutOfRange()
	}
	return n
}

// SignsAreFast reports whether SignsAtLeast has a version for this processor. Plain Go takes
// longer than DotU8Gather with the bytes that signs are to spare.
func SignsAreFast() bool { return used.fastSigns }

func plainSignsAtLeast(dst []uint32, planes, rows []byte, at []uint32, scale, bias, floor float32) (n int, ok bool) {
	size := len(planes) / SignPlanes
	count := uint64(len(rows) / size)
	for _, x := range at {
		if uint64(x) >= count {
			return 0, false
		}
		row := rows[int(x)*size:][:size]
		sum := 0
		for j := 0; j < size-8; j += 8 {
			signs := binary.LittleEndian.Uint64(row[j:])
			for p, weight := range [SignPlanes]int{1, 2, 4, -8} {
				sum += weight * bits.OnesCount64(signs&binary.LittleEndian.Uint64(planes[p*size+j:]))
			}
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(row[size-8:]))
		b := math.Float32frombits(binary.LittleEndian.Uint32(row[size-4:]))
		// The conversions keep the compiler from fusing products and sums.
		estimate := float32((float32(float32(sum)*scale)+bias)*f) + b
		dst[n] = x
		if estimate >= floor {
			n++
		}
	}
	return n, true
}
