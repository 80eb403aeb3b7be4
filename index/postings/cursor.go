package postings

import (
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// Cursor walks the postings of a term in ascending order of rows, deleted rows included. A zero Cursor walks nothing. It can be reset for
// another term, which spares its memory. Not goroutine-safe.
type Cursor struct {
	s      *Segment
	term   Term
	l      list
	next   int // the block after the one that is decoded
	i, n   int // the posting in that, and how many it has
	block  kernel.Block
	places placesOf
	placed bool // whether the positions of the block are decoded
}

// Reset puts the cursor before the first posting of t, a term of s.
func (c *Cursor) Reset(s *Segment, t Term) {
	c.s, c.term = s, t
	c.l = s.openList(&c.term)
	c.next, c.i, c.n, c.placed = 0, -1, 0, false
}

// load decodes block b, and puts the cursor before its first posting. Without such a block it stands behind all postings.
func (c *Cursor) load(b int) bool {
	c.next, c.i, c.n, c.placed = b+1, -1, 0, false
	if b >= c.l.blocks {
		c.next = c.l.blocks
		return false
	}
	c.n = c.l.decode(&c.block, b)
	return true
}

// Next moves to the next posting, and says whether there is one.
func (c *Cursor) Next() bool {
	for c.i+1 >= c.n {
		if !c.load(c.next) {
			return false
		}
	}
	c.i++
	return true
}

// Seek moves to the first posting whose row is at least row, if the cursor does not stand at or behind it yet, and says whether there is one.
func (c *Cursor) Seek(row uint32) bool {
	if c.i >= 0 && c.i < c.n && c.block.Rows[c.i] >= row {
		return true
	}
	if c.i+1 >= c.n || c.block.Rows[c.n-1] < row {
		if !c.load(c.l.find(c.next, row)) {
			return false
		}
	}
	// The first of the rest that is at least row; a chunk may hold none.
	lo, hi := c.i+1, c.n
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); c.block.Rows[mid] < row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	c.i = lo - 1
	return c.Next()
}

// Row returns the row of the posting where the cursor stands. It must stand at one.
func (c *Cursor) Row() uint32 { return c.block.Rows[:c.n][c.i] }

// TF returns the term frequency there: the sum of the weights of the fields in which the term occurs, as often as it does, at most MaxTF.
func (c *Cursor) TF() int { return int(c.block.TFs[:c.n][c.i]) + 1 }

// Positions returns where the term occurs in that row, in ascending order, until the cursor moves: the first MaxPositions of them. A row's
// first term has position 0, and between the last term of a field and the first of the next lie FieldGap.
func (c *Cursor) Positions() []uint32 {
	if !c.placed {
		c.s.unpackPart(&c.places, &c.term, c.l.blocks, c.next-1, c.n, c.block.TFs[:c.n])
		c.placed = true
	}
	return c.places.places[c.places.starts[c.i]:c.places.starts[c.i+1]]
}

// DF returns the number of the term's postings.
func (c *Cursor) DF() int { return int(c.term.df) }
