package odf

import (
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxTables  = 16      // tables nested deeper are read as their contents
	maxRepeat  = 100     // times that a row or cell of a table in a text is repeated
	maxColumns = 1000    // empty ones before a cell
	maxCells   = 200_000 // that repetition adds to one table
	maxInAll   = 2 << 20 // cells of all tables of texts
)

// cell is a cell of a row that is being read.
type cell struct {
	pieces        []grid.Piece
	columns, rows int // that it reaches over
	times         int // it is repeated
}

// table reads a table of a text or a slide up to its end.
func (d *document) table(t *parts.Tokens, e parts.Token) error {
	if d.tables >= maxTables {
		return nil // its cells come as the next tokens
	}
	d.tables++
	tbl := &grid.Table{Page: d.page}
	added := 0
	failed := t.Within(func(e parts.Token) error {
		switch {
		case e.Start("table-row"):
			return d.row(t, e, tbl, &added)
		case e.Start("title"), e.Start("desc"):
			return t.Skip()
		case e.Kind == parts.StartElement && (passedOver[e.Name] || e.Name == "shapes"):
			return t.Skip()
		}
		return nil
	})
	d.tables--
	if err := d.put(grid.Piece{Table: tbl}); err != nil {
		return err
	}
	return failed
}

// row reads a row and adds it to tbl as often as it is repeated; added counts the
// cells that repetition makes.
func (d *document) row(t *parts.Tokens, e parts.Token, tbl *grid.Table, added *int) error {
	times := number(e.Attr("number-rows-repeated"), 1)
	var cells []cell
	empty, waiting := true, 0
	failed := t.Within(func(e parts.Token) error {
		covered := e.Start("covered-table-cell")
		if !covered && !e.Start("table-cell") {
			return nil
		}
		c := cell{times: number(e.Attr("number-columns-repeated"), 1)}
		c.columns, c.rows = number(e.Attr("number-columns-spanned"), 1), number(e.Attr("number-rows-spanned"), 1)
		if covered {
			return t.Skip() // the cell that covers it is repeated there
		}
		depth := len(d.sinks)
		if err := d.begin(""); err != nil {
			return err
		}
		err := t.Within(func(e parts.Token) error { return d.element(t, e) })
		pieces, ended := d.endAt(depth)
		if ended != nil {
			return ended
		}
		c.pieces = pieces
		if len(pieces) == 0 && c.columns <= 1 && c.rows <= 1 {
			waiting = min(waiting+c.times, maxColumns) // counts only if a cell with text follows
			return err
		}
		for ; waiting > 0; waiting-- {
			cells = append(cells, cell{times: 1})
		}
		empty = empty && len(pieces) == 0
		cells = append(cells, c)
		for _, p := range pieces {
			if err := d.hold(len(p.Text)); err != nil {
				return err
			}
			d.held -= len(p.Text) // it is counted anew when the table is put
		}
		return err
	})
	if !empty && waiting > 0 && waiting < maxColumns {
		cells = append(cells, make([]cell, waiting)...)
	}
	if empty {
		times = 1
	}
	if d.cells += len(cells); d.cells > maxInAll {
		return rag.Errorf(rag.KindExhausted, "its tables hold more than %d cells", maxInAll)
	}
	for i := range min(times, maxRepeat) {
		if i > 0 {
			if *added += len(cells); *added > maxCells {
				break
			}
		}
		tbl.AddRow()
		for _, c := range cells {
			for j := range min(max(c.times, 1), maxRepeat) {
				if j > 0 {
					if *added++; *added > maxCells {
						break
					}
				}
				tbl.AddCell(c.columns, c.rows)
				for _, p := range c.pieces {
					tbl.Put(p)
				}
			}
		}
	}
	return failed
}
