// Package bert embeds texts with a model inside the program's own process, the
// built-in one or one that a user brings: it gives them to an encoder of package
// model/bert, with the prefixes that the model wants.
package bert

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

// Config holds the choices of an Embedder. The zero value is the built-in model
// on all processors.
type Config struct {
	// Weights is a weight file as model/bert/convert makes it. Default: the
	// built-in bge-small-en-v1.5.
	Weights []byte
	// Dimensions cuts vectors off after so many and brings what is left to unit
	// length again, for models that were trained so that the first ones count most
	// (Matryoshka). Default (0): all that the model has.
	Dimensions int
	// Workers is the most groups of passages computed at once, over all calls
	// together. Default: GOMAXPROCS.
	Workers int
	// Kernel names the arithmetic, a set of model/bert/kernel. Default: the fastest
	// that the processor can run.
	Kernel string
}

// Embedder embeds texts. It has no background work and needs no Close; it is
// goroutine-safe.
type Embedder struct {
	encoder *bert.Encoder
	model   rag.Model
}

// New opens the model. A damaged weight file, more dimensions than the model has,
// a negative number of workers or an unknown kernel is KindInvalid.
func New(cfg Config) (*Embedder, error) {
	if cfg.Weights == nil {
		cfg.Weights = weights.BGESmallEnV15()
	}
	model, err := bert.Open(cfg.Weights)
	if err != nil {
		return nil, err
	}
	if model.Scores() {
		return nil, rag.Errorf(rag.KindInvalid, "model %q scores pairs of texts and gives no vectors: it is for rerank.model", model.Name)
	}
	encoder, err := bert.NewEncoder(model, bert.Config{Workers: cfg.Workers, Kernel: cfg.Kernel})
	if err != nil {
		return nil, err
	}
	described := rag.Model{ID: model.Name, Dimensions: model.Hidden, MaxTokens: model.MaxTokens}
	switch d := cfg.Dimensions; {
	case d < 0 || d > model.Hidden:
		return nil, rag.Errorf(rag.KindInvalid, "model %q has %d dimensions; %d are wanted", model.Name, model.Hidden, d)
	case d > 0 && d < model.Hidden:
		described.ID, described.Dimensions = fmt.Sprintf("%s-%dd", model.Name, d), d
	}
	return &Embedder{encoder: encoder, model: described}, nil
}

// Model describes the model. Its ID is the weight file's name for it, which
// changes whenever the weights do, with the number of dimensions where vectors
// are cut off.
func (e *Embedder) Model() rag.Model { return e.model }

// Embed returns the texts' vectors, of unit length, in order. Texts longer than
// the model takes are cut; an empty text has a vector, too; no texts are no
// error. The end of ctx is looked at between groups of passages and is the only
// error: KindUnavailable when it was cancelled, KindExhausted past a deadline.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	m := e.encoder.Model()
	prefix := m.PassagePrefix
	if kind == rag.QuestionText {
		prefix = m.QueryPrefix
	}
	flat := make([]float32, len(texts)*m.Hidden)
	if err := e.encoder.Encode(ctx, flat, prefix, texts); err != nil {
		return nil, rag.Wrap(rag.KindOf(err), err, "embed texts")
	}
	d := e.model.Dimensions
	if d < m.Hidden {
		flat = cut(flat, m.Hidden, d)
	}
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = flat[i*d : (i+1)*d : (i+1)*d]
	}
	return out, nil
}

// cut returns the first d of every width numbers, each brought to unit length.
func cut(flat []float32, width, d int) []float32 {
	out := make([]float32, 0, len(flat)/width*d)
	for v := range slices.Chunk(flat, width) {
		var sum float64
		for _, x := range v[:d] {
			sum += float64(x) * float64(x)
		}
		scale := 0.0
		if sum > 0 {
			scale = 1 / math.Sqrt(sum)
		}
		for _, x := range v[:d] {
			out = append(out, float32(float64(x)*scale))
		}
	}
	return out
}

// CountTokens returns the number of tokens of text, without the special ones
// before and after it and without the question's prefix.
func (e *Embedder) CountTokens(text string) int {
	return e.encoder.Model().Tokenizer().Count(text)
}

// Kernel returns the name of the arithmetic in use.
func (e *Embedder) Kernel() string { return e.encoder.Kernel() }
