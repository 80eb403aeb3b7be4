package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// avx512vnni is for processors with AVX-512 F, BW, DQ, VL and VNNI: Intel's for
// servers since Cascade Lake, AMD since Zen 4.
var avx512vnni = &Set{
	Name:      "avx512vnni",
	linear:    linearAVX512,
	dense:     denseAVX512,
	quantize:  quantizeAVX512,
	matmul:    matmulAVX512,
	transpose: transposeAVX2,
	softmax:   func(row []float32) float32 { return softmaxAVX512(&row[0], len(row)) },
	gelu:      func(x []float32) { geluAVX512(&x[0], len(x)) },
	norm: func(x, residual, gamma, beta []float32, eps float32) {
		normAVX512(&x[0], unsafe.SliceData(residual), &gamma[0], &beta[0], len(x), eps)
	},
}

// avx512 is for those before them, Intel's Skylake: floats with AVX-512, the
// integer products of AVX2.
var avx512 = withLinear(avx512vnni, "avx512", linearAVX2)

func hasAVX512() bool {
	x := &cpu.X86
	return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && hasAVX2()
}

func hasAVX512VNNI() bool { return hasAVX512() && cpu.X86.HasAVX512VNNI }

// linearAVX512 walks over panels and, within one, over rows: a panel of weights
// stays in the first-level cache while the rows pass by.
func linearAVX512(dst []float32, stride int, x *Rows, l *Linear) {
	rows := len(x.Scale)
	t := tile{ldd: 4 * stride, lda: x.Cols, groups: l.In / Group}
	for n := 0; n < l.Out; n += Panel {
		t.b = &l.Weights[n*l.In]
		t.colScale, t.colSum, t.bias = &l.Scale[n], &l.Sum[n], &l.Bias[n]
		for r := 0; r < rows; {
			t.dst, t.a = &dst[r*stride+n], &x.Q[r*x.Cols]
			t.rowScale, t.rowZero = &x.Scale[r], &x.Zero[r]
			switch left := rows - r; {
			case left >= 12:
				linear12AVX512(&t)
				r += 12
			case left >= 6:
				linear6AVX512(&t)
				r += 6
			case left >= 3:
				linear3AVX512(&t)
				r += 3
			default:
				linear1AVX512(&t)
				r++
			}
		}
	}
}

func quantizeAVX512(q []uint8, src []float32) (scale float32, zero int32) {
	if len(src)%Lanes != 0 {
		return quantizeGeneric(q, src)
	}
	scale, inverse, zero := spread(extremesAVX512(&src[0], len(src)))
	roundAVX512(&q[0], &src[0], len(src), inverse, zero)
	return scale, zero
}

func matmulAVX512(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	p := product{ldd: 4 * ldd, lda: 4 * lda, ldb: 4 * ldb, inner: inner, init: &zeros[0]}
	for n := 0; n < cols; n += Panel {
		p.b = &b[n]
		for r := 0; r < rows; {
			p.dst, p.a, p.mul = &dst[r*ldd+n], &a[r*lda], &mul[r]
			r += matmulTileAVX512(&p, rows-r)
		}
	}
}

// denseAVX512 walks like linearAVX512: a panel is read from memory by the first
// rows and from a cache by the others.
func denseAVX512(dst []float32, stride int, x []float32, rows int, l *Dense) {
	p := product{ldd: 4 * stride, lda: 4 * l.In, ldb: 4 * Panel, inner: l.In, mul: &ones[0], ahead: ahead}
	for n := 0; n < l.Out; n += Panel {
		p.b, p.init = &l.Weights[n*l.In], &l.Bias[n]
		for r := 0; r < rows; {
			p.dst, p.a = &dst[r*stride+n], &x[r*l.In]
			r += matmulTileAVX512(&p, rows-r)
		}
	}
}

// matmulTileAVX512 computes the tallest tile that fits in so many rows and
// returns its height.
func matmulTileAVX512(p *product, rows int) int {
	switch {
	case rows >= 12:
		matmul12AVX512(p)
		return 12
	case rows >= 6:
		matmul6AVX512(p)
		return 6
	case rows >= 3:
		matmul3AVX512(p)
		return 3
	}
	matmul1AVX512(p)
	return 1
}

//go:noescape
func linear12AVX512(t *tile)

//go:noescape
func linear6AVX512(t *tile)

//go:noescape
func linear3AVX512(t *tile)

//go:noescape
func linear1AVX512(t *tile)

//go:noescape
func matmul12AVX512(p *product)

//go:noescape
func matmul6AVX512(p *product)

//go:noescape
func matmul3AVX512(p *product)

//go:noescape
func matmul1AVX512(p *product)

//go:noescape
func softmaxAVX512(row *float32, n int) float32

//go:noescape
func geluAVX512(x *float32, n int)

//go:noescape
func extremesAVX512(x *float32, n int) (lowest, highest float32)

//go:noescape
func roundAVX512(q *uint8, x *float32, n int, inverse float32, zero int32)

//go:noescape
func normAVX512(x, residual, gamma, beta *float32, n int, eps float32)
