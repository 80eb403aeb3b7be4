package rst

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// parser writes the blocks of a document.
type parser struct {
	ctx      context.Context
	b        *clean.Builder
	inline   inliner
	styles   []string // adornments of titles in the order in which they came
	top      bool     // nothing has come yet but a title and comments
	title    string
	metadata rag.Metadata
}

// place is where blocks stand.
type place struct {
	depth  int
	list   int           // depth of lists
	marker string        // what the first block begins with
	kind   rag.BlockKind // of paragraphs, "" for the usual
}

func indent(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }

// body returns the lines from i on that are blank or indented by at least n, with
// that much taken off, and where they end. Blank lines at the end are left out.
func body(lines []string, i, n int) (in []string, end int) {
	from := i
	for i < len(lines) && (lines[i] == "" || indent(lines[i]) >= n) {
		i++
	}
	for i > from && lines[i-1] == "" {
		i--
	}
	return dedent(lines[from:i], n), i
}

func dedent(lines []string, n int) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l[min(n, len(l)):]
	}
	return out
}

// least returns the smallest indentation of lines that are not blank.
func least(lines []string) int {
	n := maxIndent
	for _, l := range lines {
		if l != "" {
			n = min(n, indent(l))
		}
	}
	return n
}

// indented returns what stands indented from i on, with all of its own indentation
// taken off.
func indented(lines []string, i int) (in []string, end int) {
	in, end = body(lines, i, 1)
	return dedent(in, least(in)), end
}

func skipBlank(lines []string, i int) int {
	for i < len(lines) && lines[i] == "" {
		i++
	}
	return i
}

var (
	bullet     = regexp.MustCompile(`^[*+\-•‣⁃]( +|$)`)
	enumerator = regexp.MustCompile(`^\(?(?:\d{1,9}|#|[A-Za-z]|[ivxlcdm]{1,12}|[IVXLCDM]{1,12})[.)]( +|$)`)
	field      = regexp.MustCompile("^:((?:[^:\\s`\\\\]|\\\\.)(?:[^:`\\\\]|\\\\.|:[^\\s`])*):( +|$)")
	option     = regexp.MustCompile(`^((?:--?|/)[A-Za-z0-9?][\w-]*(?:[ =]?(?:<[^>]+>|[A-Z][\w-]*))?(?:, (?:--?|/)[A-Za-z0-9?][\w-]*(?:[ =](?:<[^>]+>|[A-Za-z][\w-]*))?)*)(?:  +(\S.*))?$`)
	gridTop    = regexp.MustCompile(`^\+-[-+]*\+$`)
	simpleTop  = regexp.MustCompile(`^=+( +=+)+$`)
)

// blocks writes lines whose indentation has been taken off.
func (p *parser) blocks(lines []string, at place) error {
	if at.depth > maxDepth {
		return p.paragraph(strings.Join(lines, "\n"), at)
	}
	for i := skipBlank(lines, 0); i < len(lines); i = skipBlank(lines, i) {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		before := p.b.Blocks()
		next, err := p.block(lines, i, at)
		if err != nil {
			return err
		}
		if p.b.Blocks() > before {
			at.marker = ""
		}
		i = next
	}
	return nil
}

