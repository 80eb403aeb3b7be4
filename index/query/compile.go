package query

import (
	"cmp"
	"slices"

	"github.com/smartretriever/smartretriever/index/postings"
)

// Analyzer turns text into terms; see package postings.
type Analyzer interface {
	Append(dst []string, text string) []string
}

// Bounds of what a prefix or a similar word stands for.
const (
	MaxRanked     = 64   // terms of one clause by which rows are ranked
	MaxExpansions = 4096 // terms of one clause that rows must, or must not, hold one of
	minPrefix     = 2    // characters
)

// Program is a compiled query. It serves one search.
type Program struct {
	parts []part
}

// part is a compiled clause.
type part struct {
	Clause
	terms    []string // in order; of Prefix and Fuzzy what Expand found
	pattern  string   // of Prefix and Fuzzy: what is looked for in the dictionary
	adjacent bool     // the terms must stand next to each other
}

// Compile makes terms of clauses. One that makes no terms, such as a stop word, asks for nothing.
func Compile(clauses []Clause, a Analyzer) *Program {
	p := &Program{}
	for _, c := range clauses {
		x := part{Clause: c}
		switch c.Kind {
		case Prefix, Fuzzy:
			x.pattern, x.terms = pattern(c.Text, a)
			if len([]rune(x.pattern)) < minPrefix {
				continue
			}
		default:
			x.terms = a.Append(nil, c.Text)
			if len(x.terms) == 0 {
				continue
			}
			x.adjacent = len(x.terms) > 1 && (c.Kind == Phrase || c.Occur != Should)
		}
		p.parts = append(p.parts, x)
	}
	return p
}

// Constrained reports whether rows must or must not hold something.
func (p *Program) Constrained() bool {
	return slices.ContainsFunc(p.parts, func(x part) bool { return x.Occur != Should })
}

// Terms appends the terms by which rows are ranked.
func (p *Program) Terms(dst []string) []string {
	for _, x := range p.parts {
		switch {
		case x.Occur == MustNot:
		case x.pattern != "":
			dst = append(dst, x.terms[:min(len(x.terms), MaxRanked)]...)
		default:
			dst = append(dst, x.terms...)
		}
	}
	return dst
}

// Expand looks up the prefixes and similar words of the query in the dictionaries of all segments. Of more than MaxExpansions terms it keeps the nearest
// and, of these, the most frequent ones.
func (p *Program) Expand(segments []*postings.Segment) {
	var terms postings.Terms
	for i := range p.parts {
		x := &p.parts[i]
		if x.pattern == "" {
			continue
		}
		found := map[string]expansion{}
		for _, s := range segments {
			terms.Reset(s)
			visit := func(distance int) {
				key := string(terms.Key())
				t := terms.Term()
				e := found[key]
				found[key] = expansion{key, distance, e.df + t.DF()}
			}
			if x.Kind == Prefix {
				walkPrefix(&terms, x.pattern, func() { visit(0) })
			} else {
				walkSimilar(&terms, x.pattern, x.Distance, visit)
			}
		}
		x.terms = best(found, x.terms)
	}
}

// expansion is a term that a clause stands for.
type expansion struct {
	term     string
	distance int
	df       int
}

// best returns the terms of the word itself, and MaxExpansions of those found.
func best(found map[string]expansion, own []string) []string {
	all := make([]expansion, 0, len(found))
	for _, e := range found {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b expansion) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.df, a.df), cmp.Compare(a.term, b.term))
	})
	out := slices.Clone(own)
	for _, e := range all[:min(len(all), MaxExpansions)] {
		if !slices.Contains(own, e.term) {
			out = append(out, e.term)
		}
	}
	return out
}

// walkPrefix calls visit at every term that begins with prefix.
func walkPrefix(terms *postings.Terms, prefix string, visit func()) {
	for ok := terms.Seek([]byte(prefix)); ok && hasPrefix(terms.Key(), prefix); ok = terms.Next() {
		visit()
	}
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// pattern returns what to look for in a dictionary for the beginning of a word, or for a word with errors, and the terms that the word itself makes. An
// analyzer may make another term of a word than its letters (a stem): both are looked for.
func pattern(word string, a Analyzer) (string, []string) {
	own := a.Append(nil, word)
	if f, ok := a.(folder); ok {
		return f.Fold(word), own
	}
	if len(own) == 1 {
		return own[0], own
	}
	return word, own
}

// folder is an analyzer that can bring a word to the letters that terms are made of, without making a stem of it.
type folder interface{ Fold(word string) string }
