package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/rag"
)

// weigh returns the words of the query's text that mean something, in order, with their
// inverse document frequency among the live chunks: of a word that makes several
// terms that of the rarest, and of one that stands in no chunk the highest there
// is. A word is a run of letters, digits and marks. What a search ignores of a long
// text is left out here, too.
func (r *run) weigh() []rag.Term {
	text := cutQuery(r.q.Text)
	var out []rag.Term
	for start := 0; start < len(text) && len(out) < postings.MaxTerms; {
		at := strings.IndexFunc(text[start:], inWord)
		if at < 0 {
			break
		}
		start += at
		end := len(text)
		if n := strings.IndexFunc(text[start:], func(c rune) bool { return !inWord(c) }); n >= 0 {
			end = start + n
		}
		if idf, ok := r.rarest(text[start:end]); ok {
			out = append(out, rag.Term{Span: rag.Span{Start: start, End: end}, IDF: idf})
		}
		start = end
	}
	return out
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// rarest returns the highest inverse document frequency of a word's terms, and
// whether it has any: a stop word has none.
func (r *run) rarest(word string) (idf float64, ok bool) {
	l := &r.lookup
	l.terms = r.ix.cfg.Analyzer.Append(l.terms[:0], word)
	for _, t := range l.terms {
		n, df := postings.Count(l.views, t, &l.scratch)
		idf = max(idf, postings.IDF(n, df))
	}
	return idf, len(l.terms) > 0
}
