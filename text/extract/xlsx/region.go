package xlsx

import (
	"cmp"
	"slices"
)

const (
	maxCuts   = 8   // times that a region is cut again
	maxTables = 200 // defined tables of a sheet that are regions of their own
	farApart  = 3   // empty rows between a table and its continuation, at most
	maxSpace  = 2   // empty columns within a table, at most
)

// region is a part of a sheet without empty rows and columns.
type region struct {
	area
	cells []cell
	table *defined // that it is
}

// regions finds what belongs together: the tables that the workbook defines, and of
// the rest what empty rows and columns divide.
func (s *sheet) regions() []region {
	rest := s.cells
	var out []region
	for i := range s.tables[:min(len(s.tables), maxTables)] {
		t := &s.tables[i]
		var in, left []cell
		for _, c := range rest {
			if t.holds(c.at) {
				in = append(in, c)
			} else {
				left = append(left, c)
			}
		}
		if len(in) > 0 {
			r := bounded(in)
			r.table = t
			out = append(out, r)
			rest = left
		}
	}
	loose := join(divide(rest, 0))
	out = append(out, loose...)
	slices.SortStableFunc(out, func(a, b region) int {
		if c := cmp.Compare(a.from.row, b.from.row); c != 0 {
			return c
		}
		return cmp.Compare(a.from.column, b.from.column)
	})
	return out
}

// bounded makes a region of cells, of which there is at least one.
func bounded(cells []cell) region {
	r := region{area: area{cells[0].at, cells[0].at}, cells: cells}
	for _, c := range cells {
		r.from.row, r.to.row = min(r.from.row, c.at.row), max(r.to.row, c.at.row)
		r.from.column, r.to.column = min(r.from.column, c.at.column), max(r.to.column, c.at.column)
	}
	return r
}

// divide cuts cells, which are in order, at empty rows, each part at empty columns,
// and so on.
func divide(cells []cell, cuts int) []region {
	if len(cells) == 0 {
		return nil
	}
	var out []region
	for start, i := 0, 1; i <= len(cells); i++ {
		if i < len(cells) && cells[i].at.row <= cells[i-1].at.row+1 {
			continue
		}
		band := cells[start:i]
		start = i
		columns := apart(band)
		switch {
		case len(columns) == 1 || cuts == maxCuts:
			out = append(out, bounded(band))
		default:
			for _, c := range columns {
				out = append(out, divide(c, cuts+1)...)
			}
		}
	}
	return out
}

// apart cuts cells at empty columns.
func apart(cells []cell) [][]cell {
	used := make([]int32, len(cells))
	for i, c := range cells {
		used[i] = c.at.column
	}
	slices.Sort(used)
	used = slices.Compact(used)
	var firsts []int32 // column with which each part begins
	for i, c := range used {
		if i == 0 || c > used[i-1]+1 {
			firsts = append(firsts, c)
		}
	}
	if len(firsts) == 1 {
		return [][]cell{cells}
	}
	of := func(c cell) int {
		i, exact := slices.BinarySearch(firsts, c.at.column)
		if !exact {
			i--
		}
		return i
	}
	parts := make([]region, len(firsts))
	for _, c := range cells {
		i := of(c)
		parts[i].cells = append(parts[i].cells, c)
	}
	target := make([]int, len(firsts)) // the part that each one belongs to
	for i := range parts {
		parts[i] = bounded(parts[i].cells)
		if target[i] = i; i > 0 && spaced(&parts[i-1], &parts[i]) {
			target[i] = target[i-1]
		}
	}
	out := make([][]cell, len(firsts))
	for _, c := range cells {
		i := target[of(c)]
		out[i] = append(out[i], c)
	}
	return slices.DeleteFunc(out, func(cells []cell) bool { return len(cells) == 0 })
}

// spaced reports whether only narrow empty columns stand between two parts of one
// table: they fill the same rows, and one of them cannot stand alone, being a single
// column or figures whose names are in the other.
func spaced(left, right *region) bool {
	if right.from.column-left.to.column > maxSpace+1 {
		return false
	}
	l, r := left.rows(), right.rows()
	shared, i := 0, 0
	for _, row := range r {
		for i < len(l) && l[i] < row {
			i++
		}
		if i < len(l) && l[i] == row {
			shared++
		}
	}
	if shared < 3 || 10*shared < 7*min(len(l), len(r)) || 2*shared < max(len(l), len(r)) {
		return false
	}
	return left.from.column == left.to.column || right.from.column == right.to.column || left.named() && !right.named()
}

// rows returns the rows that hold something.
func (r *region) rows() []int32 {
	var out []int32
	for _, c := range r.cells {
		if n := len(out); n == 0 || out[n-1] != c.at.row {
			out = append(out, c.at.row)
		}
	}
	return out
}

// named reports whether the first column of a region holds words mostly, as the names
// of its rows.
func (r *region) named() bool {
	text, all := 0, 0
	for _, c := range r.cells {
		if c.at.column == r.from.column {
			all++
			if c.kind == words {
				text++
			}
		}
	}
	return 2*text > all
}

// join puts together what only an empty row within a table divided: the rows below
// it lie in the same columns, have figures where those above do, and so no header.
func join(regions []region) []region {
	var out []region
	for _, r := range regions {
		if n := len(out); n > 0 && out[n-1].continues(r) {
			last := &out[n-1]
			last.cells = append(slices.Clip(last.cells), r.cells...)
			last.to.row = r.to.row
			continue
		}
		out = append(out, r)
	}
	return out
}

// continues reports whether below goes on with the table r.
func (r *region) continues(below region) bool {
	gap := below.from.row - r.to.row - 1
	if gap < 1 || gap > farApart || below.from.column < r.from.column || below.to.column > r.to.column || r.to.row-r.from.row < 2 {
		return false
	}
	kinds := map[int32]kind{}
	for i := len(r.cells) - 1; i >= 0 && r.cells[i].at.row == r.to.row; i-- {
		kinds[r.cells[i].at.column] = r.cells[i].kind
	}
	figures := false
	for _, c := range below.cells {
		if c.at.row != below.from.row {
			break
		}
		k, known := kinds[c.at.column]
		if known && k != c.kind {
			return false
		}
		figures = figures || known && c.kind != words
	}
	return figures
}
