package kernel

// NibbleDims is what the dimensions of DotU4Rows are a multiple of.
const NibbleDims = 128

// DotU4Rows sets dst[i] to the sum of q[j]*row[j] over all j, where row is row i of rows:
// numbers of 4 bits, 0 to 15, len(q)/2 bytes a row, one row after the other. The sums are
// exact.
//
// 64 bytes of a row have NibbleDims dimensions: byte j has number j in its lower half and
// number 64+j in its upper half.
//
// It panics if len(q) is no multiple of NibbleDims or greater than MaxByteDims, or if rows is
// shorter than len(dst) rows.
func DotU4Rows(dst []int32, q []int8, rows []uint8) {
	checkByteDims(len(q))
	if len(q)%NibbleDims != 0 {
		panic("kernel: rows of 4-bit numbers are not whole pieces")
	}
	rows = head(rows, len(dst)*(len(q)/2))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.dotU4Rows(dst, q, rows)
}

// NibblesAreFast reports whether DotU4Rows has a version for this processor. Plain Go takes
// as long as DotU8Rows with the bytes that 4-bit numbers are to spare, and longer.
func NibblesAreFast() bool { return used.fastNibbles }

func plainDotU4Rows(dst []int32, q []int8, rows []uint8) {
	size := len(q) / 2
	for i := range dst {
		row := rows[i*size:][:size]
		var sum int32
		for j, x := range row {
			low := j + j&^63 // 64 numbers of the lower halves, then 64 of the upper ones
			sum += int32(q[low])*int32(x&15) + int32(q[low+64])*int32(x>>4)
		}
		dst[i] = sum
	}
}
