package pdf

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// A table is taken for one where its rules say so: lines across and down that meet and
// make cells, at least two by two, most of them with text. A frame has one cell, a chart
// with a grid has none with text, what is underlined has no lines down. Tables without
// such lines stay lines of text: what tells their columns from those of a page, or from
// words that happen to stand below each other, is no more than likely.
const (
	maxCells    = 10_000 // of one table
	filledShare = 0.5    // of a table's cells have text
	maxCellText = 2000   // bytes; a cell that holds more makes a page of boxes, not a table
	fewCells    = 6      // a table of so few, whose text is long in the mean, is one too
	longMean    = 400    // bytes
	inkShare    = 0.05   // of its area is covered by text; a chart has labels only
	cellGap     = 0.15   // of a letter's height: so much room between two letters is enough for a rule
)

// ruled is a table by its rules. Where no rule parts two places of the grid they are one
// cell.
type ruled struct {
	xs, ys []float64 // of the rules down and across, ascending
	cells  []cell
	of     []int // the cell of each place of the grid, row by row
}

type cell struct {
	row, col, rows, cols int
}

func (t *ruled) columns() int { return len(t.xs) - 1 }

func (t *ruled) box() rag.Box {
	return rag.Box{X0: tenth(t.xs[0]), Y0: tenth(t.ys[0]), X1: tenth(t.xs[len(t.xs)-1]), Y1: tenth(t.ys[len(t.ys)-1])}
}

// at returns the cell in which a place of the sheet lies, -1 for none.
func (t *ruled) at(x, y float64) int {
	col, row := slot(t.xs, x), slot(t.ys, y)
	if col < 0 || row < 0 {
		return -1
	}
	return t.of[row*t.columns()+col]
}

// slot returns between which two of the ascending places v lies, -1 if outside.
func slot(places []float64, v float64) int {
	i, _ := slices.BinarySearchFunc(places, v, func(p, v float64) int { return cmp.Compare(p, v) })
	if i == 0 || i == len(places) {
		return -1
	}
	return i - 1
}

// sets are disjoint sets of numbers.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) find(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(a, b int) { s[s.find(a)] = s.find(b) }

// tables returns the tables that the rules of a page make, from the top down.
func (r rules) tables() []*ruled {
	meets := newSets(len(r.across) + len(r.down))
	for i, a := range r.across {
		k, _ := slices.BinarySearchFunc(r.down, a.from-reach, func(d rule, v float64) int { return cmp.Compare(d.at, v) })
		for ; k < len(r.down) && r.down[k].at <= a.to+reach; k++ {
			if d := r.down[k]; d.from-reach <= a.at && a.at <= d.to+reach {
				meets.join(i, len(r.across)+k)
			}
		}
	}
	parts := map[int]*rules{}
	part := func(i int) *rules {
		root := meets.find(i)
		if parts[root] == nil {
			parts[root] = &rules{}
		}
		return parts[root]
	}
	for i, a := range r.across {
		p := part(i)
		p.across = append(p.across, a)
	}
	for i, d := range r.down {
		p := part(len(r.across) + i)
		p.down = append(p.down, d)
	}
	var out []*ruled
	for _, p := range parts {
		if t := p.table(); t != nil {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *ruled) int {
		return cmp.Or(cmp.Compare(a.ys[0], b.ys[0]), cmp.Compare(a.xs[0], b.xs[0]))
	})
	return out
}

// table makes a table of rules that meet, nil if they make none.
func (r rules) table() *ruled {
	if len(r.across) < 3 || len(r.down) == 0 {
		return nil
	}
	t := &ruled{xs: placesOf(r.down), ys: placesOf(r.across)}
	// A table may be open to the left and to the right.
	left, right := r.across[0].from, r.across[0].to
	for _, a := range r.across {
		left, right = min(left, a.from), max(right, a.to)
	}
	if left < t.xs[0]-2*reach {
		t.xs = slices.Insert(t.xs, 0, left)
	}
	if right > t.xs[len(t.xs)-1]+2*reach {
		t.xs = append(t.xs, right)
	}
	columns, rows := len(t.xs)-1, len(t.ys)-1
	if columns < 2 || rows < 2 || columns*rows > maxCells {
		return nil
	}
	return t.merge(r)
}

// placesOf returns where rules lie, each place once.
func placesOf(all []rule) []float64 {
	var out []float64
	for _, r := range all {
		if len(out) == 0 || r.at > out[len(out)-1] {
			out = append(out, r.at)
		}
	}
	return out
}

