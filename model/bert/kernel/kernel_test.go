package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// twins runs a test on every set of this processor but the reference.
func twins(t *testing.T, f func(t *testing.T, s *Set, rnd *rand.Rand)) {
	t.Helper()
	for _, s := range testSets() {
		if s != Generic {
			t.Run(s.Name, func(t *testing.T) { f(t, s, rand.New(rand.NewPCG(1, 2))) })
		}
	}
}

// floats returns n normal values at an address that is no multiple of 16 bytes.
func floats(rnd *rand.Rand, n int) []float32 {
	x := make([]float32, n+1)[1:]
	for i := range x {
		x[i] = float32(rnd.NormFloat64())
	}
	return x
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		// Relative to the value, or to 1 where sums cancel out.
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-5*max(1, math.Abs(float64(want[i])))) {
			t.Fatalf("%s: element %d is %g; the reference has %g", what, i, got[i], want[i])
		}
	}
}

func randomLinear(rnd *rand.Rand, in, out int) *Linear {
	q := make([]int8, in*out)
	l := &Linear{In: in, Out: out, Scale: floats(rnd, out), Sum: make([]int32, out), Bias: floats(rnd, out)}
	for i := range q {
		q[i] = int8(rnd.IntN(255) - 127)
		l.Sum[i%out] += int32(q[i])
	}
	packed := Pack(in, out, func(k, n int) int8 { return q[k*out+n] })
	l.Weights = append(make([]int8, 3, 3+len(packed)), packed...)[3:] // unaligned, as in a program's memory
	for i := range l.Scale {
		l.Scale[i] = 0.001 + 0.01*float32(math.Abs(float64(l.Scale[i])))
	}
	return l
}

func randomRows(rnd *rand.Rand, rows, cols int) *Rows {
	x := NewRows(rows, cols)
	x.Reset(rows, cols)
	for i := range x.Q {
		x.Q[i] = uint8(rnd.UintN(256))
	}
	for r := range rows {
		x.Scale[r] = 0.01 + rnd.Float32()
		x.Zero[r] = rnd.Int32N(256)
	}
	return x
}

func TestLinearIsWhatPlainArithmeticSays(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const rows, in, out = 7, 8, 64
	l, x := randomLinear(rnd, in, out), randomRows(rnd, rows, in)
	dst := make([]float32, rows*out)
	Generic.Linear(dst, out, x, l)
	for r := range rows {
		for n := range out {
			want := float64(l.Bias[n])
			for k := range in {
				w := l.Weights[n/Panel*Panel*in+k/Group*Group*Panel+n%Panel*Group+k%Group]
				want += float64(x.Scale[r]) * float64(int32(x.Q[r*in+k])-x.Zero[r]) * float64(l.Scale[n]) * float64(w)
			}
			if got := float64(dst[r*out+n]); math.Abs(got-want) > 1e-4*max(1, math.Abs(want)) {
				t.Errorf("row %d, output %d: %g instead of %g", r, n, got, want)
			}
		}
	}
}

