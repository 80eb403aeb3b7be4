package rst

import (
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxColumns is the most columns of a table; one with more is read as code.
const maxColumns = 500

// maxHeader is the most rows that are taken for one header.
const maxHeader = 10

var gridRule = regexp.MustCompile(`^[-=+]+$`)

// grid reads a grid table that begins with line i.
func (p *parser) grid(lines []string, i int, at place) (end int, err error) {
	width := len(lines[i])
	for end = i; end < len(lines) && lines[end] != "" && (lines[end][0] == '+' || lines[end][0] == '|'); end++ {
		if utf8.RuneCountInString(lines[end]) < width {
			break
		}
	}
	g := newGrid(lines[i:end])
	if end-i < 3 || g == nil {
		return max(end, i+1), p.code(lines[i:max(end, i+1)])
	}
	for _, l := range lines[i+1 : end] {
		g.line([]rune(l))
	}
	return end, p.table(g.rows, g.header)
}

// gridTable collects the cells of a grid table. A cell that reaches over several
// columns stands in the first, one that reaches over several rows likewise.
type gridTable struct {
	borders []int      // columns of the signs that may divide cells
	cells   [][]string // lines of the cell that is open, by column
	begun   []int      // row in which it began
	rows    [][]string
	header  int // rows
}

func newGrid(lines []string) *gridTable {
	at := map[int]bool{}
	width := len(lines[0])
	for _, l := range lines {
		if l[0] != '+' || len(l) != width || !gridRule.MatchString(l) {
			continue
		}
		for i := range len(l) {
			if l[i] == '+' {
				at[i] = true
			}
		}
		if len(at) > maxColumns+1 {
			return nil
		}
	}
	g := &gridTable{}
	for i := range width {
		if at[i] {
			g.borders = append(g.borders, i)
		}
	}
	columns := len(g.borders) - 1
	g.cells, g.begun = make([][]string, columns), make([]int, columns)
	return g
}

// line takes a line of the table below its upper border.
func (g *gridTable) line(l []rune) {
	columns := len(g.borders) - 1
	rule := l[0] == '+'
	closed := make([]bool, columns)
	for c := 0; c < columns; {
		to := c + 1
		from := g.borders[c] + 1
		if !rule {
			for to < columns && l[g.borders[to]] != '|' && l[g.borders[to]] != '+' {
				to++
			}
		}
		s := string(l[min(from, len(l)):min(g.borders[to], len(l))])
		if rule && s != "" && gridRule.MatchString(s) {
			closed[c] = true
		} else if s = strings.TrimSpace(s); s != "" && s != "|" {
			g.cells[c] = append(g.cells[c], s)
		}
		c = to
	}
	if !rule {
		return
	}
	row := len(g.rows)
	g.rows = append(g.rows, make([]string, columns))
	for c := range columns {
		if !closed[c] {
			continue // the cell goes on in the next row
		}
		g.rows[g.begun[c]][c] = strings.Join(g.cells[c], "\n")
		g.cells[c], g.begun[c] = nil, row+1
	}
	if g.header == 0 && strings.Contains(string(l), "=") {
		g.header = row + 1
	}
}

// simple reads a simple table that begins with line i.
func (p *parser) simple(lines []string, i int, at place) (end int, err error) {
	top := lines[i]
	var starts []int
	for c := range len(top) {
		if top[c] == '=' && (c == 0 || top[c-1] == ' ') {
			starts = append(starts, c)
		}
	}
	borders := []int{}
	for end = i + 1; end < len(lines); end++ {
		if isBorder(lines[end]) {
			borders = append(borders, end)
			if end+1 >= len(lines) || lines[end+1] == "" {
				break
			}
		}
	}
	if len(borders) == 0 || len(starts) > maxColumns {
		return p.text(lines, i, at)
	}
	end = borders[len(borders)-1]
	header := 0
	var rows [][]string
	var open [][]string // lines of the cells of the last row
	flush := func() {
		if len(open) == 0 {
			return
		}
		row := make([]string, len(open))
		for c, l := range open {
			row[c] = strings.Join(l, "\n")
		}
		rows, open = append(rows, row), nil
	}
	for j := i + 1; j < end; j++ {
		l := lines[j]
		switch {
		case l == "" || strings.Trim(l, "- ") == "":
		case isBorder(l):
			flush()
			if header == 0 {
				header = len(rows)
			}
		default:
			row := cells([]rune(l), starts)
			if row[0] != "" {
				flush()
			}
			for c, s := range row {
				if c == len(open) {
					open = append(open, nil)
				}
				if s != "" {
					open[c] = append(open[c], s)
				}
			}
		}
	}
	flush()
	return end + 1, p.table(rows, header)
}

func isBorder(l string) bool { return l != "" && l[0] == '=' && strings.Trim(l, "= ") == "" }

// cells divides a line of a simple table. The last cell takes the rest.
func cells(l []rune, starts []int) []string {
	var row []string
	for c, from := range starts {
		if from >= len(l) {
			break
		}
		to := len(l)
		if c+1 < len(starts) {
			to = min(to, starts[c+1])
		}
		row = append(row, strings.Trim(strings.TrimSpace(string(l[from:to])), `\`))
	}
	return row
}

// table writes rows of which the first ones are the header.
func (p *parser) table(rows [][]string, header int) error {
	if 1 < header && header <= maxHeader {
		var top []string
		for _, r := range rows[:header] {
			for c, s := range r {
				if c == len(top) {
					top = append(top, "")
				}
				top[c] = strings.TrimSpace(top[c] + " " + s)
			}
		}
		rows = append([][]string{top}, rows[header:]...)
	}
	for _, r := range rows {
		for c := range r {
			r[c] = p.inline.text(r[c])
		}
	}
	return p.b.AddTable(0, rows)
}

// listTable writes a table that is a list of lists.
func (p *parser) listTable(d call, at place) error {
	var rows [][]string
	for _, l := range listItems(d.content) {
		var row []string
		for _, c := range listItems(l) {
			row = append(row, strings.TrimSpace(strings.Join(c, "\n")))
		}
		if len(row) > maxColumns {
			return p.blocks(d.content, at)
		}
		rows = append(rows, row)
	}
	header, _ := strconv.Atoi(strings.TrimSpace(d.options["header-rows"]))
	return p.table(rows, min(max(header, 0), len(rows)))
}

// listItems returns the items of a bullet list.
func listItems(lines []string) [][]string {
	var items [][]string
	for i := skipBlank(lines, 0); i < len(lines); i = skipBlank(lines, i) {
		mark := bullet.FindString(lines[i])
		if mark == "" {
			i++
			continue
		}
		var in []string
		in, i = item(lines, i, len(mark))
		items = append(items, in)
	}
	return items
}

// csvTable writes a table whose content is delimited text.
func (p *parser) csvTable(d call) error {
	var rows [][]string
	for _, s := range []string{d.options["header"], strings.Join(d.content, "\n")} {
		r := csv.NewReader(strings.NewReader(s))
		r.LazyQuotes, r.TrimLeadingSpace, r.FieldsPerRecord = true, true, -1
		switch delimiter := d.options["delim"]; {
		case delimiter == "tab":
			r.Comma = '\t'
		case delimiter == "space":
			r.Comma = ' '
		case len(delimiter) == 1 && isSign(delimiter[0]) && delimiter != `"`:
			r.Comma = rune(delimiter[0])
		}
		for {
			row, err := r.Read()
			if err != nil {
				break // what is sound counts
			}
			rows = append(rows, row)
		}
	}
	return p.table(rows, 1)
}
