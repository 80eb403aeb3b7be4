package smartretriever

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/metered"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
)

// rated is an embedder that knows how many tokens its provider takes in a minute.
type rated interface {
	TokensPerMinute() int // 0 is not known
}

// Estimate tells what AddDocuments with these inputs would come to, and stores
// nothing: not the collection either, if there is none. Files are read and cut for
// it, which takes as long as it would then. report is called once a document,
// one call at a time, as by AddDocuments.
func (r *Retriever) Estimate(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) (rag.Estimate, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Estimate{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if errors.Is(err, rag.ErrNotFound) {
		col, err = r.spec(scope, rag.Collection{}), nil
	}
	if err != nil {
		return rag.Estimate{}, err
	}
	return r.estimate(ctx, col, inputs, report)
}

// estimate is Estimate for a collection, which need not be there yet.
func (r *Retriever) estimate(ctx context.Context, col rag.Collection, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) (rag.Estimate, error) {
	model, err := r.modelOf(ctx, col)
	if err != nil {
		return rag.Estimate{}, err
	}
	e := model.(*metered.Embedder)
	target := e.Target()
	sum := estimateOf(target)
	begun := r.cfg.Clock()
	sample, err := r.ingest.Estimate(ctx, col, inputs, func(index int, d rag.DocumentEstimate) {
		d.Cost = target.Price.Cost(rag.OpEmbedPassages, rag.Consumption{Input: d.Tokens})
		switch d.State {
		case rag.Added, rag.Updated:
			sum.Documents++
		case rag.Unchanged:
			sum.Unchanged++
		default:
			sum.Failed++
		}
		sum.Bytes += d.Bytes
		sum.Chunks += d.Chunks
		sum.NewChunks += d.NewChunks
		sum.Tokens += d.Tokens
		sum.Cost = sum.Cost.Plus(d.Cost)
		report(index, d)
	})
	if err != nil {
		return sum, err
	}
	sum.Read = r.cfg.Clock().Sub(begun)
	sum.TokensPerSecond, err = r.speed(ctx, e, sample)
	if sum.TokensPerSecond > 0 {
		sum.Embed = time.Duration(float64(sum.Tokens) / sum.TokensPerSecond * float64(time.Second))
	}
	if sum.Tokens == 0 {
		sum.Embed = 0
	}
	return sum, err
}

// estimateOf is an estimate of nothing yet, with what is known of the model.
func estimateOf(t meter.Target) rag.Estimate {
	e := rag.Estimate{Embed: -1, Provider: t.Provider, Model: t.Model, AsOf: t.Price.AsOf, Priced: t.Price.Knows(rag.OpEmbedPassages)}
	if !t.Price.Free() {
		e.Currency = t.Price.Currency
	}
	return e
}

// measuring bounds how long the model is tried for.
const measuring = time.Second

// speed returns how many tokens a second the embedder manages, 0 where that is not
// known: as its provider allows, or as measured with the sample on a model that
// costs nothing.
func (r *Retriever) speed(ctx context.Context, e *metered.Embedder, sample []string) (float64, error) {
	if limited, ok := e.Inner.(rated); ok && limited.TokensPerMinute() > 0 {
		return float64(limited.TokensPerMinute()) / 60, nil
	}
	if t := e.Target(); !t.Price.Free() || len(sample) == 0 {
		return 0, nil
	}
	const batch = 8
	tokens := 0
	begun := time.Now()
	for len(sample) > 0 && time.Since(begun) < measuring {
		n := min(batch, len(sample))
		// Below the meter: what is measured is not what was asked for.
		if _, err := e.Inner.Embed(ctx, rag.PassageText, sample[:n]); err != nil {
			return 0, rag.Wrap(rag.KindOf(err), err, "measure the embedding model")
		}
		for _, text := range sample[:n] {
			tokens += e.CountTokens(text)
		}
		sample = sample[n:]
	}
	return float64(tokens) / time.Since(begun).Seconds(), nil
}