// With scales of one and no bias the results are whole numbers below 2^24, which
// a float holds exactly: every set must agree to the bit.
func TestLinearSumsAreExact(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for rows := range 40 {
			for _, in := range []int{4, 8, 36, 100, 384} {
				l, x := randomLinear(rnd, in, 64), randomRows(rnd, rows, in)
				for i := range l.Scale {
					l.Scale[i], l.Bias[i] = 1, 0
				}
				for r := range rows {
					x.Scale[r] = 1
				}
				const stride = 64 + 5
				got, want := floats(rnd, rows*stride), make([]float32, rows*stride)
				copy(want, got) // what lies between rows must stay
				s.Linear(got, stride, x, l)
				Generic.Linear(want, stride, x, l)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%d rows, %d inputs: element %d is %v instead of %v", rows, in, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// The largest sums that 1536 inputs can make, where 16-bit pairs would overflow, of
// unsigned activations and of those lowered by 128.
func TestLinearAtTheExtremes(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for _, c := range []struct {
			w int8
			x uint8
		}{{-127, 255}, {127, 255}, {-127, 0}, {127, 0}} {
			const in, rows = 1536, 13
			w := c.w
			l, x := randomLinear(rnd, in, Panel), randomRows(rnd, rows, in)
			for i := range l.Weights {
				l.Weights[i] = w
			}
			for i := range l.Sum {
				l.Sum[i] = in * int32(w)
			}
			for i := range x.Q {
				x.Q[i] = c.x
			}
			got, want := make([]float32, rows*Panel), make([]float32, rows*Panel)
			s.Linear(got, Panel, x, l)
			Generic.Linear(want, Panel, x, l)
			near(t, "extreme sums", got, want)
		}
	})
}

func TestLinear(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for _, rows := range []int{1, 2, 5, 11, 12, 13, 31, 64} {
			l, x := randomLinear(rnd, 384, 96), randomRows(rnd, rows, 384)
			got, want := make([]float32, rows*96), make([]float32, rows*96)
			s.Linear(got, 96, x, l)
			Generic.Linear(want, 96, x, l)
			near(t, fmt.Sprint(rows, " rows"), got, want)
		}
	})
}

func randomDense(rnd *rand.Rand, in, out int) *Dense {
	return &Dense{In: in, Out: out, Weights: floats(rnd, in*out), Bias: floats(rnd, out)}
}

func TestDenseIsWhatPlainArithmeticSays(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	const rows, in, out = 5, 7, 64
	w, x := floats(rnd, in*out), floats(rnd, rows*in)
	l := randomDense(rnd, in, out)
	l.Weights = PackFloats(in, out, func(k, n int) float32 { return w[k*out+n] })
	for _, s := range testSets() {
		dst := make([]float32, rows*out)
		s.Dense(dst, out, x, rows, l)
		for r := range rows {
			for n := range out {
				want := float64(l.Bias[n])
				for k := range in {
					want += float64(x[r*in+k]) * float64(w[k*out+n])
				}
				if got := float64(dst[r*out+n]); math.Abs(got-want) > 1e-5*max(1, math.Abs(want)) {
					t.Errorf("%s: row %d, output %d: %g instead of %g", s.Name, r, n, got, want)
				}
			}
		}
	}
}

func TestDense(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for rows := range 28 {
			for _, in := range []int{1, 2, 3, 31, 64, 100} {
				const out, stride = 96, 96 + 5
				l, x := randomDense(rnd, in, out), floats(rnd, rows*in)
				got := floats(rnd, rows*stride)
				want := append([]float32(nil), got...) // what lies between rows must stay
				s.Dense(got, stride, x, rows, l)
				Generic.Dense(want, stride, x, rows, l)
				near(t, fmt.Sprintf("%d rows, %d inputs", rows, in), got, want)
			}
		}
	})
}

func TestQuantizeIsExact(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for n := 4; n < 200; n += 4 {
			for _, shift := range []float32{0, 3, -3, 1000} {
				src := floats(rnd, n)
				for i := range src {
					src[i] += shift
				}
				got, want := NewRows(1, n), NewRows(1, n)
				got.Reset(1, n)
				want.Reset(1, n)
				s.Quantize(got, 0, src)
				Generic.Quantize(want, 0, src)
				if got.Scale[0] != want.Scale[0] || got.Zero[0] != want.Zero[0] || string(got.Q) != string(want.Q) {
					t.Fatalf("%d values around %v: %v %v %v instead of %v %v %v", n, shift,
						got.Q, got.Scale, got.Zero, want.Q, want.Scale, want.Zero)
				}
			}
		}
	})
}

