package column

import (
	"bytes"
	"cmp"
)

// cursor walks the values of a column in their order.
type cursor struct {
	column column
	source int
	ranks  []uint32 // new rank of each value, filled in by the merge

	rank    int // -1 before the first
	numeric bool
	number  float64
	text    []byte
	rest    []byte // of the dictionary, after the value at hand
	done    bool
	equal   bool // to the value that the merge is at
}

func newCursor(t *Table, at uint64, source int) *cursor {
	c := &cursor{column: t.column(at), source: source, rank: -1}
	c.numeric = c.column.form == formNumber
	return c
}

// next moves to the next value and reports whether there is one.
func (c *cursor) next() bool {
	if c.rank++; c.rank >= int(c.column.values) {
		return false
	}
	switch {
	case c.numeric:
		c.number = c.column.number(c.rank)
	case c.column.form == formUUID:
		c.text = c.column.text(c.text, c.rank)
	default:
		if c.rank%blockValues == 0 {
			c.rest = c.column.block(c.rank / blockValues)
		}
		c.text, c.rest = nextText(c.text, c.rest)
	}
	return true
}

func (c *cursor) compare(o *cursor) int {
	if c.numeric {
		return cmp.Compare(c.number, o.number)
	}
	return bytes.Compare(c.text, o.text)
}
