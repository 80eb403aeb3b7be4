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

// FloatLayout names the layout of linear weights of 32-bit floats, which is that
// of kernel.PackFloats.
const FloatLayout = "panel32.float32"

// Types of the weights of linear layers and words, as a weight file names them.
const (
	Int8Weights    = "" // 8-bit integers
	Float32Weights = "float32"
)

// Model is an opened encoder. It is read-only and goroutine-safe, and refers to
// the bytes that it was opened from.
type Model struct {
	weightfile.Model
	Source weightfile.Source

	tokenizer tokenizer.Tokenizer

	words  words
	places []float32 // MaxTokens x Hidden: position plus first segment
	second []float32 // Hidden: second segment minus first
	norm   norm
	layers []layer
	head   head // of a model that scores pairs

	// scoreScale is what attention multiplies every score with: 1/√head, or one
	// where that is in the query's weights.
	scoreScale float32

	relative [][]float32 // of mpnet, by head: what distances add to scores
}

// layer is one transformer layer.
type layer struct {
	in   linear // query, key and value side by side
	out  linear
	norm norm

	feedIn   linear
	feedOut  linear
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
	m.words = r.words("embeddings.word", m)
	m.places = r.float32("embeddings.position", m.MaxTokens*m.Hidden)
	segments := r.float32("embeddings.segment", 2*m.Hidden)
	m.norm = r.norm("embeddings.norm", m.Hidden)
	m.layers = make([]layer, m.Layers)
	for i := range m.layers {
		m.layers[i] = r.layer(fmt.Sprintf("layer.%d.", i), m)
	}
	if m.Scores() {
		m.head = r.head(m.Hidden)
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
	m.second = make([]float32, m.Hidden)
	for i := range m.second {
		m.second[i] = segments[m.Hidden+i] - segments[i]
	}
	m.scaleScores()
	return m, nil
}

// Scores reports whether the model scores pairs of texts (a cross-encoder) and so
// is no model for vectors.
func (m *Model) Scores() bool { return m.Head == headScore }

// Tokenizer returns the model's tokenizer.
func (m *Model) Tokenizer() tokenizer.Tokenizer { return m.tokenizer }

// checkShape refuses what the encoder cannot compute.
func (m *Model) checkShape() error {
	switch {
	case m.Architecture != "bert" && m.Architecture != archMPNet || m.Activation != "gelu":
		return rag.Errorf(rag.KindInvalid, "model %q is a %q with activation %q; bert or mpnet, and gelu are supported", m.Name, m.Architecture, m.Activation)
	case m.Head == "" && (m.Pooling != poolCLS && m.Pooling != poolMean || !m.Normalize):
		return rag.Errorf(rag.KindInvalid, "model %q has pooling %q and normalize %v; cls or mean, and true are supported", m.Name, m.Pooling, m.Normalize)
	case m.Head != "" && m.MaxTokens < 6:
		return rag.Errorf(rag.KindInvalid, "model %q takes %d tokens, which are too few for a pair", m.Name, m.MaxTokens)
	case m.PairEnds < 0 || m.PairEnds > 2:
		return rag.Errorf(rag.KindInvalid, "model %q parts pairs by %d tokens; one or two are supported", m.Name, m.PairEnds)
	case m.Head != "" && (m.Head != headScore || m.Pooling != poolCLS || m.Normalize):
		return rag.Errorf(rag.KindInvalid, "model %q has a head %q with pooling %q and normalize %v; score, cls and false are supported", m.Name, m.Head, m.Pooling, m.Normalize)
	case m.Weights != Int8Weights && m.Weights != Float32Weights:
		return rag.Errorf(rag.KindInvalid, "model %q has weights of type %q; %q (8-bit integers) and %q are supported", m.Name, m.Weights, Int8Weights, Float32Weights)
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

func (r *reader) layer(prefix string, m *Model) layer {
	return layer{
		in:       r.linear(prefix+"attention.in", m.Hidden, 3*m.Hidden),
		out:      r.linear(prefix+"attention.out", m.Hidden, m.Hidden),
		norm:     r.norm(prefix+"attention.norm", m.Hidden),
		feedIn:   r.linear(prefix+"feed.in", m.Hidden, m.Intermediate),
		feedOut:  r.linear(prefix+"feed.out", m.Intermediate, m.Hidden),
		feedNorm: r.norm(prefix+"feed.norm", m.Hidden),
	}
}

// scaleScores settles where every score is divided by the root of a head's width:
// in the query's scales once, or where weights have none, score by score.
func (m *Model) scaleScores() {
	root := float32(1 / math.Sqrt(float64(m.Hidden/m.Heads)))
	if m.Weights == Float32Weights {
		m.scoreScale = root
		return
	}
	m.scoreScale = 1
	for i := range m.layers {
		query := m.layers[i].in.int8
		for n := range m.Hidden {
			query.Scale[n] *= root
			query.Bias[n] *= root
		}
	}
}
