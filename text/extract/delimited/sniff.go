package delimited

import (
	"regexp"
	"strings"
)

// Bounds on what is looked at to find delimiter and header.
const (
	sampled     = 64 << 10 // bytes
	maxSampled  = 200      // records
	maxPreamble = 20       // records above the header
	maxName     = 200      // bytes of a column's name
)

// candidates are the delimiters that are looked for, the likeliest first.
var candidates = []byte{',', '\t', ';', '|'}

// layout is what was found out about a table.
type layout struct {
	delimiter byte // 0 for one column
	header    bool
	skip      int      // records above the header
	preamble  []string // what they say
}

// survey looks at the beginning of a table. delimiter is 0 if it is not known.
func survey(source string, delimiter byte) layout {
	l := layout{delimiter: delimiter, header: true}
	if delimiter == 0 {
		l.delimiter, _ = sniff(sample(source))
	}
	var rows [][]string
	for r := newRecords(sample(source), l.delimiter); len(rows) < maxSampled && r.next(); {
		rows = append(rows, append([]string(nil), r.fields...))
	}
	if l.delimiter != 0 {
		for l.skip < min(maxPreamble, len(rows)-1) && filled(rows[l.skip]) == 1 && wider(rows[l.skip+1:]) {
			l.preamble = append(l.preamble, strings.TrimSpace(strings.Join(rows[l.skip], "")))
			l.skip++
		}
	}
	if rows = rows[l.skip:]; len(rows) > 0 {
		l.header = isHeader(rows[0], rows[1:])
	}
	return l
}

// sample is the beginning of a source up to a line end.
func sample(source string) string {
	if len(source) <= sampled {
		return source
	}
	source = source[:sampled]
	if i := strings.LastIndexByte(source, '\n'); i > 0 {
		return source[:i+1]
	}
	return source
}

// filled counts the cells that are not empty.
func filled(fields []string) int {
	n := 0
	for _, f := range fields {
		if strings.TrimSpace(f) != "" {
			n++
		}
	}
	return n
}

// wider reports whether the first records below a title have more than one cell.
func wider(rows [][]string) bool {
	for _, r := range rows[:min(len(rows), maxPreamble)] {
		if n := filled(r); n > 1 {
			return true
		}
	}
	return false
}

// sniff finds the delimiter by which most records of a sample have the same number
// of cells, more than one; 0 if there is none. share is the part of the records
// that do.
func sniff(head string) (delimiter byte, share float64) {
	most := 0.0
	for _, d := range candidates {
		counts := map[int]int{}
		records := 0
		for r := newRecords(head, d); records < maxSampled && r.next(); records++ {
			counts[len(r.fields)]++
		}
		usual, times := 1, 0
		for cells, n := range counts {
			if n > times || n == times && cells > usual {
				usual, times = cells, n
			}
		}
		if usual < 2 {
			continue
		}
		agree := float64(times) / float64(records)
		// More columns are weaker evidence than more agreement.
		if score := agree * (1 - .2/float64(usual)); agree >= .5 && score > most {
			delimiter, share, most = d, agree, score
		}
	}
	return delimiter, share
}

// Is reports whether a text of which head is the beginning (some thousand bytes)
// looks like a table of delimited text although its name does not say so: at least
// three records, all of the same number of cells, which are short. For a comma,
// which prose and code have too, it takes three columns and five records.
func Is(head string) bool {
	if i := strings.LastIndexByte(head, '\n'); i > 0 && len(head) >= 1024 {
		head = head[:i+1]
	}
	d, share := sniff(head)
	if d == 0 || share < 1 {
		return false
	}
	rows, cells, size := 0, 0, 0
	for r := newRecords(head, d); rows < maxSampled && r.next(); rows++ {
		cells = len(r.fields)
		for _, f := range r.fields {
			size += len(f)
		}
		switch first := strings.TrimSpace(r.fields[0]); {
		case d == '|' && (first == "" || strings.HasPrefix(first, "+-")), // a table of Markdown or of a terminal
			strings.HasPrefix(first, "{"), strings.HasPrefix(first, "<"):
			return false
		}
	}
	if d == ',' && (cells < 3 || rows < 5) || d != '\t' && strings.Contains(head, "();") {
		return false
	}
	return rows >= 3 && size <= 80*rows*cells
}

var number = regexp.MustCompile(`^[-+(]?[$€£¥]?\s*\d[\d.,'\s:/%-]*([eE][-+]?\d+)?\s*[%$€£¥)]?$|^\d{4}-\d\d-\d\d([T ][\d:.+Z-]+)?$`)

var year = regexp.MustCompile(`^(19|20)\d\d$`)

// isHeader reports whether the first record names the columns: not if it has
// numbers where the records below it have them too.
func isHeader(first []string, below [][]string) bool {
	votes := 0
	for i, name := range first {
		name = strings.TrimSpace(name)
		if len(name) > maxName {
			return false
		}
		numbers, values := 0, 0
		for _, row := range below[:min(len(below), 50)] {
			if i >= len(row) {
				continue
			}
			if v := strings.TrimSpace(row[i]); v != "" {
				values++
				if number.MatchString(v) {
					numbers++
				}
			}
		}
		if values == 0 || numbers*10 < values*9 || name == "" {
			continue
		}
		switch {
		case year.MatchString(name): // may name a column as well
		case number.MatchString(name):
			votes--
		default:
			votes++
		}
	}
	return votes >= 0
}
