// Package metered wraps an embedder so that what it embeds is charged to who asks
// for it and held to budgets; see package meter. It stands below the cache of
// questions, so that what the cache knows is not charged but counted as saved.
package metered

import (
	"context"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the embedder that is wrapped.
type Inner interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Embedder is an Inner whose calls are metered. It is goroutine-safe if Inner is.
type Embedder struct {
	Inner
	meter  *meter.Meter
	target *meter.Target
}

// New returns inner metered as target.
func New(inner Inner, m *meter.Meter, target meter.Target) *Embedder {
	return &Embedder{inner, m, &target}
}

// Target returns what is charged for.
func (e *Embedder) Target() meter.Target { return *e.target }

// operation is what an embedding of this kind is for.
func operation(kind rag.EmbedKind) rag.Operation {
	if kind == rag.QuestionText {
		return rag.OpEmbedQuestion
	}
	return rag.OpEmbedPassages
}

func (e *Embedder) count(texts []string) (n int64) {
	for _, t := range texts {
		n += int64(e.CountTokens(t))
	}
	return n
}

// Embed implements Inner. Beside Inner's errors it has KindExhausted, with a
// *rag.Exceeded as cause, where a budget has no room for the texts; nothing is
// embedded and nothing charged then. What a failed call has cost is charged.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return e.Inner.Embed(ctx, kind, texts)
	}
	counted := e.count(texts)
	call, err := e.meter.Begin(ctx, e.target, operation(kind), rag.Consumption{Input: counted})
	if err != nil {
		return nil, err
	}
	inner, receipt := remote.WithReceipt(ctx)
	vectors, err := e.Inner.Embed(inner, kind, texts)
	call.End(e.took(receipt, counted, err), err != nil)
	return vectors, err
}

// took is what a call will be on the bill for.
func (e *Embedder) took(receipt *remote.Receipt, counted int64, err error) rag.Consumption {
	tokens, guessed, known := receipt.Tokens()
	switch {
	case known && guessed > 0:
		return rag.Consumption{Input: tokens, Estimated: 1}
	case known:
		return rag.Consumption{Input: tokens}
	case err != nil && receipt.Taken() == 0:
		return rag.Consumption{} // nobody has worked for it
	case receipt.Taken() > 0:
		return rag.Consumption{Input: counted, Estimated: 1}
	}
	return rag.Consumption{Input: counted} // by the model's own tokenizer
}

// Saved counts texts whose vectors were there already.
func (e *Embedder) Saved(ctx context.Context, kind rag.EmbedKind, tokens int) {
	e.meter.SavedCall(ctx, e.target, operation(kind), rag.Consumption{Input: int64(tokens)})
}