// merge makes cells of the places that no rule parts; nil if one is not a rectangle.
func (t *ruled) merge(r rules) *ruled {
	columns, rows := t.columns(), len(t.ys)-1
	above := make([]bool, columns*rows) // a rule lies on the upper edge of the place
	before := make([]bool, columns*rows)
	for _, a := range r.across {
		row, _ := slices.BinarySearch(t.ys, a.at)
		for col := 0; col < columns && row < rows; col++ {
			if middle := (t.xs[col] + t.xs[col+1]) / 2; a.from <= middle && middle <= a.to {
				above[row*columns+col] = true
			}
		}
	}
	for _, d := range r.down {
		col, _ := slices.BinarySearch(t.xs, d.at)
		for row := 0; row < rows && col < columns; row++ {
			if middle := (t.ys[row] + t.ys[row+1]) / 2; d.from <= middle && middle <= d.to {
				before[row*columns+col] = true
			}
		}
	}
	places := newSets(columns * rows)
	for i := range places {
		if i >= columns && !above[i] {
			places.join(i, i-columns)
		}
		if i%columns > 0 && !before[i] {
			places.join(i, i-1)
		}
	}
	t.of = make([]int, columns*rows)
	number := map[int]int{}
	sizes := []int{}
	for i := range places {
		root := places.find(i)
		n, known := number[root]
		if !known {
			n = len(t.cells)
			number[root] = n
			t.cells, sizes = append(t.cells, cell{i / columns, i % columns, 1, 1}), append(sizes, 0)
		}
		c := &t.cells[n]
		if i%columns < c.col {
			return nil
		}
		c.rows, c.cols = max(c.rows, i/columns-c.row+1), max(c.cols, i%columns-c.col+1)
		sizes[n]++
		t.of[i] = n
	}
	for n, c := range t.cells {
		if sizes[n] != c.rows*c.cols {
			return nil
		}
	}
	return t
}

// holds reports whether the lines in a table's cells are those of one.
func (t *ruled) holds(lines []line) bool {
	size := make([]int, len(t.cells))
	all, ink := 0, 0.0
	for _, l := range lines {
		if l.table == t {
			size[l.cell] += len(l.text)
			all += len(l.text)
			ink += area(l.box)
		}
	}
	if ink < inkShare*area(t.box()) {
		return false
	}
	// Rows and columns without any text, which a double rule makes, do not count.
	rows, columns := make([]int, len(t.ys)-1), make([]int, t.columns())
	for n, c := range t.cells {
		if size[n] > maxCellText {
			return false
		}
		if size[n] > 0 {
			rows[c.row]++
			columns[c.col]++
		}
	}
	filled, open := 0, 0
	for n, c := range t.cells {
		switch {
		case size[n] > 0:
			filled++
		case slices.Max(rows[c.row:c.row+c.rows]) > 0 && slices.Max(columns[c.col:c.col+c.cols]) > 0:
			open++
		}
	}
	several := func(counts []int) int {
		n := 0
		for _, c := range counts {
			if c >= 2 {
				n++
			}
		}
		return n
	}
	if several(rows) < 2 || several(columns) < 2 || float64(filled) < filledShare*float64(filled+open) {
		return false
	}
	return filled > fewCells || all <= longMean*filled
}

func area(b rag.Box) float64 { return float64(b.X1-b.X0) * float64(b.Y1-b.Y0) }

// inCell returns so much of a line as lies in one cell of a table, or outside of all,
// and which. A line ends at a rule only where its letters leave room for one. index is
// the place of the line's first character.
func (p placer) inCell(raw string, index int, parts []part, tables []*ruled) (head string, in *ruled, number int) {
	if !p.reaches(parts, tables) || utf8.RuneCountInString(raw) > maxCrooked {
		return raw, nil, -1
	}
	number = -1
	n, began, space := 0, false, false
	var last rag.Box
	for i, r := range raw {
		switch {
		case unicode.IsSpace(r) || r == lineHyphen:
			space = space || r != lineHyphen
		default:
			b := p.box(p.char(index + n))
			if b == (rag.Box{}) {
				break
			}
			table, cell := cellAt(tables, b)
			room := space || last == (rag.Box{}) || b.X0-last.X1 > cellGap*(b.Y1-b.Y0) || !abreast(last, b)
			switch {
			case !began:
				in, number, began = table, cell, true
			case (table != in || cell != number) && room:
				return raw[:i], in, number
			}
			last, space = b, false
		}
		n++
	}
	return raw, in, number
}

// cellAt returns the table and the cell in which the middle of a letter lies.
func cellAt(tables []*ruled, b rag.Box) (*ruled, int) {
	for _, t := range tables {
		if n := t.at(float64(b.X0+b.X1)/2, float64(b.Y0+b.Y1)/2); n >= 0 {
			return t, n
		}
	}
	return nil, -1
}

// reaches reports whether a line reaches into a table.
func (p placer) reaches(parts []part, tables []*ruled) bool {
	var box rag.Box
	for _, part := range parts[:min(len(parts), maxParts)] {
		box = box.Union(p.box(p.char(part.first))).Union(p.box(p.char(part.last)))
	}
	for _, t := range tables {
		if b := t.box(); box.X0 < b.X1 && b.X0 < box.X1 && box.Y0 < b.Y1 && b.Y0 < box.Y1 {
			return true
		}
	}
	return false
}
