package xlsx

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	maxLines    = 50      // lines of a list that are one block
	maxLine     = 200     // bytes of a cell beyond which it is a paragraph of its own
	maxRepeat   = 256     // bytes of a merged cell that are repeated over its area
	maxRepeated = 1 << 22 // places of merged cells that are looked at in one sheet
	maxBlank    = 8       // places to each cell up to which a region is a table
	freeBlank   = 10_000  // places up to which it is one in any case
)

// putCells puts the sheet's cells out, region by region.
func (s *sheet) putCells() error {
	repeated := 0
	for _, r := range s.regions() {
		if err := s.putRegion(r, &repeated); err != nil {
			return err
		}
	}
	return nil
}

func (s *sheet) putRegion(r region, repeated *int) error {
	rows, columns := int(r.to.row-r.from.row)+1, int(r.to.column-r.from.column)+1
	switch {
	case columns == 1 && r.table == nil:
		return s.putList(r.cells)
	case rows == 1 && r.table == nil || rows*columns > maxBlank*len(r.cells)+freeBlank:
		return s.putRows(r.cells)
	}
	if r.table != nil && named(r.table.name) {
		if err := s.b.Add(rag.Block{Kind: rag.Caption}, r.table.name); err != nil {
			return err
		}
	}
	m := s.matrix(r, repeated)
	for len(m) > 1 && r.table == nil {
		title, is := m[0].title()
		if !is {
			break
		}
		if err := s.b.Add(rag.Block{Kind: rag.Caption}, title); err != nil {
			return err
		}
		m = m[1:]
	}
	if r.table == nil && len(m) == 1 {
		return s.b.Add(rag.Block{Kind: rag.Paragraph}, m[0].line())
	}
	return s.b.AddTable(0, m.withHeader(r.table))
}

// putList puts out a column of cells, as lines, or as paragraphs where they are long.
func (s *sheet) putList(cells []cell) error {
	var lines []string
	flush := func() error {
		text := strings.Join(lines, "\n")
		lines = lines[:0]
		return s.b.Add(rag.Block{Kind: rag.Paragraph}, text)
	}
	for _, c := range cells {
		if long := len(c.text) > maxLine; long || len(lines) == maxLines {
			if err := flush(); err != nil {
				return err
			}
		}
		lines = append(lines, c.text)
		if len(c.text) > maxLine {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// putRows puts out cells that make no table, a line for each row.
func (s *sheet) putRows(cells []cell) error {
	var lines []string
	for start, i := 0, 1; i <= len(cells); i++ {
		if i < len(cells) && cells[i].at.row == cells[start].at.row {
			continue
		}
		texts := make([]string, 0, i-start)
		for _, c := range cells[start:i] {
			texts = append(texts, strings.ReplaceAll(c.text, "\n", " "))
		}
		lines = append(lines, strings.Join(texts, " | "))
		start = i
		if len(lines) == maxLines || i == len(cells) {
			if err := s.b.Add(rag.Block{Kind: rag.Paragraph}, strings.Join(lines, "\n")); err != nil {
				return err
			}
			lines = lines[:0]
		}
	}
	return nil
}

// row is a row of a table.
type row struct {
	cells  []cell // one for each column; those that hold nothing have no text
	filled int    // cells of the sheet that hold something
	merged bool   // a cell of it reaches over several columns
}

// matrix lays out the cells of a region. A merged cell stands in each place that it
// covers, so that every row can be read by itself, unless it is as wide as the region
// or long. Rows without anything, between parts that were joined, are dropped.
func (s *sheet) matrix(r region, repeated *int) matrix {
	columns := int(r.to.column-r.from.column) + 1
	var out matrix
	index := map[int32]int{} // sheet row -> row of out
	for _, c := range r.cells {
		i, ok := index[c.at.row]
		if !ok {
			i = len(out)
			index[c.at.row] = i
			out = append(out, row{cells: make([]cell, columns)})
		}
		out[i].cells[c.at.column-r.from.column] = c
		out[i].filled++
	}
	for _, c := range r.cells {
		m, merged := s.merges[c.at]
		if !merged || m.from == m.to {
			continue
		}
		wide := m.to.column > m.from.column
		if i := index[c.at.row]; wide {
			out[i].merged = true
		}
		right := min(m.to.column, r.to.column)
		if len(c.text) > maxRepeat || c.at.column == r.from.column && right == r.to.column {
			continue
		}
		for at := m.from.row; at <= min(m.to.row, r.to.row) && *repeated < maxRepeated; at++ {
			*repeated++
			i, ok := index[at]
			if !ok {
				continue
			}
			for col := m.from.column; col <= right && *repeated < maxRepeated; col++ {
				*repeated++
				if to := &out[i].cells[col-r.from.column]; to.text == "" {
					to.kind, to.text = c.kind, c.text
				}
			}
		}
	}
	return out
}

// line is the row as a line of text.
func (r *row) line() string {
	var texts []string
	for _, c := range r.cells {
		if c.text != "" {
			texts = append(texts, strings.ReplaceAll(c.text, "\n", " "))
		}
	}
	return strings.Join(texts, " | ")
}

// title returns the text of a row that holds nothing else.
func (r *row) title() (string, bool) {
	if r.filled != 1 {
		return "", false
	}
	for _, c := range r.cells {
		if c.text != "" {
			return c.text, c.kind == words
		}
	}
	return "", false
}
