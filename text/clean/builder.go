package clean

import (
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Builder assembles a rag.Text block by block. What it yields holds the
// promises of rag.Text whatever is put in: blocks in order, without overlap, in
// bounds, on UTF-8 borders, with nothing but white space between them.
//
// The zero Builder has no limit. A Builder is for one goroutine.
type Builder struct {
	// Limit is the most bytes of content; 0 is no limit. A block that would
	// pass it is refused with KindExhausted.
	Limit int

	content []byte
	blocks  []rag.Block
}

// Add appends a block with the given text, which is cleaned according to its
// kind: Lines for code, one Line for a heading, Paragraph for all others. The
// block's Span and HeaderEnd are set here. Text that is empty after cleaning
// adds nothing.
func (b *Builder) Add(block rag.Block, text string) error {
	switch block.Kind {
	case rag.Code:
		text = Lines(text)
	case rag.Heading:
		text = Line(text)
	default:
		text = Paragraph(text)
	}
	return b.append(block, text, 0)
}

// AddLines is Add for text whose lines and indentation are to be kept whatever
// the kind.
func (b *Builder) AddLines(block rag.Block, text string) error {
	return b.append(block, Lines(text), 0)
}

// AddTable appends a table as a Markdown pipe table. The first row is its
// header; rows may be ragged; a "|" in a cell is escaped and its line breaks are
// spaces. A table without any text adds nothing.
func (b *Builder) AddTable(page int, rows [][]string) error {
	text, header := PipeTable(rows)
	return b.append(rag.Block{Kind: rag.Table, Page: page}, text, header)
}

// AddPipeTable appends a table that is Markdown already; header is the number
// of lines of its header with the rule.
func (b *Builder) AddPipeTable(page int, text string, header int) error {
	text = Paragraph(text)
	end := 0
	for range header {
		i := strings.IndexByte(text[end:], '\n')
		if i < 0 {
			end = len(text)
			break
		}
		end += i + 1
	}
	return b.append(rag.Block{Kind: rag.Table, Page: page}, text, end)
}

func (b *Builder) append(block rag.Block, text string, header int) error {
	if text == "" {
		return nil
	}
	sep := "\n\n"
	if n := len(b.blocks); n == 0 {
		sep = ""
	} else if block.Kind == rag.ListItem && b.blocks[n-1].Kind == rag.ListItem {
		sep = "\n"
	}
	if b.Limit > 0 && len(b.content)+len(sep)+len(text) > b.Limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, b.Limit>>20))
	}
	b.content = append(append(b.content, sep...), text...)
	block.Span = rag.Span{Start: len(b.content) - len(text), End: len(b.content)}
	block.HeaderEnd = 0
	if header > 0 {
		block.HeaderEnd = block.Span.Start + header
	}
	b.blocks = append(b.blocks, block)
	return nil
}

// Len returns the bytes of content so far.
func (b *Builder) Len() int { return len(b.content) }

// Blocks returns the number of blocks so far.
func (b *Builder) Blocks() int { return len(b.blocks) }

// Text returns what was assembled. The Builder is empty afterwards.
func (b *Builder) Text() rag.Text {
	t := rag.Text{Content: string(b.content), Blocks: b.blocks}
	b.content, b.blocks = nil, nil
	return t
}

// PipeTable writes rows as a Markdown pipe table, the first row as its header,
// and returns it with the length of the header and the rule below it. It is ""
// when no cell holds text.
func PipeTable(rows [][]string) (table string, header int) {
	columns, text := 0, false
	for _, row := range rows {
		columns = max(columns, len(row))
		for _, cell := range row {
			text = text || strings.TrimSpace(cell) != ""
		}
	}
	if !text {
		return "", 0
	}
	var b strings.Builder
	for i, row := range rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteByte('|')
		for _, cell := range row {
			b.WriteByte(' ')
			b.WriteString(strings.ReplaceAll(Line(cell), "|", `\|`))
			b.WriteString(" |")
		}
		if i > 0 {
			continue
		}
		b.WriteString(strings.Repeat("  |", columns-len(row)))
		b.WriteString("\n|")
		b.WriteString(strings.Repeat(" --- |", columns))
		header = b.Len()
		if len(rows) > 1 {
			header++
		}
	}
	return b.String(), header
}

// Cut returns the longest prefix of s of at most n bytes that ends on a UTF-8
// border.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
