package kernel

import "golang.org/x/sys/cpu"

// The assembly takes count and dims of at least 1, and reads nothing beyond the
// last value of q and of the last row.

//go:noescape
func rowsAVX512(dst, q, rows *float32, count, dims int)

//go:noescape
func rowsAVX2(dst, q, rows *float32, count, dims int)

func best() version {
	all := versions()
	return all[len(all)-1]
}

// versions lists what this processor can run, the fastest last.
func versions() []version {
	all := []version{plain}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		all = append(all, version{"avx2", avx2Rows, avx2One})
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasBMI2 {
		all = append(all, version{"avx512", avx512Rows, avx512One})
	}
	return all
}

func avx2Rows(dst, q, rows []float32) {
	if len(dst) == 0 || len(q) == 0 {
		clear(dst)
		return
	}
	rowsAVX2(&dst[0], &q[0], &rows[0], len(dst), len(q))
}

func avx2One(a, b []float32) (dot float32) {
	if len(a) > 0 {
		rowsAVX2(&dot, &a[0], &b[0], 1, len(a))
	}
	return dot
}

func avx512Rows(dst, q, rows []float32) {
	if len(dst) == 0 || len(q) == 0 {
		clear(dst)
		return
	}
	rowsAVX512(&dst[0], &q[0], &rows[0], len(dst), len(q))
}

func avx512One(a, b []float32) (dot float32) {
	if len(a) > 0 {
		rowsAVX512(&dot, &a[0], &b[0], 1, len(a))
	}
	return dot
}
