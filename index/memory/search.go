package memory

import (
	"context"
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// Search finds the best q.K chunks on each side among those whose documents
// match the filter and are open to the scope. Both sides run at the same time on
// the same state of the index; a side that the query leaves out, and one that
// finds nothing, is empty. Errors are KindInvalid for a query that cannot be
// answered (K below 1, a vector of wrong length or without direction, a faulty
// filter) and the error of ctx.
func (ix *Index) Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error) {
	if err := ix.checkQuery(&q); err != nil {
		return rag.IndexResult{}, err
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	allowed := ix.allowed(&q)

	var (
		vector, words       []index.Hit
		vectorErr, wordsErr error
		wg                  sync.WaitGroup
	)
	defer wg.Wait() // before the lock is given back, even if the other side panics
	if len(q.Vector) > 0 {
		wg.Go(func() {
			vector, vectorErr = ix.vectors.Search(ctx, unit(q.Vector), q.K, allowed, nil)
		})
	}
	if q.Text != "" {
		words, wordsErr = ix.words.Search(ctx, q.Text, q.K, allowed, nil)
	}
	wg.Wait()
	for _, err := range []error{vectorErr, wordsErr} {
		if err != nil {
			return rag.IndexResult{}, rag.Wrap(rag.KindOf(err), err, "index: search")
		}
	}
	res := rag.IndexResult{Vector: ix.scored(vector), Keyword: ix.scored(words), Seq: ix.seq}
	if q.Terms {
		res.Terms = ix.words.Weigh(q.Text)
	}
	return res, nil
}

func (ix *Index) checkQuery(q *rag.IndexQuery) error {
	if q.K < 1 {
		return rag.Errorf(rag.KindInvalid, "index: k is %d; it must be at least 1", q.K)
	}
	if len(q.Vector) > 0 {
		if err := checkVector(q.Vector, ix.cfg.Dimensions); err != nil {
			return rag.Errorf(rag.KindInvalid, "index: query: %w", err)
		}
	}
	return q.Filter.Validate()
}

func (ix *Index) scored(hits []index.Hit) []rag.Scored {
	if len(hits) == 0 {
		return nil
	}
	out := make([]rag.Scored, len(hits))
	for i, h := range hits {
		out[i] = rag.Scored{ChunkID: h.ID, DocumentID: ix.owner[h.Row].document.ID, Score: h.Score}
	}
	return out
}