func TestQuantizeKeepsValues(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, s := range testSets() {
		for _, shift := range []float32{0, 2, -2} {
			src := floats(rnd, 384)
			for i := range src {
				src[i] += shift
			}
			x := NewRows(1, 384)
			x.Reset(1, 384)
			s.Quantize(x, 0, src)
			for i, v := range src {
				back := x.Scale[0] * float32(int32(x.Q[i])-x.Zero[0])
				if math.Abs(float64(back-v)) > 1.01*float64(x.Scale[0]) {
					t.Fatalf("%s: %v comes back as %v; a step is %v", s.Name, v, back, x.Scale[0])
				}
			}
		}
		x := NewRows(1, 16)
		x.Reset(1, 16)
		s.Quantize(x, 0, make([]float32, 16))
		if x.Scale[0] != 0 || x.Zero[0] != 0 {
			t.Errorf("%s: a row of zeros has scale %v and zero point %v", s.Name, x.Scale[0], x.Zero[0])
		}
	}
}

func TestMatMul(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for _, rows := range []int{1, 2, 3, 4, 7, 12, 25, 36} {
			for _, inner := range []int{1, 2, 15, 32, 129} {
				const cols = 64
				lda, ldb, ldd := inner+3, cols+1, cols+7
				a, b, mul := floats(rnd, rows*lda), floats(rnd, inner*ldb), floats(rnd, rows)
				got := floats(rnd, rows*ldd)
				want := append([]float32(nil), got...)
				s.MatMul(got, ldd, a, lda, b, ldb, rows, inner, cols, mul)
				Generic.MatMul(want, ldd, a, lda, b, ldb, rows, inner, cols, mul)
				near(t, fmt.Sprintf("%dx%d", rows, inner), got, want)
			}
		}
	})
}

func TestTranspose(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for rows := 1; rows < 70; rows++ {
			const cols, lds = 32, 37
			src := floats(rnd, rows*lds)
			ldd := roundUp(rows, Lanes) + 3
			got := floats(rnd, cols*ldd)
			want := append([]float32(nil), got...)
			s.Transpose(got, ldd, src, lds, rows, cols)
			Generic.Transpose(want, ldd, src, lds, rows, cols)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%d rows: element %d is %v instead of %v", rows, i, got[i], want[i])
				}
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for n := 1; n < 260; n++ {
			got := floats(rnd, roundUp(n, Lanes))
			for i := range got {
				got[i] *= 10
			}
			want := append([]float32(nil), got...)
			a, b := s.Softmax(got, n), Generic.Softmax(want, n)
			near(t, "exponentials", got[:n], want[:n])
			near(t, "factor", []float32{a}, []float32{b})
		}
	})
}

func TestSoftmaxSumsToOne(t *testing.T) {
	for _, s := range testSets() {
		row := make([]float32, 32)
		copy(row, []float32{1, 2, 3, -200, 88})
		inverse := s.Softmax(row, 5)
		var sum float64
		for _, v := range row[:5] {
			sum += float64(v * inverse)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("%s: probabilities sum to %v", s.Name, sum)
		}
	}
}

func TestGELU(t *testing.T) {
	for _, s := range testSets() {
		x := make([]float32, 16*1001)
		for i := range x {
			x[i] = float32(i-8008) / 800
		}
		x[0], x[1], x[2], x[3] = -1e30, 1e30, 0, -40
		got := append([]float32(nil), x...)
		s.GELU(got)
		for i, v := range x {
			want := float64(v) / 2 * math.Erfc(-float64(v)/math.Sqrt2)
			if math.Abs(float64(got[i])-want) > 5e-7*max(1, math.Abs(float64(v))) {
				t.Fatalf("%s: gelu(%v) = %v instead of %v", s.Name, v, got[i], want)
			}
		}
	}
}

func TestLayerNorm(t *testing.T) {
	twins(t, func(t *testing.T, s *Set, rnd *rand.Rand) {
		for n := 16; n < 800; n += 16 {
			x, residual, gamma, beta := floats(rnd, n), floats(rnd, n), floats(rnd, n), floats(rnd, n)
			for _, res := range [][]float32{nil, residual} {
				got, want := append([]float32(nil), x...), append([]float32(nil), x...)
				s.LayerNorm(got, res, gamma, beta, 1e-12)
				Generic.LayerNorm(want, res, gamma, beta, 1e-12)
				near(t, fmt.Sprint(n, " values"), got, want)
			}
		}
	})
}

