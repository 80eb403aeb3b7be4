// Package static embeds texts with a table of word vectors: a text's vector is the
// mean of those of its tokens, brought to unit length (Model2Vec, potion). It knows
// no order of words, and is hundreds of times faster than an encoder.
//
// The table comes from a weight file of the architecture "static", as
// model/bert/convert makes it out of a Model2Vec model: 8-bit integers with one scale
// a token, in which the token's own weight is contained. Unknown tokens are left out,
// as the library does.
package static

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/bert/tokenizer"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// Architecture is what a weight file of this kind calls itself.
const Architecture = "static"

// Limits on a model that comes from outside.
const (
	maxWidth  = 8192
	maxTokens = 1 << 20
)

// Config holds a model and the choices of an Embedder.
type Config struct {
	// Weights is a weight file of the architecture "static".
	Weights []byte
	// Dimensions cuts vectors off after so many and brings what is left to unit
	// length again. Default (0): all that the model has.
	Dimensions int
	// Workers is the most texts computed at once, over all calls together. Default:
	// GOMAXPROCS.
	Workers int
}

// Embedder embeds texts. It has no background work and needs no Close; it is
// goroutine-safe. It refers to the bytes that it was opened from.
type Embedder struct {
	header    weightfile.Model
	model     rag.Model
	tokenizer tokenizer.Tokenizer
	unknown   int32

	words []int8 // vocabulary x width
	scale []float32
	width int

	slots chan *scratch // one a worker; holding it is the right to compute
}

// scratch is the memory of one worker.
type scratch struct {
	ids []int32
	sum []float32
}

// New opens the model. A damaged weight file or one of another architecture, more
// dimensions than the model has and a negative number of workers are KindInvalid.
func New(cfg Config) (*Embedder, error) {
	f, err := weightfile.Parse(cfg.Weights)
	if err != nil {
		return nil, err
	}
	m := f.Model
	switch {
	case m.Architecture != Architecture || m.Pooling != "mean" || !m.Normalize:
		return nil, rag.Errorf(rag.KindInvalid, "model %q is a %q with pooling %q, normalize %v; static, mean and true are supported", m.Name, m.Architecture, m.Pooling, m.Normalize)
	case m.Hidden < 1 || m.Hidden > maxWidth || m.Vocabulary < 1 || m.MaxTokens < 1 || m.MaxTokens > maxTokens:
		return nil, rag.Errorf(rag.KindInvalid, "model %q has %d words, is %d wide and takes %d tokens", m.Name, m.Vocabulary, m.Hidden, m.MaxTokens)
	case cfg.Dimensions < 0 || cfg.Dimensions > m.Hidden:
		return nil, rag.Errorf(rag.KindInvalid, "model %q has %d dimensions; %d are wanted", m.Name, m.Hidden, cfg.Dimensions)
	case cfg.Workers < 0 || cfg.Workers > 4096:
		return nil, rag.Errorf(rag.KindInvalid, "embedder: %d workers; 1 to 4096 are possible", cfg.Workers)
	}
	e := &Embedder{header: m, width: m.Hidden, model: rag.Model{ID: m.Name, Dimensions: m.Hidden, MaxTokens: m.MaxTokens}}
	if d := cfg.Dimensions; d > 0 && d < m.Hidden {
		e.model.ID, e.model.Dimensions = fmt.Sprintf("%s-%dd", m.Name, d), d
	}
	if e.tokenizer, err = tokenizer.Open(f); err != nil {
		return nil, err
	}
	if n := e.tokenizer.Size(); n != m.Vocabulary {
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary has %d entries where the model has %d", n, m.Vocabulary)
	}
	e.unknown = e.tokenizer.Unknown()
	if e.words, err = f.Int8("embeddings.word.weight", "", m.Vocabulary*m.Hidden); err != nil {
		return nil, err
	}
	if e.scale, err = f.Float32("embeddings.word.scale", m.Vocabulary); err != nil {
		return nil, err
	}
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	e.slots = make(chan *scratch, workers)
	for range workers {
		e.slots <- nil
	}
	return e, nil
}

// Model describes the model. Its ID is the weight file's name for it, with the
// number of dimensions where vectors are cut off.
func (e *Embedder) Model() rag.Model { return e.model }

// Kernel says what does the arithmetic.
func (e *Embedder) Kernel() string { return "table" }

// CountTokens returns the number of tokens of text, without a prefix.
func (e *Embedder) CountTokens(text string) int { return e.tokenizer.Count(text) }

// share is the number of texts that a worker takes at once.
const share = 8

// Embed returns the texts' vectors, of unit length, in order. Texts longer than the
// model takes are cut; no texts are no error. A text without a known token has the
// unknown token's vector. The end of ctx is looked at between a few texts and is the
// only error: KindUnavailable when it was cancelled, KindExhausted past a deadline.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	prefix := e.header.PassagePrefix
	if kind == rag.QuestionText {
		prefix = e.header.QueryPrefix
	}
	d := e.model.Dimensions
	flat, out := make([]float32, len(texts)*d), make([][]float32, len(texts))
	for i := range out {
		out[i] = flat[i*d : (i+1)*d : (i+1)*d]
	}
	var next atomic.Int64
	work := func() {
		var s *scratch
		select {
		case s = <-e.slots:
		case <-ctx.Done():
			return
		}
		if s == nil {
			s = &scratch{sum: make([]float32, d)}
		}
		for ctx.Err() == nil {
			from := int(next.Add(share)) - share
			if from >= len(texts) {
				break
			}
			for i := from; i < min(from+share, len(texts)); i++ {
				e.embed(s, out[i], prefix, texts[i])
			}
		}
		e.slots <- s
	}
	var helpers sync.WaitGroup
	for range min(cap(e.slots), (len(texts)+share-1)/share) - 1 {
		helpers.Go(work)
	}
	if len(texts) > 0 {
		work()
	}
	helpers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, rag.Wrap(rag.KindOf(err), err, "embed texts")
	}
	return out, nil
}

// embed computes one vector.
func (e *Embedder) embed(s *scratch, dst []float32, prefix, text string) {
	if prefix != "" {
		text = prefix + text
	}
	s.ids = e.tokenizer.Append(s.ids[:0], text, e.model.MaxTokens)
	clear(s.sum)
	for _, id := range s.ids {
		if id != e.unknown {
			e.add(s.sum, id)
		}
	}
	if normalize(dst, s.sum) {
		return
	}
	clear(s.sum)
	e.add(s.sum, e.unknown)
	if !normalize(dst, s.sum) {
		dst[0] = 1 // any will do, as long as it is always the same
	}
}

// add adds a token's vector.
func (e *Embedder) add(sum []float32, id int32) {
	scale := e.scale[id]
	row := e.words[int(id)*e.width:][:len(sum)]
	for i, w := range row {
		sum[i] += scale * float32(w)
	}
}

// normalize sets dst to src brought to unit length, and reports whether there is
// such.
func normalize(dst, src []float32) bool {
	var sum float64
	for _, v := range src {
		sum += float64(v) * float64(v)
	}
	if !(sum > 1e-30 && !math.IsInf(sum, 0)) {
		return false
	}
	scale := 1 / math.Sqrt(sum)
	for i, v := range src {
		dst[i] = float32(float64(v) * scale)
	}
	return true
}
