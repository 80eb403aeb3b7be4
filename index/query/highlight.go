package query

import (
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// Highlight returns the words of text that a query matches by, in order and not overlapping: words with one of its terms, those of a phrase where they
// stand next to each other, those that begin like a prefix or differ little. With operators the query is read as Parse does.
func Highlight(a *analyze.Analyzer, query string, operators bool, text string) []rag.Span {
	clauses := []Clause{{Text: query}}
	if operators {
		clauses = Parse(query)
	}
	h := highlighter{single: map[string]bool{}}
	for _, x := range Compile(clauses, a).parts {
		h.add(x)
	}
	terms, spans := a.Spans(nil, nil, text)
	marked := make([]bool, len(terms))
	for i, t := range terms {
		if h.single[t] || h.like(a, t, text[spans[i].Start:spans[i].End]) {
			marked[i] = true
		}
	}
	for _, p := range h.phrases {
		for i := 0; i+len(p) <= len(terms); i++ {
			if slices.Equal(terms[i:i+len(p)], p) {
				for j := range p {
					marked[i+j] = true
				}
			}
		}
	}
	var out []rag.Span
	for i, s := range spans {
		if !marked[i] {
			continue
		}
		// A word of several terms, and characters of overlapping pairs, are one span.
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, rag.Span{Start: s.Start, End: s.End})
	}
	return out
}

// highlighter is what the words of a text are compared with.
type highlighter struct {
	single  map[string]bool
	phrases [][]string
	others  []part // prefixes and similar words
}

func (h *highlighter) add(x part) {
	switch {
	case x.Occur == MustNot:
	case x.adjacent:
		h.phrases = append(h.phrases, x.terms)
	default:
		if x.pattern != "" {
			h.others = append(h.others, x)
		}
		for _, t := range x.terms {
			h.single[t] = true
		}
	}
}

// like reports whether a term, made of word, is one that a prefix or a similar word stands for.
func (h *highlighter) like(a *analyze.Analyzer, term, word string) bool {
	for _, x := range h.others {
		if x.Kind == Prefix && (strings.HasPrefix(term, x.pattern) || strings.HasPrefix(a.Fold(word), x.pattern)) {
			return true
		}
		if x.Kind == Fuzzy && within(term, x.pattern, x.Distance) {
			return true
		}
	}
	return false
}

// within reports whether two words are at most that far from each other.
func within(a, b string, most int) bool {
	s := &similar{word: []rune(b), most: most}
	first := make([]int, len(s.word)+1)
	for i := range first {
		first[i] = i
	}
	s.rows, s.ends = append(s.rows, first), append(s.ends, 0)
	return s.read([]byte(a)) < 0 && s.rows[len(s.chars)][len(s.word)] <= most
}
