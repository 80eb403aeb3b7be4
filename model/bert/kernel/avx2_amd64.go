package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// avx2 is for processors with AVX2 and FMA: Intel since Haswell, AMD since Zen.
var avx2 = &Set{
	Name:      "avx2",
	linear:    linearAVX2,
	dense:     denseAVX2,
	quantize:  quantizeAVX2,
	matmul:    matmulAVX2,
	transpose: transposeAVX2,
	softmax:   func(row []float32) float32 { return softmaxAVX2(&row[0], len(row)) },
	gelu:      func(x []float32) { geluAVX2(&x[0], len(x)) },
	norm: func(x, residual, gamma, beta []float32, eps float32) {
		normAVX2(&x[0], unsafe.SliceData(residual), &gamma[0], &beta[0], len(x), eps)
	},
}

// ahead is how many bytes before they are needed a layer's weights are asked for:
// 32 inputs of a panel, long enough for an answer from memory, where the processor
// by itself looks no further than the end of a page.
const ahead = 32 * 4 * Panel

func hasAVX2() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }

// linearAVX2 widens wideRows rows and multiplies them with one quarter panel
// after the other.
func linearAVX2(dst []float32, stride int, x *Rows, l *Linear) {
	const columns = 8
	t := tile{ldd: 4 * stride, lda: 2 * x.Cols, groups: l.In / Group}
	for from := 0; from < len(x.Scale); from += wideRows {
		rows := min(wideRows, len(x.Scale)-from)
		widen(x.wide, x.Q[from*x.Cols:(from+rows)*x.Cols])
		for n := 0; n < l.Out; n += columns {
			t.b = &l.Weights[n/Panel*Panel*l.In+n%Panel*Group]
			t.colScale, t.colSum, t.bias = &l.Scale[n], &l.Sum[n], &l.Bias[n]
			for r := 0; r < rows; {
				t.dst = &dst[(from+r)*stride+n]
				t.a = (*uint8)(unsafe.Pointer(&x.wide[r*x.Cols]))
				t.rowScale, t.rowZero = &x.Scale[from+r], &x.Zero[from+r]
				switch left := rows - r; {
				case left >= 6:
					linear6AVX2(&t)
					r += 6
				case left >= 3:
					linear3AVX2(&t)
					r += 3
				default:
					linear1AVX2(&t)
					r++
				}
			}
		}
	}
}

func widen(dst []int16, src []uint8) {
	n := len(src) / Lanes * Lanes
	if n > 0 {
		widenAVX2(&dst[0], &src[0], n)
	}
	for i := n; i < len(src); i++ {
		dst[i] = int16(src[i])
	}
}

func quantizeAVX2(q []uint8, src []float32) (scale float32, zero int32) {
	if len(src)%Lanes != 0 {
		return quantizeGeneric(q, src)
	}
	scale, inverse, zero := spread(extremesAVX2(&src[0], len(src)))
	roundAVX2(&q[0], &src[0], len(src), inverse, zero)
	return scale, zero
}

func matmulAVX2(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	const columns = 16
	p := product{ldd: 4 * ldd, lda: 4 * lda, ldb: 4 * ldb, inner: inner, init: &zeros[0]}
	for n := 0; n < cols; n += columns {
		p.b = &b[n]
		for r := 0; r < rows; {
			p.dst, p.a, p.mul = &dst[r*ldd+n], &a[r*lda], &mul[r]
			r += matmulTileAVX2(&p, rows-r)
		}
	}
}

// denseAVX2 takes the two halves of a panel one after the other.
func denseAVX2(dst []float32, stride int, x []float32, rows int, l *Dense) {
	const columns = 16
	p := product{ldd: 4 * stride, lda: 4 * l.In, ldb: 4 * Panel, inner: l.In, mul: &ones[0], ahead: ahead}
	for n := 0; n < l.Out; n += columns {
		p.b, p.init = &l.Weights[n/Panel*Panel*l.In+n%Panel], &l.Bias[n]
		for r := 0; r < rows; {
			p.dst, p.a = &dst[r*stride+n], &x[r*l.In]
			r += matmulTileAVX2(&p, rows-r)
		}
	}
}

// matmulTileAVX2 computes the tallest tile that fits in so many rows and returns
// its height.
func matmulTileAVX2(p *product, rows int) int {
	switch {
	case rows >= 6:
		matmul6AVX2(p)
		return 6
	case rows >= 3:
		matmul3AVX2(p)
		return 3
	}
	matmul1AVX2(p)
	return 1
}

// transposeAVX2 turns blocks of 8 by 8, and what is left over in plain Go.
func transposeAVX2(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const block = 8
	full := rows / block * block
	for r := 0; r < full; r += block {
		transpose8AVX2(&dst[r], 4*ldd, &src[r*lds], 4*lds, cols/block)
	}
	transposeRest(dst, ldd, src, lds, full, rows, cols)
}

//go:noescape
func linear6AVX2(t *tile)

//go:noescape
func linear3AVX2(t *tile)

//go:noescape
func linear1AVX2(t *tile)

//go:noescape
func widenAVX2(dst *int16, src *uint8, n int)

//go:noescape
func matmul6AVX2(p *product)

//go:noescape
func matmul3AVX2(p *product)

//go:noescape
func matmul1AVX2(p *product)

//go:noescape
func transpose8AVX2(dst *float32, ldd int, src *float32, lds, blocks int)

//go:noescape
func softmaxAVX2(row *float32, n int) float32

//go:noescape
func geluAVX2(x *float32, n int)

//go:noescape
func extremesAVX2(x *float32, n int) (lowest, highest float32)

//go:noescape
func roundAVX2(q *uint8, x *float32, n int, inverse float32, zero int32)

//go:noescape
func normAVX2(x, residual, gamma, beta *float32, n int, eps float32)
