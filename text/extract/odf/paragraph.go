package odf

import (
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxSpaces = 1000 // that one text:s stands for

// para is a paragraph while it is read.
type para struct {
	text   strings.Builder
	hidden bool
	fields int // page numbers, dates and the like
	words  int // in these
}

// paragraph reads a paragraph or heading up to its end and puts it out, and then what
// is anchored in it.
func (d *document) paragraph(t *parts.Tokens, e parts.Token) error {
	name := e.Attr("style-name")
	if d.styles.hidden("paragraph", name) {
		return t.Skip()
	}
	heading, level, header := e.Name == "h", number(e.Attr("outline-level"), 1), e.Attr("is-list-header") == "true"
	restart := -1
	if e.Attr("restart-numbering") == "true" {
		restart = number(e.Attr("start-value"), -1)
	}
	p := &para{}
	depth := len(d.sinks)
	if err := d.begin(""); err != nil {
		return err
	}
	failed := d.inline(t, p)
	anchored, err := d.endAt(depth)
	if err != nil {
		return err
	}
	// What a damaged file holds of a paragraph still counts.
	if !p.hidden {
		if err := d.finishParagraph(p, name, heading, level, header, restart); err != nil {
			return err
		}
	}
	if err := d.putAll(anchored); err != nil {
		return err
	}
	return failed
}

// inline reads what stands within a paragraph, up to its end.
func (d *document) inline(t *parts.Tokens, p *para) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind == parts.Characters {
			p.write(strings.Map(blank, string(e.Text)))
			return d.room(p.text.Len())
		}
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "s":
			p.write(strings.Repeat(" ", min(max(1, number(e.Attr("c"), 1)), maxSpaces)))
		case "tab":
			p.write("\t")
		case "line-break", "p", "h":
			p.write("\n")
		case "span":
			if d.styles.hidden("text", e.Attr("style-name")) {
				return t.Skip()
			}
		case "note":
			return d.note(t)
		case "hidden-text":
			if e.Attr("is-hidden") == "true" {
				return t.Skip()
			}
		case "hidden-paragraph":
			p.hidden = e.Attr("is-hidden") == "true"
			return t.Skip()
		case "ruby-text":
			return d.ruby(t, p)
		case "page-number", "page-count", "sheet-name", "date", "time", "file-name", "title":
			return d.field(t, p)
		case "math":
			return d.formula(t, p)
		case "table", "list":
			return d.element(t, e)
		default:
			switch {
			case shapes[e.Name]:
				return d.anchored(t, e, p)
			case passedOver[e.Name]:
				return t.Skip()
			}
		}
		return nil
	})
}

func blank(r rune) rune {
	if r == '\n' || r == '\t' || r == '\r' {
		return ' '
	}
	return r
}

func (p *para) write(s string) { p.text.WriteString(s) }

// anchored reads a shape within a paragraph. A formula becomes part of the text; all
// else comes behind the paragraph.
func (d *document) anchored(t *parts.Tokens, e parts.Token, p *para) error {
	if e.Attr("placeholder") == "true" {
		return t.Skip()
	}
	return t.Within(func(e parts.Token) error {
		switch {
		case e.Start("object"):
			return d.object(t, e, p)
		case e.Start("math"):
			return d.formula(t, p)
		}
		return d.element(t, e)
	})
}

// ruby reads the reading of what stands before it.
func (d *document) ruby(t *parts.Tokens, p *para) error {
	text, err := short(t)
	if text != "" {
		p.write(" (" + text + ")")
	}
	return err
}

// field reads a field whose text is not the author's.
func (d *document) field(t *parts.Tokens, p *para) error {
	text, err := short(t)
	p.fields++
	p.words += words(text)
	p.write(text)
	return err
}

// words counts the words of a text, without what is punctuation only.
func words(text string) int {
	n := 0
	for _, word := range strings.Fields(text) {
		if strings.IndexFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0 {
			n++
		}
	}
	return n
}

// finishParagraph decides what a paragraph is and puts it out.
func (d *document) finishParagraph(p *para, name string, heading bool, level int, header bool, restart int) error {
	text := p.text.String()
	kind, styled := d.styles.role(name)
	if heading {
		kind = rag.Heading
	} else {
		level = styled
	}
	if role := d.role(); role != "" {
		kind, level = role, 0
	}
	if kind == rag.Code && d.lists.item == nil {
		d.code = append(d.code, text)
		return d.hold(len(text) + 1)
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if (kind == rag.Header || kind == rag.Footer) && p.fields > 0 && words(text)-p.words <= 1 {
		return nil // a page number and the like, which says nothing
	}
	label := ""
	switch it := d.lists.item; {
	case it != nil:
		label = d.label(it, name)
	case heading && !header && d.styles.numbered(name):
		at := min(max(level, 1), listLevels) - 1
		d.headings.next(&d.styles.outline, at, restart)
		if d.styles.outline[at].number {
			label = d.headings.label(&d.styles.outline, at)
		}
	}
	switch {
	case kind == rag.Heading:
		level = min(max(level, 1), 6)
	case d.lists.item != nil && kind != rag.Header && kind != rag.Footer && kind != rag.Footnote:
		kind, level = rag.ListItem, d.lists.item.list.level+1
	case kind == "":
		kind = rag.Paragraph
	}
	return d.put(grid.Piece{Block: rag.Block{Kind: kind, Level: level}, Text: label + strings.TrimSpace(text)})
}

// role is the kind that all blocks have where the text is being read, "" for none.
func (d *document) role() rag.BlockKind {
	if n := len(d.sinks); n > 0 {
		return d.sinks[n-1].role
	}
	return ""
}
