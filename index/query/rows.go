package query

import (
	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings"
)

// Rows returns the rows of a segment, of those that are allowed (nil: all), that hold every Must and no MustNot of an expanded query. A query without
// either gives allowed. The bitmap is the caller's unless it is allowed.
func (p *Program) Rows(s *postings.Segment, allowed index.Bitmap) index.Bitmap {
	if !p.Constrained() {
		return allowed
	}
	m := &matcher{segment: s}
	var rows index.Bitmap
	if allowed != nil {
		rows = append(rows, allowed...)
	}
	for i := range p.parts {
		x := &p.parts[i]
		if x.Occur != Must {
			continue
		}
		have := m.rows(x)
		if rows == nil {
			rows = have
			continue
		}
		for w := range rows {
			rows[w] &= have[w]
		}
	}
	if rows == nil {
		rows = all(s.Rows())
	}
	for i := range p.parts {
		x := &p.parts[i]
		if x.Occur != MustNot {
			continue
		}
		for w, have := range m.rows(x) {
			rows[w] &^= have
		}
	}
	return rows
}

// all returns the set of rows below n.
func all(n int) index.Bitmap {
	b := index.Bitmap(nil).Reset(n)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
	return b
}

// matcher finds the rows of clauses in one segment.
type matcher struct {
	segment *postings.Segment
	terms   postings.Terms
	cursors []*postings.Cursor
	starts  []uint32
}

// rows returns the rows that satisfy a clause.
func (m *matcher) rows(x *part) index.Bitmap {
	out := index.Bitmap(nil).Reset(m.segment.Rows())
	if x.adjacent {
		m.phrase(x.terms, out)
		return out
	}
	for _, t := range x.terms {
		c := m.cursor(0)
		term, ok := m.segment.Lookup([]byte(t), &m.terms)
		if !ok {
			continue
		}
		for c.Reset(m.segment, term); c.Next(); {
			out[c.Row()>>6] |= 1 << (c.Row() & 63)
		}
	}
	return out
}

func (m *matcher) cursor(i int) *postings.Cursor {
	for len(m.cursors) <= i {
		m.cursors = append(m.cursors, new(postings.Cursor))
	}
	return m.cursors[i]
}

// phrase sets the rows that hold the terms next to each other.
func (m *matcher) phrase(terms []string, out index.Bitmap) {
	rarest := 0
	for i, t := range terms {
		term, ok := m.segment.Lookup([]byte(t), &m.terms)
		if !ok {
			return
		}
		c := m.cursor(i)
		c.Reset(m.segment, term)
		if c.DF() < m.cursors[rarest].DF() {
			rarest = i
		}
	}
	lead := m.cursors[rarest]
	for ok := lead.Next(); ok; {
		row := lead.Row()
		next := row
		for _, c := range m.cursors[:len(terms)] {
			if !c.Seek(row) {
				return
			}
			if c.Row() != row {
				next = max(next, c.Row())
				break
			}
		}
		if next != row {
			ok = lead.Seek(next)
			continue
		}
		if m.adjacent(len(terms)) {
			out.Set(row)
		}
		ok = lead.Next()
	}
}

// adjacent reports whether the cursors, which stand at one row, have positions that follow each other.
func (m *matcher) adjacent(n int) bool {
	m.starts = append(m.starts[:0], m.cursors[0].Positions()...)
	for i := 1; i < n && len(m.starts) > 0; i++ {
		at := m.cursors[i].Positions()
		kept, j := 0, 0
		for _, s := range m.starts {
			for j < len(at) && at[j] < s+uint32(i) {
				j++
			}
			if j < len(at) && at[j] == s+uint32(i) {
				m.starts[kept] = s
				kept++
			}
		}
		m.starts = m.starts[:kept]
	}
	return len(m.starts) > 0
}
