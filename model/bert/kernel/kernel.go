package kernel

import "fmt"

const (
	// Panel is the number of output columns that lie together in packed weights.
	// Outputs of a Linear and columns of a MatMul are multiples of it.
	Panel = 32

	// Group is the number of inputs that lie together in packed weights: what one
	// VPDPBUSD instruction multiplies and adds. Inputs are multiples of it.
	Group = 4

	// Lanes is the number of floats that the vector operations take at a time;
	// the length of every row is a multiple of it.
	Lanes = 16
)

// Set is one implementation of the operations.
type Set struct {
	// Name is "avx512vnni", "avxvnni", "avx512" or "avx2" on amd64, "neondot" or
	// "neon" on arm64, and "generic" everywhere.
	Name string

	// The parts that differ between sets. Arguments were checked by the methods.
	linear    func(dst []float32, stride int, x *Rows, l *Linear)
	dense     func(dst []float32, stride int, x []float32, rows int, l *Dense)
	quantize  func(q []uint8, src []float32) (scale float32, zero int32)
	matmul    func(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32)
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
	softmax   func(row []float32) (inverse float32)
	gelu      func(x []float32)
	norm      func(x, residual, gamma, beta []float32, eps float32)
}

// Linear is a layer y = x W + b whose weights are 8-bit integers with one scale
// for each output: W[k][n] = Scale[n] * q[k][n], q within [-127, 127].
type Linear struct {
	In, Out int
	Weights []int8    // q, laid out by Pack
	Scale   []float32 // Out
	Sum     []int32   // Out: the sum over k of q[k][n]
	Bias    []float32 // Out
}

// Check reports whether the slices have the lengths that In and Out ask for.
func (l *Linear) Check() error {
	switch {
	case l.In <= 0 || l.In%Group != 0 || l.Out <= 0 || l.Out%Panel != 0:
		return fmt.Errorf("a layer of %d inputs and %d outputs: multiples of %d and %d are needed", l.In, l.Out, Group, Panel)
	case len(l.Weights) != l.In*l.Out || len(l.Scale) != l.Out || len(l.Sum) != l.Out || len(l.Bias) != l.Out:
		return fmt.Errorf("a layer of %d inputs and %d outputs has %d weights, %d scales, %d sums and %d biases",
			l.In, l.Out, len(l.Weights), len(l.Scale), len(l.Sum), len(l.Bias))
	}
	return nil
}

// Pack lays out the weights q[k][n], given by a function, for Linear: panels of
// Panel outputs; in a panel groups of Group inputs; in a group each output's
// Group weights side by side.
func Pack(in, out int, q func(k, n int) int8) []int8 {
	packed := make([]int8, 0, in*out)
	for n := 0; n < out; n += Panel {
		for k := 0; k < in; k += Group {
			for c := range Panel {
				for g := range Group {
					packed = append(packed, q(k+g, n+c))
				}
			}
		}
	}
	return packed
}

// Dense is a layer y = x W + b whose weights are 32-bit floats.
type Dense struct {
	In, Out int
	Weights []float32 // laid out by PackFloats
	Bias    []float32 // Out
}

// Check reports whether the slices have the lengths that In and Out ask for.
func (l *Dense) Check() error {
	switch {
	case l.In <= 0 || l.Out <= 0 || l.Out%Panel != 0:
		return fmt.Errorf("a layer of %d inputs and %d outputs: a multiple of %d outputs is needed", l.In, l.Out, Panel)
	case len(l.Weights) != l.In*l.Out || len(l.Bias) != l.Out:
		return fmt.Errorf("a layer of %d inputs and %d outputs has %d weights and %d biases", l.In, l.Out, len(l.Weights), len(l.Bias))
	}
	return nil
}

// PackFloats lays out the weights w[k][n], given by a function, for Dense: panels
// of Panel outputs; in a panel input after input.
func PackFloats(in, out int, w func(k, n int) float32) []float32 {
	packed := make([]float32, 0, in*out)
	for n := 0; n < out; n += Panel {
		for k := range in {
			for c := range Panel {
				packed = append(packed, w(k, n+c))
			}
		}
	}
	return packed
}

// Rows holds quantised activations: x[r][k] = Scale[r] * (Q[r*Cols+k] - Zero[r]).
type Rows struct {
	Cols  int
	Q     []uint8
	Scale []float32
	Zero  []int32

	wide []int16 // scratch of the AVX2 set: one tile of rows, widened
}

// NewRows returns room for up to rows rows of up to cols columns.
func NewRows(rows, cols int) *Rows {
	return &Rows{
		Q:     make([]uint8, 0, rows*cols),
		Scale: make([]float32, 0, rows),
		Zero:  make([]int32, 0, rows),
		wide:  make([]int16, wideRows*cols),
	}
}

// Reset makes x hold the given number of rows and columns, within the room that
// it was made with, and forgets their values.
func (x *Rows) Reset(rows, cols int) {
	x.Cols = cols
	x.Q = x.Q[:rows*cols]
	x.Scale = x.Scale[:rows]
	x.Zero = x.Zero[:rows]
}

