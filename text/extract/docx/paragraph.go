package docx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/omml"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// para is a paragraph while it is read.
type para struct {
	style   string
	numID   string
	level   int
	outline int
	hidden  bool // the run being read is
	formula bool // the text ends with one
	text    strings.Builder
}

// paragraph reads a paragraph up to its end and puts it out. Text boxes that
// are anchored in it come before it, since they are complete first.
func (d *document) paragraph(t *parts.Tokens) error {
	p := &para{level: -1, outline: -1}
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			// What a damaged file holds of a paragraph still counts.
			if flush := d.finish(p); flush != nil {
				return flush
			}
			return err
		}
		switch e.Kind {
		case parts.EndElement:
			depth--
			if e.Name == "r" {
				p.hidden = false
			}
		case parts.Characters:
		case parts.StartElement:
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
func (d *document) inParagraph(t *parts.Tokens, p *para, e parts.Token) (done bool, err error) {
	switch e.Name {
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
		if n, err := strconv.ParseUint(e.Attr("char"), 16, 32); err == nil && n < 0xe000 {
			p.write(string(rune(n)))
		}
	case "p": // of a text box
		return true, d.paragraph(t)
	case "tbl":
		return true, d.table(t)
	case "omath", "omathpara":
		formula, err := omml.Read(t)
		p.writeFormula(formula)
		return true, err
	case "chart":
		return false, d.chart(e)
	case "relids":
		return false, d.diagram(e)
	case "ffdata":
		field, err := formField(t)
		p.write(field)
		return true, err
	default:
		if passedOver[e.Name] {
			return true, t.Skip()
		}
	}
	return false, nil
}

func (p *para) write(s string) {
	if !p.hidden {
		p.text.WriteString(s)
		p.formula = false
	}
}

// writeFormula writes a formula; those that stand one after the other are divided.
func (p *para) writeFormula(s string) {
	if p.formula {
		s = " " + s
	}
	p.write(s)
	p.formula = true
}

// characters reads the contents of a text element.
func (d *document) characters(t *parts.Tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch e.Kind {
		case parts.StartElement:
			depth++
		case parts.EndElement:
			depth--
		case parts.Characters:
			p.write(strings.ReplaceAll(string(e.Text), "\n", " "))
			if d.b.Limit > 0 && p.text.Len() > d.b.Limit {
				return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, d.b.Limit>>20))
			}
		}
	}
	return nil
}

func (d *document) paragraphProperties(t *parts.Tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch e.Kind {
		case parts.EndElement:
			depth--
		case parts.StartElement:
			if e.Name == "rpr" || e.Name == "pprchange" { // of the paragraph mark; of the past
				if err := t.Skip(); err != nil {
					return err
				}
				continue
			}
			depth++
			switch e.Name {
			case "pstyle":
				p.style = e.Attr("val")
			case "numid":
				p.numID = e.Attr("val")
			case "ilvl":
				p.level = level(e.Attr("val"))
			case "outlinelvl":
				p.outline = level(e.Attr("val"))
			}
		}
	}
	return nil
}

func (d *document) runProperties(t *parts.Tokens, p *para) error {
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch e.Kind {
		case parts.EndElement:
			depth--
		case parts.StartElement:
			depth++
			if e.Name == "vanish" {
				p.hidden = e.On()
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
