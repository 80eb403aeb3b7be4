package convert

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// converter collects tensors until the first error.
type converter struct {
	f       *weights
	plain   bool // weights stay 32-bit floats
	tensors []weightfile.Tensor
	err     error
}

// convertAll makes the tensors of the weight file, in its order.
func convertAll(ctx context.Context, f *weights, m weightfile.Model, l *lexicon) ([]weightfile.Tensor, error) {
	c := &converter{f: f, tensors: l.tensors(), plain: m.Weights == bert.Float32Weights}
	c.table("embeddings.word", wordTable, m.Vocabulary, m.Hidden)
	c.places("embeddings.position", "embeddings.position_embeddings.weight", m.MaxTokens, m.Hidden)
	c.segments("embeddings.segment", "embeddings.token_type_embeddings.weight", m.Hidden)
	c.norm("embeddings.norm", "embeddings.LayerNorm", m.Hidden)
	for i := range m.Layers {
		if err := ctx.Err(); err != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "convert the model")
		}
		to, from := fmt.Sprintf("layer.%d.", i), fmt.Sprintf("encoder.layer.%d.", i)
		self := from + "attention.self."
		c.linear(to+"attention.in", m.Hidden, m.Hidden, self+"query", self+"key", self+"value")
		c.linear(to+"attention.out", m.Hidden, m.Hidden, from+"attention.output.dense")
		c.norm(to+"attention.norm", from+"attention.output.LayerNorm", m.Hidden)
		c.linear(to+"feed.in", m.Hidden, m.Intermediate, from+"intermediate.dense")
		c.linear(to+"feed.out", m.Intermediate, m.Hidden, from+"output.dense")
		c.norm(to+"feed.norm", from+"output.LayerNorm", m.Hidden)
		if c.err != nil {
			break
		}
	}
	if m.Head != "" {
		c.head(m.Hidden)
	}
	return c.tensors, c.err
}

func (c *converter) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

// floats keeps a tensor as it is.
func (c *converter) floats(to, from string, dims ...int) {
	data, err := c.f.floats(from, dims...)
	c.keep(err)
	c.tensors = append(c.tensors, weightfile.Float32(to, dims, data))
}

// head keeps the classifier of a cross-encoder as it is: it is small, and its
// numbers are the score.
func (c *converter) head(hidden int) {
	at := c.f.head()
	for _, t := range []struct {
		to, from string
		dims     []int
	}{
		{"head.pooler.weight", at.pooler + ".weight", []int{hidden, hidden}},
		{"head.pooler.bias", at.pooler + ".bias", []int{hidden}},
		{"head.score.weight", at.score + ".weight", []int{1, hidden}},
		{"head.score.bias", at.score + ".bias", []int{1}},
	} {
		data, err := c.f.plain(t.from, t.dims...)
		c.keep(err)
		c.tensors = append(c.tensors, weightfile.Float32(t.to, t.dims, data))
	}
}

// first returns the first rows of a table, which may have more.
func (c *converter) first(from string, rows, cols int) []float32 {
	all := rows
	if dims, _ := c.f.dims(c.f.prefix + from); len(dims) == 2 {
		all = max(rows, dims[0])
	}
	data, err := c.f.floats(from, all, cols)
	c.keep(err)
	return data[:min(rows*cols, len(data))]
}

// rows keeps the first rows of a table as they are.
func (c *converter) rows(to, from string, rows, cols int) {
	c.tensors = append(c.tensors, weightfile.Float32(to, []int{rows, cols}, c.first(from, rows, cols)))
}

// places keeps the rows of the table of places that tokens have.
func (c *converter) places(to, from string, rows, cols int) {
	skip := c.f.skip * cols
	data := c.first(from, c.f.skip+rows, cols)
	c.tensors = append(c.tensors, weightfile.Float32(to, []int{rows, cols}, data[min(skip, len(data)):]))
}

