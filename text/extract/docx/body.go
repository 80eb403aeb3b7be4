package docx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// readBlocks reads a part that holds paragraphs and tables. role, if not empty,
// is the kind of all its blocks.
func (d *document) readBlocks(part string, role rag.BlockKind) error {
	d.role, d.part, d.rels = role, part, nil
	err := d.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind == parts.StartElement {
				if err := d.element(t, e); err != nil {
					return err
				}
			}
		}
	})
	if err == nil {
		err = d.closeTables(0)
	}
	if err == nil {
		err = d.flushCode()
	}
	d.role = ""
	return err
}

// element handles an element where paragraphs and tables may stand. Wrappers
// (body, content controls, insertions, custom XML, notes) are passed through:
// their contents come as the next tokens.
func (d *document) element(t *parts.Tokens, e parts.Token) error {
	switch e.Name {
	case "p":
		return d.paragraph(t)
	case "tbl":
		return d.table(t)
	case "footnote", "endnote":
		if kind := e.Attr("type"); kind != "" && kind != "normal" {
			return t.Skip() // separators
		}
	case "altchunk", "subdoc":
		d.foreign++
	default:
		if passedOver[e.Name] {
			return t.Skip()
		}
	}
	return nil
}

// passedOver lists the elements whose contents are no text of the document:
// properties, tracked deletions, the fallback form of what was already read,
// field codes, binary data.
var passedOver = map[string]bool{
	"sectpr": true, "tblpr": true, "trpr": true, "sdtpr": true, "sdtendpr": true, "tblgrid": true,
	"del": true, "movefrom": true, "deltext": true, "fallback": true, "instrtext": true, "delinstrtext": true,
	"bindata": true, "object": false, "ppr": true, "rpr": true, "tblprex": true, "ctrlpr": true, "custompr": true,
	"customxmlpr": true, "posoffset": true, "pctwidth": true, "pctheight": true, "align": true, "fldchar": false,
}

// table reads a table up to its end.
func (d *document) table(t *parts.Tokens) error {
	if err := d.flushCode(); err != nil {
		return err
	}
	nested := len(d.tables) < maxTables
	if nested {
		d.tables = append(d.tables, &grid.Table{})
	}
	own := len(d.tables)
	for {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch {
		case e.Kind == parts.EndElement && e.Name == "tbl":
			if !nested {
				return nil
			}
			return d.closeTables(own - 1)
		case e.Kind == parts.EndElement && e.Name == "tc":
			if err := d.flushCode(); err != nil {
				return err
			}
		case e.Kind != parts.StartElement:
		case e.Name == "tr" && nested:
			d.tables[own-1].AddRow()
		case e.Name == "tc" && nested:
			if err := d.cell(t, d.tables[own-1]); err != nil {
				return err
			}
		case e.Name == "tc" || e.Name == "tr":
		default:
			if err := d.element(t, e); err != nil {
				return err
			}
		}
	}
}

// cell begins a cell; its properties, which come first, say over how many
// columns it reaches. A cell that continues the one above (vMerge) is left
// empty, and the grid fills it.
func (d *document) cell(t *parts.Tokens, table *grid.Table) error {
	table.AddCell(1, 1)
	e, err := t.Next()
	for err == nil && e.Kind == parts.Characters {
		e, err = t.Next()
	}
	if err != nil {
		return err
	}
	if e.Kind != parts.StartElement {
		return nil // an empty cell: its end was read
	}
	if e.Name != "tcpr" {
		return d.element(t, e)
	}
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch {
		case e.Kind == parts.EndElement:
			depth--
		case e.Kind == parts.StartElement:
			depth++
			switch e.Name {
			case "gridspan":
				if n, err := strconv.Atoi(e.Attr("val")); err == nil {
					table.Span(n)
				}
			case "vmerge":
				if e.Attr("val") != "restart" {
					table.Continue()
				}
			}
		}
	}
	return nil
}

// closeTables ends the open tables down to the given number.
func (d *document) closeTables(left int) error {
	if err := d.flushCode(); err != nil {
		return err
	}
	for len(d.tables) > left {
		last := len(d.tables) - 1
		table := d.tables[last]
		d.tables = d.tables[:last]
		if d.role != "" {
			table.As(d.role)
		}
		if err := d.put(grid.Piece{Table: table}); err != nil {
			return err
		}
	}
	return nil
}

// flushCode ends a code block: Word writes each line of code as a paragraph.
func (d *document) flushCode() error {
	if len(d.code) == 0 {
		return nil
	}
	text := strings.Join(d.code, "\n")
	d.code = d.code[:0]
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return d.put(grid.Piece{Block: rag.Block{Kind: rag.Code}, Text: text})
}
