package postings

import (
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// View is a segment with the rows of it that are deleted; Deletes may be nil.
type View struct {
	Segment *Segment
	Deletes *Deletes
}

// Scratch is the memory of a search, to be used again by the next one. The zero Scratch is ready. Not goroutine-safe.
type Scratch struct {
	Spread Spread // of searches from now on

	workers []*Scratch
	query   []queryTerm
	at      map[string]int
	key     []byte
	terms   Terms
	found   []Term // per view and query term
	has     []bool
	gone    []uint32 // per view and query term, postings of deleted rows
	plan    plan
	window  window
	best    top[uint64] // of one view
	floor   top[uint32] // of all views
	sources []*source
	used    []*source
	views   int
	begins  []int // how long each list of hits was before
	windows bool  // search small segments as if they were large, for tests
	plain   bool  // never add up peaks, for tests
}

// queryTerm is a distinct term of a query.
type queryTerm struct {
	term   string
	count  int
	df     uint64
	weight uint32 // count times idf, times the plan's scale
}

// plan is what is the same for all views of a search.
type plan struct {
	k       int
	factors *factors
	table   *kernel.Table // nil if all views are small
	scale   float64       // a power of two: a sum of scores is this times the score
	rows    uint64        // N of BM25
}

// smallRows is up to how many rows a segment is searched without windows and tables.
const smallRows = 1 << 11

// Search finds the rows with the highest BM25 scores for terms, a bag of words in any order. It appends to dst[i] the best k rows of views[i] whose
// score is not below the one of rank k over all views: in descending order of score, then ascending row. dst is made as long as views;
// merging its lists gives the best k of all, and leaves it to the caller how equal scores of different views are ordered.
//
// allowed, if not nil, has a bitmap for each view: only its rows are found; a nil bitmap allows all. Deleted rows are never found. Frequencies, lengths
// and numbers of rows count all rows of all views that are not deleted, whatever is allowed, so that a score does not depend on how
// rows are spread over segments. The result is that of scoring every row: nothing is estimated.
//
// Terms beyond MaxTerms distinct ones that some row holds are ignored. cfg must be the one that all segments were built with, else the search is refused
// (KindInvalid): bounds of blocks are only known for that. The other error is that of a cancelled ctx, which is looked at between windows.
// Goroutine-safe, with a scratch for each call.
func Search(ctx context.Context, cfg Config, views []View, terms []string, k int, allowed []index.Bitmap, s *Scratch, dst [][]index.Hit) ([][]index.Hit, error) {
	for len(dst) < len(views) {
		dst = append(dst, nil)
	}
	if err := check(cfg, views, allowed); err != nil {
		return dst, err
	}
	if k <= 0 {
		return dst, ctx.Err()
	}
	s.views, s.begins = len(views), s.begins[:0]
	for i := range views {
		s.begins = append(s.begins, len(dst[i]))
	}
	s.words(terms)
	defer s.forget()
	s.lookup(views)
	if len(s.query) == 0 {
		return dst, ctx.Err()
	}
	s.weigh(cfg, views, k)
	s.floor.reset(k)
	if s.Spread.Workers > 1 && len(views) > 1 {
		if err := s.together(ctx, views, allowed, dst); err != nil {
			return dst, err
		}
		s.trim(dst)
		return dst, nil
	}
	for i, v := range views {
		if err := ctx.Err(); err != nil {
			return dst, err
		}
		var only index.Bitmap
		if allowed != nil {
			only = allowed[i]
		}
		var err error
		if dst[i], err = s.view(ctx, i, v, only, dst[i]); err != nil {
			return dst, err
		}
	}
	s.trim(dst)
	return dst, nil
}

func check(cfg Config, views []View, allowed []index.Bitmap) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if allowed != nil && len(allowed) != len(views) {
		return rag.Errorf(rag.KindInvalid, "keyword search: %d bitmaps for %d segments", len(allowed), len(views))
	}
	cfg = cfg.WithDefaults()
	for _, v := range views {
		if v.Segment.cfg != cfg {
			return rag.Errorf(rag.KindInvalid, "keyword search: k1 %v and b %v, but a segment has %v and %v", cfg.K1, cfg.B, v.Segment.cfg.K1, v.Segment.cfg.B)
		}
	}
	return nil
}

// words counts the distinct terms.
func (s *Scratch) words(terms []string) {
	s.query = s.query[:0]
	if s.at == nil {
		s.at = map[string]int{}
	}
	for _, t := range terms {
		if len(terms) <= 16 { // looking through a few costs less than a map
			i := slices.IndexFunc(s.query, func(q queryTerm) bool { return q.term == t })
			if i >= 0 {
				s.query[i].count++
				continue
			}
		} else if i, ok := s.at[t]; ok {
			s.query[i].count++
			continue
		} else {
			s.at[t] = len(s.query)
		}
		s.query = append(s.query, queryTerm{term: t, count: 1})
	}
}

// usualTerms is for how many terms memory is kept.
const usualTerms = 256

