package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// candidate is a sentence that may become part of the answer.
type candidate struct {
	source int // index into Prompt.Sources
	number int // Source.Number
	span   rag.Span
	text   string // of the span, white space collapsed
	terms  map[string]bool
	around map[string]bool // terms of the source's title and headings

	words  float64   // weight of the question's terms that it holds, of 1
	cosine float64   // to the question
	vector []float32 // nil without an embedder
	score  float64
}

// Bounds of what is looked at.
const (
	maxSources    = 16
	maxCandidates = 2000 // sentences of all sources
	maxSentence   = 600  // bytes; a text without full stops is cut there
	minLetters    = 2    // words, or characters of a script without spaces
)

// candidates returns the sentences of the sources, best source first.
func (g *Generator) candidates(sources []answer.Source) []*candidate {
	var out []*candidate
	for i, s := range sources[:min(len(sources), maxSources)] {
		around := g.terms(s.Title + "\n" + strings.Join(s.Heading, "\n") + "\n" + s.Prefix)
		for _, span := range units(s.Text) {
			if len(out) == maxCandidates {
				return out
			}
			text := strings.Join(strings.Fields(span.Of(s.Text)), " ")
			out = append(out, &candidate{source: i, number: s.Number, span: span, text: text, terms: g.terms(text), around: around})
		}
	}
	return out
}

// units returns the spans of a text that can be quoted: sentences and lines,
// without what is no statement. Very short ones are joined to the one before.
func units(text string) []rag.Span {
	var out []rag.Span
	code, glue := false, false
	for s := range sentence.All(text) {
		body := strings.TrimSpace(s.Of(text))
		if strings.HasPrefix(body, "```") {
			code, glue = !code, false
			continue
		}
		if code || noise(body) {
			glue = false
			continue
		}
		s = trim(text, s)
		if n := len(out); glue && n > 0 && (short(body) || short(out[n-1].Of(text))) && s.End-out[n-1].Start <= maxSentence &&
			!strings.Contains(text[out[n-1].End:s.Start], "\n\n") {
			out[n-1].End = s.End
			continue
		}
		out = appendCut(out, text, s)
		glue = !strings.HasPrefix(body, "|")
	}
	return out
}

// appendCut appends a span, in pieces where it is too long to be one sentence.
func appendCut(out []rag.Span, text string, s rag.Span) []rag.Span {
	for s.Len() > maxSentence {
		cut := s.Start + maxSentence
		if i := strings.LastIndexFunc(text[s.Start:cut], unicode.IsSpace); i > maxSentence/2 {
			cut = s.Start + i
		}
		for cut > s.Start+maxSentence/2 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		out = append(out, trim(text, rag.Span{Start: s.Start, End: cut}))
		s = trim(text, rag.Span{Start: cut, End: s.End})
	}
	if s.Len() > 0 {
		out = append(out, s)
	}
	return out
}

// noise reports whether a line is no statement: a heading, a rule, a picture, a row of links.
func noise(body string) bool {
	switch {
	case strings.HasPrefix(body, "#"), strings.HasPrefix(body, "!["):
		return true
	case !strings.HasPrefix(body, "|") && strings.Count(body, " | ")+strings.Count(body, " » ")+strings.Count(body, " › ") >= 3:
		return true
	}
	letters := 0
	for _, r := range body {
		if unicode.IsLetter(r) {
			if letters++; letters >= minLetters {
				return false
			}
		}
	}
	return true
}

// short reports whether a sentence has too few words to stand alone.
func short(body string) bool {
	const enough = 4
	n, in := 0, false
	for _, r := range body {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai):
			n, in = n+1, false
			if n >= 2*enough {
				return false
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if !in {
				n++
			}
			in = true
		case unicode.IsSpace(r):
			if in = false; n >= enough {
				return false
			}
		}
	}
	return n < enough
}

func trim(text string, s rag.Span) rag.Span {
	body := strings.TrimLeftFunc(s.Of(text), unicode.IsSpace)
	s.Start = s.End - len(body)
	s.End = s.Start + len(strings.TrimRightFunc(body, unicode.IsSpace))
	return s
}

func (g *Generator) terms(text string) map[string]bool {
	set := make(map[string]bool)
	for _, t := range g.cfg.Analyzer.Append(nil, text) {
		set[t] = true
	}
	return set
}
