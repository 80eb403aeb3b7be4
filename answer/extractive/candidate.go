package extractive

import (
	"maps"
	"regexp"
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
	text   string // of the span, white space collapsed; of a table row, with its header
	title  string // of the source's document, and the heading above that stands in the text
	terms  map[string]bool
	around map[string]bool // terms of the source's title and headings, and of what stands above

	words  float64   // weight of the question's terms that it holds, of 1
	cosine float64   // to the question
	vector []float32 // nil without an embedder
	score  float64
}

// embedText is the sentence behind its document's title, which often is the only
// place that names what "it" is.
func (c *candidate) embedText() string {
	if c.title == "" || len(c.title) > maxTitle || strings.Contains(c.text, c.title) {
		return c.text
	}
	return c.title + ": " + c.text
}

// Bounds of what is looked at.
const (
	maxSources    = 16
	maxCandidates = 2000 // sentences of all sources
	maxSentence   = 600  // bytes; a text without full stops is cut there
	maxTable      = 600  // bytes; a row further down its table is quoted without the header
	maxTitle      = 160  // bytes; a longer title says little about one sentence
	minLetters    = 2    // words, or characters of a script without spaces
)

// candidates returns the sentences of the sources, best source first.
func (g *Generator) candidates(sources []answer.Source) []*candidate {
	var out []*candidate
	for i, s := range sources[:min(len(sources), maxSources)] {
		base := g.terms(s.Title + "\n" + strings.Join(s.Heading, "\n") + "\n" + s.Prefix)
		for _, u := range units(s.Text) {
			if len(out) == maxCandidates {
				return out
			}
			around := base
			if above := u.under + "\n" + strings.Join(u.header, "\n"); len(above) > 1 {
				around = g.terms(above)
				maps.Copy(around, base)
			}
			c := &candidate{source: i, number: s.Number, span: u.span, title: s.Title, around: around}
			if u.under != "" {
				c.title = strings.TrimPrefix(c.title+", "+u.under, ", ")
			}
			c.text = strings.Join(strings.Fields(u.span.Of(s.Text)), " ")
			c.terms = g.terms(c.text)
			if row := cells(c.text); row != nil {
				c.text = labelled(u.header, row)
				if u.table != nil && u.span.End-u.table.Start <= maxTable {
					c.span.Start = u.table.Start
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// unit is what can be quoted of a text, and what gives it its meaning.
type unit struct {
	span   rag.Span
	under  string    // the heading line above it, if it stands in the text
	header []string  // of a table row: the cells of the table's first row
	table  *rag.Span // of a table row: the table from its first row
}

// units returns the sentences and lines of a text, without what is no statement by
// itself: headings, rules, code, the header rows of tables. Very short ones are
// joined to the one before.
func units(text string) []unit {
	var out []unit
	var under string
	var header []string
	var table, above *rag.Span // above is the row before, if the line before was one
	code, glue := false, false
	for s := range sentence.All(text) {
		body := strings.TrimSpace(s.Of(text))
		if strings.HasPrefix(body, "```") {
			// A whole block of code may come as one sentence.
			if strings.Count(body, "```")%2 == 1 {
				code = !code
			}
			glue, above = false, nil
			continue
		}
		if !code && delimiter(body) {
			if above != nil {
				// What stood above is the header of a table and no row.
				header, table = cells(above.Of(text)), above
				out = out[:len(out)-1]
			}
			continue
		}
		if code || noise(body) {
			if line, is := strings.CutPrefix(body, "#"); is && !code {
				under = strings.TrimLeft(line, "# ")
			}
			glue, above = false, nil
			continue
		}
		s = trim(text, s)
		if cells(body) == nil {
			header, table, above = nil, nil, nil
			if headline(text, s) {
				under, glue = body, false
				continue
			}
		} else {
			if s.Len() > maxSentence { // no row of a table that can be read
				header, table = nil, nil
			}
			above = &s
		}
		if n := len(out); glue && n > 0 && (short(body) || short(out[n-1].span.Of(text))) && s.End-out[n-1].span.Start <= maxSentence &&
			!strings.Contains(text[out[n-1].span.End:s.Start], "\n\n") {
			out[n-1].span.End = s.End
			continue
		}
		for _, piece := range cut(text, s) {
			out = append(out, unit{piece, under, header, table})
		}
		glue = above == nil
	}
	return out
}

// headline reports whether a span is a line that only says what the paragraph
// after it is about. Formats without marks for headings leave them as short lines
// that stand alone and do not end as sentences do.
func headline(text string, s rag.Span) bool {
	const most = 80 // bytes
	body := s.Of(text)
	before, after := text[:s.Start], text[s.End:]
	if len(body) > most || strings.ContainsAny(body, "\n:|") || before != "" && !strings.HasSuffix(before, "\n\n") || !strings.HasPrefix(after, "\n\n") {
		return false
	}
	if r, _ := utf8.DecodeLastRuneInString(body); unicode.IsPunct(r) && r != ')' && r != '?' && r != '？' {
		return false
	}
	if listItem.MatchString(body) {
		return false
	}
	next, _, _ := strings.Cut(strings.TrimLeft(after, "\n"), "\n\n")
	return len(next) > len(body)
}

var (
	bullet   = regexp.MustCompile(`^[-*+•]\s+`)
	listItem = regexp.MustCompile(`^\d+[.)]\s`)
)

// cells returns the cells of a row of a pipe table, nil if line is none.
func cells(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 3 || line[0] != '|' || line[len(line)-1] != '|' || strings.Contains(line, "\n") {
		return nil
	}
	row := strings.Split(line[1:len(line)-1], "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

// delimiter reports whether a line is the one below the header of a pipe table.
func delimiter(line string) bool {
	return strings.HasPrefix(line, "|") && strings.Contains(line, "-") && strings.Trim(line, "|-: \t") == ""
}

// labelled is a row of a table as a sentence: each cell behind the name of its column.
func labelled(header, row []string) string {
	var b strings.Builder
	for i, cell := range row {
		if cell == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if i < len(header) && header[i] != "" {
			b.WriteString(header[i] + ": ")
		}
		b.WriteString(cell)
	}
	return b.String()
}

// cut returns a span in pieces where it is too long to be one sentence.
func cut(text string, s rag.Span) []rag.Span {
	var out []rag.Span
	for s.Len() > maxSentence {
		at := s.Start + maxSentence
		if i := strings.LastIndexFunc(text[s.Start:at], unicode.IsSpace); i > maxSentence/2 {
			at = s.Start + i
		}
		for at > s.Start+maxSentence/2 && !utf8.RuneStart(text[at]) {
			at--
		}
		out = append(out, trim(text, rag.Span{Start: s.Start, End: at}))
		s = trim(text, rag.Span{Start: at, End: s.End})
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

// trim drops white space at both ends and the bullet of a list item.
func trim(text string, s rag.Span) rag.Span {
	body := strings.TrimLeftFunc(s.Of(text), unicode.IsSpace)
	if mark := bullet.FindString(body); len(mark) < len(body) {
		body = body[len(mark):]
	}
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
