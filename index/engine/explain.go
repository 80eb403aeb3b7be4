package engine

import (
	"context"
	"math"

	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/rag"
)

// Explain says what both sides make of a chunk for a query, and whether the query may see it. A chunk that is not there is no error. The place
// among all vectors is found by comparing every one of them.
func (ix *Index) Explain(ctx context.Context, q rag.IndexQuery, id rag.ChunkID) (rag.Explanation, error) {
	e := rag.Explanation{ChunkID: id}
	q.K = max(q.K, 1)
	if err := ix.checkQuery(&q); err != nil {
		return e, err
	}
	s := ix.acquire()
	defer s.release()
	if s.ended {
		return e, ErrClosed
	}
	r := &run{ix: ix, state: s, q: &q}
	r.chooser.reset(&q)
	return e, r.guard(func() error { return r.explain(ctx, id, &e) })
}

func (r *run) explain(ctx context.Context, id rag.ChunkID, e *rag.Explanation) error {
	r.compile()
	at, row := -1, uint32(0)
	for i, v := range r.state.views {
		r.choices = append(r.choices, r.constrain(v, r.chooser.choose(v)))
		if found, ok := v.find(id); ok {
			at, row = i, found
		}
	}
	if at < 0 {
		return nil
	}
	v, c := r.state.views[at], r.choices[at]
	e.Present = true
	e.Allowed = c.rows == nil || c.rows.Has(row)
	e.DocumentID = v.seg.documents.ID(v.seg.documents.DocOf(row))
	if err := r.explainVector(ctx, v, row, e); err != nil {
		return err
	}
	r.explainWords(at, row, e)
	return nil
}

func (r *run) explainVector(ctx context.Context, v *view, row uint32, e *rag.Explanation) error {
	if len(r.q.Vector) == 0 || v.seg.vectors == nil {
		return nil
	}
	slot, ok := v.seg.vectors.Slot(row)
	if !ok {
		return nil
	}
	if err := r.query.Set(r.q.Vector, r.ix.cfg.Metric); err != nil {
		return err
	}
	seek := r.seeker(0, 1)
	var score [1]float32
	v.seg.vectors.Rescore(&r.query, []uint32{slot}, score[:], &seek.exact)
	e.Vector = float64(score[0])
	better := 0
	for i, other := range r.state.views {
		c := r.choices[i]
		if other.seg.vectors == nil || c.count == 0 {
			continue
		}
		// Everything from this score on: as many as there are.
		hits, err := other.seg.vectors.Exact(ctx, &r.query, c.count, c.rows, score[0], &seek.exact, seek.one[:0])
		if err != nil {
			return err
		}
		for _, h := range hits {
			if h.Score > score[0] || h.Score == score[0] && rag.ChunkID(other.seg.ids[h.Row]) < e.ChunkID {
				better++
			}
		}
		seek.one = hits[:0]
	}
	if e.Allowed {
		e.VectorRank = better + 1
	}
	return nil
}

func (r *run) explainWords(at int, row uint32, e *rag.Explanation) {
	l := &r.lookup
	if r.program != nil {
		l.terms = r.program.Terms(l.terms[:0])
	} else {
		l.terms = r.ix.cfg.Analyzer.Append(l.terms[:0], cutQuery(r.q.Text))
	}
	for _, v := range r.state.views {
		l.views = append(l.views, postings.View{Segment: v.seg.words, Deletes: v.deletes})
	}
	x := postings.Explain(r.ix.cfg.ranking(), l.views, l.terms, at, row, &l.scratch)
	e.Keyword, e.Chunks, e.Length, e.MeanLength = x.Score, int(x.Rows), int(x.Length), x.MeanLength
	for _, c := range x.Contributions {
		e.Terms = append(e.Terms, rag.TermExplanation{
			Term: c.Term, TF: c.TF, DF: int(min(c.DF, math.MaxInt)), IDF: c.IDF, Factor: c.Factor, Score: c.Score,
		})
	}
}
