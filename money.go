package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/model/embed/metered"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
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
