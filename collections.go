package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// spec completes what a caller says of a new collection.
func (r *Retriever) spec(scope rag.Scope, c rag.Collection) rag.Collection {
	c.Tenant = scope.Tenant
	if c.Name == "" {
		c.Name = scope.Collection
	}
	if c.Generation.Chunker == (rag.ChunkerOptions{}) {
		c.Generation.Chunker = r.cfg.Chunker
	}
	m := r.embed.Model()
	c.Generation.Number, c.Generation.Model, c.Generation.Dimensions = 1, m.ID, m.Dimensions
	return c
}

// CreateCollection makes a collection in scope's tenant, named spec.Name or, if
// that is empty, scope.Collection. Chunker settings that are zero are the
// configured ones; the embedding model is the configured one. A name in use is
// KindConflict.
func (r *Retriever) CreateCollection(ctx context.Context, scope rag.Scope, spec rag.Collection) (rag.Collection, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	spec = r.spec(scope.WithDefaults(), spec)
	if err := chunk.Check(spec.Generation.Chunker, r.embed.Model().MaxTokens); err != nil {
		return rag.Collection{}, err
	}
	return r.store.CreateCollection(ctx, spec)
}

// Collection returns scope's collection, KindNotFound if there is none.
func (r *Retriever) Collection(ctx context.Context, scope rag.Scope) (rag.Collection, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	return r.store.Collection(ctx, scope.Tenant, scope.Collection)
}

// Collections lists the tenant's collections by name.
func (r *Retriever) Collections(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Collection], error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Page[rag.Collection]{}, err
	}
	defer leave()
	return r.store.Collections(ctx, scope.WithDefaults().Tenant, opt)
}

// UpdateCollection changes name, description or metadata of scope's collection.
func (r *Retriever) UpdateCollection(ctx context.Context, scope rag.Scope, change rag.CollectionChange) (rag.Collection, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	return r.store.UpdateCollection(ctx, scope.Tenant, scope.Collection, change)
}

// DeleteCollection removes scope's collection with everything in it. Its
// originals are purged soon after.
func (r *Retriever) DeleteCollection(ctx context.Context, scope rag.Scope) error {
	scope = scope.WithDefaults()
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return err
	}
	defer leave()
	if err := r.store.DeleteCollection(ctx, scope.Tenant, scope.Collection); err != nil {
		return err
	}
	_, _ = r.forgetCached(ctx, col) // it is counted, and ends with its time
	r.janitor.wakeGone(col)
	return r.follow.Drop(ctx, col.ID)
}

// forgetCached removes the results that are cached of a collection, and returns how many they were. Embeddings of questions are of no collection. An error is
// counted and logged.
func (r *Retriever) forgetCached(ctx context.Context, col rag.Collection) (removed int, err error) {
	c, ok := r.cache.(interface {
		DeletePrefix(ctx context.Context, prefix string) (removed int, err error)
	})
	if !ok {
		return 0, nil
	}
	if removed, err = c.DeletePrefix(ctx, answer.CachePrefix(col.Tenant, col.ID)); err != nil {
		r.cfg.Observer.Error(rag.KindOf(err), "cache")
		r.cfg.Logger.Debug("what is cached of a collection stays until its time is over", "collection", col.Name, "error", err)
	}
	return removed, err
}
