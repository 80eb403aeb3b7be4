package smartretriever

import (
	"context"
	"errors"
	"slices"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
)

// searchable returns scope's collection with the pipeline that can search it. In
// mode keyword a collection whose model is not here can be searched all the same;
// missing says so. Just after a switch it may be the collection as of the generation
// before, unless wait is set.
func (r *Retriever) searchable(ctx context.Context, scope rag.Scope, mode rag.Mode, wait bool) (col rag.Collection, p *answer.Pipeline, missing bool, err error) {
	col, err = r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return col, nil, false, err
	}
	if !wait {
		col = r.follow.Serving(col)
	}
	e, err := r.modelOf(ctx, col)
	if err != nil && mode == rag.ModeKeyword && ctx.Err() == nil {
		return col, r.answers.of(r.embed), true, nil
	}
	if err != nil {
		return col, nil, false, err
	}
	return col, r.answers.of(e), false, nil
}

// movedTries is how often a conflict within one generation is taken for one that is
// over by now.
const movedTries = 3

// moved reports whether err can be due to the collection having moved to another
// generation since it was read: then it is worth another try. So is a conflict though
// the generation is the same, movedTries times: the collection can have moved and moved
// back, and what came in between had no embedding here for a moment.
func (r *Retriever) moved(ctx context.Context, col rag.Collection, tries int, err error) bool {
	conflict := errors.Is(err, rag.ErrConflict)
	if !conflict && !errors.Is(err, rag.ErrNotFound) {
		return false
	}
	now, err := r.store.CollectionByID(ctx, col.ID)
	return err == nil && (now.Generation != col.Generation || conflict && tries < movedTries)
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
	ctx = rag.ChargedTo(ctx, scope.Tenant)
	for tries := 0; ; tries++ {
		col, p, missing, err := r.searchable(ctx, scope, q.Mode, tries > 0)
		if err != nil {
			return rag.SearchResult{}, err
		}
		res, err := p.Search(ctx, scope, col, q)
		if r.moved(ctx, col, tries, err) {
			continue
		}
		if missing && err == nil {
			res.Degraded = append(res.Degraded, "embedder")
		}
		return res, err
	}
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
	ctx = rag.ChargedTo(ctx, scope.Tenant)
	var begun, missing bool
	events := func(e rag.Event) error {
		begun = true
		if on == nil {
			return nil
		}
		if missing && e.Answer != nil {
			e.Answer = marked(*e.Answer)
		}
		return on(e)
	}
	for tries := 0; ; tries++ {
		col, p, without, err := r.searchable(ctx, scope, q.Mode, tries > 0)
		if err != nil {
			return rag.Answer{}, err
		}
		missing = without
		a, err := p.Ask(ctx, scope, col, q, events)
		if !begun && r.moved(ctx, col, tries, err) {
			continue
		}
		if missing && err == nil {
			return *marked(a), nil
		}
		return a, err
	}
}

// marked returns an answer that was found without the collection's model.
func marked(a rag.Answer) *rag.Answer {
	a.Degraded = append(slices.Clip(a.Degraded), "embedder")
	return &a
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
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return err
	}
	defer leave()
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
