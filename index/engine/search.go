package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/query"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Search finds the best q.K chunks on each side among those whose documents
// match the filter and are open to the scope. Both sides search the same state of the index, at the same time if it is not
// small; a side that the query leaves out, and one that
// finds nothing, is empty. Errors are KindInvalid for a query that cannot be
// answered (K below 1, a vector of wrong length or without direction, a faulty
// filter), KindUnavailable where a file is found to be damaged, and the error of ctx.
func (ix *Index) Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error) {
	var result rag.IndexResult
	if err := ix.SearchInto(ctx, q, &result); err != nil {
		return rag.IndexResult{}, err
	}
	return result, nil
}

// SearchInto is Search into the memory of a result of before, whose slices are used again: one search after the other then allocates nothing, but for
// filters that were not seen lately, operators, terms, and the ids of documents that were not. On an error the result is not to be used.
func (ix *Index) SearchInto(ctx context.Context, q rag.IndexQuery, result *rag.IndexResult) error {
	if err := ix.checkQuery(&q); err != nil {
		return err
	}
	if err := ix.Damaged(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	s := ix.acquire()
	defer s.release()
	if s.ended {
		return ErrClosed
	}
	r := runs.Get().(*run)
	defer r.free()
	r.ix, r.state, r.asked, r.ctx, r.result = ix, s, q, ctx, result
	r.q = &r.asked
	if err := r.search(ctx); err != nil {
		return err
	}
	return r.guarded(ctx, stepResult)
}

func (ix *Index) checkQuery(q *rag.IndexQuery) error {
	if q.K < 1 {
		return rag.Errorf(rag.KindInvalid, "index: k is %d; it must be at least 1", q.K)
	}
	if len(q.Vector) > 0 {
		if err := ix.checkVector(q.Vector); err != nil {
			return rag.Errorf(rag.KindInvalid, "index: query: %w", err)
		}
	}
	return q.Filter.Validate()
}

// run is one search at work, kept for the next.
type run struct {
	ix      *Index
	state   *state
	q       *rag.IndexQuery
	asked   rag.IndexQuery // what q points to in a search
	chooser chooser
	choices []choice
	words   side
	terms   []rag.Term
	rows    int // live ones of all segments
	allowed int // of these, how many the query may see
	result  *rag.IndexResult
	stages  [3]rag.Stage // by step

	query   vector.Query
	seekers []*seeker // of vectors; what all have found is with the first
	order   []int     // of views, the largest first
	floor   floor     // of all seekers
	lookup  lookup
	program *query.Program // of a query with operators, else nil

	ctx        context.Context
	besides    func() // searches vectors, and says so on done
	besidesErr error
	done       chan struct{}
}

var runs = sync.Pool{New: func() any {
	r := &run{}
	// Made once, as a closure would be allocated for each search.
	r.besides = func() {
		r.besidesErr = r.guarded(r.ctx, stepVectors)
		r.done <- struct{}{}
	}
	r.done = make(chan struct{}, 1)
	return r
}}

// free gives the memory back, without what could keep an index alive.
func (r *run) free() {
	clear(r.choices)
	r.lookup.free()
	r.chooser.filter, r.chooser.scope = rag.Filter{}, rag.Scope{}
	r.ix, r.state, r.q, r.terms, r.program, r.result, r.asked, r.ctx = nil, nil, nil, nil, nil, nil, rag.IndexQuery{}, nil
	runs.Put(r)
}

// concurrentRows is the size of an index from which on the two sides are searched at the same time: below it, starting a
// goroutine costs more than it wins. So it is with a segment of a sharded index.
var concurrentRows = 2000

func (r *run) search(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return rag.Wrap(rag.KindOf(err), err, "index: search")
	}
	if err := r.guarded(ctx, stepChoose); err != nil {
		return err
	}
	r.seeker(0, r.q.K)
	r.words.begin(r.q.K)
	if len(r.q.Vector) == 0 || r.q.Text == "" || r.rows < concurrentRows {
		return errors.Join(r.guarded(ctx, stepVectors), r.guarded(ctx, stepWords))
	}
	go r.besides()
	err := r.guarded(ctx, stepWords)
	<-r.done
	return errors.Join(r.besidesErr, err)
}

