package engine

import (
	"context"
	"strings"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/index/query"
	"github.com/smartretriever/smartretriever/rag"
)

// maxQueryBytes bounds the text of a query that is looked at.
const maxQueryBytes = 64 << 10

// lookup is the memory of the keyword side of a search.
type lookup struct {
	terms   []string
	views   []postings.View
	allowed []index.Bitmap
	lists   [][]index.Hit
	scratch postings.Scratch
}

// free lets go of what could keep a text or an index alive.
func (l *lookup) free() {
	clear(l.terms)
	clear(l.views)
	clear(l.allowed)
}

// searchWords looks for the best chunks by the words of the query.
func (r *run) searchWords(ctx context.Context) error {
	l := &r.lookup
	if r.program != nil {
		l.terms = r.program.Terms(l.terms[:0])
	} else {
		l.terms = r.ix.cfg.Analyzer.Append(l.terms[:0], cutQuery(r.q.Text))
	}
	l.views, l.allowed = l.views[:0], l.allowed[:0]
	for i, v := range r.state.views {
		l.views = append(l.views, postings.View{Segment: v.seg.words, Deletes: v.deletes})
		l.allowed = append(l.allowed, r.choices[i].rows)
	}
	for i := range l.lists {
		l.lists[i] = l.lists[i][:0]
	}
	l.scratch.Spread = postings.Spread{}
	if n := r.workers(); n > 1 {
		l.scratch.Spread = postings.Spread{Workers: n, Run: r.together}
	}
	var err error
	l.lists, err = postings.Search(ctx, r.ix.cfg.ranking(), l.views, l.terms, r.q.K, l.allowed, &l.scratch, l.lists)
	if err != nil {
		return rag.Wrap(rag.KindOf(err), err, "index: search")
	}
	for i := range l.views {
		for _, h := range l.lists[i] {
			r.words.offer(r.state, i, h.Row, h.Score)
		}
	}
	r.words.end()
	if r.q.Terms {
		r.terms = r.weigh()
	}
	return nil
}

// compile reads the operators of a query that has some.
func (r *run) compile() {
	text := cutQuery(r.q.Operators)
	if text == "" || query.Plain(text) {
		return
	}
	r.program = query.Compile(query.Parse(text), r.ix.cfg.Analyzer)
	segments := make([]*postings.Segment, len(r.state.views))
	for i, v := range r.state.views {
		segments[i] = v.seg.words
	}
	r.program.Expand(segments)
}

// constrain takes out of a choice what the operators rule out.
func (r *run) constrain(v *view, c choice) choice {
	if r.program == nil || c.count == 0 || !r.program.Constrained() {
		return c
	}
	rows := r.program.Rows(v.seg.words, c.rows)
	return choice{rows, rows.Count()}
}

// cutQuery returns the part of a text that a query may have.
func cutQuery(text string) string {
	if len(text) > maxQueryBytes {
		return strings.ToValidUTF8(text[:maxQueryBytes], "") // the cut may have split a character
	}
	return text
}
