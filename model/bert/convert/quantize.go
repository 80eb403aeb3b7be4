package convert

import (
	"context"
	"fmt"
	"math"

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
	if f.table != "" {
		return quantizeStatic(f, m, l)
	}
	c := &converter{f: f, tensors: l.tensors(), plain: m.Weights == bert.Float32Weights}
	c.table("embeddings.word", wordTable, m.Vocabulary, m.Hidden)
	c.rows("embeddings.position", "embeddings.position_embeddings.weight", f.start, m.MaxTokens, m.Hidden)
	c.segments(m)
	c.norm("embeddings.norm", "embeddings.LayerNorm", m.Hidden)
	for i := range m.Layers {
		if err := ctx.Err(); err != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "convert the model")
		}
		to, from := fmt.Sprintf("layer.%d.", i), fmt.Sprintf("encoder.layer.%d.", i)
		p := f.parts
		c.linear(to+"attention.in", m.Hidden, m.Hidden, from+p.query, from+p.key, from+p.value)
		c.linear(to+"attention.out", m.Hidden, m.Hidden, from+p.out)
		c.norm(to+"attention.norm", from+p.norm, m.Hidden)
		c.linear(to+"feed.in", m.Hidden, m.Intermediate, from+"intermediate.dense")
		c.linear(to+"feed.out", m.Intermediate, m.Hidden, from+"output.dense")
		c.norm(to+"feed.norm", from+"output.LayerNorm", m.Hidden)
		if c.err != nil {
			break
		}
	}
	if m.Buckets > 0 {
		c.floats("attention.relative", relativeBias, m.Buckets, m.Heads)
	}
	if m.Head != "" {
		c.head(m.Hidden)
	}
	return c.tensors, c.err
}

// segments keeps what is added for the two types of segment. XLM-R has one, MPNet
// none.
func (c *converter) segments(m weightfile.Model) {
	rows := make([]float32, 0, 2*m.Hidden)
	switch dims, ok := c.f.dims(c.f.prefix + segmentTable); {
	case !ok && m.Architecture == "mpnet":
		rows = rows[:2*m.Hidden]
	case ok && len(dims) == 2 && dims[0] == 1:
		one, err := c.f.floats(segmentTable, 1, m.Hidden)
		c.keep(err)
		rows = append(append(rows, one...), one...)
	default:
		c.floats("embeddings.segment", segmentTable, 2, m.Hidden)
		return
	}
	c.tensors = append(c.tensors, weightfile.Float32("embeddings.segment", []int{2, m.Hidden}, rows))
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

// rows keeps the rows of a table from start on as they are.
func (c *converter) rows(to, from string, start, rows, cols int) {
	data := c.first(from, start+rows, cols)
	c.tensors = append(c.tensors, weightfile.Float32(to, []int{rows, cols}, data[min(start*cols, len(data)):]))
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
		c.rows(to+".weight", from, 0, rows, cols)
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
