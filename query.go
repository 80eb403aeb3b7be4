package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// searchable returns scope's collection if the configured model can search it.
func (r *Retriever) searchable(ctx context.Context, scope rag.Scope, mode rag.Mode) (rag.Collection, error) {
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return col, err
	}
	if m := r.embed.Model(); mode != rag.ModeKeyword && col.Generation.Model != m.ID {
		return col, rag.Errorf(rag.KindConflict, "collection %q was embedded by %s, but %s is configured: configure that model, or search with mode keyword",
			col.Name, col.Generation.Model, m.ID)
	}
	return col, nil
}

// Search finds chunks of scope's collection. It sees every change that was
// committed before the call.
func (r *Retriever) Search(ctx context.Context, scope rag.Scope, q rag.Query) (rag.SearchResult, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.SearchResult{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	col, err := r.searchable(ctx, scope, q.Mode)
	if err != nil {
		return rag.SearchResult{}, err
	}
	return r.answer.Search(rag.ChargedTo(ctx, scope.Tenant), scope, col, q)
}

// Query answers a question from scope's collection.
func (r *Retriever) Query(ctx context.Context, scope rag.Scope, q rag.Question) (rag.Answer, error) {
	return r.QueryStream(ctx, scope, q, nil)
}

// QueryStream is Query with events as they come: the hits, pieces of text, and
// last the whole answer. An error of on ends the work and is returned.
func (r *Retriever) QueryStream(ctx context.Context, scope rag.Scope, q rag.Question, on func(rag.Event) error) (rag.Answer, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Answer{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	col, err := r.searchable(ctx, scope, q.Mode)
	if err != nil {
		return rag.Answer{}, err
	}
	return r.answer.Ask(rag.ChargedTo(ctx, scope.Tenant), scope, col, q, on)
}

// Embed returns the configured model's embeddings of texts, one each, in order.
func (r *Retriever) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.embed.Embed(ctx, kind, texts)
}

// Model describes the configured embedding model.
func (r *Retriever) Model() rag.Model { return r.embed.Model() }

// CountTokens counts by the embedding model's tokenizer.
func (r *Retriever) CountTokens(text string) int { return r.embed.CountTokens(text) }

// Warm opens the index of scope's collection, so that the first search need not.
func (r *Retriever) Warm(ctx context.Context, scope rag.Scope) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	scope = scope.WithDefaults()
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return err
	}
	return r.follow.Open(ctx, col)
}

// Stats counts what scope's tenant has.
func (r *Retriever) Stats(ctx context.Context, scope rag.Scope) (rag.Stats, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Stats{}, err
	}
	defer leave()
	return r.store.Stats(ctx, scope.WithDefaults())
}
