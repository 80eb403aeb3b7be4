// Package metered wraps a reranker so that what it reads is charged to who asks
// and held to budgets; see package meter.
package metered

import (
	"context"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the reranker that is wrapped; answer.Reranker says what it promises.
type Inner interface {
	Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error)
	Name() string
}

// Reranker is an Inner whose calls are metered. It is goroutine-safe if Inner is.
type Reranker struct {
	Inner
	meter  *meter.Meter
	target *meter.Target
	count  func(string) int
}

// New returns inner metered as target. count counts tokens where the model does
// not; nil takes four bytes for a token.
func New(inner Inner, m *meter.Meter, target meter.Target, count func(string) int) *Reranker {
	if count == nil {
		count = func(s string) int { return (len(s) + 3) / 4 }
	}
	return &Reranker{inner, m, &target, count}
}

// perSearch is how many passages providers charge as one search.
const perSearch = 100

// Rerank implements Inner. Beside Inner's errors it has KindExhausted, with a
// *rag.Exceeded as cause, where a budget has no room.
func (r *Reranker) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	if len(q.Passages) == 0 {
		return r.Inner.Rerank(ctx, q)
	}
	// The question is read with each passage.
	most := rag.Consumption{
		Input:    int64(r.count(q.Text)) * int64(len(q.Passages)),
		Searches: int64((len(q.Passages) + perSearch - 1) / perSearch),
	}
	for _, p := range q.Passages {
		most.Input += int64(r.count(p.Text))
	}
	call, err := r.meter.Begin(ctx, r.target, rag.OpRerank, most)
	if err != nil {
		return rag.RerankResult{}, err
	}
	inner, receipt := remote.WithReceipt(ctx)
	res, err := r.Inner.Rerank(inner, q)
	call.End(took(res, most, err, receipt), err != nil)
	return res, err
}

// took is what a call will be on the bill for.
func took(res rag.RerankResult, most rag.Consumption, err error, receipt *remote.Receipt) rag.Consumption {
	switch {
	case res.Tokens > 0:
		return rag.Consumption{Input: int64(res.Tokens), Searches: most.Searches}
	case err != nil && receipt.Taken() == 0:
		return rag.Consumption{} // nobody has worked for it
	}
	most.Estimated = 1
	return most
}
