package keyword

import (
	"context"
	"math/bits"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/index"
)

// Bounds of a query: its bytes, and its distinct terms that some chunk holds. The
// rest of a longer query is ignored.
const (
	maxQueryBytes = 64 << 10
	maxQueryTerms = 1024
)

// scratch is the memory of one search or analysis, kept for the next.
type scratch struct {
	words  []string
	at     map[string]int
	query  []queryTerm
	scores []float64
	top    index.Top
}

type queryTerm struct {
	list   *postings
	weight float64 // times it stands in the query, times its idf
}

var scratches = sync.Pool{New: func() any { return &scratch{at: map[string]int{}} }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

// release gives the memory back, without what could keep a large text alive.
func (s *scratch) release() {
	const usual = 4096 // words; a map that grew far beyond is slow to clear for ever
	if len(s.words) > usual {
		s.words, s.at = nil, map[string]int{}
	}
	clear(s.words)
	clear(s.query)
	clear(s.at)
	scratches.Put(s)
}

// Search appends the k rows of allowed with the highest scores for text to dst:
// best first, equal scores by ascending chunk id. Rows that hold none of the
// terms are not found. Of a text beyond 64 KiB or 1,024 distinct terms the rest is
// ignored. All rows of allowed must be shown. The only error is that
// of a cancelled ctx.
func (ix *Index) Search(ctx context.Context, text string, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
	s := getScratch()
	defer s.release()
	ix.parse(s, text)
	if len(s.query) == 0 || ix.shown == 0 {
		return dst, nil
	}
	if cap(s.scores) < len(ix.rows) {
		s.scores = make([]float64, len(ix.rows)+len(ix.rows)/8)
	}
	scores := s.scores[:len(ix.rows)]
	clear(scores)
	for _, q := range s.query {
		if err := ctx.Err(); err != nil {
			return dst, err
		}
		ix.add(scores, q)
	}
	return ix.best(s, scores, k, allowed, dst), nil
}

// parse sets s.query to the distinct terms of text that some shown chunk holds,
// in the order of their first appearance.
func (ix *Index) parse(s *scratch, text string) {
	if len(text) > maxQueryBytes {
		text = strings.ToValidUTF8(text[:maxQueryBytes], "") // the cut may have split a character
	}
	s.words = ix.cfg.Analyzer.Append(s.words[:0], text)
	s.query = s.query[:0]
	clear(s.at)
	for _, w := range s.words {
		if i, ok := s.at[w]; ok {
			s.query[i].weight++
			continue
		}
		n, ok := ix.terms[w]
		if !ok || ix.lists[n].df == 0 || len(s.query) == maxQueryTerms {
			continue
		}
		s.at[w] = len(s.query)
		s.query = append(s.query, queryTerm{list: &ix.lists[n], weight: 1})
	}
	for i := range s.query {
		s.query[i].weight *= ix.idf(int(s.query[i].list.df))
	}
}

// add adds the scores of one term.
func (ix *Index) add(scores []float64, q queryTerm) {
	b := max(ix.cfg.B, 0)
	fixed := ix.cfg.K1 * (1 - b)
	perTerm := ix.cfg.K1 * b * float64(ix.shown) / float64(ix.length)
	freqs := q.list.freqs[:len(q.list.rows)]
	for i, r := range q.list.rows {
		tf := float64(freqs[i])
		scores[r] += q.weight * tf / (tf + fixed + perTerm*float64(ix.rows[r].length))
	}
}

// best collects the k highest scores among allowed rows.
func (ix *Index) best(s *scratch, scores []float64, k int, allowed index.Bitmap, dst []index.Hit) []index.Hit {
	s.top.Reset(k)
	floor := s.top.Floor()
	for b, word := range allowed {
		for ; word != 0; word &= word - 1 {
			r := b*64 + bits.TrailingZeros64(word)
			if r >= len(scores) {
				break
			}
			if score := float32(scores[r]); score > 0 && score >= floor {
				s.top.Offer(index.Hit{ID: ix.rows[r].id, Row: uint32(r), Score: score})
				floor = s.top.Floor()
			}
		}
	}
	return s.top.AppendTo(dst)
}
