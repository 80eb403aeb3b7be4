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
	dense:     denseGeneric,
	quantize:  quantizeGeneric,
	matmul:    matmulGeneric,
	transpose: transposeGeneric,
	softmax:   softmaxGeneric,
	gelu:      geluGeneric,
	norm:      normGeneric,
}

// linearGeneric takes four rows at a time, so that weights are unpacked once for
// the four. Rows that are left over are computed with an older row in place of
// the missing ones, whose results are dropped.
func linearGeneric(dst []float32, stride int, x *Rows, l *Linear) {
	rows := len(x.Scale)
	for r := 0; r < rows; r += 4 {
		var row [4][]uint8
		for i := range row {
			at := min(r+i, rows-1)
			row[i] = x.Q[at*x.Cols : (at+1)*x.Cols]
		}
		for n := 0; n < l.Out; n += Panel {
			var acc [4][Panel / 2]int64
			dotPanel(&acc, row[0], row[1], row[2], row[3], l.Weights[n*l.In:(n+Panel)*l.In])
			for i := range min(4, rows-r) {
				finish(dst[(r+i)*stride+n:(r+i)*stride+n+Panel], &acc[i], x.Scale[r+i], x.Zero[r+i], l, n)
			}
		}
	}
}

// dotPanel multiplies four rows with one panel of weights. Two outputs share one
// 64-bit integer, the second in its upper half: one multiplication serves both,
// and as their sums fit in 32 bits each, finish can part them exactly.
func dotPanel(acc *[4][Panel / 2]int64, r0, r1, r2, r3 []uint8, w []int8) {
	n := len(r0)
	r1, r2, r3 = r1[:n], r2[:n], r3[:n]
	for k := 0; k+Group <= n && len(w) >= Panel*Group; k += Group {
		a0, a1, a2, a3 := (*[Group]uint8)(r0[k:]), (*[Group]uint8)(r1[k:]), (*[Group]uint8)(r2[k:]), (*[Group]uint8)(r3[k:])
		for c := range Panel / 2 {
			q := (*[2 * Group]int8)(w[c*2*Group:])
			s0, s1, s2, s3 := acc[0][c], acc[1][c], acc[2][c], acc[3][c]
			for g := range Group {
				p := int64(q[g]) + int64(q[g+Group])<<32
				s0 += p * int64(a0[g])
				s1 += p * int64(a1[g])
				s2 += p * int64(a2[g])
				s3 += p * int64(a3[g])
			}
			acc[0][c], acc[1][c], acc[2][c], acc[3][c] = s0, s1, s2, s3
		}
		w = w[Panel*Group:]
	}
}

// finish turns the sums of one row and panel into outputs.
func finish(out []float32, acc *[Panel / 2]int64, scale float32, zero int32, l *Linear, n int) {
	for c, both := range acc {
		low := int32(both)
		high := int32((both - int64(low)) >> 32)
		m := n + 2*c
		out[2*c] = float32(float32(low-zero*l.Sum[m])*float32(scale*l.Scale[m])) + l.Bias[m]
		out[2*c+1] = float32(float32(high-zero*l.Sum[m+1])*float32(scale*l.Scale[m+1])) + l.Bias[m+1]
	}
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
		q[i] = uint8(min(max(int32(math.RoundToEven(float64(float32(v*inverse))))+zero, 0), 255))
	}
	return scale, zero
}

// matmulGeneric keeps eight columns of a row in registers. The conversions keep
// compilers from fusing a product with a sum in one place and not in another.
func matmulGeneric(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	for n := 0; n < cols; n += 8 {
		for r := range rows {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			at := n
			for _, v := range a[r*lda : r*lda+inner] {
				w := (*[8]float32)(b[at:])
				s0 += float32(v * w[0])
				s1 += float32(v * w[1])
				s2 += float32(v * w[2])
				s3 += float32(v * w[3])
				s4 += float32(v * w[4])
				s5 += float32(v * w[5])
				s6 += float32(v * w[6])
				s7 += float32(v * w[7])
				at += ldb
			}
			m, out := mul[r], (*[8]float32)(dst[r*ldd+n:])
			*out = [8]float32{s0 * m, s1 * m, s2 * m, s3 * m, s4 * m, s5 * m, s6 * m, s7 * m}
		}
	}
}

// denseGeneric keeps eight outputs of a row in registers, like matmulGeneric.
func denseGeneric(dst []float32, stride int, x []float32, rows int, l *Dense) {
	for n := 0; n < l.Out; n += 8 {
		bias := (*[8]float32)(l.Bias[n:])
		for r := range rows {
			s0, s1, s2, s3, s4, s5, s6, s7 := bias[0], bias[1], bias[2], bias[3], bias[4], bias[5], bias[6], bias[7]
			at := n/Panel*Panel*l.In + n%Panel
			for _, v := range x[r*l.In : (r+1)*l.In] {
				w := (*[8]float32)(l.Weights[at:])
				s0 += float32(v * w[0])
				s1 += float32(v * w[1])
				s2 += float32(v * w[2])
				s3 += float32(v * w[3])
				s4 += float32(v * w[4])
				s5 += float32(v * w[5])
				s6 += float32(v * w[6])
				s7 += float32(v * w[7])
				at += Panel
			}
			*(*[8]float32)(dst[r*stride+n:]) = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
		}
	}
}

func transposeGeneric(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	transposeRest(dst, ldd, src, lds, 0, rows, cols)
}

// transposeRest transposes the rows from..rows and sets to zero what follows them.
func transposeRest(dst []float32, ldd int, src []float32, lds, from, rows, cols int) {
	end := roundUp(rows, Lanes)
	if from == end {
		return
	}
	for c := range cols {
		out := dst[c*ldd+from : c*ldd+end]
		for i := range out[:rows-from] {
			out[i] = src[(from+i)*lds+c]
		}
		clear(out[rows-from:])
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
	for i, v := range residual { // none if nil
		x[i] += v
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
