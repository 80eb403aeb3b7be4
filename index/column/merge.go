package column

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Gone is the new row of a row that does not live on.
const Gone = ^uint32(0)

// Part is one of the sections that are merged.
type Part struct {
	Table *Table
	// Rows says for each row which row of the new section it becomes, or Gone.
	Rows []uint32
	// Overrides are newer states of documents of the table, by ordinal.
	Overrides map[uint32]*rag.Document
}

// Merge writes one section of several and returns its size. All parts together
// name each new row from 0 to rows-1 once. A document lives on if one of its
// rows does. One that is in several parts becomes one document, and its state is
// that of the last part in which a row of it lives on, overrides included: parts
// are in the order of age, the newest last. A part without a living row of a
// document has no say, as nobody may have kept its state up to date.
//
// New ordinals follow the first new row of each document. KindInvalid are rows
// that do not add up, an override with another id than the document's, and
// damage that the merge runs into.
//
// A merge does not decode documents. It merges the sorted dictionaries, maps the
// sets, and writes the records again with the new ranks. It holds about 8 bytes
// for each row, 40 for each document, 4 for each value of the parts, the column
// it is at, and the documents that are overridden.
func Merge(w io.Writer, parts []Part, rows int) (size int64, err error) {
	defer func() {
		if fault := damageOf(recover()); fault != nil {
			err = rag.Errorf(rag.KindInvalid, "merge column sections: %w", fault)
		}
	}()
	m := merger{parts: parts, rows: rows}
	if err := m.plan(); err != nil {
		return 0, err
	}
	m.out = newSectionWriter(w, len(m.origin))
	if err := m.fields(); err != nil {
		return 0, err
	}
	m.records()
	return m.out.finish(m.docOf)
}

// merger merges sources: the tables of the parts, and one that is made of their
// overrides.
type merger struct {
	parts   []Part
	rows    int
	sources []source
	docOf   []uint32   // of the new rows
	origin  []document // of the new ordinals
	out     *sectionWriter
	members []uint32
}

type source struct {
	table *Table
	// ordinals has for each document the new ordinal whose state it gives, or Gone.
	ordinals []uint32
	fields   []mergedField
}

// mergedField says where a field of a source has gone.
type mergedField struct {
	number uint32          // in the new section
	ranks  [kinds][]uint32 // new ranks of its values, Gone where no document is left
}

type document struct {
	source  uint32
	ordinal uint32
}

// fields merges field by field, in the order of the section.
func (m *merger) fields() error {
	for i := range m.sources {
		m.sources[i].fields = make([]mergedField, m.sources[i].table.fields)
	}
	for i := range firstMetadata {
		if err := m.field(fixedNames[i], i, slices.Repeat([]int{i}, len(m.sources))); err != nil {
			return err
		}
	}
	at := slices.Repeat([]int{firstMetadata}, len(m.sources)) // next field of each source
	which := make([]int, len(at))
	for {
		name, ok := m.nextName(at, which)
		if !ok {
			return nil
		}
		if err := m.field(name, -1, which); err != nil {
			return err
		}
	}
}

// nextName returns the lowest key that is next in a source, and in which the
// number of its field in each source, -1 where it has none; it moves at on.
func (m *merger) nextName(at, which []int) (name string, ok bool) {
	names := make([][]byte, len(at))
	var lowest []byte
	for k, src := range m.sources {
		if at[k] < int(src.table.fields) {
			f := src.table.field(at[k])
			names[k] = src.table.name(&f)
			if !ok || bytes.Compare(names[k], lowest) < 0 {
				lowest, ok = names[k], true
			}
		}
	}
	for k := range at {
		which[k] = -1
		if at[k] < int(m.sources[k].table.fields) && bytes.Equal(names[k], lowest) {
			which[k] = at[k]
			at[k]++
		}
	}
	return string(lowest), ok
}

// field merges one field, which[k] of source k. A metadata key that no document
// holds any more is left out.
func (m *merger) field(name string, fixed int, which []int) error {
	m.members = m.members[:0]
	if fixed < 0 || fixed == fieldAccess {
		for k, i := range which {
			if i >= 0 {
				m.collect(k, m.sources[k].table.setData, m.sources[k].table.field(i).exists)
			}
		}
		m.order()
		if len(m.members) == 0 && fixed < 0 {
			return nil
		}
	}
	holders := slices.Clone(m.members)
	number := uint32(len(m.out.entries))
	m.out.beginField(name)
	for kind := range kinds {
		if err := m.column(kind, which); err != nil {
			return err
		}
	}
	for k, i := range which {
		if i >= 0 {
			m.sources[k].fields[i].number = number
		}
	}
	if fixed >= 0 && fixed != fieldAccess {
		m.out.finishField(refOfAll(len(m.origin)), len(m.origin))
	} else {
		m.out.finishField(m.out.sets.add(holders), len(holders))
	}
	return nil
}

