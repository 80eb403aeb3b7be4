package kernel

// L2 returns the squared Euclidean distance of a and b, the sum of
// (a[i]-b[i])*(a[i]-b[i]). It panics if b is shorter than a, and ignores the rest
// of b if it is longer.
func L2(a, b []float32) float32 {
	b = head(b, len(a))
	if len(a) == 0 {
		return 0
	}
	return used.l2(a, b)
}

// L2Rows sets dst[i] to the squared Euclidean distance of q and row i of rows,
// which lie one after the other, len(q) values each. It panics if rows is shorter
// than len(dst) rows. dst[i] has exactly the bits of L2(q, row i).
func L2Rows(dst, q, rows []float32) {
	rows = head(rows, len(dst)*len(q))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.l2Rows(dst, q, rows)
}

func plainL2(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(a); i++ {
		d := a[i] - b[i]
		s0 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

func plainL2Rows(dst, q, rows []float32) {
	for i := range dst {
		dst[i] = plainL2(q, rows[i*len(q):][:len(q)])
	}
}