// forget lets go of the caller's strings and of the segments.
func (s *Scratch) forget() {
	clear(s.query[:cap(s.query)])
	clear(s.at)
	if len(s.sources) > usualTerms {
		s.sources = slices.Delete(s.sources, usualTerms, len(s.sources))
	}
	for _, q := range s.sources {
		q.list = list{}
	}
	s.terms.Reset(nil)
	s.plan = plan{}
}

// lookup finds the terms in all views, and drops those that no row that is left holds.
func (s *Scratch) lookup(views []View) {
	n := len(s.query)
	s.found = slices.Grow(s.found[:0], n*len(views))[:n*len(views)]
	s.has = slices.Grow(s.has[:0], len(s.found))[:len(s.found)]
	s.gone = slices.Grow(s.gone[:0], len(s.found))[:len(s.found)]
	for j := range s.query {
		q := &s.query[j]
		s.key = append(s.key[:0], q.term...)
		s.key = s.key[:min(len(s.key), MaxTermBytes)]
		for i, v := range views {
			at := j*len(views) + i
			s.found[at], s.has[at] = v.Segment.Lookup(s.key, &s.terms)
			if s.has[at] {
				t := &s.found[at]
				s.gone[at] = v.Deletes.deleted(v.Segment, t, &s.source(0).block)
				q.df += uint64(t.df - s.gone[at])
			}
		}
	}
	kept := 0
	for j, q := range s.query {
		if q.df == 0 || kept == MaxTerms {
			continue
		}
		m := len(views)
		copy(s.found[kept*m:(kept+1)*m], s.found[j*m:])
		copy(s.has[kept*m:(kept+1)*m], s.has[j*m:])
		copy(s.gone[kept*m:(kept+1)*m], s.gone[j*m:])
		s.query[kept] = q
		kept++
	}
	s.query = s.query[:kept]
}

// source returns the memory of number i.
func (s *Scratch) source(i int) *source {
	for len(s.sources) <= i {
		s.sources = append(s.sources, new(source))
	}
	return s.sources[i]
}

// IDF is the inverse document frequency of Lucene's BM25 of a term in df of n rows.
func IDF(n, df uint64) float64 {
	return math.Log(1 + (float64(n)-float64(df)+0.5)/(float64(df)+0.5))
}

// weigh computes the plan and the weights of the terms.
func (s *Scratch) weigh(cfg Config, views []View, k int) {
	cfg = cfg.WithDefaults()
	p := &s.plan
	*p = plan{k: k}
	var length uint64
	large, most := false, 0
	for _, v := range views {
		most = max(most, v.Segment.most)
		filled, n := v.live()
		p.rows += filled
		length += n
		large = large || v.Segment.rows > smallRows || s.windows
	}
	p.factors = factorsFor(cfg.K1, cfg.B, meanLength(length, p.rows))
	if large {
		p.table = p.factors.table(most)
	}
	sum := 0.0
	for j := range s.query {
		q := &s.query[j]
		sum += float64(q.count) * IDF(p.rows, q.df)
	}
	// All weights together stay below 2^31, and so does every sum of scores.
	_, exponent := math.Frexp((1<<31 - 1 - 2*MaxTerms) / sum)
	p.scale = math.Ldexp(1, exponent-1)
	for j := range s.query {
		q := &s.query[j]
		q.weight = max(1, uint32(float64(q.count)*IDF(p.rows, q.df)*p.scale+0.5))
	}
}

// view searches one view.
func (s *Scratch) view(ctx context.Context, i int, v View, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
	s.best.reset(s.plan.k)
	if v.Segment.rows <= smallRows && !s.windows {
		s.small(i, v, allowed)
	} else if err := s.large(ctx, i, v, allowed); err != nil {
		return dst, err
	}
	// Best first: the heap's numbers in descending order.
	slices.Sort(s.best.heap)
	for n := len(s.best.heap) - 1; n >= 0; n-- {
		sum, row := unranked(s.best.heap[n])
		dst = append(dst, index.Hit{Row: row, Score: float32(float64(sum) / s.plan.scale)})
		s.floor.offer(sum)
	}
	return dst, nil
}

// open makes sources of the query's terms in view i, in s.used.
func (s *Scratch) open(i int, v View) {
	s.used = s.used[:0]
	for j := range s.query {
		at := j*s.views + i
		if !s.has[at] || s.found[at].df == s.gone[at] {
			continue
		}
		q := s.source(len(s.used))
		q.reset(v.Segment, &s.found[at], s.query[j].weight, s.gone[at], &s.plan)
		s.used = append(s.used, q)
	}
}

// trim drops what is below the score of rank k over all views.
func (s *Scratch) trim(dst [][]index.Hit) {
	if !s.floor.full() {
		return
	}
	least := float32(float64(s.floor.heap[0]) / s.plan.scale)
	for i, hits := range dst[:len(s.begins)] {
		n := len(hits)
		for n > s.begins[i] && hits[n-1].Score < least {
			n--
		}
		dst[i] = hits[:n]
	}
}