// block writes the block that begins with line i and returns where it ends.
func (p *parser) block(lines []string, i int, at place) (end int, err error) {
	l := lines[i]
	inner := at
	inner.depth++
	if indent(l) > 0 {
		in, end := indented(lines, i)
		if inner.kind == "" && at.list == 0 {
			inner.kind = rag.Quote
		}
		return end, p.blocks(in, inner)
	}
	if strings.HasPrefix(l, "..") && (len(l) == 2 || l[2] == ' ') {
		return p.explicit(lines, i, at)
	}
	if strings.HasPrefix(l, "__ ") { // an anonymous target
		return i + 1, nil
	}
	if at.depth == 0 {
		if end, is := p.heading(lines, i); is > 0 {
			return end, p.addHeading(lines, i, is)
		}
	}
	if isField(l) && p.top && at.depth == 0 {
		return p.docinfo(lines, i)
	}
	p.top = false
	switch {
	case gridTop.MatchString(l):
		return p.grid(lines, i, at)
	case simpleTop.MatchString(l):
		return p.simple(lines, i, at)
	case isAdornment(l) && len(l) >= 4 && (i+1 >= len(lines) || lines[i+1] == ""): // a transition
		return i + 1, nil
	case l == "|" || strings.HasPrefix(l, "| "):
		return p.lineBlock(lines, i, at)
	case strings.HasPrefix(l, ">>> "):
		end = i
		for end < len(lines) && lines[end] != "" {
			end++
		}
		return end, p.code(lines[i:end])
	case isField(l):
		m := field.FindStringSubmatch(l)
		in, end := fieldBody(lines, i, len(m[0]))
		inner.marker = at.marker + p.inline.text(m[1]) + ": "
		inner.list++
		return end, p.blocks(in, inner)
	case bullet.MatchString(l):
		n := len(bullet.FindString(l))
		in, end := item(lines, i, n)
		inner.list++
		inner.marker = "- "
		return end, p.blocks(in, inner)
	case isEnumerated(lines, i):
		mark := enumerator.FindString(l)
		in, end := item(lines, i, len(mark))
		inner.list++
		inner.marker = strings.TrimSpace(mark) + " "
		return end, p.blocks(in, inner)
	case l[0] == '-' || l[0] == '/':
		if m := option.FindStringSubmatch(l); m != nil && (m[2] != "" || i+1 < len(lines) && indent(lines[i+1]) > 0) {
			in, end := indented(lines, i+1)
			inner.list++
			inner.marker = "- " + m[1] + ": "
			return end, p.blocks(append([]string{m[2]}, in...), inner)
		}
	}
	if i+1 < len(lines) && indent(lines[i+1]) > 0 { // a term and its definition
		in, end := indented(lines, i+1)
		inner.list++
		inner.marker = at.marker + p.inline.text(strings.TrimSuffix(l, "::")) + ": "
		return end, p.blocks(in, inner)
	}
	return p.text(lines, i, at)
}

// item returns the lines of a list item whose mark takes n columns.
func item(lines []string, i, n int) (in []string, end int) {
	first := lines[i][n:]
	if first == "" {
		n = len(strings.TrimRight(lines[i], " ")) + 1
	}
	in, end = body(lines, i+1, n)
	return append([]string{first}, in...), end
}

// fieldBody returns the lines of a field, of which all that is indented is part.
func fieldBody(lines []string, i, n int) (in []string, end int) {
	in, end = indented(lines, i+1)
	return append([]string{lines[i][n:]}, in...), end
}

func isField(l string) bool { return l[0] == ':' && field.MatchString(l) }

// isEnumerated reports whether line i begins an item of a list: the line after it
// belongs to the item, begins another, or is blank. Else it is prose that begins
// like one: "A. Einstein wrote".
func isEnumerated(lines []string, i int) bool {
	mark := enumerator.FindString(lines[i])
	if mark == "" {
		return false
	}
	if i+1 >= len(lines) || lines[i+1] == "" {
		return true
	}
	return indent(lines[i+1]) >= len(mark) || enumerator.MatchString(lines[i+1])
}

// text writes a paragraph and the literal block that it announces.
func (p *parser) text(lines []string, i int, at place) (end int, err error) {
	end = i
	for end < len(lines) && lines[end] != "" && (end == i || indent(lines[end]) == 0) {
		end++
	}
	text := strings.Join(lines[i:end], "\n")
	before, literal := strings.CutSuffix(text, "::")
	if literal {
		switch {
		case before == "":
			text = ""
		case strings.HasSuffix(before, " "), strings.HasSuffix(before, "\n"):
			text = strings.TrimSpace(before)
		default:
			text = before + ":"
		}
	}
	if err := p.paragraph(text, at); err != nil || !literal {
		return end, err
	}
	start := skipBlank(lines, end)
	if start >= len(lines) || start == end {
		return end, nil
	}
	if indent(lines[start]) > 0 {
		in, end := indented(lines, start)
		return end, p.code(in)
	}
	// Quoted lines: all begin with the same sign.
	sign := lines[start][0]
	for end = start; isSign(sign) && end < len(lines) && lines[end] != "" && lines[end][0] == sign; {
		end++
	}
	if end > start {
		return end, p.code(lines[start:end])
	}
	return end, nil
}

