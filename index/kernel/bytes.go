package kernel

// MaxByteDims is the greatest number of dimensions that the functions for bytes
// take: 65,536 products of at most 255*128 fit into an int32.
const MaxByteDims = 1 << 16

// DotU8Rows sets dst[i] to the sum of q[j]*row[j] over all j, where row is row i of
// rows: unsigned bytes, len(q) a row, one row after the other. The sums are exact.
// It panics if rows is shorter than len(dst) rows or if q is longer than MaxByteDims.
func DotU8Rows(dst []int32, q []int8, rows []uint8) {
	checkByteDims(len(q))
	rows = head(rows, len(dst)*len(q))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.dotU8Rows(dst, q, rows)
}

// DotU8Gather is DotU8Rows for the rows with the numbers at[i], which may be named
// more than once, in any order. It panics if dst is shorter than at, if there is
// no row at[i], or if q is longer than MaxByteDims; dst then holds nothing of use.
func DotU8Gather(dst []int32, q []int8, rows []uint8, at []uint32) {
	checkByteDims(len(q))
	dst = head(dst, len(at))
	if len(dst) == 0 || len(q) == 0 {
		clear(dst)
		return
	}
	if !used.dotU8Gather(dst, q, rows, at) {
		rowOutOfRange()
	}
}

func checkByteDims(n int) {
	if n > MaxByteDims {
		panic("kernel: so many products of bytes do not fit into an int32")
	}
}

func plainDotU8(q []int8, row []uint8) int32 {
	var sum int32
	row = row[:len(q)]
	for i, x := range q {
		sum += int32(x) * int32(row[i])
	}
	return sum
}

func plainDotU8Rows(dst []int32, q []int8, rows []uint8) {
	for i := range dst {
		dst[i] = plainDotU8(q, rows[i*len(q):][:len(q)])
	}
}

func plainDotU8Gather(dst []int32, q []int8, rows []uint8, at []uint32) bool {
	n := uint64(len(rows) / len(q))
	for i, row := range at {
		if uint64(row) >= n {
			return false
		}
		dst[i] = plainDotU8(q, rows[int(row)*len(q):][:len(q)])
	}
	return true
}
