// Package sentence divides text into sentences.
//
// The ground rule is Unicode's (UAX #29, sentence boundaries), which knows the
// full stops of every script. On top of it stand the few corrections that prose
// needs: abbreviations and initials do not end a sentence, a line that was
// wrapped at the margin goes on in the next one, a list item or a table row does
// not, and crumbs without a letter belong to what stands before them.
//
// Nothing is lost: the spans follow each other without a gap from the first byte
// to the last, white space belongs to the sentence before it. The time is linear
// in the length of the text, whatever the text: no sentence is longer than
// MaxBytes, and the look-ahead of the Unicode rules never sees more than one
// window of the text.
package sentence

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"

	"github.com/smartretriever/smartretriever/rag"
)

// MaxBytes is the longest sentence. What is longer is cut at white space where
// there is any.
const MaxBytes = 8 << 10

// wrapBytes is the length from which a line that ends without a full stop is
// taken to have been wrapped at the margin.
const wrapBytes = 50

// Split returns the spans of the sentences of text, in order. An empty text has
// none.
func Split(text string) []rag.Span {
	var spans []rag.Span
	for s := range All(text) {
		spans = append(spans, s)
	}
	return spans
}

// All yields what Split returns, one at a time.
func All(text string) iter.Seq[rag.Span] {
	return func(yield func(rag.Span) bool) {
		var cur rag.Span
		for piece := range pieces(text) {
			switch {
			case cur.Len() == 0:
				cur = piece
			case cur.Len()+piece.Len() <= MaxBytes && goesOn(cur.Of(text), piece.Of(text)):
				cur.End = piece.End
			default:
				if !yield(cur) {
					return
				}
				cur = piece
			}
		}
		if cur.Len() > 0 {
			yield(cur)
		}
	}
}

// pieces yields the sentences of UAX #29, window by window. A window that had to
// be cut in the middle gives its last, perhaps unfinished piece to the next one.
func pieces(text string) iter.Seq[rag.Span] {
	return func(yield func(rag.Span) bool) {
		for pos := 0; pos < len(text); {
			end, whole := window(text, pos)
			seg := sentences.FromString(text[pos:end])
			last := rag.Span{Start: pos, End: pos}
			for seg.Next() {
				if last.Len() > 0 && !yield(last) {
					return
				}
				last = rag.Span{Start: pos + seg.Start(), End: pos + seg.End()}
			}
			if whole || last.Start == pos {
				if !yield(last) {
					return
				}
				pos = last.End
				continue
			}
			pos = last.Start
		}
	}
}

// maxRun bounds a stretch without letters. After a full stop the Unicode rules
// look ahead over such a stretch from each of its positions, which takes the
// square of its length; a rule of dashes or dots ends a sentence anyway.
const maxRun = 64

// window returns the end of the stretch of text from pos that is segmented at
// once, and whether it ends where a sentence ends too: at the end of the text,
// behind a blank line or behind a long run without letters.
func window(text string, pos int) (end int, whole bool) {
	run, newlines := 0, 0
	limit := min(len(text), pos+MaxBytes)
	space := 0
	for i := pos; i < limit; {
		r, w := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, w = utf8.DecodeRuneInString(text[i:])
		}
		if newlines > 1 && !unicode.IsSpace(r) {
			return i, true
		}
		switch {
		case r == '\n':
			newlines++
		case !unicode.IsSpace(r):
			newlines = 0
		}
		if unicode.IsSpace(r) {
			space = i + w
		}
		if unicode.IsLetter(r) {
			run = 0
		} else if run += w; run >= maxRun {
			return min(i+w, len(text)), true
		}
		i += w
	}
	switch {
	case limit == len(text):
		return limit, true
	case space > pos+MaxBytes/2:
		return space, false
	}
	for !utf8.RuneStart(text[limit]) && limit > pos+MaxBytes-utf8.UTFMax {
		limit--
	}
	return limit, false
}

// goesOn reports whether next continues the sentence prev, although the Unicode
// rules see a border between them.
func goesOn(prev, next string) bool {
	first := strings.TrimLeftFunc(next, unicode.IsSpace)
	if first == "" {
		return true
	}
	body := strings.TrimRightFunc(prev, unicode.IsSpace)
	gap := prev[len(body):]
	if body == "" {
		return true
	}
	breaks := strings.Count(gap, "\n")
	if breaks > 1 {
		return false
	}
	if !strings.ContainsFunc(first, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return !marked(first)
	}
	if breaks == 1 {
		return wrapped(body, first)
	}
	if enumerator(body) || abbreviated(body, first) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(first)
	return unicode.IsLower(r)
}

// wrapped reports whether a line break between body and first is only the margin.
func wrapped(body, first string) bool {
	line := body[strings.LastIndexByte(body, '\n')+1:]
	if marked(first) || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "#") {
		return false
	}
	if terminated(body) {
		return abbreviated(body, first)
	}
	if r, _ := utf8.DecodeRuneInString(first); unicode.IsLower(r) {
		return true
	}
	return len(line) >= wrapBytes && !strings.HasSuffix(body, ":")
}

// marked reports whether a line begins as a list item, a table row, a heading or
// a quotation does in plain text and Markdown.
func marked(line string) bool {
	r, w := utf8.DecodeRuneInString(line)
	rest := line[w:]
	switch r {
	case '|', '#', '>', '•', '◦', '▪', '·', '–', '—':
		return true
	case '-', '*', '+':
		return strings.HasPrefix(rest, " ")
	}
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	return digits > 0 && digits <= 3 && len(line) > digits+1 &&
		(line[digits] == '.' || line[digits] == ')') && line[digits+1] == ' '
}

// terminated reports whether body ends as a sentence does.
func terminated(body string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRightFunc(body, closing))
	return unicode.Is(unicode.Sentence_Terminal, r) || r == '…'
}

// closing reports whether r may stand between a full stop and the space after it.
func closing(r rune) bool {
	return r == '"' || r == '\'' || unicode.In(r, unicode.Pe, unicode.Pf, unicode.Pi)
}
