package chunk

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// codeParts finds the declarations of source code. What is named with its comments
// above it is a section; its path is package > type > method. A type that fits into
// a chunk is one section with all its methods; of a longer one each method is a
// section, and what stands before the first. Declarations too short to stand alone
// are put together with their neighbours in the same type, as sections of a text are.
//
// In a text that has listings besides prose (a Markdown file), the listings are
// divided and the rest is cut as structure does. A text of no known language is cut
// as structure does altogether.
func (m measure) codeParts(t rag.Text) []part {
	lang := codeLanguage(t)
	listings := false
	for _, b := range t.Blocks {
		listings = listings || b.Kind == rag.Code
	}
	blocks := outline(t)
	if !listings {
		if lang == "" {
			lang = guessLanguage(t.Content)
		}
		if lang == "" {
			return structureParts(t)
		}
		blocks = wholeRegions(t.Content, blocks)
	}
	var parts []part
	for _, b := range blocks {
		if b.Kind != rag.Code {
			parts = append(parts, asPart(t.Content, b))
			continue
		}
		of := lang
		if of == "" {
			of = guessLanguage(b.Span.Of(t.Content))
		}
		parts = m.declarations(parts, t.Content, b, of)
	}
	return parts
}

// wholeRegions makes a listing of everything between running headers and footers.
func wholeRegions(text string, blocks []rag.Block) []rag.Block {
	var out []rag.Block
	pos, page := 0, 0
	add := func(end int) {
		if s := trim(text, rag.Span{Start: pos, End: end}); s.Len() > 0 {
			out = append(out, rag.Block{Kind: rag.Code, Page: page, Span: s})
		}
	}
	for i, b := range blocks {
		if i == 0 || !running(b) && pos == blocks[i-1].Span.End {
			page = b.Page
		}
		if running(b) {
			add(b.Span.Start)
			out = append(out, b)
			pos, page = b.Span.End, b.Page
		}
	}
	add(len(text))
	return out
}

// unit is a declaration, or what stands between two. Units are in order; a unit
// ends where the next begins, but for a container, which holds those up to end.
type unit struct {
	start, end int
	under      []string // package, types
	name       string   // "" for what has none
	container  bool
}

// declarations appends the parts of a listing.
func (m measure) declarations(parts []part, text string, b rag.Block, lang string) []part {
	src := b.Span.Of(text)
	units := m.prune(src, unitsOf(lang, src))
	if len(units) == 0 {
		return append(parts, part{Block: b, coded: true})
	}
	add := func(start, end int, u *unit) {
		s := trim(text, rag.Span{Start: b.Span.Start + start, End: b.Span.Start + end})
		if s.Len() == 0 {
			return
		}
		p := part{Block: b, coded: true, begins: true}
		p.Span = s
		if u != nil {
			p.under, p.name = u.under, HeadingName(u.name)
		}
		parts = append(parts, p)
	}
	add(0, units[0].start, nil)
	for i := range units {
		end := len(src)
		if i+1 < len(units) {
			end = units[i+1].start
		}
		add(units[i].start, end, &units[i])
	}
	return parts
}

// prune takes out the units within a container that fits into a chunk as it is, and
// puts units that are out of order, or outside the text, right.
func (m measure) prune(src string, units []unit) []unit {
	out := units[:0]
	whole := 0 // end of the container that is kept whole
	last := -1
	for _, u := range units {
		u.start = runeFloor(src, u.start)
		if u.start < whole || u.start <= last || u.start >= len(src) {
			continue
		}
		last = u.start
		if u.container && u.end > u.start && u.end <= len(src) {
			if body := src[u.start:u.end]; m.within(body, m.size) <= m.size {
				whole = u.end
				// What follows the container is not its own any more.
				out = append(out, u)
				if rest := u.end; rest < len(src) {
					out = append(out, unit{start: rest, end: rest, under: u.under})
					last = rest - 1
				}
				continue
			}
		}
		// A unit that begins where an unnamed rest does takes its place.
		if n := len(out); n > 0 && out[n-1].name == "" && strings.TrimSpace(src[out[n-1].start:u.start]) == "" {
			out = out[:n-1]
		}
		out = append(out, u)
	}
	return out
}

// unitsOf finds the declarations of a source text, in order.
func unitsOf(lang, src string) []unit {
	switch lang {
	case "":
		return nil
	case "go":
		return goUnits(src)
	case "python", "ruby":
		return indentUnits(lang, src)
	case "sql":
		return sqlUnits(src)
	}
	return braceUnits(lang, src)
}

// shortestListing is the length, in bytes, from which lines of code that belong
// together are given up to be divided.
const shortestListing = 200

// addCode cuts a piece of code into lines. The best places to cut are behind a
// blank line outside of any deeper block, then the beginnings of statements there.
func (m measure) addCode(r *run, text string, b rag.Block) {
	depth := bodyIndent(b.Span.Of(text))
	n := len(r.atoms)
	var open rag.Span
	at := groupStart
	flush := func() {
		m.addAtom(r, text, open, m.size, at, 0)
	}
	blank, comment := false, false
	for line := range lines(text, b.Span) {
		body := strings.TrimSpace(line.Of(text))
		if body == "" {
			blank = true
			open.End = line.End
			continue
		}
		border := inside
		switch shallow := indent(line.Of(text)) <= depth; {
		case shallow && blank:
			border = itemStart
		case shallow && !comment && !closes(body):
			border = sentenceStart
		}
		if open.Len() == 0 {
			open.Start = line.Start
		} else if border > inside || line.Start-open.Start >= shortestListing {
			flush()
			open, at = rag.Span{Start: line.Start}, border
		}
		open.End = line.End
		blank, comment = false, isComment(body)
	}
	flush()
	for i := n; i < len(r.atoms); i++ {
		r.atoms[i].block = i > n
		r.tokens += r.atoms[i].tokens
	}
}

// bodyIndent returns the indentation of the statements of a piece of code: the
// least of its lines but the first and those that close what the first opens.
func bodyIndent(src string) int {
	least, head := -1, -1
	for line := range strings.Lines(src) {
		body := strings.TrimSpace(line)
		if body == "" || isComment(body) {
			continue
		}
		n := indent(line)
		if head < 0 {
			head = n
			continue
		}
		if (n > head || !closes(body)) && (least < 0 || n < least) {
			least = n
		}
	}
	return max(least, head)
}

// indent returns the width of the white space that a line begins with.
func indent(line string) int {
	n := 0
	for _, c := range []byte(line) {
		switch c {
		case ' ':
			n++
		case '\t':
			n += 4
		default:
			return n
		}
	}
	return n
}

// closes reports whether a line goes on with what stands before it.
func closes(line string) bool {
	if strings.IndexByte("})].", line[0]) >= 0 {
		return true
	}
	word := line
	if i := strings.IndexFunc(line, func(r rune) bool { return !isWordRune(r) }); i >= 0 {
		word = line[:i]
	}
	switch word {
	case "end", "else", "elif", "elsif", "except", "catch", "finally", "rescue", "ensure", "when", "case", "default", "END", "ELSE", "WHEN":
		return true
	}
	return false
}

func isComment(line string) bool {
	for _, sign := range []string{"//", "#", "--", "/*", "*", "///"} {
		if strings.HasPrefix(line, sign) {
			return !strings.HasPrefix(line, "#include") && !strings.HasPrefix(line, "#[") && !strings.HasPrefix(line, "#define")
		}
	}
	return strings.HasPrefix(line, "@") // decorators and annotations stay with what they decorate
}
