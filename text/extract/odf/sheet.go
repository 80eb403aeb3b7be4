package odf

import (
	"maps"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// Limits on what spans and repetition make of a sheet.
const (
	maxSheetRepeat = 1000    // times that a row or cell with text is repeated
	maxSheetSpan   = 100     // rows or columns that a merged cell fills
	maxSpanText    = 256     // bytes of a cell that are repeated over its span
	maxAdded       = 1 << 20 // cells that repetition and spans add to one sheet
	maxColumn      = 1 << 20
	minDense       = 1 << 20 // places of a region up to which gaps do not matter
	maxSparse      = 8       // places for each cell beyond that
)

// spreadsheet reads the sheets of a spreadsheet.
func (d *document) spreadsheet(t *parts.Tokens) error {
	return t.Within(func(e parts.Token) error {
		switch {
		case e.Start("table"):
			return d.sheet(t, e)
		case e.Kind == parts.StartElement && passedOver[e.Name]:
			return t.Skip()
		}
		return nil
	})
}

// value is a cell with text. A sheet is kept as the cells that have any: a million
// empty ones cost nothing.
type value struct {
	column int
	text   string
	filled bool // by a merged cell elsewhere
}

// sheet is a sheet while it is read. Rows without text part it into regions, each a
// table of its own.
type sheet struct {
	d      *document
	name   string // "" once it was put out
	row    int
	region [][]value
	size   int             // bytes and places of the region
	spans  map[int]spanned // by column
	added  int             // cells that were not in the file
	behind []grid.Piece    // text of shapes on the sheet
}

type spanned struct {
	text string
	last int // row
}

// sheet reads a sheet up to its end.
func (d *document) sheet(t *parts.Tokens, e parts.Token) error {
	if d.styles.hidden("table", e.Attr("style-name")) {
		return t.Skip()
	}
	s := &sheet{d: d, name: e.Attr("name"), spans: map[int]spanned{}}
	failed := t.Within(func(e parts.Token) error {
		switch {
		case e.Start("table-row"):
			return s.readRow(t, e)
		case e.Start("shapes"):
			return s.drawn(t)
		case e.Kind == parts.StartElement && (passedOver[e.Name] || e.Name == "title" || e.Name == "desc"):
			return t.Skip()
		}
		return nil
	})
	if err := s.flush(); err != nil {
		return err
	}
	if len(s.behind) > 0 {
		if err := s.head(); err != nil {
			return err
		}
	}
	for _, p := range s.behind {
		d.held -= len(p.Text)
		if err := d.put(p); err != nil {
			return err
		}
	}
	return failed
}

// readRow reads a row and adds it to the region as often as it is repeated.
func (s *sheet) readRow(t *parts.Tokens, e parts.Token) error {
	times := max(1, number(e.Attr("number-rows-repeated"), 1))
	var row []value
	column := 0
	failed := t.Within(func(e parts.Token) (err error) {
		covered := e.Start("covered-table-cell")
		if !covered && !e.Start("table-cell") {
			return nil
		}
		repeated := max(1, number(e.Attr("number-columns-repeated"), 1))
		if column >= maxColumn {
			return t.Skip()
		}
		if covered {
			row = s.cover(row, column, repeated)
			column = min(column+repeated, maxColumn)
			return t.Skip()
		}
		columns, rows := number(e.Attr("number-columns-spanned"), 1), number(e.Attr("number-rows-spanned"), 1)
		text, err := s.text(t, e)
		if text != "" {
			row = s.fill(row, column, repeated, text)
			s.span(column, columns, rows, text)
		}
		column = min(column+repeated, maxColumn)
		return err
	})
	if err := s.add(row, times); err != nil {
		return err
	}
	return failed
}

// fill adds a cell that stands in some neighbouring columns.
func (s *sheet) fill(row []value, column, repeated int, text string) []value {
	for i := range min(repeated, maxSheetRepeat) {
		if i > 0 && !s.may(1) {
			break
		}
		row = append(row, value{column: column + i, text: text})
	}
	return row
}

// span notes over which places a merged cell reaches.
func (s *sheet) span(column, columns, rows int, text string) {
	if columns <= 1 && rows <= 1 || len(text) > maxSpanText || !s.may(min(columns, maxSheetSpan)) {
		return
	}
	for i := range min(max(columns, 1), maxSheetSpan) {
		s.spans[column+i] = spanned{text, s.row + min(max(rows, 1), maxSheetSpan) - 1}
	}
}

// cover fills places that a merged cell reaches over, so that every row can be read by
// itself.
func (s *sheet) cover(row []value, column, repeated int) []value {
	for i := range min(repeated, maxSheetSpan) {
		if at, is := s.spans[column+i]; is && s.row <= at.last && s.may(1) {
			row = append(row, value{column: column + i, text: at.text, filled: true})
		}
	}
	return row
}

// may counts cells that are not in the file and reports whether there is room for them.
func (s *sheet) may(n int) bool {
	s.added += n
	return s.added <= maxAdded
}

// add adds a row to the region, or ends the region where the row is empty.
func (s *sheet) add(row []value, times int) error {
	defer func() { s.row += min(times, maxColumn) }()
	if !slices.ContainsFunc(row, func(v value) bool { return !v.filled }) {
		row = nil
	}
	if len(row) == 0 {
		return s.flush()
	}
	size := 0
	for _, v := range row {
		size += len(v.text) + 3
	}
	for i := range min(times, maxSheetRepeat) {
		if i > 0 && !s.may(len(row)) {
			break
		}
		s.region = append(s.region, row)
		if s.size += size; s.d.room(s.size) != nil {
			return s.d.room(s.size)
		}
	}
	return nil
}

// head puts out the sheet's name before its first content.
func (s *sheet) head() error {
	name := s.name
	s.name = ""
	if strings.TrimSpace(name) == "" {
		return nil
	}
	return s.d.put(grid.Piece{Block: rag.Block{Kind: rag.Heading, Level: 1}, Text: name})
}

// flush puts out the region: rows of one cell before and between its first rows as
// lines of text, since they are titles and remarks, the others as a table.
func (s *sheet) flush() error {
	region := s.region
	s.region, s.size = nil, 0
	if len(region) == 0 {
		return nil
	}
	if err := s.head(); err != nil {
		return err
	}
	lines := 0
	for lines < len(region) && single(region[lines]) {
		lines++
	}
	if lines > 0 {
		var text strings.Builder
		for _, row := range region[:lines] {
			text.WriteString(strings.Join(strings.Fields(row[0].text), " ") + "\n")
		}
		if err := s.d.put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph}, Text: text.String()}); err != nil {
			return err
		}
	}
	return s.d.putRows(dense(region[lines:]))
}

