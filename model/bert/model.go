package bert

import (
	"fmt"
	"math"

	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/tokenizer"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// PackedLayout names the layout of linear weights in a weight file, which is
// that of kernel.Pack.
const PackedLayout = "panel32.group4"

// Model is an opened encoder. It is read-only and goroutine-safe, and refers to
// the bytes that it was opened from.
type Model struct {
	weightfile.Model
	Source weightfile.Source

	tokenizer tokenizer.Tokenizer

	words     []int8    // Vocabulary x Hidden
	wordScale []float32 // Vocabulary
	places    []float32 // MaxTokens x Hidden: position plus first segment
	norm      norm
	layers    []layer
	relative  [][]float32 // of mpnet, by head: what distances add to scores
}

// layer is one transformer layer.
type layer struct {
	in   kernel.Linear // query (scaled by 1/√head), key and value side by side
	out  kernel.Linear
	norm norm

	feedIn   kernel.Linear
	feedOut  kernel.Linear
	feedNorm norm
}

// norm holds the vectors of a layer normalisation.
type norm struct{ gamma, beta []float32 }

// Ways to make one vector of those of a text's tokens.
const (
	poolCLS  = "cls"  // that of the first token
	poolMean = "mean" // the mean of all, with the two special tokens
)

// Limits on a model that comes from outside.
const (
	maxLayers = 96
	maxWidth  = 8192
	maxTokens = 8192
)

// Open checks a weight file and makes it ready. What is wrong with it is
// KindInvalid and named.
func Open(data []byte) (*Model, error) {
	f, err := weightfile.Parse(data)
	if err != nil {
		return nil, err
	}
	m := &Model{Model: f.Model, Source: f.Source}
	if err := m.checkShape(); err != nil {
		return nil, err
	}
	if f.Tokenizer.Start == "" || f.Tokenizer.End == "" {
		return nil, rag.Errorf(rag.KindInvalid, "model %q has no tokens for the start and the end of a text", m.Name)
	}
	if m.tokenizer, err = tokenizer.Open(f); err != nil {
		return nil, err
	}
	if n := m.tokenizer.Size(); n != m.Vocabulary {
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary has %d entries where the model has %d", n, m.Vocabulary)
	}
	r := reader{f: f}
	m.words = r.int8("embeddings.word.weight", "", m.Vocabulary*m.Hidden)
	m.wordScale = r.float32("embeddings.word.scale", m.Vocabulary)
	m.places = r.float32("embeddings.position", m.MaxTokens*m.Hidden)
	segments := r.float32("embeddings.segment", 2*m.Hidden)
	m.norm = r.norm("embeddings.norm", m.Hidden)
	m.layers = make([]layer, m.Layers)
	for i := range m.layers {
		m.layers[i] = r.layer(fmt.Sprintf("layer.%d.", i), m)
	}
	if m.Architecture == archMPNet {
		m.relative = relativeScores(r.float32("attention.relative", m.Buckets*m.Heads), m.Model)
	}
	if r.err != nil {
		return nil, r.err
	}
	for i := range m.places {
		m.places[i] += segments[i%m.Hidden]
	}
	return m, nil
}

// Tokenizer returns the model's tokenizer.
func (m *Model) Tokenizer() tokenizer.Tokenizer { return m.tokenizer }

// checkShape refuses what the encoder cannot compute.
func (m *Model) checkShape() error {
	switch {
	case (m.Architecture != "bert" && m.Architecture != archMPNet) || m.Activation != "gelu" || (m.Pooling != poolCLS && m.Pooling != poolMean) || !m.Normalize:
		return rag.Errorf(rag.KindInvalid, "model %q is a %q with activation %q, pooling %q, normalize %v; bert or mpnet, gelu, cls or mean, and true are supported",
			m.Name, m.Architecture, m.Activation, m.Pooling, m.Normalize)
	case !(m.LayerNormEps > 0 && m.LayerNormEps < 1):
		return rag.Errorf(rag.KindInvalid, "model %q normalises with an epsilon of %v", m.Name, m.LayerNormEps)
	case m.Layers < 1 || m.Layers > maxLayers || m.Vocabulary < 1 || m.MaxTokens < 3 || m.MaxTokens > maxTokens:
		return rag.Errorf(rag.KindInvalid, "model %q has %d layers, %d words and %d positions", m.Name, m.Layers, m.Vocabulary, m.MaxTokens)
	case m.Hidden < kernel.Panel || m.Hidden > maxWidth || m.Hidden%kernel.Panel != 0 ||
		m.Intermediate < kernel.Panel || m.Intermediate > 4*maxWidth || m.Intermediate%kernel.Panel != 0:
		return rag.Errorf(rag.KindInvalid, "model %q is %d and %d wide; multiples of %d are needed", m.Name, m.Hidden, m.Intermediate, kernel.Panel)
	case m.Architecture == archMPNet && (m.Buckets < 4 || m.Buckets > maxBuckets || m.Buckets%4 != 0):
		return rag.Errorf(rag.KindInvalid, "model %q has %d relative places; a multiple of 4 up to %d is needed", m.Name, m.Buckets, maxBuckets)
	case m.Heads < 1 || m.Hidden%m.Heads != 0 || m.Hidden/m.Heads%kernel.Panel != 0:
		return rag.Errorf(rag.KindInvalid, "model %q shares %d among %d heads; a multiple of %d each is needed", m.Name, m.Hidden, m.Heads, kernel.Panel)
	}
	return nil
}

// reader takes tensors until the first error.
type reader struct {
	f   *weightfile.File
	err error
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) int8(name, layout string, n int) []int8 {
	t, err := r.f.Int8(name, layout, n)
	r.keep(err)
	return t
}

func (r *reader) float32(name string, n int) []float32 {
	t, err := r.f.Float32(name, n)
	r.keep(err)
	return t
}

func (r *reader) norm(name string, n int) norm {
	return norm{r.float32(name+".gamma", n), r.float32(name+".beta", n)}
}

func (r *reader) linear(name string, in, out int) kernel.Linear {
	sum, err := r.f.Int32(name+".sum", out)
	r.keep(err)
	return kernel.Linear{
		In:      in,
		Out:     out,
		Weights: r.int8(name+".weight", PackedLayout, in*out),
		Scale:   r.float32(name+".scale", out),
		Sum:     sum,
		Bias:    r.float32(name+".bias", out),
	}
}

func (r *reader) layer(prefix string, m *Model) layer {
	l := layer{
		in:       r.linear(prefix+"attention.in", m.Hidden, 3*m.Hidden),
		out:      r.linear(prefix+"attention.out", m.Hidden, m.Hidden),
		norm:     r.norm(prefix+"attention.norm", m.Hidden),
		feedIn:   r.linear(prefix+"feed.in", m.Hidden, m.Intermediate),
		feedOut:  r.linear(prefix+"feed.out", m.Intermediate, m.Hidden),
		feedNorm: r.norm(prefix+"feed.norm", m.Hidden),
	}
	if r.err != nil {
		return l
	}
	// Attention divides every score by the root of a head's width: done here once,
	// in the query's scales, rather than for each score.
	root := float32(1 / math.Sqrt(float64(m.Hidden/m.Heads)))
	for n := range m.Hidden {
		l.in.Scale[n] *= root
		l.in.Bias[n] *= root
	}
	return l
}

// columns returns the outputs from..to of a layer as a layer of their own. Both
// are multiples of kernel.Panel.
func columns(l *kernel.Linear, from, to int) kernel.Linear {
	return kernel.Linear{
		In:      l.In,
		Out:     to - from,
		Weights: l.Weights[from*l.In : to*l.In],
		Scale:   l.Scale[from:to],
		Sum:     l.Sum[from:to],
		Bias:    l.Bias[from:to],
	}
}
