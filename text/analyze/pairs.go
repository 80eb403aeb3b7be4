package analyze

import (
	"unicode"
	"unicode/utf8"
)

// pairs cuts a run of characters of unspaced scripts into overlapping pairs. A
// run goes on over as many segments as follow each other without a gap.
type pairs struct {
	open  bool
	prev  int // start of the character before, not yet alone in a term
	end   int // of the run so far
	count int // characters in the run
	spans *[]Span
}

// extend takes in text[start:end].
func (p *pairs) extend(dst []string, text string, start, end int) []string {
	if p.open && p.end != start {
		dst = p.flush(dst, text)
	}
	for at := start; at < end; {
		next := at + character(text[at:end])
		if p.open {
			dst = p.append(dst, text, p.prev, next)
		}
		p.open = true
		p.prev = at
		p.count++
		at = next
	}
	p.end = end
	return dst
}

// character returns the length of the first character of s with the marks that
// belong to it, of which there may be any number: those beyond half a term are
// taken for characters.
func character(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	for n < len(s) && n < maxTerm/2 {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !unicode.Is(unicode.M, r) {
			break
		}
		n += size
	}
	return n
}

// flush ends the run. A run of one character is a term by itself.
func (p *pairs) flush(dst []string, text string) []string {
	if p.count == 1 {
		dst = p.append(dst, text, p.prev, p.end)
	}
	*p = pairs{spans: p.spans}
	return dst
}

func (p *pairs) append(dst []string, text string, start, end int) []string {
	if p.spans != nil {
		*p.spans = append(*p.spans, Span{start, end})
	}
	return append(dst, text[start:end])
}
