package column

import (
	"bytes"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// plan decides which documents live on, from where, and under which ordinals.
func (m *merger) plan() error {
	first, err := m.firstRows()
	if err != nil {
		return err
	}
	groups, member, err := m.group(first)
	if err != nil {
		return err
	}
	if len(groups) > maxDocuments {
		return rag.Errorf(rag.KindInvalid, "merge column sections: too many documents for one segment")
	}
	ordinal := m.number(groups)
	m.assignRows(member, ordinal)
	return m.assignDocuments(groups, ordinal)
}

// firstRows returns the lowest new row of each document of each part, or Gone.
func (m *merger) firstRows() ([][]uint32, error) {
	if m.rows < 0 || uint64(m.rows) > 1<<32-2 {
		return nil, rag.Errorf(rag.KindInvalid, "merge column sections: %d rows", m.rows)
	}
	total := 0
	seen := make([]uint64, (m.rows+63)/64)
	first := make([][]uint32, len(m.parts))
	for p, part := range m.parts {
		if len(part.Rows) != part.Table.Rows() {
			return nil, rag.Errorf(rag.KindInvalid, "merge column sections: part %d has %d rows, and places for %d", p, part.Table.Rows(), len(part.Rows))
		}
		first[p] = slices.Repeat([]uint32{Gone}, part.Table.Len())
		for old, row := range part.Rows {
			if row == Gone {
				continue
			}
			if int(row) >= m.rows || seen[row>>6]>>(row&63)&1 != 0 {
				return nil, rag.Errorf(rag.KindInvalid, "merge column sections: row %d of part %d becomes row %d, which is taken or too high", old, p, row)
			}
			seen[row>>6] |= 1 << (row & 63)
			total++
			d := part.Table.DocOf(uint32(old))
			first[p][d] = min(first[p][d], row)
		}
	}
	if total != m.rows {
		return nil, rag.Errorf(rag.KindInvalid, "merge column sections: %d rows are named, and there are to be %d", total, m.rows)
	}
	return first, nil
}

// group is one document of the new section.
type group struct {
	first  uint32 // its lowest row
	newest document
}

// group finds the documents that live on, each once, by merging the lists of
// ids. member has for each document of each part its group, or Gone.
func (m *merger) group(first [][]uint32) (groups []group, member [][]uint32, err error) {
	member = make([][]uint32, len(m.parts))
	var cursors []*cursor
	for p, part := range m.parts {
		member[p] = slices.Repeat([]uint32{Gone}, part.Table.Len())
		if at := part.Table.field(fieldID).columns[texts]; at != 0 {
			c := newCursor(part.Table, at, p)
			if c.numeric {
				return nil, nil, rag.Errorf(rag.KindInvalid, "merge column sections: ids of part %d are damaged", p)
			}
			if c.next() {
				cursors = append(cursors, c)
			}
		}
	}
	var same []document
	for len(cursors) > 0 {
		lowest := cursors[0]
		for _, c := range cursors[1:] {
			if bytes.Compare(c.text, lowest.text) < 0 {
				lowest = c
			}
		}
		same = same[:0]
		for _, c := range cursors {
			if c.equal = c == lowest || bytes.Equal(c.text, lowest.text); c.equal {
				same = c.appendDocuments(same)
			}
		}
		g := group{first: Gone}
		for _, d := range same {
			if row := first[d.source][d.ordinal]; row != Gone {
				g.first = min(g.first, row)
				g.newest = d
			}
		}
		if g.first != Gone {
			for _, d := range same {
				member[d.source][d.ordinal] = uint32(len(groups))
			}
			groups = append(groups, g)
		}
		for _, c := range cursors {
			if c.equal {
				c.done = !c.next()
			}
		}
		cursors = slices.DeleteFunc(cursors, func(c *cursor) bool { return c.done })
	}
	return groups, member, nil
}

// appendDocuments appends the documents of a cursor's value.
func (c *cursor) appendDocuments(dst []document) []document {
	switch r := c.column.ref(c.rank); {
	case r < refSet:
		return append(dst, document{uint32(c.source), uint32(r)})
	case r == refAll:
		for i := range c.column.all {
			dst = append(dst, document{uint32(c.source), uint32(i)})
		}
	case r != refNone:
		for _, o := range appendMembers(nil, setAt(c.column.sets, r), c.column.all) {
			dst = append(dst, document{uint32(c.source), o})
		}
	}
	return dst
}

// number gives the groups their ordinals, in the order of their first rows.
func (m *merger) number(groups []group) (ordinal []uint32) {
	at := slices.Repeat([]uint32{Gone}, m.rows)
	for g := range groups {
		at[groups[g].first] = uint32(g)
	}
	ordinal = make([]uint32, len(groups))
	next := uint32(0)
	for _, g := range at {
		if g != Gone {
			ordinal[g] = next
			next++
		}
	}
	return ordinal
}

func (m *merger) assignRows(member [][]uint32, ordinal []uint32) {
	m.docOf = make([]uint32, m.rows)
	for p, part := range m.parts {
		for old, row := range part.Rows {
			if row != Gone {
				m.docOf[row] = ordinal[member[p][part.Table.DocOf(uint32(old))]]
			}
		}
	}
}

// assignDocuments finds for each new ordinal the document that gives its state;
// overridden ones come from a table of their own.
func (m *merger) assignDocuments(groups []group, ordinal []uint32) error {
	for _, part := range m.parts {
		m.sources = append(m.sources, source{table: part.Table, ordinals: slices.Repeat([]uint32{Gone}, part.Table.Len())})
	}
	extra := source{}
	var b Builder
	m.origin = make([]document, len(groups))
	for i, g := range groups {
		p, d := g.newest.source, g.newest.ordinal
		o := m.parts[p].Overrides[d]
		if o == nil {
			m.sources[p].ordinals[d] = ordinal[i]
			m.origin[ordinal[i]] = g.newest
			continue
		}
		if id := m.parts[p].Table.ID(d); id != o.ID {
			return rag.Errorf(rag.KindInvalid, "merge column sections: document %s is overridden by document %s", id, o.ID)
		}
		at, err := b.Add(o)
		if err != nil {
			return err
		}
		extra.ordinals = append(extra.ordinals, ordinal[i])
		m.origin[ordinal[i]] = document{uint32(len(m.parts)), at}
	}
	if b.Len() == 0 {
		return nil
	}
	var buf bytes.Buffer
	if _, err := b.WriteTo(&buf); err != nil {
		return err
	}
	table, err := Open(buf.Bytes())
	if err != nil {
		return err
	}
	extra.table = table
	m.sources = append(m.sources, extra)
	return nil
}
