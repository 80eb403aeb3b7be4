package token

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Split cuts text into spans of at most limit tokens each, without a gap from the
// first byte to the last. It cuts behind a sentence where one ends in the second
// half of what fits, else behind white space, else between characters. A span has
// more than limit tokens only where a single character has. A text that fits is one
// span, an empty one none; a limit below 1 is 1.
//
// The time is linear in the length of the text, as far as the counter's is: each
// span is found by counting a few pieces that are not much longer than the span or
// the one before it.
func Split(c Counter, text string, limit int) []rag.Span {
	var spans []rag.Span
	limit = max(1, limit)
	s := splitter{c: c, limit: limit, guess: firstGuess * limit}
	for begin := 0; begin < len(text); {
		end := begin + s.first(text[begin:])
		spans = append(spans, rag.Span{Start: begin, End: end})
		begin = end
	}
	return spans
}

const (
	// firstGuess is how many bytes a token is taken to have before one was counted.
	firstGuess = 4
	// enough of the limit is good enough: to come nearer costs another count.
	enough = .9
	// maxGrowths bounds how often a span that turned out short is counted longer.
	maxGrowths = 4
)

// splitter carries from one span to the next how long it is likely to be.
type splitter struct {
	c     Counter
	limit int
	guess int // bytes
}

// first returns the length of the first span of text, which is not empty.
func (s *splitter) first(text string) int {
	_, least := utf8.DecodeRuneInString(text)
	size := max(least, runeEnd(text, s.guess))
	n := s.c.Count(text[:size])
	fits := 0 // the longest that is known to fit
	for range maxGrowths {
		if n > s.limit {
			break
		}
		fits = size
		if size == len(text) || float64(n) >= enough*float64(s.limit) {
			break
		}
		// At most double keeps the work within that of the text.
		size = max(least, runeEnd(text, min(2*size, s.scaled(size, n))+1))
		n = s.c.Count(text[:size])
	}
	for fits == 0 {
		if size == least {
			return least
		}
		size = max(least, runeEnd(text, min(size*9/10, s.scaled(size, n))))
		if n = s.c.Count(text[:size]); n <= s.limit {
			fits = size
		}
	}
	s.guess = fits
	if fits == len(text) {
		return fits
	}
	cut := boundary(text, s.withSpace(text, fits))
	for cut > least && s.c.Count(text[:cut]) > s.limit { // fewer bytes can, though seldom, be more tokens
		cut = max(least, runeEnd(text, cut*9/10))
	}
	return cut
}

// scaled returns how many bytes the limit would allow if all were like the first
// size with their n tokens; a little less, so that the next count is the last.
func (s *splitter) scaled(size, n int) int {
	return int(.97 * float64(size) * float64(s.limit) / float64(max(1, n)))
}

// withSpace returns fits, and the character of white space behind it where that
// fits as well: a word that fits just so is not to be left for the lack of it.
func (s *splitter) withSpace(text string, fits int) int {
	next, size := utf8.DecodeRuneInString(text[fits:])
	if unicode.IsSpace(next) && s.c.Count(text[:fits+size]) <= s.limit {
		return fits + size
	}
	return fits
}

// runeEnd returns the last place up to size where a character begins or the text
// ends.
func runeEnd(text string, size int) int {
	if size >= len(text) {
		return len(text)
	}
	for at := size; at >= 0 && at > size-utf8.UTFMax; at-- {
		if utf8.RuneStart(text[at]) {
			return at
		}
	}
	return size // bytes that are not UTF-8
}

// boundary returns the best place to cut text at, at most fits, which is more than 0.
func boundary(text string, fits int) int {
	if fits == len(text) {
		return fits
	}
	word := 0
	for at := fits; at > fits/2; at-- {
		if !utf8.RuneStart(text[at]) {
			continue
		}
		before, size := utf8.DecodeLastRuneInString(text[:at])
		if strings.ContainsRune("。！？｡", before) {
			return at
		}
		if !unicode.IsSpace(before) {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(text[at:]); unicode.IsSpace(next) {
			continue // behind all of the white space
		}
		if before == '\n' || sentenceEnds(text[:at-size]) {
			return at
		}
		if word == 0 {
			word = at
		}
	}
	if word > 0 {
		return word
	}
	return character(text, fits)
}

// sentenceEnds reports whether text ends with the end of a sentence, closing
// quotes and brackets behind it and white space aside.
func sentenceEnds(text string) bool {
	text = strings.TrimRightFunc(text[max(0, len(text)-64):], func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Pe, unicode.Pf) || r == '"' || r == '\''
	})
	last, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".!?…؟۔।॥", last)
}

// maxMarks bounds how many marks are kept with the character that they stand on:
// a text of nothing else is cut all the same.
const maxMarks = 32

// character returns the last place up to fits, but not 0, that does not part a
// character from its marks.
func character(text string, fits int) int {
	at := fits
	for range maxMarks {
		next, _ := utf8.DecodeRuneInString(text[at:])
		before, size := utf8.DecodeLastRuneInString(text[:at])
		if !unicode.In(next, unicode.M) && next != '\u200d' && before != '\u200d' {
			return at
		}
		if at -= size; at <= 0 {
			return fits
		}
	}
	return fits
}
