package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/query"
	"github.com/smartretriever/smartretriever/rag"
)

// IndexDescription says what a collection's index is made of.
type IndexDescription = engine.Description

// IndexTuning is what TuneIndex has measured.
type IndexTuning = engine.Tuning

// IndexCheck is the outcome of VerifyIndex.
type IndexCheck struct {
	Collection string `json:"collection"`
	Files      int    `json:"files"`
	Bytes      int64  `json:"bytes"`
	Damage     string `json:"damage,omitempty"` // what was found
	Mended     bool   `json:"mended,omitempty"` // the damaged index has been built again from the store
}

// Index returns what the index of scope's collection is made of.
func (r *Retriever) Index(ctx context.Context, scope rag.Scope) (IndexDescription, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return IndexDescription{}, err
	}
	defer leave()
	return r.follow.Describe(ctx, col)
}

// VerifyIndex compares the files of the index of scope's collection with their checksums. An index with a damaged file is built again from
// the store, without embedding anything, unless another process has it open.
func (r *Retriever) VerifyIndex(ctx context.Context, scope rag.Scope) (IndexCheck, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return IndexCheck{}, err
	}
	defer leave()
	check := IndexCheck{Collection: col.Name}
	found, mended, err := r.follow.Verify(ctx, col)
	if err != nil {
		return check, err
	}
	if found != nil {
		check.Damage, check.Mended = found.Error(), mended
	}
	d, err := r.follow.Describe(ctx, col)
	check.Files, check.Bytes = d.Files, d.Bytes
	return check, err
}

// RebuildIndex makes the index of scope's collection anew from the store, in one segment, without embedding anything. Searches are
// answered from the old one meanwhile. KindConflict says that another process has the index open.
func (r *Retriever) RebuildIndex(ctx context.Context, scope rag.Scope) (IndexDescription, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return IndexDescription{}, err
	}
	defer leave()
	return r.follow.Rebuild(ctx, col)
}

// TuneOptions say what TuneIndex aims at.
type TuneOptions struct {
	Recall    float64  // share of the true best K that vector search is to find, above 0 and at most 1; 0 is .99
	K         int      // 0 is 10
	Questions []string // to measure with; none: those of the query log, or, without any, passages
	DryRun    bool     // measure, and leave searches as they are
}

// Questions of the log that tuning uses, and how few are too few.
const (
	tuneQuestions    = 500
	tuneQuestionsMin = 20
)

// TuneIndex measures the recall of vector search in scope's collection against comparing every vector, and has searches look
// just as far as it takes for the recall that is asked for. That is KindConflict where another process has the index open, but for a DryRun.
func (r *Retriever) TuneIndex(ctx context.Context, scope rag.Scope, opt TuneOptions) (IndexTuning, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return IndexTuning{}, err
	}
	defer leave()
	if opt.Recall == 0 {
		opt.Recall = .99
	}
	if opt.K == 0 {
		opt.K = 10
	}
	texts := opt.Questions
	if len(texts) == 0 {
		asked, err := r.askedQuestions(ctx, col, tuneQuestions)
		if err != nil {
			return IndexTuning{}, err
		}
		for _, q := range asked {
			texts = append(texts, q.text)
		}
		if len(texts) < tuneQuestionsMin {
			texts = nil
		}
	}
	var queries [][]float32
	if len(texts) > 0 {
		embedder, err := r.modelOf(ctx, col)
		if err != nil {
			return IndexTuning{}, err
		}
		if queries, err = embedder.Embed(ctx, rag.QuestionText, texts); err != nil {
			return IndexTuning{}, err
		}
	}
	return r.follow.Tune(ctx, col, queries, opt.K, opt.Recall, !opt.DryRun)
}

// Explain says why a chunk stands where it does for a query of scope's collection, or why it is not found. The embedding model must be
// there unless the mode is keyword.
func (r *Retriever) Explain(ctx context.Context, scope rag.Scope, q rag.Query, id rag.ChunkID) (rag.Explanation, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return rag.Explanation{}, err
	}
	defer leave()
	iq := rag.IndexQuery{Filter: q.Filter, Scope: scope.WithDefaults()}
	about := q.Text
	if q.Operators {
		iq.Operators, about = q.Text, query.Wanted(q.Text)
	}
	if q.Mode != rag.ModeVector {
		iq.Text = q.Text
	}
	if q.Mode != rag.ModeKeyword {
		embedder, err := r.modelOf(ctx, col)
		if err != nil {
			return rag.Explanation{}, err
		}
		vectors, err := embedder.Embed(ctx, rag.QuestionText, []string{about})
		if err != nil {
			return rag.Explanation{}, err
		}
		iq.Vector = vectors[0]
	}
	return r.follow.Explain(ctx, col, iq, id)
}