// choose finds the rows of each segment that the query may see.
func (r *run) choose() {
	r.chooser.reset(r.q)
	r.choices, r.rows, r.allowed, r.stages = r.choices[:0], 0, 0, [3]rag.Stage{}
	r.compile()
	for _, v := range r.state.views {
		c := r.constrain(v, r.chooser.choose(v))
		r.choices = append(r.choices, c)
		r.rows += v.rows()
		r.allowed += c.count
	}
}

// step is a part of a search that reads segments.
type step uint8

const (
	stepChoose step = iota
	stepVectors
	stepWords
	stepResult
)

// guarded does a step under guard. Steps have numbers, since a function that is handed on would be allocated for each search.
func (r *run) guarded(ctx context.Context, s step) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // see guard
	defer func() {
		if fault := recover(); fault != nil {
			err = r.ix.suspect(r.state, fault)
		}
	}()
	began := time.Now()
	switch s {
	case stepChoose:
		r.choose()
		r.stages[s] = rag.Stage{Name: "index: filter", Took: time.Since(began), In: r.rows, Out: r.allowed}
	case stepVectors:
		if len(r.q.Vector) == 0 {
			return nil
		}
		err = r.searchVectors(ctx)
		r.stages[s] = rag.Stage{Name: "index: vectors", Took: time.Since(began), In: r.allowed, Out: len(r.seekers[0].hits), Note: r.seekers[0].plans.note()}
	case stepWords:
		if r.q.Text == "" {
			return nil
		}
		err = r.searchWords(ctx)
		r.stages[s] = rag.Stage{Name: "index: words", Took: time.Since(began), In: r.allowed, Out: len(r.words.hits)}
	case stepResult:
		res := r.result
		res.Vector = r.seekers[0].appendTo(res.Vector[:0], r.state)
		res.Keyword = r.words.appendTo(res.Keyword[:0], r.state)
		res.Terms, res.Seq = r.terms, r.state.seq
		res.Stages = slices.Grow(res.Stages[:0], len(r.stages))
		for _, st := range r.stages {
			if st.Name != "" {
				res.Stages = append(res.Stages, st)
			}
		}
	}
	return err
}

// guard turns what a damaged file makes of a search into an error, and has the index built anew.
func (r *run) guard(fn func() error) (err error) {
	// A file that became shorter under its mapping is a fault of memory, which ends the process unless it is asked to be a panic.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = r.ix.suspect(r.state, fault)
		}
	}()
	return fn()
}

// protect is guard for what does not search.
func (ix *Index) protect(fn func() error) (err error) {
	s := ix.acquire()
	defer s.release()
	r := run{ix: ix, state: s}
	return r.guard(fn)
}

// suspect looks for the file that made a search fail. Where all are whole it is a fault of the program, which is not hidden.
func (ix *Index) suspect(s *state, fault any) error {
	for _, v := range s.views {
		if err := v.seg.file.Verify(ix.ctx); err != nil {
			if ix.ctx.Err() != nil {
				return ErrClosed
			}
			ix.spoil(err)
			return fmt.Errorf("%w: %w (%v)", ErrDamaged, err, fault)
		}
	}
	panic(fault)
}

// side is one list of results: the best k over all segments.
type side struct {
	top    index.Top
	one    []index.Hit // of one segment
	hits   []index.Hit // of all; Row is a place in places
	places []place
}

// place is where a hit was found.
type place struct {
	view int
	row  uint32
}

func (s *side) begin(k int) {
	s.top.Reset(k)
	s.hits, s.places = s.hits[:0], s.places[:0]
}

// offer takes in a hit of one segment.
func (s *side) offer(st *state, view int, row uint32, score float32) {
	if score < s.top.Floor() {
		return
	}
	s.places = append(s.places, place{view, row})
	s.top.Offer(index.Hit{ID: rag.ChunkID(st.views[view].seg.ids[row]), Row: uint32(len(s.places) - 1), Score: score})
}

// take takes in what another side has found.
func (s *side) take(other *side, st *state) {
	other.end()
	for _, h := range other.hits {
		p := other.places[h.Row]
		s.offer(st, p.view, p.row, h.Score)
	}
}

func (s *side) end() { s.hits = s.top.AppendTo(s.hits) }

// appendTo appends the hits with their documents.
func (s *side) appendTo(dst []rag.Scored, st *state) []rag.Scored {
	dst = slices.Grow(dst, len(s.hits))
	for _, h := range s.hits {
		p := s.places[h.Row]
		dst = append(dst, rag.Scored{ChunkID: h.ID, DocumentID: st.views[p.view].seg.documentID(p.row), Score: h.Score})
	}
	return dst
}