// The value of a row must not depend on the rows beside it: otherwise a text's
// vector would change with the batch that it is in.
func TestRowsAreIndependent(t *testing.T) {
	for _, s := range testSets() {
		rnd := rand.New(rand.NewPCG(7, 8))
		const rows, in, out = 29, 384, 64
		l, x := randomLinear(rnd, in, out), randomRows(rnd, rows, in)
		all, one := make([]float32, rows*out), make([]float32, out)
		s.Linear(all, out, x, l)
		a, b := floats(rnd, rows*40), floats(rnd, 40*out)
		mul := floats(rnd, rows)
		product, single := make([]float32, rows*out), make([]float32, out)
		d, y := randomDense(rnd, in, out), floats(rnd, rows*in)
		layer, lone := make([]float32, rows*out), make([]float32, out)
		s.Dense(layer, out, y, rows, d)
		s.MatMul(product, out, a, 40, b, out, rows, 40, out, mul)
		for r := range rows {
			alone := NewRows(1, in)
			alone.Reset(1, in)
			copy(alone.Q, x.Q[r*in:])
			alone.Scale[0], alone.Zero[0] = x.Scale[r], x.Zero[r]
			s.Linear(one, out, alone, l)
			s.MatMul(single, out, a[r*40:], 40, b, out, 1, 40, out, mul[r:])
			s.Dense(lone, out, y[r*in:], 1, d)
			for n := range out {
				if one[n] != all[r*out+n] || single[n] != product[r*out+n] || lone[n] != layer[r*out+n] {
					t.Fatalf("%s: row %d differs alone and among %d", s.Name, r, rows)
				}
			}
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, s := range testSets() {
		rnd := rand.New(rand.NewPCG(13, 14))
		const rows, in, out = 7, 96, 64
		l, d := randomLinear(rnd, in, out), randomDense(rnd, in, out)
		x, dst, q := floats(rnd, rows*in), make([]float32, in*out), NewRows(rows, in)
		n := testing.AllocsPerRun(10, func() {
			q.Reset(rows, in)
			for r := range rows {
				s.Quantize(q, r, x[r*in:(r+1)*in])
			}
			s.Linear(dst, out, q, l)
			s.Dense(dst, out, x, rows, d)
			s.MatMul(dst, out, x, in, d.Weights, out, rows, in, out, d.Bias)
			s.Transpose(dst, out, x, in, rows, in)
			s.Softmax(dst[:in], in)
			s.GELU(dst[:in])
			s.LayerNorm(dst[:in], x[:in], x[:in], x[:in], 1e-12)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", s.Name, n)
		}
	}
}

func TestLengthsAreChecked(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	l, x := randomLinear(rnd, 32, 32), randomRows(rnd, 2, 32)
	for name, f := range map[string]func(s *Set){
		"Linear": func(s *Set) { s.Linear(make([]float32, 63), 32, x, l) },
		"Dense":  func(s *Set) { s.Dense(make([]float32, 63), 32, make([]float32, 64), 2, randomDense(rnd, 32, 32)) },
		"MatMul": func(s *Set) {
			s.MatMul(make([]float32, 64), 32, make([]float32, 7), 4, make([]float32, 128), 32, 2, 4, 32, make([]float32, 2))
		},
		"Transpose": func(s *Set) { s.Transpose(make([]float32, 255), 16, make([]float32, 160), 16, 10, 16) },
		"GELU":      func(s *Set) { s.GELU(make([]float32, 17)) },
		"LayerNorm": func(s *Set) { s.LayerNorm(make([]float32, 16), nil, make([]float32, 15), make([]float32, 16), 0) },
	} {
		for _, s := range testSets() {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s of %s takes lengths that do not fit", name, s.Name)
					}
				}()
				f(s)
			}()
		}
	}
}
