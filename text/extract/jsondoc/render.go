package jsondoc

import (
	"context"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// How values are laid out.
const (
	maxPath    = 160  // bytes of a path; of a longer one the end is shown
	longText   = 300  // bytes from which a text is a paragraph of its own
	maxGroup   = 1500 // bytes of a block of "key: value" lines
	smallValue = 8    // parts of an object or array that stay within the block around it
	maxInline  = 200  // bytes of an array that is one line
	maxCell    = 1000 // bytes of a cell
	maxColumns = 64
	encodedMin = 512 // bytes from which a text without blanks may be encoded data
)

// writer turns values into blocks.
type writer struct {
	ctx     context.Context
	b       *clean.Builder
	group   strings.Builder // "key: value" lines of the block that is open
	encoded int             // values left out
}

// record writes a value as blocks of its own.
func (w *writer) record(v node) error {
	if err := w.value("", v); err != nil {
		return err
	}
	return w.flush()
}

func (w *writer) flush() error {
	if w.group.Len() == 0 {
		return nil
	}
	defer w.group.Reset()
	return w.b.Add(rag.Block{Kind: rag.Paragraph}, w.group.String())
}

// line adds a line to the open block.
func (w *writer) line(s string) error {
	if w.group.Len() > 0 && w.group.Len()+len(s) > maxGroup {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.group.Len() > 0 {
		w.group.WriteByte('\n')
	}
	w.group.WriteString(s)
	return nil
}

// under returns the path of a part.
func under(path, key string) string {
	key = clean.Line(key)
	if path != "" && !strings.HasPrefix(key, "[") {
		path += "."
	}
	path += key
	if len(path) <= maxPath {
		return path
	}
	cut := len(path) - maxPath
	if i := strings.IndexByte(path[cut:], '.'); i >= 0 && i < maxPath/2 {
		cut += i + 1
	}
	return "…" + strings.ToValidUTF8(path[cut:], "")
}

func labelled(path, value string) string {
	if path == "" {
		return value
	}
	return path + ": " + value
}

// value writes what stands at a path.
func (w *writer) value(path string, v node) error {
	switch v.kind {
	case scalar:
		return w.line(labelled(path, v.text))
	case text:
		return w.string(path, v.text)
	case object:
		return w.members(path, v)
	case array:
		return w.elements(path, v)
	}
	return w.ctx.Err()
}

// string writes a text: as a line if it is short, and else as paragraphs.
func (w *writer) string(path, s string) error {
	switch {
	case isEncoded(s):
		w.encoded++
		return nil
	case len(s) <= longText && !strings.Contains(strings.TrimSpace(s), "\n"):
		if s = clean.Line(s); s == "" {
			return nil
		}
		return w.line(labelled(path, s))
	}
	if err := w.flush(); err != nil {
		return err
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for part := range strings.SplitSeq(s, "\n\n") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		if path != "" {
			part = path + ": " + strings.TrimLeft(part, " \t\n")
			path = ""
		}
		if err := w.b.Add(rag.Block{Kind: rag.Paragraph}, part); err != nil {
			return err
		}
	}
	return nil
}

// isEncoded reports whether a long text is data in base64 or the like.
func isEncoded(s string) bool {
	if len(s) < encodedMin {
		return false
	}
	if strings.HasPrefix(s, "data:") && strings.Contains(s[:64], ";base64,") {
		return true
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=', c == '-', c == '_':
		case c == '\n' && (i%65 == 64 || i%77 == 76): // lines as base64 has them
		default:
			return false
		}
	}
	return true
}

// members writes an object. One with many parts gets blocks of its own.
func (w *writer) members(path string, v node) error {
	own := path != "" && parts(v, smallValue+1) > smallValue
	if own {
		if err := w.flush(); err != nil {
			return err
		}
	}
	for i, m := range v.items {
		if err := w.value(under(path, v.keys[i]), m); err != nil {
			return err
		}
	}
	if own {
		return w.flush()
	}
	return nil
}

// parts counts the scalars in a value, as far as most.
func parts(v node, most int) int {
	if v.kind != object && v.kind != array {
		return 1
	}
	n := 0
	for _, c := range v.items {
		if n += parts(c, most-n); n >= most {
			break
		}
	}
	return max(n, 1)
}

// elements writes an array.
func (w *writer) elements(path string, v node) error {
	if line, ok := inline(v); ok {
		if line == "" {
			return nil
		}
		return w.line(labelled(path, line))
	}
	if rows, ok := uniform(v); ok {
		if path != "" {
			if err := w.line(path + ":"); err != nil {
				return err
			}
		}
		if err := w.flush(); err != nil {
			return err
		}
		return w.b.AddTable(0, rows)
	}
	if isList(v) {
		if path != "" {
			if err := w.line(path + ":"); err != nil {
				return err
			}
		}
		if err := w.flush(); err != nil {
			return err
		}
		for _, c := range v.items {
			if isEncoded(c.text) {
				w.encoded++
			} else if s := clean.Paragraph(c.text); s != "" {
				if err := w.b.Add(rag.Block{Kind: rag.ListItem, Level: 1}, "- "+s); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for i, c := range v.items {
		if err := w.value(under(path, "["+strconv.Itoa(i)+"]"), c); err != nil {
			return err
		}
		if path == "" || parts(c, smallValue) >= smallValue {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// inline returns an array of a few short scalars as one line.
func inline(v node) (line string, ok bool) {
	size := 0
	var all []string
	for _, c := range v.items {
		if c.kind == object || c.kind == array {
			return "", false
		}
		if size += len(c.text) + 2; size > maxInline {
			return "", false
		}
		if s := clean.Line(c.text); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, ", "), true
}

func isList(v node) bool {
	for _, c := range v.items {
		if c.kind == object || c.kind == array {
			return false
		}
	}
	return true
}

// uniform returns an array of like objects as the rows of a table: at least two,
// of short values, that have half of all members or more.
func uniform(v node) (rows [][]string, ok bool) {
	if len(v.items) < 2 {
		return nil, false
	}
	column := map[string]int{}
	var header []string
	filled := 0
	for _, c := range v.items {
		if c.kind != object {
			return nil, false
		}
		for i, key := range c.keys {
			if _, known := column[key]; !known {
				if len(header) == maxColumns {
					return nil, false
				}
				column[key] = len(header)
				header = append(header, key)
			}
			if _, ok := cell(c.items[i]); !ok {
				return nil, false
			}
		}
		filled += len(c.keys)
	}
	if len(header) < 2 || filled*2 < len(header)*len(v.items) {
		return nil, false
	}
	rows = append(rows, header)
	for _, c := range v.items {
		row := make([]string, len(header))
		for i, key := range c.keys {
			row[column[key]], _ = cell(c.items[i])
		}
		rows = append(rows, row)
	}
	return rows, true
}

// cell returns a value as the cell of a table.
func cell(v node) (s string, ok bool) {
	switch v.kind {
	case object:
		return "", len(v.items) == 0
	case array:
		return inline(v)
	}
	return v.text, len(v.text) <= maxCell
}
