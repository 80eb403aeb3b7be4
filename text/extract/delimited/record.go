package delimited

import "strings"

// maxQuoted is the most bytes that a quoted cell may hold. A quote that is not
// closed within them is a character like any other; otherwise a single stray one
// would make the rest of the file one cell.
const maxQuoted = 1 << 20

// records reads one record after another. Blank lines are passed over.
//
// A cell that begins with a quote ends at the next quote that stands alone before
// a delimiter or a line end; two quotes are one. A quote elsewhere is kept, as
// programs that do not escape write it.
type records struct {
	source    string
	at        int
	delimiter byte
	fields    []string // of the last record, valid until the next
	open      int      // no quoted cell that is open ends before here
}

func newRecords(source string, delimiter byte) *records {
	return &records{source: source, delimiter: delimiter}
}

// next reads a record; false at the end.
func (r *records) next() bool {
	for r.at < len(r.source) && (r.source[r.at] == '\n' || r.source[r.at] == '\r') {
		r.at++
	}
	if r.at >= len(r.source) {
		return false
	}
	r.fields = r.fields[:0]
	for {
		r.fields = append(r.fields, r.field())
		if r.at >= len(r.source) {
			return true
		}
		c := r.source[r.at]
		r.at++
		if c != r.delimiter || c == '\n' {
			return true
		}
	}
}

// field reads a cell up to the delimiter or line end behind it.
func (r *records) field() string {
	start := r.at
	quote := start
	for quote < len(r.source) && r.source[quote] == ' ' {
		quote++
	}
	if quote < len(r.source) && r.source[quote] == '"' {
		if end, ok := r.close(quote + 1); ok {
			value := r.source[quote+1 : end]
			r.at = end + 1
			for r.at < len(r.source) && r.source[r.at] == ' ' {
				r.at++
			}
			return strings.ReplaceAll(value, `""`, `"`)
		}
	}
	for r.at < len(r.source) && !r.ends(r.at) {
		r.at++
	}
	return r.source[start:r.at]
}

// ends reports whether a cell that is not quoted ends at i.
func (r *records) ends(i int) bool {
	return i >= len(r.source) || r.source[i] == '\n' || r.source[i] == '\r' || r.delimiter != 0 && r.source[i] == r.delimiter
}

// close finds the quote that ends the cell whose text begins at i.
func (r *records) close(i int) (end int, ok bool) {
	limit := min(len(r.source), i+maxQuoted)
	// A run of quotes right at the beginning is read by itself: in it the opening
	// quote counts. What lies further on was perhaps looked through before.
	run := i
	for run < limit && r.source[run] == '"' {
		run++
	}
	if (run-i)%2 == 1 && r.behind(run) {
		return run - 1, true
	}
	for at := max(run, r.open); at < limit; {
		q := strings.IndexByte(r.source[at:limit], '"')
		if q < 0 {
			break
		}
		q += at
		for at = q; at < limit && r.source[at] == '"'; {
			at++
		}
		if (at-q)%2 == 1 && r.behind(at) {
			return at - 1, true
		}
	}
	r.open = max(r.open, limit)
	return 0, false
}

// behind reports whether a quoted cell may end before i: blanks and the end of the
// cell follow.
func (r *records) behind(i int) bool {
	for n := 0; n < 64 && i < len(r.source) && r.source[i] == ' ' && r.delimiter != ' '; n++ {
		i++
	}
	return r.ends(i)
}
