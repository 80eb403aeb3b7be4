// Package crossencoder reranks with a cross-encoder in the program's own process:
// a BERT with a head of one output that reads question and passage together, such
// as ms-marco-MiniLM-L-6-v2, brought by a user and converted by model/bert/convert.
package crossencoder

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/rag"
)

// Config names the model. Only Weights must be given.
type Config struct {
	// Weights is a weight file of a model that scores pairs.
	Weights []byte
	// Workers is the most groups of pairs computed at once, over all calls together.
	// Default: GOMAXPROCS.
	Workers int
	// Kernel names the arithmetic; see bert.Config. Default: the fastest.
	Kernel string
}

// Reranker scores passages. It has no background work and needs no Close; it is
// goroutine-safe.
type Reranker struct{ encoder *bert.Encoder }

// New opens the model. A damaged weight file, or one of a model that gives
// vectors, is KindInvalid.
func New(cfg Config) (*Reranker, error) {
	model, err := bert.Open(cfg.Weights)
	if err != nil {
		return nil, err
	}
	if !model.Scores() {
		return nil, rag.Errorf(rag.KindInvalid, "model %q gives vectors and cannot rerank; a cross-encoder is needed", model.Name)
	}
	encoder, err := bert.NewEncoder(model, bert.Config{Workers: cfg.Workers, Kernel: cfg.Kernel})
	if err != nil {
		return nil, err
	}
	return &Reranker{encoder}, nil
}

// Name returns the model's name.
func (r *Reranker) Name() string { return r.encoder.Model().Name }

// Kernel returns the name of the arithmetic in use.
func (r *Reranker) Kernel() string { return r.encoder.Kernel() }

// Rerank scores q's passages by the model's logits, which have no bounds. Passages
// are cut to what the model takes. At the deadline of ctx the result has the
// passages scored by then; the only error is that of a cancelled ctx.
func (r *Reranker) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	results, err := r.RerankAll(ctx, []rag.RerankQuery{q})
	if err != nil {
		return rag.RerankResult{}, err
	}
	return results[0], nil
}

// RerankAll is Rerank for several questions at once: their pairs are computed
// together, in order, so that at the deadline the last questions are the ones that
// lack scores.
func (r *Reranker) RerankAll(ctx context.Context, queries []rag.RerankQuery) ([]rag.RerankResult, error) {
	var pairs []bert.Pair
	for _, q := range queries {
		for _, p := range q.Passages {
			pairs = append(pairs, bert.Pair{Question: q.Text, Passage: p.Text})
		}
	}
	scores := make([]float32, len(pairs))
	done, err := r.encoder.Score(ctx, scores, pairs)
	if err == nil && done < len(pairs) && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "rerank")
	}
	if err != nil {
		return nil, err
	}
	out := make([]rag.RerankResult, len(queries))
	for i, q := range queries {
		n := min(done, len(q.Passages))
		out[i].Scores = make([]float64, n)
		for k, s := range scores[:n] {
			out[i].Scores[k] = float64(s)
		}
		scores, done = scores[len(q.Passages):], done-n
	}
	return out, nil
}
