package chunk

import (
	"regexp"
	"slices"
	"strings"
)

var (
	pythonUnit = regexp.MustCompile(`^(?:(class)\s+(\w+)|(?:async\s+)?def\s+(\w+))`)
	rubyUnit   = regexp.MustCompile(`^(?:(class|module)\s+(?:<<\s*)?([\w:]+)|(?:private\s+|protected\s+)?def\s+(?:self\.)?([\w?!=]+|[^\s\w(]{1,3}))`)
)

// indentUnits finds the declarations of Python and Ruby by their indentation: what
// stands further in belongs to what stands above it.
func indentUnits(lang, src string) []unit {
	p := indented{lang: lang, src: src, form: pythonUnit}
	if lang == "ruby" {
		p.form = rubyUnit
	}
	for i := 0; i < len(src); {
		i = p.line(i)
	}
	for _, o := range p.open {
		p.units[o.unit].end = len(src)
	}
	return p.units
}

type indented struct {
	lang, src string
	form      *regexp.Regexp
	units     []unit
	open      []block
	lead      int // beginning of the comments and decorators right above the line; -1 for none
	leading   bool
	inDoc     bool // between =begin and =end
}

// block is a declaration that is open: a class, or a function that hides what is in it.
type block struct {
	unit      int
	indent    int
	container bool
	under     []string
}

// line reads the line that begins at i and returns the beginning of the next that is
// not within a string or brackets.
func (p *indented) line(i int) int {
	end := lineEnd(p.src, i)
	text := strings.TrimSpace(p.src[i:end])
	if p.lang == "ruby" && (strings.HasPrefix(p.src[i:], "=begin") || p.inDoc) {
		p.inDoc = !strings.HasPrefix(p.src[i:], "=end")
		return end + 1
	}
	switch {
	case text == "":
		p.leading = false
		return end + 1
	case strings.HasPrefix(text, "#") || p.lang == "python" && strings.HasPrefix(text, "@"):
		if !p.leading {
			p.leading, p.lead = true, i
		}
	default:
		p.statement(i, text)
		p.leading = false
	}
	return p.logicalEnd(i)
}

// logicalEnd returns the beginning of the line after the one at i, past strings and
// brackets that span lines.
func (p *indented) logicalEnd(i int) int {
	round := 0
	for i < len(p.src) {
		if end := skipped(p.lang, p.src, i, 0); end > i {
			i = end
			continue
		}
		switch p.src[i] {
		case '(', '[', '{':
			round++
		case ')', ']', '}':
			round = max(0, round-1)
		case '\\':
			i++
		case '\n':
			// Brackets that are never closed must not swallow the file: a declaration
			// at the margin ends them.
			if round == 0 || p.lang == "ruby" || p.form.MatchString(p.src[i+1:min(len(p.src), i+101)]) {
				return i + 1
			}
		}
		i++
	}
	return i
}

func (p *indented) statement(i int, text string) {
	depth := indent(p.src[i:])
	m := p.form.FindStringSubmatch(text[:runeFloor(text, longestLine)])
	if m == nil && (p.lang == "ruby" && closes(text) || closes(text) && text[0] != '.') {
		return // goes on with what is above it
	}
	start := i
	if p.leading {
		start = p.lead
	}
	for n := len(p.open); n > 0 && p.open[n-1].indent >= depth; n-- {
		p.units[p.open[n-1].unit].end = start
		p.open = p.open[:n-1]
	}
	var under []string
	if n := len(p.open); n > 0 {
		if !p.open[n-1].container {
			return // within a function
		}
		under = p.open[n-1].under
	}
	u := unit{start: start, under: under}
	if m == nil {
		if n := len(p.units); n > 0 && p.units[n-1].name == "" && slices.Equal(p.units[n-1].under, under) {
			return
		}
		if n := len(p.units); n > 0 && p.units[n-1].container && len(p.open) > 0 && p.open[len(p.open)-1].unit == n-1 {
			return // the first lines of a class belong to its head
		}
		p.units = append(p.units, u)
		return
	}
	u.container = m[1] != ""
	u.name = m[2] + m[3]
	p.units = append(p.units, u)
	if len(p.open) < deepestContainer {
		p.open = append(p.open, block{len(p.units) - 1, depth, u.container, join(under, []string{u.name})})
	}
}