// single reports whether a row has one cell of its own.
func single(row []value) bool {
	return !slices.ContainsFunc(row[1:], func(v value) bool { return !v.filled }) && !row[0].filled
}

// dense lays the cells of a region out in the columns that any of them uses. Where
// next to nothing of that would be filled, the rows are closed up.
func dense(region [][]value) [][]string {
	places, cells := map[int]int{}, 0
	for _, row := range region {
		cells += len(row)
		for _, v := range row {
			places[v.column] = 0
		}
	}
	for i, column := range slices.Sorted(maps.Keys(places)) {
		places[column] = i
	}
	closed := len(region)*len(places) > max(minDense, maxSparse*cells)
	rows := make([][]string, len(region))
	for i, row := range region {
		if closed {
			for _, v := range row {
				rows[i] = append(rows[i], v.text)
			}
			continue
		}
		rows[i] = make([]string, places[row[len(row)-1].column]+1)
		for _, v := range row {
			rows[i][places[v.column]] = v.text
		}
	}
	return rows
}

// putRows puts out a table of plain cells.
func (d *document) putRows(rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if err := d.flushCode(); err != nil {
		return err
	}
	if len(d.sinks) == 0 {
		return d.b.AddTable(d.page, rows)
	}
	tbl := &grid.Table{Page: d.page}
	size := 0
	for _, row := range rows {
		tbl.AddRow()
		for _, text := range row {
			tbl.AddCell(1, 1)
			tbl.Put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph, Page: d.page}, Text: text})
			size += len(text)
		}
	}
	if err := d.room(size); err != nil {
		return err
	}
	return d.put(grid.Piece{Table: tbl})
}

// text reads a cell as it is displayed; what a program left out of that is made of the
// cell's value.
func (s *sheet) text(t *parts.Tokens, e parts.Token) (string, error) {
	stored := ""
	for _, name := range []string{"string-value", "date-value", "time-value", "boolean-value", "value"} {
		if v := e.Attr(name); v != "" {
			stored = v
			break
		}
	}
	p := &para{}
	failed := t.Within(func(e parts.Token) error {
		switch {
		case e.Kind != parts.StartElement:
			return nil
		case e.Name == "p" || e.Name == "h":
			if p.text.Len() > 0 {
				p.write(" ")
			}
			return s.aside(func() error { return s.d.inline(t, p) })
		}
		return s.aside(func() error { return s.d.element(t, e) })
	})
	text := strings.TrimSpace(p.text.String())
	if text == "" && failed == nil {
		text = strings.TrimSpace(stored)
	}
	return text, failed
}

// aside runs read with what it finds beside the cells kept for the end of the sheet.
func (s *sheet) aside(read func() error) error {
	d := s.d
	depth := len(d.sinks)
	if err := d.begin(""); err != nil {
		return err
	}
	failed := read()
	pieces, err := d.endAt(depth)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		s.behind = append(s.behind, p)
		if err := d.hold(len(p.Text)); err != nil {
			return err
		}
	}
	return failed
}

// drawn reads the shapes that lie on the sheet.
func (s *sheet) drawn(t *parts.Tokens) error {
	return s.aside(func() error {
		return t.Within(func(e parts.Token) error { return s.d.element(t, e) })
	})
}
