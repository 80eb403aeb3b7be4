package pdf

import (
	"math"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// Many tables have rules between groups of rows only. Such a band of cells is taken
// apart where its lines stand side by side: each line of every cell at the height of a
// line of the others, and a column that is no running text, whose lines are figures or
// signs, or else so many lines in all columns alike that no text breaks so by chance.
const (
	sameBase  = 0.35 // of a font's size, by which lines beside each other may differ in height
	manyLines = 4    // in each of manyCells cells are rows whatever they say
	manyCells = 3
)

// grid puts the lines of a table into its cells. A cell that spans stands in each of its
// rows and columns, as in all formats.
func (t *ruled) grid(number int, lines []line, dict words) *grid.Table {
	inside := make([][]line, len(t.cells))
	for _, l := range lines {
		if l.table == t {
			inside[l.cell] = append(inside[l.cell], l)
		}
	}
	columns := make([]bool, t.columns())
	bands := make([]band, len(t.ys)-1)
	for n, c := range t.cells {
		if len(inside[n]) > 0 {
			columns[c.col] = true
			bands[c.row].lines++
			bands[c.row].single = bands[c.row].single || c.rows > 1
		}
	}
	for n, c := range t.cells {
		for row := c.row + 1; row < c.row+c.rows; row++ {
			bands[row].single = bands[row].single || len(inside[n]) > 0
		}
		bands[c.row].cells = append(bands[c.row].cells, n)
	}
	for i := range bands {
		bands[i].rows = min(1, bands[i].lines)
		if !bands[i].single {
			bands[i].split(inside)
		}
	}
	across := func(c cell) (n int) {
		for _, used := range columns[c.col : c.col+c.cols] {
			if used {
				n++
			}
		}
		return n
	}
	down := func(c cell) (n int) {
		for _, b := range bands[c.row : c.row+c.rows] {
			n += b.rows
		}
		return n
	}
	out := &grid.Table{Page: number}
	put := func(lines []line, columns, rows int) {
		out.AddCell(columns, rows)
		if len(lines) > 0 {
			p := newPara(number, lines, dict)
			out.Put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph, Page: number, Box: p.box}, Text: p.text})
		}
	}
	for _, b := range bands {
		for row := range b.rows {
			out.AddRow()
			for _, n := range b.cells {
				c := t.cells[n]
				switch width := across(c); {
				case width == 0:
				case b.bases == nil:
					put(inside[n], width, down(c))
				case len(b.parts[n]) > 0:
					put(b.parts[n][row], width, 1)
				case row == 0:
					put(inside[n], width, b.rows) // stands for all of them
				}
			}
		}
	}
	return out
}

// band is what stands between two neighbouring rules across.
type band struct {
	cells  []int // those that begin in it, from left to right
	lines  int   // of these with text
	single bool  // a cell reaches beyond it
	rows   int   // that it holds: 0 if it has no text

	bases []float64        // heights of its rows, nil if it is one
	parts map[int][][]line // the lines of a cell by row; none for one that stands for all rows
}

// split makes rows of the lines of a band, where they are rows.
func (b *band) split(inside [][]line) {
	// The column with most lines says how many rows there are, and where.
	var bases []float64
	heights := map[int][]float64{}
	for _, n := range b.cells {
		h, ok := basesOf(inside[n])
		if !ok {
			return
		}
		heights[n] = h
		if len(h) > len(bases) {
			bases = h
		}
	}
	if len(bases) < 2 {
		return
	}
	parts := map[int][][]line{}
	figures, full := false, 0
	for _, n := range b.cells {
		if len(inside[n]) == 0 {
			parts[n] = make([][]line, len(bases))
			continue
		}
		rows, ok := byRow(inside[n], bases)
		switch {
		case ok:
			parts[n] = rows
		case len(heights[n]) > 1:
			return
		}
		if len(heights[n]) == len(bases) {
			full++
			figures = figures || allFigures(inside[n])
		}
	}
	if full >= 2 && figures || full >= manyCells && full == b.lines && len(bases) >= manyLines {
		b.bases, b.parts, b.rows = bases, parts, len(bases)
	}
}

// basesOf returns the heights at which lines stand, from the top down; ok is false where
// they are not known, or a line goes on below itself.
func basesOf(lines []line) (heights []float64, ok bool) {
	for _, l := range lines {
		if !l.placed || l.end != l.y || l.hyphen || l.upright {
			return nil, false
		}
		n := len(heights)
		switch {
		case n == 0 || l.y < heights[n-1]-sameBase*max(l.size, 1):
			heights = append(heights, l.y)
		case math.Abs(l.y-heights[n-1]) > sameBase*max(l.size, 1):
			return nil, false // goes back up
		}
	}
	return heights, true
}

// byRow lays lines to rows of these heights; ok is false where one stands between them.
func byRow(lines []line, bases []float64) (rows [][]line, ok bool) {
	rows = make([][]line, len(bases))
	row := 0
	for _, l := range lines {
		slack := sameBase * max(l.size, 1)
		for row < len(bases) && bases[row]-l.y > slack {
			row++
		}
		if row == len(bases) || math.Abs(bases[row]-l.y) > slack {
			return nil, false
		}
		rows[row] = append(rows[row], l)
	}
	return rows, true
}

// allFigures reports whether every line is a number or a sign.
func allFigures(lines []line) bool {
	for _, l := range lines {
		if strings.IndexFunc(l.text, unicode.IsLetter) >= 0 {
			return false
		}
	}
	return true
}
