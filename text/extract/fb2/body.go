package fb2

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// section reads a body or section at a depth (a body's is 1) up to its end.
func (d *book) section(t *parts.Tokens, depth int) error {
	number := "" // of a note
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "section":
			return d.section(t, depth+1)
		case "title":
			title, err := d.titleText(t)
			if d.notes && depth > 1 {
				number = title
				return err
			}
			return d.put(rag.Heading, depth, title, err)
		case "p":
			text, err := d.text(t)
			if d.notes && strings.TrimSpace(text) != "" {
				text = strings.TrimSpace(number + " " + text)
				number = ""
				return d.put(rag.Footnote, 0, text, err)
			}
			return d.put(rag.Paragraph, 0, text, err)
		}
		return d.block(t, e, depth, rag.Paragraph)
	})
}

// block handles an element that stands between paragraphs; kind is what its paragraphs
// are.
func (d *book) block(t *parts.Tokens, e parts.Token, depth int, kind rag.BlockKind) error {
	if d.notes {
		kind = rag.Footnote
	}
	switch e.Name {
	case "p", "text-author", "date":
		text, err := d.text(t)
		return d.put(kind, 0, text, err)
	case "subtitle":
		text, err := d.text(t)
		if kind == rag.Paragraph {
			return d.put(rag.Heading, depth+1, text, err)
		}
		return d.put(kind, 0, text, err)
	case "title": // of a poem
		text, err := d.titleText(t)
		return d.put(kind, 0, text, err)
	case "epigraph", "cite", "annotation":
		return d.within(t, depth, rag.Quote)
	case "poem":
		return d.within(t, depth, kind)
	case "stanza":
		return d.stanza(t, kind)
	case "table":
		return d.table(t)
	}
	return t.Skip() // pictures, empty lines
}

func (d *book) within(t *parts.Tokens, depth int, kind rag.BlockKind) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		return d.block(t, e, depth, kind)
	})
}

// put adds a block; failed is what ended its text early, which counts nevertheless.
func (d *book) put(kind rag.BlockKind, level int, text string, failed error) error {
	if kind == rag.Heading {
		level = min(level, 6)
	}
	if err := d.b.Add(rag.Block{Kind: kind, Level: level}, text); err != nil {
		return err
	}
	return failed
}

// titleText reads a title, whose lines are paragraphs of their own.
func (d *book) titleText(t *parts.Tokens) (string, error) {
	var lines []string
	err := t.Within(func(e parts.Token) error {
		if !e.Start("p") {
			return nil
		}
		text, err := d.text(t)
		lines = append(lines, strings.TrimSpace(text))
		return err
	})
	return strings.Join(lines, " "), err
}

// stanza reads the lines of a stanza as one block.
func (d *book) stanza(t *parts.Tokens, kind rag.BlockKind) error {
	var lines strings.Builder
	failed := t.Within(func(e parts.Token) error {
		if !e.Start("v") && !e.Start("p") {
			return nil
		}
		text, err := d.text(t)
		lines.WriteString(text + "\n")
		if err == nil {
			err = d.room(lines.Len())
		}
		return err
	})
	return d.put(kind, 0, lines.String(), failed)
}

// text reads what stands within a paragraph, without the marks of notes.
func (d *book) text(t *parts.Tokens) (string, error) {
	var b strings.Builder
	err := t.Within(func(e parts.Token) error {
		switch {
		case e.Start("a") && e.Attr("type") == "note", e.Start("image"):
			return t.Skip()
		case e.Kind == parts.Characters:
			b.Write(e.Text)
			return d.room(b.Len())
		}
		return nil
	})
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, b.String()), err
}

// room reports, as an error, that n more bytes would pass the limit of the text.
func (d *book) room(n int) error {
	if d.b.Limit > 0 && d.b.Len()+n > d.b.Limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, d.b.Limit>>20))
	}
	return nil
}

func (d *book) table(t *parts.Tokens) error {
	table, size := &grid.Table{}, 0
	failed := t.Within(func(e parts.Token) error {
		switch {
		case e.Start("tr"):
			table.AddRow()
		case e.Start("td"), e.Start("th"):
			table.AddCell(span(e, "colspan"), span(e, "rowspan"))
			text, err := d.text(t)
			table.Put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph}, Text: text})
			if size += len(text); err == nil {
				err = d.room(size)
			}
			return err
		}
		return nil
	})
	if err := table.AddTo(d.b); err != nil {
		return err
	}
	return failed
}

func span(e parts.Token, name string) int {
	n, err := strconv.Atoi(e.Attr(name))
	if err != nil {
		return 1
	}
	return n
}