// paragraph writes text of a document, with its inline markup.
func (p *parser) paragraph(text string, at place) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	block := rag.Block{Kind: at.kind}
	switch {
	case block.Kind != "" && block.Kind != rag.Quote:
	case at.list > 0:
		block.Kind, block.Level = rag.ListItem, at.list
	case block.Kind == "":
		block.Kind = rag.Paragraph
	}
	return p.b.Add(block, at.marker+p.inline.text(text))
}

func (p *parser) code(lines []string) error {
	return p.b.Add(rag.Block{Kind: rag.Code}, strings.Join(lines, "\n"))
}

// lineBlock writes lines that begin with a bar.
func (p *parser) lineBlock(lines []string, i int, at place) (end int, err error) {
	var out []string
	for end = i; end < len(lines) && lines[end] != ""; end++ {
		l := lines[end]
		if l == "|" || strings.HasPrefix(l, "| ") {
			l = strings.TrimSpace(l[1:])
		} else if indent(l) == 0 {
			break
		}
		out = append(out, strings.TrimSpace(l))
	}
	return end, p.paragraph(strings.Join(out, "\n"), at)
}

func isSign(c byte) bool {
	return c > ' ' && c < 0x7f && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

// isAdornment reports whether a line is one sign over and over.
func isAdornment(l string) bool {
	return len(l) >= 2 && isSign(l[0]) && strings.Count(l, l[:1]) == len(l)
}

// heading reports whether a title begins with line i: is is 2 for one that is
// underlined, 3 for one with lines above and below.
func (p *parser) heading(lines []string, i int) (end, is int) {
	fits := func(adornment, title string) bool {
		return len(adornment) >= 4 || len(adornment) >= len([]rune(title))
	}
	if isAdornment(lines[i]) {
		if i+2 < len(lines) && lines[i+1] != "" && lines[i+2] == lines[i] && !isAdornment(strings.TrimSpace(lines[i+1])) && fits(lines[i], strings.TrimSpace(lines[i+1])) {
			return i + 3, 3
		}
		return 0, 0
	}
	if i+1 < len(lines) && isAdornment(lines[i+1]) && lines[i+1] != "::" && fits(lines[i+1], lines[i]) {
		return i + 2, 2
	}
	return 0, 0
}

// addHeading writes the title of two or three lines that begins with line i.
func (p *parser) addHeading(lines []string, i, height int) error {
	style, title := lines[i+height-1][:1], lines[i]
	if height == 3 {
		style, title = style+style, strings.TrimSpace(lines[i+1])
	}
	level := slices.Index(p.styles, style) + 1
	if level == 0 {
		if len(p.styles) < maxStyles {
			p.styles = append(p.styles, style)
		}
		level = len(p.styles)
	}
	title = p.inline.text(title)
	if p.title == "" {
		p.title = title
	} else {
		p.top = false
	}
	return p.b.Add(rag.Block{Kind: rag.Heading, Level: min(level, 6)}, title)
}

// known are fields of the bibliography that are metadata under another name.
var known = map[string]string{"authors": "author", "abstract": "description", "lang": "language", "tags": "keywords"}

// docinfo reads the fields at the top of the document.
func (p *parser) docinfo(lines []string, i int) (end int, err error) {
	for i < len(lines) && lines[i] != "" && isField(lines[i]) {
		m := field.FindStringSubmatch(lines[i])
		in, end := fieldBody(lines, i, len(m[0]))
		i = end
		key := strings.ToLower(clean.Line(m[1]))
		if name, is := known[key]; is {
			key = name
		}
		value := clean.Cut(clean.Line(p.inline.text(strings.Join(in, " "))), 1000)
		if key == "" || len(key) > 64 || value == "" || len(p.metadata) >= maxMetadata {
			continue
		}
		if p.metadata == nil {
			p.metadata = rag.Metadata{}
		}
		if _, twice := p.metadata[key]; !twice {
			p.metadata[key] = rag.Str(value)
		}
	}
	p.top = false
	return i, nil
}
