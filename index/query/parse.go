package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Occur says what a clause asks of a row.
type Occur uint8

// A row that is found has every Must, no MustNot, and, without any Must, at least one Should.
const (
	Should Occur = iota
	Must
	MustNot
)

// Kind says what the text of a clause is.
type Kind uint8

// The kinds.
const (
	Words  Kind = iota // each for itself; as Must or MustNot, and if they are one word that makes several terms, next to each other
	Phrase             // next to each other, in order
	Prefix             // the beginning of a word
	Fuzzy              // a word, or one of little distance
)

// Clause is a part of a query.
type Clause struct {
	Occur    Occur
	Kind     Kind
	Text     string
	Distance int // of Fuzzy: letters that may be inserted, removed or replaced, 1 or 2
}

// MaxClauses bounds the clauses of a query. Words without operators are one clause between two others; what goes beyond is ignored.
const MaxClauses = 256

// Plain reports whether text has none of the characters that operators are made of.
func Plain(text string) bool { return !strings.ContainsAny(text, "+-\"*~") }

// Parse reads a query. An operator counts only where it can be one: + and - before a word or a quote and after white
// space or at the start, * and ~ at the end of a word, a quote only where another one follows.
func Parse(text string) []Clause {
	p := parser{rest: text}
	for len(p.out) < MaxClauses && p.next() {
	}
	p.flush()
	return p.out
}

type parser struct {
	rest  string
	words []string // without operators, not yet in a clause
	out   []Clause
}

func (p *parser) flush() {
	if len(p.words) > 0 {
		p.out = append(p.out, Clause{Text: strings.Join(p.words, " ")})
		p.words = nil
	}
}

func (p *parser) add(c Clause) {
	p.flush()
	p.out = append(p.out, c)
}

// next reads one word or phrase.
func (p *parser) next() bool {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	if p.rest == "" {
		return false
	}
	occur, at := Should, 0
	if c := p.rest[0]; (c == '+' || c == '-') && len(p.rest) > 1 && (p.rest[1] == '"' || startsWord(p.rest[1:])) {
		occur, at = Must, 1
		if c == '-' {
			occur = MustNot
		}
	}
	if p.phrase(occur, at) {
		return true
	}
	end := strings.IndexFunc(p.rest, unicode.IsSpace)
	if end < 0 {
		end = len(p.rest)
	}
	whole := p.rest[:end]
	p.rest = p.rest[end:]
	word := whole[at:]
	switch stem, distance := fuzzy(word); {
	case distance > 0:
		p.add(Clause{Occur: occur, Kind: Fuzzy, Text: stem, Distance: distance})
	case len(word) > 1 && strings.HasSuffix(word, "*") && endsWord(word[:len(word)-1]):
		p.add(Clause{Occur: occur, Kind: Prefix, Text: word[:len(word)-1]})
	case occur != Should:
		p.add(Clause{Occur: occur, Text: word})
	default:
		p.words = append(p.words, whole)
	}
	return true
}

// phrase reads what stands between quotes, if there are two. Outside of operators a phrase must be there.
func (p *parser) phrase(occur Occur, at int) bool {
	if p.rest[at] != '"' {
		return false
	}
	end := strings.IndexByte(p.rest[at+1:], '"')
	if end < 0 {
		return false
	}
	text := p.rest[at+1:][:end]
	p.rest = p.rest[at+end+2:]
	if occur == Should {
		occur = Must
	}
	if strings.TrimSpace(text) != "" {
		p.add(Clause{Occur: occur, Kind: Phrase, Text: text})
	}
	return true
}

// fuzzy splits a word from the distance that it ends in, which is 0 if it does not.
func fuzzy(word string) (stem string, distance int) {
	stem, mark, ok := strings.Cut(word, "~")
	if !ok || !endsWord(stem) {
		return word, 0
	}
	switch mark {
	case "", "1":
		return stem, 1
	case "2":
		return stem, 2
	}
	return word, 0
}

func startsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return inWord(r)
}

func endsWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return inWord(r)
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// Wanted returns the words of a query without its operators and without what must not be there: what the query is about.
func Wanted(text string) string {
	if Plain(text) {
		return strings.TrimSpace(text)
	}
	var out []string
	for _, c := range Parse(text) {
		if c.Occur != MustNot {
			out = append(out, c.Text)
		}
	}
	return strings.Join(out, " ")
}
