package keyword

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Weigh returns the words of text that mean something, in order, with their
// inverse document frequency among the shown chunks: of a word that makes several
// terms that of the rarest, and of one that stands in no chunk the highest there
// is. A word is a run of letters, digits and marks. What Search ignores of a long
// text is left out here, too.
func (ix *Index) Weigh(text string) []rag.Term {
	s := getScratch()
	defer s.release()
	var out []rag.Term
	for start := 0; start < min(len(text), maxQueryBytes) && len(out) < maxQueryTerms; {
		at := strings.IndexFunc(text[start:], inWord)
		if at < 0 {
			break
		}
		start += at
		end := len(text)
		if n := strings.IndexFunc(text[start:], func(r rune) bool { return !inWord(r) }); n >= 0 {
			end = start + n
		}
		if idf, ok := ix.rarest(s, text[start:end]); ok {
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
func (ix *Index) rarest(s *scratch, word string) (idf float64, ok bool) {
	s.words = ix.cfg.Analyzer.Append(s.words[:0], word)
	for _, w := range s.words {
		df := 0
		if n, known := ix.terms[w]; known {
			df = int(ix.lists[n].df)
		}
		idf = max(idf, ix.idf(df))
	}
	return idf, len(s.words) > 0
}

// idf is the inverse document frequency of Lucene's BM25, of a term in df of the
// shown chunks.
func (ix *Index) idf(df int) float64 {
	return math.Log(1 + (float64(ix.shown)-float64(df)+0.5)/(float64(df)+0.5))
}