// collect adds the new ordinals of a set of source k to m.members.
func (m *merger) collect(k int, sets []byte, r ref) {
	from := len(m.members)
	ordinals := m.sources[k].ordinals
	switch {
	case r == refNone:
	case r == refAll:
		m.members = append(m.members, ordinals...)
	case r < refSet:
		m.members = append(m.members, ordinals[r])
		if ordinals[r] == Gone {
			m.members = m.members[:from]
		}
		return
	default:
		m.members = appendMembers(m.members, setAt(sets, r), len(ordinals))
		for i, o := range m.members[from:] {
			m.members[from+i] = ordinals[o]
		}
	}
	m.members = m.members[:from+len(slices.DeleteFunc(m.members[from:], func(o uint32) bool { return o == Gone }))]
}

func (m *merger) order() {
	if !slices.IsSorted(m.members) {
		slices.Sort(m.members)
	}
}

// column merges one column of a field.
func (m *merger) column(kind int, which []int) error {
	var cursors []*cursor
	form := uint8(formUUID)
	for k, i := range which {
		if i < 0 {
			continue
		}
		src := &m.sources[k]
		at := src.table.field(i).columns[kind]
		if at == 0 {
			continue
		}
		c := newCursor(src.table, at, k)
		src.fields[i].ranks[kind] = slices.Repeat([]uint32{Gone}, int(c.column.values))
		c.ranks = src.fields[i].ranks[kind]
		if c.column.form != formUUID {
			form = c.column.form
		}
		if c.next() {
			cursors = append(cursors, c)
		}
	}
	w := &m.out.column
	w.begin(form)
	for len(cursors) > 0 {
		if err := m.nextValue(w, cursors); err != nil {
			return err
		}
		cursors = slices.DeleteFunc(cursors, func(c *cursor) bool { return c.done })
	}
	if w.head.values > 0 {
		m.out.finishColumn(kind)
	}
	return nil
}

// nextValue writes the lowest value that is next in a cursor, with the documents
// that hold it, and moves on the cursors that have it.
func (m *merger) nextValue(w *columnWriter, cursors []*cursor) (err error) {
	lowest := cursors[0]
	for _, c := range cursors[1:] {
		if c.compare(lowest) < 0 {
			lowest = c
		}
	}
	m.members = m.members[:0]
	for _, c := range cursors {
		if c.equal = c == lowest || c.compare(lowest) == 0; c.equal {
			m.collect(c.source, c.column.sets, c.column.ref(c.rank))
		}
	}
	m.order()
	rank := Gone
	if len(m.members) > 0 {
		rank = w.head.values
		if lowest.numeric {
			err = w.number(lowest.number, m.members)
		} else {
			err = w.text(lowest.text, m.members)
		}
	}
	for _, c := range cursors {
		if c.equal {
			c.ranks[c.rank] = rank
			c.done = !c.next()
		}
	}
	return err
}

// records writes the records of the new ordinals with the new fields and ranks.
func (m *merger) records() {
	m.out.beginRecords()
	var r recordReader
	for _, d := range m.origin {
		src := &m.sources[d.source]
		r.data = src.table.record(d.ordinal)
		m.record(&r, src)
		m.out.endRecord()
	}
}

func (m *merger) record(r *recordReader, src *source) {
	number := func(v uint64) { m.out.record = binary.AppendUvarint(m.out.record, v) }
	rank := func(field, kind int) {
		v := src.fields[field].ranks[kind][rankOf(r.uvarint())]
		if v == Gone {
			panic(damage("a record names a value that does not name it"))
		}
		number(uint64(v))
	}
	for _, field := range recordTexts {
		rank(field, texts)
	}
	for range 4 { // two times of two numbers
		number(r.uvarint())
	}
	n := r.count()
	number(uint64(n))
	for range n {
		rank(fieldAccess, texts)
	}
	n = r.count()
	number(uint64(n))
	for range n {
		field := rankOf(r.uvarint())
		number(uint64(src.fields[field].number))
		for items := 1; items > 0; items-- {
			tag := r.tag()
			m.out.record = append(m.out.record, tag)
			switch tag {
			case tagList:
				n := r.count()
				number(uint64(n))
				items += n
			case tagText:
				rank(field, texts)
			case tagNumber:
				rank(field, numbers)
			}
		}
	}
}
