// Package bert is the built-in embedder: it gives texts to an encoder of package
// model/bert, with the prefix that the model wants before questions.
package bert

import (
	"context"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

// Config holds the choices of an Embedder. The zero value is the built-in model
// on all processors.
type Config struct {
	// Weights is a weight file as tools/quantize writes it. Default: the built-in
	// bge-small-en-v1.5.
	Weights []byte
	// Workers is the most groups of passages computed at once, over all calls
	// together. Default: GOMAXPROCS.
	Workers int
	// Kernel names the arithmetic: "avx512vnni", "avx2", "generic". Default: the
	// fastest that the processor can run.
	Kernel string
}

// Embedder embeds texts. It has no background work and needs no Close; it is
// goroutine-safe.
type Embedder struct {
	encoder *bert.Encoder
}

// New opens the model. A damaged weight file, a negative number of workers or an
// unknown kernel is KindInvalid.
func New(cfg Config) (*Embedder, error) {
	if cfg.Weights == nil {
		cfg.Weights = weights.BGESmallEnV15()
	}
	model, err := bert.Open(cfg.Weights)
	if err != nil {
		return nil, err
	}
	encoder, err := bert.NewEncoder(model, bert.Config{Workers: cfg.Workers, Kernel: cfg.Kernel})
	if err != nil {
		return nil, err
	}
	return &Embedder{encoder: encoder}, nil
}

// Model describes the model. Its ID is the weight file's name for it, which
// changes whenever the weights do.
func (e *Embedder) Model() rag.Model {
	m := e.encoder.Model()
	return rag.Model{ID: m.Name, Dimensions: m.Hidden, MaxTokens: m.MaxTokens}
}

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
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = flat[i*m.Hidden : (i+1)*m.Hidden : (i+1)*m.Hidden]
	}
	return out, nil
}

// CountTokens returns the number of tokens of text, without the special ones
// before and after it and without the question's prefix.
func (e *Embedder) CountTokens(text string) int {
	return e.encoder.Model().Tokenizer().Count(text)
}
