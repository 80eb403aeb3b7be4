package xlsx

import (
	"regexp"
	"strconv"
	"strings"
)

// matrix is the rows of a table.
type matrix []row

// automatic are names that programs give to tables by themselves.
var automatic = regexp.MustCompile(`(?i)^(table|tabelle|tableau|tabla|tabella|tabela|tabel|таблица|表|テーブル)[_ ]?\d*$`)

// named reports whether a person named the table.
func named(name string) bool { return name != "" && !automatic.MatchString(name) }

// withHeader returns the rows with their header in front: the first row, two rows
// where the upper one groups the columns of the lower, or an empty one where the
// first row is data already.
func (m matrix) withHeader(table *defined) [][]string {
	header, rest := m[0].texts(), m[1:]
	switch {
	case table != nil && table.header:
	case table != nil || m.headless():
		header, rest = make([]string, len(header)), m
	case len(m) > 2 && m[0].merged && m[1].labels() && !m[2].labels():
		lower := m[1].texts()
		for i := range header {
			if header[i] != lower[i] {
				header[i] = strings.TrimSpace(header[i] + " " + lower[i])
			}
		}
		rest = m[2:]
	}
	out := make([][]string, 0, len(rest)+1)
	out = append(out, header)
	for _, r := range rest {
		out = append(out, r.texts())
	}
	return out
}

func (r *row) texts() []string {
	out := make([]string, len(r.cells))
	for i, c := range r.cells {
		out[i] = c.text
	}
	return out
}

// labels reports whether a row holds words only, or years, as a header does.
func (r *row) labels() bool {
	for _, c := range r.cells {
		if c.text != "" && c.kind != words && !(c.kind == figure && year(c.text)) {
			return false
		}
	}
	return true
}

// headless reports whether the first row is data: it has figures or dates, in every
// column the same kind as the row below it, and they are not the years that often
// stand as a header.
func (m matrix) headless() bool {
	if len(m) < 2 {
		return false
	}
	data := false
	for i, c := range m[0].cells {
		below := m[1].cells[i]
		if c.text == "" || below.text == "" {
			continue
		}
		if c.kind != below.kind {
			return false
		}
		data = data || c.kind == figure && !year(c.text) || c.kind == day
	}
	return data
}

func year(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1800 && n <= 2200
}
