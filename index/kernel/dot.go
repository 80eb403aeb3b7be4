package kernel

// Dot returns the sum of a[i]*b[i]. Lengths must be equal; Dot panics if b is
// the shorter one, and ignores the rest of b if it is longer.
func Dot(a, b []float32) float32 {
	return dot(a, b[:len(a)])
}

// DotRows sets dst[i] to the dot product of q and row i of rows, which lie one
// after the other, len(q) values each, for i up to len(dst)-1. It panics if rows
// is shorter than len(dst) rows. dst[i] has exactly the bits of Dot(q, row i).
func DotRows(dst, q, rows []float32) {
	d := len(q)
	rows = rows[:len(dst)*d]
	dotRows(dst, q, rows)
}

// plainDot is the reference: four sums, so that additions need not wait for
// each other.
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
	d := len(q)
	for i := range dst {
		dst[i] = plainDot(q, rows[i*d:i*d+d])
	}
}
