package kernel

// version is one way to compute dot products.
type version struct {
	name string
	// rows sets dst[i] to the dot product of q and the i-th row of rows.
	rows func(dst, q, rows []float32)
	// one is rows for a single row, with a result that need not be on the heap.
	one func(a, b []float32) float32
}

// used is chosen at start and never changes.
var used = best()

// Name says which version is in use: avx512, avx2 or plain.
func Name() string { return used.name }

// Dot returns the sum of a[i]*b[i]. It panics if b is shorter than a, and
// ignores the rest of b if it is longer.
func Dot(a, b []float32) float32 {
	return used.one(a, b[:len(a)])
}

// DotRows sets dst[i] to the dot product of q and row i of rows, which lie one
// after the other, len(q) values each, for i up to len(dst)-1. It panics if rows
// is shorter than len(dst) rows. dst[i] has exactly the bits of Dot(q, row i).
func DotRows(dst, q, rows []float32) {
	used.rows(dst, q, rows[:len(dst)*len(q)])
}

// plain is the reference and the fallback.
var plain = version{"plain", plainRows, plainDot}

func plainRows(dst, q, rows []float32) {
	for i := range dst {
		dst[i] = plainDot(q, rows[i*len(q):][:len(q)])
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