// Quantize sets row r of x from src, which has x.Cols values. The 8 bits span
// the row's values and zero: scale = (max - min) / 255, zero = round(-min / scale).
// Values must be finite.
func (s *Set) Quantize(x *Rows, r int, src []float32) {
	x.Scale[r], x.Zero[r] = s.quantize(x.Q[r*x.Cols:(r+1)*x.Cols], src[:x.Cols])
}

// Linear computes dst = x W + b for every row of x; row r of dst starts at
// r*stride. Sums of products are exact in 32 bits for up to 65,000 inputs.
func (s *Set) Linear(dst []float32, stride int, x *Rows, l *Linear) {
	rows := len(x.Scale)
	if rows == 0 {
		return
	}
	if err := l.Check(); err != nil {
		panic("kernel: " + err.Error())
	}
	if x.Cols != l.In || stride < l.Out || len(x.Q) != rows*x.Cols || len(x.Zero) != rows || len(dst) < (rows-1)*stride+l.Out || len(x.wide) < wideRows*x.Cols {
		panic("kernel: Linear: lengths do not fit")
	}
	s.linear(dst, stride, x, l)
}

// Dense computes dst = x W + b for rows rows of x, which lie one after the other;
// row r of dst starts at r*stride.
func (s *Set) Dense(dst []float32, stride int, x []float32, rows int, l *Dense) {
	if rows == 0 {
		return
	}
	if err := l.Check(); err != nil {
		panic("kernel: " + err.Error())
	}
	if stride < l.Out || len(x) < rows*l.In || len(dst) < (rows-1)*stride+l.Out {
		panic("kernel: Dense: lengths do not fit")
	}
	s.dense(dst, stride, x, rows, l)
}

// MatMul computes dst[r][n] = mul[r] * sum over k of a[r][k] b[k][n] for rows
// rows, inner values of k and cols columns, a multiple of Panel. ldd, lda and ldb
// are the distances between the starts of rows.
func (s *Set) MatMul(dst []float32, ldd int, a []float32, lda int, b []float32, ldb, rows, inner, cols int, mul []float32) {
	if rows == 0 {
		return
	}
	if inner <= 0 || cols <= 0 || cols%Panel != 0 || len(mul) < rows ||
		ldd < cols || len(dst) < (rows-1)*ldd+cols ||
		lda < inner || len(a) < (rows-1)*lda+inner ||
		ldb < cols || len(b) < (inner-1)*ldb+cols {
		panic("kernel: MatMul: lengths do not fit")
	}
	s.matmul(dst, ldd, a, lda, b, ldb, rows, inner, cols, mul)
}

// Transpose sets dst[c][r] = src[r][c]. cols is a multiple of Lanes. Columns of
// dst from rows up to the next multiple of Lanes are set to zero, so ldd must be
// at least that.
func (s *Set) Transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	if cols%Lanes != 0 || lds < cols || len(src) < (rows-1)*lds+cols || ldd < roundUp(rows, Lanes) || len(dst) < (cols-1)*ldd+roundUp(rows, Lanes) {
		panic("kernel: Transpose: lengths do not fit")
	}
	s.transpose(dst, ldd, src, lds, rows, cols)
}

// masked is what Softmax puts behind a row's end: its exponential is nothing.
const masked = -1e30

// Softmax replaces the first n values of row by exp(value - max), and returns
// one divided by their sum: the factor that makes them probabilities. The row
// goes on to a multiple of Lanes; what is behind n is overwritten.
func (s *Set) Softmax(row []float32, n int) (inverse float32) {
	if n <= 0 {
		return 0
	}
	row = row[:roundUp(n, Lanes)]
	for i := n; i < len(row); i++ {
		row[i] = masked
	}
	return s.softmax(row)
}

// GELU replaces each x by x Φ(x), Φ being the normal distribution's cumulative
// function. The length is a multiple of Lanes. The error is below 5e-7 max(1, |x|).
func (s *Set) GELU(x []float32) {
	if len(x)%Lanes != 0 {
		panic("kernel: GELU: length is no multiple of Lanes")
	}
	if len(x) > 0 {
		s.gelu(x)
	}
}

// LayerNorm sets x = (y - mean(y)) / sqrt(var(y) + eps) * gamma + beta, where
// y = x + residual; residual may be nil. The length is a multiple of Lanes.
func (s *Set) LayerNorm(x, residual, gamma, beta []float32, eps float32) {
	n := len(x)
	if n == 0 || n%Lanes != 0 || len(gamma) != n || len(beta) != n || (residual != nil && len(residual) != n) {
		panic("kernel: LayerNorm: lengths do not fit")
	}
	s.norm(x, residual, gamma, beta, eps)
}

// Arguments of tiles that compute both kinds of product: a product without a bias
// starts at zeros, a layer's rows are multiplied with ones.
var (
	zeros [Panel]float32
	ones  = [12]float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
)

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Best returns the fastest set that this processor can run.
func Best() *Set { return Sets()[0] }

// Named returns the set of that name, nil where there is none or this processor
// cannot run it.
func Named(name string) *Set {
	for _, s := range Sets() {
		if s.Name == name {
			return s
		}
	}
	return nil
}
