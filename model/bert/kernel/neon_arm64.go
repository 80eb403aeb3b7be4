package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// neonDot is for processors with NEON's dot products (Arm v8.4, many of v8.2):
// Neoverse, Apple M1, Cortex-A55 and A76 and what came after them.
var neonDot = neonSet("neondot", linearDOT)

// neon is for every 64-bit Arm processor.
var neon = neonSet("neon", linearNEON)

func neonSet(name string, linear func(dst []float32, stride int, x *Rows, l *Linear)) *Set {
	return &Set{
		Name:      name,
		linear:    linear,
		dense:     denseNEON,
		quantize:  quantizeNEON,
		matmul:    matmulNEON,
		transpose: transposeNEON,
		softmax:   func(row []float32) float32 { return softmaxNEON(&row[0], len(row)) },
		gelu:      func(x []float32) { geluNEON(&x[0], len(x)) },
		norm: func(x, residual, gamma, beta []float32, eps float32) {
			normNEON(&x[0], unsafe.SliceData(residual), &gamma[0], &beta[0], len(x), eps)
		},
	}
}

// Sets returns the sets that this processor can run, the fastest first.
func Sets() []*Set {
	if cpu.ARM64.HasASIMDDP {
		return []*Set{neonDot, neon, Generic}
	}
	return []*Set{neon, Generic}
}

// neonColumns is the width of a tile: half a panel.
const neonColumns = 16

func linearDOT(dst []float32, stride int, x *Rows, l *Linear) {
	linearHalves(dst, stride, x, l, true)
}

func linearNEON(dst []float32, stride int, x *Rows, l *Linear) {
	linearHalves(dst, stride, x, l, false)
}

// linearHalves takes a half panel after the other, and in it tiles of rows.
func linearHalves(dst []float32, stride int, x *Rows, l *Linear, dot bool) {
	t := tile{ldd: 4 * stride, lda: x.Cols, groups: l.In / Group}
	rows := len(x.Scale)
	for n := 0; n < l.Out; n += neonColumns {
		t.b = &l.Weights[n/Panel*Panel*l.In+n%Panel*Group]
		t.colScale, t.colSum, t.bias = &l.Scale[n], &l.Sum[n], &l.Bias[n]
		for r := 0; r < rows; {
			t.dst, t.a = &dst[r*stride+n], &x.Q[r*x.Cols]
			t.rowScale, t.rowZero = &x.Scale[r], &x.Zero[r]
			switch left := rows - r; {
			case dot && left >= 4:
				linear4DOT(&t)
				r += 4
			case dot:
				linear1DOT(&t)
				r++
			case left >= 2:
				linear2NEON(&t)
				r += 2
			default:
				linear1NEON(&t)
				r++
			}
		}
	}
}

func quantizeNEON(q []uint8, src []float32) (scale float32, zero int32) {
	if len(src)%Lanes != 0 {
		return quantizeGeneric(q, src)
	}
	scale, inverse, zero := spread(extremesNEON(&src[0], len(src)))
	roundNEON(&q[0], &src[0], len(src), inverse, zero)
	return scale, zero
}

func matmulNEON(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	p := product{ldd: 4 * ldd, lda: 4 * lda, ldb: 4 * ldb, inner: inner, init: &zeros[0]}
	for n := 0; n < cols; n += neonColumns {
		p.b = &b[n]
		for r := 0; r < rows; {
			p.dst, p.a, p.mul = &dst[r*ldd+n], &a[r*lda], &mul[r]
			r += matmulTileNEON(&p, rows-r)
		}
	}
}

func denseNEON(dst []float32, stride int, x []float32, rows int, l *Dense) {
	p := product{ldd: 4 * stride, lda: 4 * l.In, ldb: 4 * Panel, inner: l.In, mul: &ones[0]}
	for n := 0; n < l.Out; n += neonColumns {
		p.b, p.init = &l.Weights[n/Panel*Panel*l.In+n%Panel], &l.Bias[n]
		for r := 0; r < rows; {
			p.dst, p.a = &dst[r*stride+n], &x[r*l.In]
			r += matmulTileNEON(&p, rows-r)
		}
	}
}

// matmulTileNEON computes the tallest tile that fits in so many rows and returns
// its height.
func matmulTileNEON(p *product, rows int) int {
	if rows >= 4 {
		matmul4NEON(p)
		return 4
	}
	matmul1NEON(p)
	return 1
}

// transposeNEON turns blocks of 4 by 4, and what is left over in plain Go.
func transposeNEON(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const block = 4
	full := rows / block * block
	for r := 0; r < full; r += block {
		transpose4NEON(&dst[r], 4*ldd, &src[r*lds], 4*lds, cols/block)
	}
	transposeRest(dst, ldd, src, lds, full, rows, cols)
}

//go:noescape
func linear4DOT(t *tile)

//go:noescape
func linear1DOT(t *tile)

//go:noescape
func linear2NEON(t *tile)

//go:noescape
func linear1NEON(t *tile)

//go:noescape
func matmul4NEON(p *product)

//go:noescape
func matmul1NEON(p *product)

//go:noescape
func transpose4NEON(dst *float32, ldd int, src *float32, lds, blocks int)

//go:noescape
func softmaxNEON(row *float32, n int) float32

//go:noescape
func geluNEON(x *float32, n int)

//go:noescape
func extremesNEON(x *float32, n int) (lowest, highest float32)

//go:noescape
func roundNEON(q *uint8, x *float32, n int, inverse float32, zero int32)

//go:noescape
func normNEON(x, residual, gamma, beta *float32, n int, eps float32)
