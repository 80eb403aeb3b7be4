package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/embed/metered"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	rerankmetered "github.com/smartretriever/smartretriever/model/rerank/metered"
	"github.com/smartretriever/smartretriever/rag"
)

// openMeter gives the meter the store as its ledger. It is closed before the store,
// and after everything that calls models.
func (r *Retriever) openMeter() (err error) {
	if r.meter = r.cfg.Meter; r.meter == nil {
		r.meter, err = meter.New(meter.Config{Observe: r.cfg.Observer, Logger: r.cfg.Logger, Clock: r.cfg.Clock})
		if err != nil {
			return err
		}
	}
	r.meter.Open(r.store)
	r.owned(r.meter)
	return nil
}

// metered wraps the embedder.
func (r *Retriever) metered(e Embedder) Embedder {
	t := r.cfg.EmbedTarget
	switch {
	case r.cfg.Embedder == nil:
		t.Provider, t.Model = "builtin", e.Model().ID
		t.Price, _ = price.Default().Find(t.Provider, t.Model)
	case t == meter.Target{}:
		t = meter.Target{Provider: "unknown", Model: e.Model().ID, Price: price.Unknown("unknown", e.Model().ID)}
	}
	return metered.New(e, r.meter, t)
}

// meteredLocal wraps an embedder that was found by its model's id: one that runs in
// this process.
func (r *Retriever) meteredLocal(e Embedder) Embedder {
	t := meter.Target{Provider: "local", Model: e.Model().ID}
	if id, err := builtinID(); err == nil && id == t.Model {
		t.Provider = "builtin"
	}
	t.Price, _ = price.Default().Find(t.Provider, t.Model)
	return metered.New(e, r.meter, t)
}

// meteredReranker wraps the reranker, nil if there is none.
func (r *Retriever) meteredReranker() answer.Reranker {
	if r.cfg.Reranker == nil {
		return nil
	}
	t := r.cfg.RerankTarget
	if t == (meter.Target{}) {
		t = meter.Target{Provider: "unknown", Model: r.cfg.Reranker.Name(), Price: price.Unknown("unknown", r.cfg.Reranker.Name())}
	}
	// What is to be set aside is guessed by length: to tokenise every passage would
	// take as long as a small search.
	return rerankmetered.New(r.cfg.Reranker, r.meter, t, nil)
}

// Usage returns what scope's tenant has spent on models and spared.
func (r *Retriever) Usage(ctx context.Context, scope rag.Scope, q rag.UsageQuery) (rag.Spending, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Spending{}, err
	}
	defer leave()
	q.Tenant = scope.WithDefaults().Tenant
	if err := r.meter.Flush(ctx); err != nil {
		return rag.Spending{}, err
	}
	return r.store.Usage(ctx, q)
}
