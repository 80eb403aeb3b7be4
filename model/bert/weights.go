package bert

import (
	"github.com/smartretriever/smartretriever/model/bert/kernel"
)

// linear is a linear layer with weights of either type; the other is nil.
type linear struct {
	int8    *kernel.Linear
	float32 *kernel.Dense
}

// linear reads a layer. Biases of either type are copies, so that they may be
// changed; the weights lie in the file.
func (r *reader) linear(name string, in, out int) linear {
	bias := r.float32(name+".bias", out)
	if r.f.Model.Weights == Float32Weights {
		weights, err := r.f.PackedFloat32(name+".weight", FloatLayout, in*out)
		r.keep(err)
		return linear{float32: &kernel.Dense{In: in, Out: out, Weights: weights, Bias: bias}}
	}
	sum, err := r.f.Int32(name+".sum", out)
	r.keep(err)
	return linear{int8: &kernel.Linear{
		In:      in,
		Out:     out,
		Weights: r.int8(name+".weight", PackedLayout, in*out),
		Scale:   r.float32(name+".scale", out),
		Sum:     sum,
		Bias:    bias,
	}}
}

// columns returns the outputs from..to of a layer as a layer of their own. Both
// are multiples of kernel.Panel.
func (l linear) columns(from, to int) linear {
	if f := l.float32; f != nil {
		return linear{float32: &kernel.Dense{In: f.In, Out: to - from, Weights: f.Weights[from*f.In : to*f.In], Bias: f.Bias[from:to]}}
	}
	q := l.int8
	return linear{int8: &kernel.Linear{
		In:      q.In,
		Out:     to - from,
		Weights: q.Weights[from*q.In : to*q.In],
		Scale:   q.Scale[from:to],
		Sum:     q.Sum[from:to],
		Bias:    q.Bias[from:to],
	}}
}

// apply computes dst = x W + b for n rows of x, at most blockRows. Row r of dst
// starts at r*stride.
func (e *Encoder) apply(s *scratch, l linear, dst []float32, stride int, x []float32, n int) {
	if l.float32 != nil {
		e.set.Dense(dst, stride, x, n, l.float32)
		return
	}
	width := l.int8.In
	s.quantized.Reset(n, width)
	for r := range n {
		e.set.Quantize(s.quantized, r, x[r*width:(r+1)*width])
	}
	e.set.Linear(dst, stride, s.quantized, l.int8)
}

// words is the table of word embeddings in either type; ints have a scale a word.
type words struct {
	ints   []int8
	scale  []float32
	floats []float32
}

func (r *reader) words(name string, m *Model) words {
	if m.Weights == Float32Weights {
		floats, err := r.f.PackedFloat32(name+".weight", "", m.Vocabulary*m.Hidden)
		r.keep(err)
		return words{floats: floats}
	}
	return words{
		ints:  r.int8(name+".weight", "", m.Vocabulary*m.Hidden),
		scale: r.float32(name+".scale", m.Vocabulary),
	}
}

// place sets row to the sum of a word's embedding and that of its place.
func (w *words) place(row []float32, id int32, at []float32) {
	from, to := int(id)*len(row), int(id+1)*len(row)
	if w.floats != nil {
		for i, v := range w.floats[from:to] {
			row[i] = v + at[i]
		}
		return
	}
	scale := w.scale[id]
	for i, v := range w.ints[from:to] {
		row[i] = scale*float32(v) + at[i]
	}
}
