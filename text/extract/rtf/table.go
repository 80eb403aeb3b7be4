package rtf

import (
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

const (
	maxTables = 16        // tables nested deeper count as this deep
	maxCells  = 2_000_000 // of all tables
	near      = 60        // twips within which two edges are one
)

// place is how a row defines one of its cells.
type place struct {
	right     int  // edge, in twips
	joins     bool // it is part of the cell to its left
	continues bool // it is part of the cell above
}

// table is a table while it is read.
type table struct {
	cell []grid.Piece // content of the cell that is being read
	row  [][]grid.Piece
	rows []tableRow
}

type tableRow struct {
	cells  [][]grid.Piece
	places []place
}

// define takes a word of a row's definition.
func (f *flow) define(t token) {
	switch t.name {
	case "trowd":
		f.row, f.next = nil, place{}
	case "clmrg":
		f.next.joins = true
	case "clvmrg":
		f.next.continues = true
	case "cellx":
		f.next.right = t.number
		if len(f.row) < 1000 {
			f.row = append(f.row, f.next)
		}
		f.next = place{}
	}
}

// open makes sure that tables are open up to a nesting.
func (f *flow) open(nesting int) {
	for len(f.tables) < nesting {
		f.tables = append(f.tables, &table{})
	}
}

// tableWord ends a cell or a row.
func (r *reader) tableWord(name string) error {
	if name == "nestrow" {
		return r.endRow(max(r.cur.table, 2))
	}
	nesting := 1
	if name == "nestcell" {
		nesting = max(r.cur.table, 2)
	}
	if name == "row" {
		if f := r.flow(); len(f.text) > 0 || len(f.code) > 0 {
			if err := r.endCell(nesting); err != nil {
				return err
			}
		}
		return r.endRow(nesting)
	}
	return r.endCell(nesting)
}

func (r *reader) endCell(nesting int) error {
	if r.cells++; r.cells > maxCells {
		return rag.Errorf(rag.KindExhausted, "its tables hold more than %d cells", maxCells)
	}
	// A writer may leave \intbl out: the cell's end tells as well.
	table := r.cur.table
	r.cur.table = nesting
	err := r.paragraph()
	if err == nil {
		err = r.flushCode()
	}
	r.cur.table = table
	if err == nil {
		err = r.closeTables(nesting)
	}
	if err != nil {
		return err
	}
	f := r.flow()
	f.open(nesting)
	t := f.tables[nesting-1]
	t.row = append(t.row, t.cell)
	t.cell = nil
	return nil
}

func (r *reader) endRow(nesting int) error {
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.closeTables(nesting); err != nil {
		return err
	}
	f := r.flow()
	f.open(nesting)
	f.tables[nesting-1].endRow(f.row)
	return nil
}

// endRow ends the row. Rows share a definition that holds for several of them.
func (t *table) endRow(places []place) {
	if len(t.cell) > 0 {
		t.row = append(t.row, t.cell)
		t.cell = nil
	}
	if len(t.row) > 0 {
		t.rows = append(t.rows, tableRow{t.row, places})
	}
	t.row = nil
}

// closeTables ends the open tables down to the given number. One within another
// becomes part of the cell around it.
func (r *reader) closeTables(left int) error {
	f := r.flow()
	for len(f.tables) > left {
		last := len(f.tables) - 1
		t := f.tables[last]
		f.tables = f.tables[:last]
		t.endRow(nil)
		if len(t.rows) == 0 {
			continue
		}
		p := grid.Piece{Table: t.grid()}
		if last > 0 {
			outer := f.tables[last-1]
			outer.cell = append(outer.cell, p)
			continue
		}
		r.held -= t.size()
		if err := r.put(p); err != nil {
			return err
		}
	}
	return nil
}

// size returns the bytes of the table's text.
func (t *table) size() int {
	n := 0
	for _, row := range t.rows {
		for _, cell := range row.cells {
			for _, p := range cell {
				n += len(p.Text)
			}
		}
	}
	return n
}

// grid lays the table out. Rows say where their cells end on the page; where that
// agrees well enough, a cell that is as wide as several of another row spans these.
func (t *table) grid() *grid.Table {
	edges := t.edges()
	out := &grid.Table{}
	for _, row := range t.rows {
		out.AddRow()
		before, columns := 0, 0
		for i, cell := range row.cells {
			var at place
			if i < len(row.places) {
				at = row.places[i]
			}
			width := 1
			if len(edges) > 0 && i < len(row.places) {
				end, _ := slices.BinarySearch(edges, at.right)
				width = max(1, end+1-before)
				before = end + 1
			}
			if at.joins && i > 0 {
				columns += width
				out.Span(columns)
			} else {
				columns = width
				out.AddCell(width, 1)
			}
			if at.continues {
				out.Continue()
			}
			for _, p := range cell {
				out.Put(p)
			}
		}
	}
	return out
}

// edges returns where columns end, nil if the rows have too little in common to be
// columns of one table. Each is the largest of the edges that are taken for one.
func (t *table) edges() []int {
	var all []int
	most := 0
	for _, row := range t.rows {
		if len(row.places) != len(row.cells) {
			continue
		}
		most = max(most, len(row.cells))
		for _, at := range row.places {
			all = append(all, at.right)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	var edges []int
	for _, x := range all {
		if n := len(edges); n > 0 && x-edges[n-1] <= near {
			edges[n-1] = x
		} else {
			edges = append(edges, x)
		}
	}
	if len(edges) > 2*most {
		return nil
	}
	return edges
}
