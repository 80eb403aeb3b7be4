package kernel

// Dot returns the sum of a[i]*b[i]. It panics if b is shorter than a, and
// ignores the rest of b if it is longer. The dot product of nothing is 0.
func Dot(a, b []float32) float32 {
	b = head(b, len(a))
	if len(a) == 0 {
		return 0
	}
	return used.dot(a, b)
}

// DotRows sets dst[i] to the dot product of q and row i of rows, which lie one
// after the other, len(q) values each, for i up to len(dst)-1. It panics if rows
// is shorter than len(dst) rows. dst[i] has exactly the bits of Dot(q, row i).
func DotRows(dst, q, rows []float32) {
	rows = head(rows, len(dst)*len(q))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.dotRows(dst, q, rows)
}

// DotGather sets dst[i] to the dot product of q and row at[i] of rows, which lie
// one after the other, len(q) values each. Rows may be named more than once, in
// any order. It panics if dst is shorter than at, or if there is no row at[i];
// dst then holds nothing of use. dst[i] has exactly the bits of Dot(q, row at[i]).
func DotGather(dst, q, rows []float32, at []uint32) {
	dst = head(dst, len(at))
	if len(dst) == 0 || len(q) == 0 {
		clear(dst)
		return
	}
	if !used.dotGather(dst, q, rows, at) {
		rowOutOfRange()
	}
}

// plainDot keeps four sums, so that an addition need not wait for the one before.
func plainDot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func plainDotRows(dst, q, rows []float32) {
	for i := range dst {
		dst[i] = plainDot(q, rows[i*len(q):][:len(q)])
	}
}

func plainDotGather(dst, q, rows []float32, at []uint32) bool {
	n := uint64(len(rows) / len(q))
	for i, row := range at {
		if uint64(row) >= n {
			return false
		}
		dst[i] = plainDot(q, rows[int(row)*len(q):][:len(q)])
	}
	return true
}
