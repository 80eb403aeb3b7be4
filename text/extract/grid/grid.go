// Package grid turns the tables of formats whose cells hold whole documents
// (HTML, DOCX) into the two things that a reader sees in them: a data table
// becomes one Markdown pipe table, while a table that is only there to place
// things on a page dissolves into its contents in reading order.
package grid

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// What makes a table a layout: one column, a heading, code or another table in
// a cell, or more text in a cell than a data table holds.
const (
	maxCell    = 2000 // bytes
	maxSpan    = 100  // columns or rows that one cell is repeated over
	maxRepeat  = 256  // bytes of a cell that are repeated over its span
	maxColumns = 2000 // a row beyond that is cut into a layout

	// What spans repeat in one table is bounded: a small file can ask for gigabytes.
	// Beyond these they count as 1.
	maxRepeatedCells = 1 << 20
	maxRepeatedBytes = 4 << 20
)

// Piece is a block before it has a place in the text, or a table.
type Piece struct {
	Block rag.Block // kind, level and page
	Text  string
	Table *Table // in place of Block and Text
}

// Cell is one cell. Spans below 1 count as 1.
type Cell struct {
	Pieces           []Piece
	ColSpan, RowSpan int
	continues        bool // the cell above reaches down into this one
}

// Table is a table while it is read. Rows and cells are appended by AddRow and
// AddCell; content goes to the last cell.
type Table struct {
	Page   int
	Layout bool // known to be one: role="presentation"
	rows   [][]Cell
}

// AddRow begins a new row.
func (t *Table) AddRow() { t.rows = append(t.rows, nil) }

// AddCell begins a new cell in the last row, and a row if there is none.
func (t *Table) AddCell(colSpan, rowSpan int) {
	if len(t.rows) == 0 {
		t.AddRow()
	}
	last := len(t.rows) - 1
	t.rows[last] = append(t.rows[last], Cell{ColSpan: colSpan, RowSpan: rowSpan})
}

// Span sets over how many columns the last cell reaches.
func (t *Table) Span(columns int) {
	if c := t.last(); c != nil {
		c.ColSpan = columns
	}
}

// Continue makes the last cell a continuation of the one above it.
func (t *Table) Continue() {
	if c := t.last(); c != nil {
		c.continues = true
	}
}

// As gives every block of the table the same kind and dissolves the table, as
// for one that stands in a running header.
func (t *Table) As(kind rag.BlockKind) {
	t.Layout = true
	for _, row := range t.rows {
		for _, cell := range row {
			for i := range cell.Pieces {
				p := &cell.Pieces[i]
				p.Block.Kind, p.Block.Level = kind, 0
			}
		}
	}
}

func (t *Table) last() *Cell {
	if len(t.rows) == 0 {
		return nil
	}
	row := t.rows[len(t.rows)-1]
	if len(row) == 0 {
		return nil
	}
	return &row[len(row)-1]
}

// Put adds a piece to the last cell, beginning one if there is none.
func (t *Table) Put(p Piece) {
	if t.last() == nil {
		t.AddCell(1, 1)
	}
	c := t.last()
	c.Pieces = append(c.Pieces, p)
}

// AddTo appends the table to b, as one table or as its contents.
func (t *Table) AddTo(b *clean.Builder) error {
	if !t.layout() {
		return b.AddTable(t.Page, t.matrix())
	}
	for _, row := range t.rows {
		for _, cell := range row {
			for _, p := range cell.Pieces {
				if err := p.AddTo(b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// AddTo appends the piece to b.
func (p Piece) AddTo(b *clean.Builder) error {
	if p.Table != nil {
		return p.Table.AddTo(b)
	}
	return b.Add(p.Block, p.Text)
}

func (t *Table) layout() bool {
	if t.Layout {
		return true
	}
	columns := 0
	for _, row := range t.rows {
		columns = max(columns, len(row))
		for _, cell := range row {
			if cell.isLayout() {
				return true
			}
		}
	}
	return columns < 2 || columns > maxColumns
}

func (c *Cell) isLayout() bool {
	size := 0
	for _, p := range c.Pieces {
		if p.Table != nil || p.Block.Kind == rag.Heading || p.Block.Kind == rag.Code && strings.Contains(p.Text, "\n") {
			return true
		}
		size += len(p.Text)
	}
	return size > maxCell
}

func (c *Cell) text() string {
	if len(c.Pieces) == 1 {
		return c.Pieces[0].Text
	}
	parts := make([]string, len(c.Pieces))
	for i, p := range c.Pieces {
		parts[i] = p.Text
	}
	return strings.Join(parts, " ")
}

// matrix lays the cells out. A cell that spans columns or rows stands in each of
// them, so that every row can be read by itself.
func (t *Table) matrix() [][]string {
	type carried struct {
		text string
		rows int // still to be filled below
	}
	var down []carried  // by column
	cells, size := 0, 0 // repeated so far
	room := func() bool { return cells < maxRepeatedCells && size < maxRepeatedBytes }
	repeat := func(line []string, text string) []string {
		cells++
		size += len(text)
		return append(line, text)
	}
	out := make([][]string, 0, len(t.rows))
	for _, row := range t.rows {
		if len(row) == 0 {
			continue
		}
		var line []string
		fill := func() {
			for len(line) < len(down) && down[len(line)].rows > 0 && room() {
				down[len(line)].rows--
				line = repeat(line, down[len(line)].text)
			}
		}
		for _, cell := range row {
			fill()
			text := cell.text()
			if above := len(out) - 1; cell.continues && above >= 0 && len(line) < len(out[above]) && len(out[above][len(line)]) <= maxRepeat {
				text = out[above][len(line)]
			}
			again := text
			if len(again) > maxRepeat {
				again = ""
			}
			for i := range min(max(cell.ColSpan, 1), maxSpan) {
				if i > 0 && !room() {
					break
				}
				for len(down) <= len(line) {
					down = append(down, carried{})
				}
				down[len(line)] = carried{again, min(max(cell.RowSpan, 1), maxSpan) - 1}
				if i == 0 {
					line = append(line, text)
				} else {
					line = repeat(line, again)
				}
			}
		}
		fill()
		out = append(out, line)
	}
	return out
}