// segments keeps the vectors of the two segments, which are the same where the
// model knows one.
func (c *converter) segments(to, from string, cols int) {
	n := 2
	if c.f.segments() == 1 {
		n = 1
	}
	data, err := c.f.floats(from, n, cols)
	c.keep(err)
	if n == 1 {
		data = slices.Concat(data, data)
	}
	c.tensors = append(c.tensors, weightfile.Float32(to, []int{2, cols}, data))
}

// norm keeps the two vectors of a layer normalisation.
func (c *converter) norm(to, from string, size int) {
	c.floats(to+".gamma", from+".weight", size)
	c.floats(to+".beta", from+".bias", size)
}

// table quantises the first rows of a table of embeddings, one scale a row, or
// keeps them as they are.
func (c *converter) table(to, from string, rows, cols int) {
	if c.plain {
		c.rows(to+".weight", from, rows, cols)
		return
	}
	data := c.first(from, rows, cols)
	if c.err != nil {
		return
	}
	q, scale := make([]int8, len(data)), make([]float32, rows)
	for r := range rows {
		row := data[r*cols : (r+1)*cols]
		scale[r] = quantize(len(row), func(i int) float32 { return row[i] }, func(i int, v int8) { q[r*cols+i] = v })
	}
	c.tensors = append(c.tensors,
		weightfile.Int8(to+".weight", "", []int{rows, cols}, q),
		weightfile.Float32(to+".scale", []int{rows}, scale))
}

// linear packs one layer, or several layers of the same input that are computed
// as one, their outputs side by side.
func (c *converter) linear(to string, in, out int, from ...string) {
	var parts []matrix
	var bias []float32
	for _, name := range from {
		w, err := c.f.matrix(name, in, out)
		c.keep(err)
		b, err := c.f.floats(name+".bias", out)
		c.keep(err)
		parts, bias = append(parts, w), append(bias, b...)
	}
	switch {
	case c.err != nil:
	case c.plain:
		c.pack(to, in, out, parts)
		c.tensors = append(c.tensors, weightfile.Float32(to+".bias", []int{len(bias)}, bias))
	default:
		c.quantize(to, in, out, parts)
		c.tensors = append(c.tensors, weightfile.Float32(to+".bias", []int{len(bias)}, bias))
	}
}

// pack keeps the weights of layers side by side as 32-bit floats.
func (c *converter) pack(to string, in, out int, parts []matrix) {
	packed := kernel.PackFloats(in, out*len(parts), func(k, n int) float32 { return parts[n/out].at(k, n%out) })
	c.tensors = append(c.tensors, weightfile.PackedFloat32(to+".weight", bert.FloatLayout, []int{in, out * len(parts)}, packed))
}

// quantize makes the weights of layers side by side integers, one scale an output.
func (c *converter) quantize(to string, in, out int, parts []matrix) {
	total := out * len(parts)
	q := make([]int8, in*total)
	scale, sum := make([]float32, total), make([]int32, total)
	for part, w := range parts {
		for n := range out {
			to := part*out + n
			scale[to] = quantize(in, func(k int) float32 { return w.at(k, n) }, func(k int, v int8) {
				q[k*total+to] = v
				sum[to] += int32(v)
			})
		}
	}
	packed := kernel.Pack(in, total, func(k, n int) int8 { return q[k*total+n] })
	c.tensors = append(c.tensors,
		weightfile.Int8(to+".weight", bert.PackedLayout, []int{in, total}, packed),
		weightfile.Float32(to+".scale", []int{total}, scale),
		weightfile.Int32(to+".sum", sum))
}

// quantize maps n values to [-127, 127] and returns the size of a step. It works
// in 64 bits, without sums of products, so that every machine rounds alike.
func quantize(n int, value func(i int) float32, set func(i int, v int8)) (scale float32) {
	var largest float64
	for i := range n {
		largest = max(largest, math.Abs(float64(value(i))))
	}
	if largest == 0 {
		for i := range n {
			set(i, 0)
		}
		return 0
	}
	for i := range n {
		set(i, int8(math.RoundToEven(float64(value(i))*127/largest)))
	}
	return float32(largest / 127)
}
