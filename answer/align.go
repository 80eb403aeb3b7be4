package answer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// word is a folded word or number of a text and where it stands.
type word struct {
	folded string
	span   rag.Span
}

// wordsOf splits text into words: runs of letters, marks and digits; a letter of
// a script written without spaces is a word by itself.
func wordsOf(text string) []word {
	var out []word
	start := -1
	flush := func(end int) {
		if start >= 0 {
			out = append(out, word{strings.ToLower(text[start:end]), rag.Span{Start: start, End: end}})
			start = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			flush(i)
			start = i
			flush(i + utf8.RuneLen(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if start < 0 {
				start = i
			}
		default:
			flush(i)
		}
	}
	flush(len(text))
	return out
}

// support is how much of a statement's weight the quoted words must cover to
// count as its source.
const support = .4

// align finds the words of source that a statement rests on. A statement that
// stands in the source word for word is found exactly; otherwise the sentence,
// or two neighbouring ones, that covers most of the statement's words is taken,
// each word weighted by its length, since short words say little. ok is false
// when even the best covers too little: the source does not say it.
func align(statement, source string) (span rag.Span, score float64, ok bool) {
	said, there := wordsOf(statement), wordsOf(source)
	if len(said) == 0 || len(there) == 0 {
		return rag.Span{}, 0, false
	}
	sentences := sentence.Split(source)
	if at := indexWords(there, said); at >= 0 && len(said) >= 3 {
		return widen(source, sentences, rag.Span{Start: there[at].span.Start, End: there[at+len(said)-1].span.End}), 1, true
	}
	want := map[string]float64{}
	total := 0.0
	for _, w := range said {
		if _, twice := want[w.folded]; !twice {
			want[w.folded] = weight(w.folded)
			total += want[w.folded]
		}
	}
	best, bestLen := -1.0, 0
	for i := range sentences {
		for _, last := range []int{i, i + 1} {
			if last >= len(sentences) {
				break
			}
			s := rag.Span{Start: sentences[i].Start, End: sentences[last].End}
			got := covered(want, s.Of(source)) / total
			// A second sentence must earn its place.
			if last > i {
				got -= .3
			}
			if got > best || (got == best && s.Len() < bestLen) {
				best, bestLen, span = got, s.Len(), s
			}
		}
	}
	return trim(source, span), best, best >= support
}

// weight of a word: its length in runes, at most 8; numbers weigh most, as a
// wrong number is a wrong statement.
func weight(w string) float64 {
	if strings.IndexFunc(w, unicode.IsDigit) >= 0 {
		return 8
	}
	return float64(min(8, utf8.RuneCountInString(w)))
}

func covered(want map[string]float64, text string) float64 {
	seen := map[string]bool{}
	sum := 0.0
	for _, w := range wordsOf(text) {
		if !seen[w.folded] {
			seen[w.folded] = true
			sum += want[w.folded]
		}
	}
	return sum
}

// indexWords returns where run begins in words, -1 if nowhere.
func indexWords(words, run []word) int {
next:
	for i := 0; i+len(run) <= len(words); i++ {
		for j := range run {
			if words[i+j].folded != run[j].folded {
				continue next
			}
		}
		return i
	}
	return -1
}

// maxWhole bounds, in bytes, the sentences that a quote is widened to.
const maxWhole = 400

// widen grows the exact words to the sentences in which they begin and end,
// since half a sentence is hard to judge, unless these are very long.
func widen(text string, sentences []rag.Span, s rag.Span) rag.Span {
	whole := s
	for _, in := range sentences {
		if in.Start <= s.Start && s.Start < in.End {
			whole.Start = in.Start
		}
		if in.Start < s.End && s.End <= in.End {
			whole.End = in.End
		}
	}
	if whole.Len() > max(maxWhole, 2*s.Len()) {
		return s
	}
	return trim(text, whole)
}

// trim leaves white space at both ends out of a span.
func trim(text string, s rag.Span) rag.Span {
	in := s.Of(text)
	s.Start += len(in) - len(strings.TrimLeftFunc(in, unicode.IsSpace))
	s.End -= len(in) - len(strings.TrimRightFunc(in, unicode.IsSpace))
	if s.End < s.Start {
		s.End = s.Start
	}
	return s
}
