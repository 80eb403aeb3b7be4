package chunk

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// outline returns the blocks of t brought into the form that the chunkers rely
// on: in order, inside the text, without overlap, on rune borders, none of them
// white, and every byte that is not white space inside one. Text that no block
// claims becomes paragraphs, cut at blank lines; so plain text needs no blocks.
func outline(t rag.Text) []rag.Block {
	blocks := make([]rag.Block, 0, len(t.Blocks)+1)
	pos := 0
	for _, b := range t.Blocks {
		b.Span.Start = runeFloor(t.Content, max(b.Span.Start, pos))
		b.Span.End = runeFloor(t.Content, min(b.Span.End, len(t.Content)))
		if b.Span.Len() <= 0 {
			continue
		}
		blocks = paragraphs(blocks, t.Content, rag.Span{Start: pos, End: b.Span.Start}, b.Page)
		pos = b.Span.End
		if b.Span = trim(t.Content, b.Span); b.Span.Len() > 0 {
			blocks = append(blocks, b)
		}
	}
	page := 0
	if n := len(blocks); n > 0 {
		page = blocks[n-1].Page
	}
	return paragraphs(blocks, t.Content, rag.Span{Start: pos, End: len(t.Content)}, page)
}

// paragraphs appends a block for each paragraph in the span s of text.
func paragraphs(blocks []rag.Block, text string, s rag.Span, page int) []rag.Block {
	for s = trim(text, s); s.Len() > 0; {
		p := s
		if i := blankLine(s.Of(text)); i >= 0 {
			p.End = s.Start + i
		}
		s.Start = p.End
		s = trim(text, s)
		blocks = append(blocks, rag.Block{Kind: rag.Paragraph, Page: page, Span: trim(text, p)})
	}
	return blocks
}

// blankLine returns the offset of the first blank line in s, -1 without one.
func blankLine(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		j := from
		for j < len(s) && (s[j] == ' ' || s[j] == '\t' || s[j] == '\r') {
			j++
		}
		if j < len(s) && s[j] == '\n' {
			return from
		}
		from = j
	}
}

// running reports whether a block is kept out of chunks.
func running(b rag.Block) bool { return b.Kind == rag.Header || b.Kind == rag.Footer }

// level returns the depth of a heading, 1 to 6.
func level(b rag.Block) int { return min(max(b.Level, 1), 6) }

// path is the stack of headings that a position lies under. Its slices are never
// changed after they were handed out, so chunks may share them.
type path struct {
	levels []int
	names  []string
}

// enter puts a heading on the stack in the place of those of its own level and below.
func (p *path) enter(lvl int, name string) {
	n := len(p.levels)
	for n > 0 && p.levels[n-1] >= lvl {
		n--
	}
	p.levels = append(slices.Clip(p.levels[:n]), lvl)
	p.names = append(slices.Clip(p.names[:n]), name)
}

// HeadingName is a heading as it appears in a path: on one line, without Markdown's
// signs, cut at a word when it is very long.
func HeadingName(text string) string {
	const longest = 160
	s := strings.TrimFunc(text, func(r rune) bool { return r == '#' || unicode.IsSpace(r) })
	if len(s) > longest {
		s = s[:runeFloor(s, longest)]
		if i := strings.LastIndexByte(s, ' '); i > longest/2 {
			s = s[:i]
		}
	}
	return strings.Join(strings.Fields(s), " ")
}

// room returns the innermost names of the path that fit into the tokens left for
// it, at least one, which is shortened if need be.
func (m measure) room(names []string) []string {
	if len(names) == 0 || m.count(strings.Join(names, " > ")) <= m.pathRoom {
		return names
	}
	last := names[len(names)-1]
	for len(last) > 4 && m.count(last) > m.pathRoom {
		last = strings.TrimSpace(last[:runeFloor(last, len(last)*3/4)])
	}
	kept := []string{last}
	for i := len(names) - 2; i >= 0; i-- {
		longer := append([]string{names[i]}, kept...)
		if m.count(strings.Join(longer, " > ")) > m.pathRoom {
			break
		}
		kept = longer
	}
	return kept
}

// locator answers, for ascending positions, on which page they lie and under
// which headings. A heading lies under itself.
type locator struct {
	m      measure
	text   string
	blocks []rag.Block
	next   int // first block that begins behind the last position asked for
	page   int
	path   path
	names  []string // path.names within the room
	stale  bool     // names has to be made again
}

func (m measure) locator(text string, blocks []rag.Block) *locator {
	l := &locator{m: m, text: text, blocks: blocks}
	if len(blocks) > 0 {
		l.page = blocks[0].Page
	}
	return l
}

func (l *locator) at(pos int) (page int, headings []string) {
	for l.next < len(l.blocks) && l.blocks[l.next].Span.Start <= pos {
		b := l.blocks[l.next]
		l.page = b.Page
		if b.Kind == rag.Heading {
			l.path.enter(level(b), HeadingName(b.Span.Of(l.text)))
			l.stale = true
		}
		l.next++
	}
	if l.stale {
		l.names, l.stale = l.m.room(l.path.names), false
	}
	return l.page, l.names
}

// place tells the chunks from index from on where they begin.
func (l *locator) place(chunks []rag.Chunk, from int) []rag.Chunk {
	for i := range chunks[from:] {
		c := &chunks[from+i]
		c.Page, c.Heading = l.at(c.Span.Start)
	}
	return chunks
}

// regions returns the stretches of text between running headers and footers.
func regions(text string, blocks []rag.Block) []rag.Span {
	var out []rag.Span
	cur := rag.Span{}
	add := func(end int) {
		cur.End = end
		if s := trim(text, cur); s.Len() > 0 {
			out = append(out, s)
		}
	}
	for _, b := range blocks {
		if running(b) {
			add(b.Span.Start)
			cur.Start = b.Span.End
		}
	}
	add(len(text))
	return out
}

// runeFloor returns the last rune border at or before i, which may lie outside text.
func runeFloor(text string, i int) int {
	if i <= 0 {
		return 0
	}
	if i >= len(text) {
		return len(text)
	}
	for n := 0; n < utf8.UTFMax && i > 0 && !utf8.RuneStart(text[i]); n++ {
		i--
	}
	return i
}
