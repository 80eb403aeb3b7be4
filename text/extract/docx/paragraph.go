package docx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// para is a paragraph while it is read.
type para struct {
	style   string
	numID   string
	level   int
	outline int
	hidden  bool // the run being read is
	text    strings.Builder
}

// paragraph reads a paragraph up to its end and puts it out. Text boxes that
// are anchored in it come before it, since they are complete first.
func (d *document) paragraph(t *tokens) error {
	p := &para{level: -1, outline: -1}
	for depth := 1; depth > 0; {
		e, err := t.next()
		if err != nil {
			// What a damaged file holds of a paragraph still counts.
			if flush := d.finish(p); flush != nil {
				return flush
			}
			return err
		}
		switch e.kind {
		case endElement:
			depth--
			if e.name == "r" {
				p.hidden = false
			}
		case characters:
		case startElement:
			done, err := d.inParagraph(t, p, e)
			if err != nil {
				return err
			}
			if !done {
				depth++
			}
		}
	}
	return d.finish(p)
}

// inParagraph handles an element within a paragraph; done tells that it was
// read to its end.
func (d *document) inParagraph(t *tokens, p *para, e token) (done bool, err error) {
	switch e.name {
	case "ppr":
		return true, d.paragraphProperties(t, p)
	case "rpr":
		return true, d.runProperties(t, p)
	case "t":
		return true, d.characters(t, p)
	case "tab", "ptab":
		p.write("\t")
	case "br", "cr":
		p.write("\n")
	case "nobreakhyphen":
		p.write("-")
	case "sym":
		if n, err := strconv.ParseUint(e.attr("char"), 16, 32); err == nil && n < 0xe000 {
			p.write(string(rune(n)))
		}
	case "p": // of a text box
		return true, d.paragraph(t)
	case "tbl":
		return true, d.table(t)
	default:
		if passedOver[e.name] {
			return true, t.skip()
		}
	}
	return false, nil
}

func (p *para) write(s string) {
	if !p.hidden {
		p.text.WriteString(s)
	}
}

// characters reads the contents of a text element.
func (d *document) characters(t *tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.next()
		if err != nil {
			return err
		}
		switch e.kind {
		case startElement:
			depth++
		case endElement:
			depth--
		case characters:
			p.write(strings.ReplaceAll(string(e.text), "\n", " "))
			if d.b.Limit > 0 && p.text.Len() > d.b.Limit {
				return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, d.b.Limit>>20))
			}
		}
	}
	return nil
}

func (d *document) paragraphProperties(t *tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.next()
		if err != nil {
			return err
		}
		switch e.kind {
		case endElement:
			depth--
		case startElement:
			if e.name == "rpr" || e.name == "pprchange" { // of the paragraph mark; of the past
				if err := t.skip(); err != nil {
					return err
				}
				continue
			}
			depth++
			switch e.name {
			case "pstyle":
				p.style = e.attr("val")
			case "numid":
				p.numID = e.attr("val")
			case "ilvl":
				p.level = level(e.attr("val"))
			case "outlinelvl":
				p.outline = level(e.attr("val"))
			}
		}
	}
	return nil
}

func (d *document) runProperties(t *tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.next()
		if err != nil {
			return err
		}
		switch e.kind {
		case endElement:
			depth--
		case startElement:
			depth++
			if e.name == "vanish" {
				p.hidden = e.on()
			}
		}
	}
	return nil
}

// finish decides what the paragraph is and puts it out.
func (d *document) finish(p *para) error {
	text := p.text.String()
	kind, lvl := d.styles.role(p.style)
	if p.outline >= 0 && kind != rag.Code {
		kind, lvl = rag.Heading, p.outline+1
	}
	if d.role != "" {
		kind, lvl = d.role, 0
	}
	if kind == rag.Code {
		d.code = append(d.code, text)
		return nil
	}
	if err := d.flushCode(); err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	label, listed := d.label(p)
	text = label + strings.TrimSpace(text)
	switch {
	case kind == rag.Heading:
		lvl = min(lvl, 6)
	case listed && kind == "":
		kind, lvl = rag.ListItem, max(0, p.level)+1
	case kind == "":
		kind = rag.Paragraph
	}
	return d.put(grid.Piece{Block: rag.Block{Kind: kind, Level: lvl}, Text: text})
}

// label returns the number or bullet of a paragraph. What the paragraph says
// itself goes before what its style says.
func (d *document) label(p *para) (label string, listed bool) {
	numID, lvl := p.numID, p.level
	if numID == "" {
		var styled int
		if numID, styled = d.styles.list(p.style); lvl < 0 {
			lvl = styled
		}
	}
	if numID == "" || numID == "0" {
		return "", false
	}
	p.level = max(0, lvl)
	return d.numbering.label(numID, p.level)
}
