package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Search finds the best q.K chunks on each side; see engine.Index.Search. Filters, access lists and operators hold exactly on both; the vectors that are found are those
// that the database finds. Where it cannot be asked, or not all changes have reached it, a query that has words is answered and says so
// (rag.IndexResult.Degraded), and one that has none is KindUnavailable.
func (ix *Index) Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error) {
	direction, err := ix.direction(&q)
	if err != nil {
		return rag.IndexResult{}, err
	}
	res, err := ix.words.Search(ctx, q)
	ask := external.Query{Vector: direction, K: q.K}
	if ix.space.Text && q.Operators == "" {
		ask.Text = q.Text
	}
	if err != nil || q.K <= 0 || ask.Vector == nil && ask.Text == "" {
		return res, err
	}
	began := time.Now()
	s := &search{ix: ix, ask: ask, query: q}
	why := ix.failing.Load() // before the database is asked, which may not have seen what it has been told since
	found, err := s.run(ctx)
	if err != nil {
		if ctx.Err() != nil || q.Text == "" || !mayPass(err) && rag.KindOf(err) != rag.KindNotFound {
			return rag.IndexResult{}, rag.Wrap(kindOfSearch(err), err, "index: search in "+ix.conn.cfg.Name)
		}
		res.Degraded = err.Error()
		return res, nil
	}
	if why != nil && direction != nil {
		res.Degraded = "changes do not reach " + ix.conn.cfg.Name + ": " + why.err.Error()
	}
	res.Vector = found.Vector
	if ask.Text != "" {
		res.Keyword = found.Keyword
	}
	res.Stages = append(res.Stages, rag.Stage{Name: "index: vectors", Took: time.Since(began), In: ix.words.Stats().Chunks, Out: len(found.Vector), Note: fmt.Sprintf("%s, %d requests", ix.conn.cfg.Name, s.requests)})
	return res, nil
}

// kindOfSearch is the kind of what a caller sees: that the space is gone is nothing that he can have asked wrong.
func kindOfSearch(err error) rag.Kind {
	if kind := rag.KindOf(err); kind != rag.KindNotFound {
		return kind
	}
	return rag.KindUnavailable
}

// direction takes the vector out of a query and returns it with unit length, nil if there is none.
func (ix *Index) direction(q *rag.IndexQuery) ([]float32, error) {
	v := q.Vector
	q.Vector = nil
	if len(v) == 0 {
		return nil, nil
	}
	if err := vector.Check(v, ix.cfg.Dimensions, vector.Cosine); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "index: query: %w", err)
	}
	return unit(v), nil
}

// search is one search in the database.
type search struct {
	ix       *Index
	ask      external.Query
	query    rag.IndexQuery
	table    external.Table
	requests int
}

func (s *search) run(ctx context.Context) (external.Result, error) {
	if s.ix.reached.Load() < 0 {
		return external.Result{}, rag.Errorf(rag.KindUnavailable, "%s has not been told of the vectors yet", s.ix.conn.cfg.Name)
	}
	ids, all, _, err := s.ix.words.Visible(s.query)
	if err != nil || !all && len(ids) == 0 {
		return external.Result{}, err
	}
	if s.table, err = s.ix.open(ctx, false); err == nil {
		switch {
		case all:
			return s.request(ctx, external.Condition{}, min(s.ask.K, s.ix.conn.limits.TopK))
		case len(ids) <= s.ix.conn.limits.IDs:
			return s.request(ctx, external.Condition{IDs: ids}, min(s.ask.K, s.ix.conn.limits.TopK, len(ids)))
		default:
			return s.among(ctx, ids)
		}
	}
	s.ix.lost(err)
	return external.Result{}, err
}

// request asks the database once.
func (s *search) request(ctx context.Context, where external.Condition, k int) (external.Result, error) {
	s.requests++
	ask := s.ask
	ask.Where, ask.K = where, k
	var res external.Result
	err := s.ix.conn.try(ctx, s.ix.conn.cfg.SearchTimeout, func(ctx context.Context) (err error) {
		res, err = s.table.Search(ctx, ask)
		return err
	})
	if err != nil {
		s.ix.lost(err)
		return external.Result{}, err
	}
	order(res.Vector)
	order(res.Keyword)
	return res, nil
}

// order sorts by descending score, ties by ascending id.
func order(list []rag.Scored) {
	slices.SortFunc(list, func(a, b rag.Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ChunkID, b.ChunkID))
	})
}

// among finds the best of many chunks: it asks by tags, which let at least these through, for more and more results until enough of them are among
// the chunks. Where the database gives no more, it is asked for all the chunks, in portions.
func (s *search) among(ctx context.Context, ids []rag.ChunkID) (external.Result, error) {
	allowed := roaring64.New()
	for _, id := range ids {
		allowed.Add(uint64(id))
	}
	where, most := conditionOf(s.query), s.ix.conn.limits.TopK
	want := min(s.ask.K, len(ids))
	for k := min(s.ask.K+s.ask.K/4, most); ; k = min(4*k, most) {
		res, err := s.request(ctx, where, k)
		if err != nil {
			return res, err
		}
		enough := func(list []rag.Scored) ([]rag.Scored, bool) {
			exhausted := len(list) < k
			list = slices.DeleteFunc(list, func(h rag.Scored) bool { return !allowed.Contains(uint64(h.ChunkID)) })
			done := exhausted || len(list) >= want
			return list[:min(len(list), s.ask.K)], done
		}
		var vectors, words bool
		res.Vector, vectors = enough(res.Vector)
		res.Keyword, words = enough(res.Keyword)
		if (vectors || s.ask.Vector == nil) && (words || s.ask.Text == "") {
			return res, nil
		}
		if k == most {
			return s.portions(ctx, ids)
		}
	}
}

// portions searches the chunks by their ids, as many at a time as the database takes.
func (s *search) portions(ctx context.Context, ids []rag.ChunkID) (external.Result, error) {
	var all external.Result
	for portion := range slices.Chunk(ids, s.ix.conn.limits.IDs) {
		res, err := s.request(ctx, external.Condition{IDs: portion}, min(s.ask.K, s.ix.conn.limits.TopK, len(portion)))
		if err != nil {
			return external.Result{}, err
		}
		all.Vector, all.Keyword = append(all.Vector, res.Vector...), append(all.Keyword, res.Keyword...)
	}
	order(all.Vector)
	order(all.Keyword)
	all.Vector, all.Keyword = all.Vector[:min(len(all.Vector), s.ask.K)], all.Keyword[:min(len(all.Keyword), s.ask.K)]
	return all, nil
}
