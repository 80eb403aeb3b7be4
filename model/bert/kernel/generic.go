package kernel

import (
	"math"
)

// wideRows is the number of rows that the AVX2 set widens at a time: a few of its
// tiles, so that a panel of weights serves more than one.
const wideRows = 24

// Generic is the plain Go twin of the assembly: the reference in tests, and what
// runs where there is nothing better.
var Generic = &Set{
	Name:      "generic",
	linear:    linearGeneric,
	quantize:  quantizeGeneric,
	matmul:    matmulGeneric,
	transpose: transposeGeneric,
	softmax:   softmaxGeneric,
	gelu:      geluGeneric,
	norm:      normGeneric,
}

func linearGeneric(dst []float32, stride int, x *Rows, l *Linear) {
	for r := range x.Scale {
		row := x.Q[r*x.Cols : (r+1)*x.Cols]
		out := dst[r*stride : r*stride+l.Out]
		scale, zero := x.Scale[r], x.Zero[r]
		for n := 0; n < l.Out; n += Panel {
			acc := dotPanel(row, l.Weights[n*l.In:(n+Panel)*l.In])
			for c, v := range acc {
				v -= zero * l.Sum[n+c]
				out[n+c] = float32(v)*float32(scale*l.Scale[n+c]) + l.Bias[n+c]
			}
		}
	}
}

// dotPanel multiplies a row with one panel of weights.
func dotPanel(row []uint8, w []int8) (acc [Panel]int32) {
	for len(row) >= Group && len(w) >= Panel*Group {
		a0, a1, a2, a3 := int32(row[0]), int32(row[1]), int32(row[2]), int32(row[3])
		g := w[:Panel*Group]
		for c := range acc {
			q := g[c*Group : c*Group+Group : c*Group+Group]
			acc[c] += a0*int32(q[0]) + a1*int32(q[1]) + a2*int32(q[2]) + a3*int32(q[3])
		}
		row, w = row[Group:], w[Panel*Group:]
	}
	return acc
}

// spread turns a row's extremes into its scale and zero point. inverse is what
// values are multiplied with; every set rounds by the same three numbers.
func spread(lowest, highest float32) (scale, inverse float32, zero int32) {
	scale = (highest - lowest) / 255
	if scale < 1e-30 { // a row of zeros
		return 0, 0, 0
	}
	inverse = 255 / (highest - lowest)
	return scale, inverse, int32(math.RoundToEven(float64(-lowest * inverse)))
}

func quantizeGeneric(q []uint8, src []float32) (scale float32, zero int32) {
	var lowest, highest float32
	for _, v := range src {
		lowest, highest = min(lowest, v), max(highest, v)
	}
	scale, inverse, zero := spread(lowest, highest)
	for i, v := range src {
		q[i] = uint8(min(max(int32(math.RoundToEven(float64(v*inverse)))+zero, 0), 255))
	}
	return scale, zero
}

func matmulGeneric(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	for r := range rows {
		out := dst[r*ldd : r*ldd+cols]
		clear(out)
		for k, v := range a[r*lda : r*lda+inner] {
			for n, w := range b[k*ldb : k*ldb+cols] {
				out[n] += v * w
			}
		}
		for n := range out {
			out[n] *= mul[r]
		}
	}
}

func transposeGeneric(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for c := range cols {
		out := dst[c*ldd : c*ldd+roundUp(rows, Lanes)]
		for r := range rows {
			out[r] = src[r*lds+c]
		}
		clear(out[rows:])
	}
}

func softmaxGeneric(row []float32) (inverse float32) {
	highest := row[0]
	for _, v := range row {
		highest = max(highest, v)
	}
	var sum float32
	for i, v := range row {
		e := exp(v - highest)
		row[i] = e
		sum += e
	}
	return 1 / sum
}

// The exponential as 2^n p(r), x = n ln 2 + r with |r| <= ln 2 / 2. ln 2 is split
// in two (Cody and Waite) to keep r exact; p is a minimax polynomial fitted for
// this package, relative error 9e-8. Below expLowest the result is that of
// expLowest, about 1e-38.
const (
	expLowest = -87.33
	log2e     = 1.44269504088896341
	ln2High   = 0.693359375
	ln2Low    = -2.12194440e-4

	expC1 = 0.9999997019767761
	expC2 = 0.4999915063381195
	expC3 = 0.1666763573884964
	expC4 = 0.04189793020486832
	expC5 = 0.008290314115583897
)

// exp is for x <= 0.
func exp(x float32) float32 {
	x = max(x, expLowest)
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2High - n*ln2Low
	p := 1 + r*(expC1+r*(expC2+r*(expC3+r*(expC4+r*expC5))))
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// The error function as z P(z²)/Q(z²) with z = x clipped to ±geluClip: a rational
// minimax fit of erf(x/√2) made for this package, absolute error 1.8e-7, which is
// the distance of erf from 1 at the clip, too.
const (
	geluClip = 5.4

	geluP0 = 0.7978834509849548
	geluP1 = 0.10979218035936356
	geluP2 = 0.011812091805040836
	geluP3 = 0.0007461144123226404
	geluP4 = 1.352374874841189e-05

	geluQ1 = 0.304261714220047
	geluQ2 = 0.040530961006879807
	geluQ3 = 0.0030463943257927895
	geluQ4 = 0.00013386378122959286
	geluQ5 = 5.63325386337965e-07
)

func geluGeneric(x []float32) {
	for i, v := range x {
		z := min(max(v, -geluClip), geluClip)
		u := z * z
		p := z * (geluP0 + u*(geluP1+u*(geluP2+u*(geluP3+u*geluP4))))
		q := 1 + u*(geluQ1+u*(geluQ2+u*(geluQ3+u*(geluQ4+u*geluQ5))))
		half := 0.5 * v
		x[i] = half + half*(p/q)
	}
}

func normGeneric(x, residual, gamma, beta []float32, eps float32) {
	if residual != nil {
		for i, v := range residual {
			x[i] += v
		}
	}
	var sum float32
	for _, v := range x {
		sum += v
	}
	n := float32(len(x))
	mean := sum / n
	var square float32
	for _, v := range x {
		d := v - mean
		square += d * d
	}
	inverse := 1 / float32(math.Sqrt(float64(square/n+eps)))
	for i, v := range x {
		x[i] = (v-mean)*inverse*gamma[i] + beta[i]
	}
}
