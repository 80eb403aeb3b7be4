package column

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/smartretriever/smartretriever/rag"
)

// Table is an opened section. All methods may be called from many goroutines at
// the same time. Over bytes that are damaged they may panic with a
// runtime.Error; they never read outside of the bytes.
type Table struct {
	trailer
	data []byte

	setData                 []byte // of fields
	recordData              []byte
	recordBlockData         []byte
	fieldTableData          []byte
	owners, firsts, grouped []byte                  // numbers of four bytes; see DESIGN.md
	columns                 [fieldAccess + 1]column // of texts, where the field has any
	restricted              ref                     // documents with an access list
}

// Open reads a section in a time that does not depend on its size, and keeps
// data. What it can see to be wrong is KindInvalid.
func Open(data []byte) (t *Table, err error) {
	data = data[:len(data):len(data)]
	t = &Table{data: data}
	if err := t.trailer.read(data); err != nil {
		return nil, err
	}
	if err := t.cut(); err != nil {
		return nil, err
	}
	defer func() {
		if fault := damageOf(recover()); fault != nil {
			t, err = nil, rag.Errorf(rag.KindInvalid, "column section: %w", fault)
		}
	}()
	for i := range t.columns {
		if at := t.field(i).columns[texts]; at != 0 {
			t.columns[i] = t.column(at)
		}
	}
	t.restricted = t.field(fieldAccess).exists
	return t, nil
}

// cut finds the parts and checks that each lies inside and is large enough.
func (t *Table) cut() error {
	n, rows := uint64(t.documents), uint64(t.rows)
	last := uint64(len(t.data) - trailerSize)
	ok := n <= maxDocuments && t.fields >= firstMetadata && t.end == last
	part := func(at, to, size uint64) []byte {
		if at > to || to > last || to-at < size {
			ok = false
			return nil
		}
		return t.data[at:to]
	}
	t.fieldTableData = part(t.fieldTable, t.end, fieldSize*uint64(t.fields))
	part(t.names, t.fieldTable, 0)
	t.setData = part(t.sets, t.records, 0)
	t.recordData = part(t.records, t.recordBlocks, n)
	t.recordBlockData = part(t.recordBlocks, t.trailer.docOf, 8*((n+blockValues-1)/blockValues))
	switch t.rowForm {
	case rowsEqual:
		ok = ok && n == rows
	case rowsRanges, rowsAny:
		t.owners = part(t.trailer.docOf, t.trailer.starts, 4*rows)
		t.firsts = part(t.trailer.starts, t.trailer.rowsOf, 4*(n+1))
		if t.rowForm == rowsAny {
			t.grouped = part(t.trailer.rowsOf, t.names, 4*rows)
		}
	default:
		ok = false
	}
	if !ok {
		return rag.Errorf(rag.KindInvalid, "column section: the places of its parts are damaged")
	}
	return nil
}

// Len returns the number of documents.
func (t *Table) Len() int { return int(t.documents) }

// Rows returns the number of rows.
func (t *Table) Rows() int { return int(t.rows) }

// Bytes returns the size of the section.
func (t *Table) Bytes() int { return len(t.data) }

func uint32At(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

// DocOf returns the ordinal of the document of a row, which is below Rows.
func (t *Table) DocOf(row uint32) uint32 {
	if t.rowForm == rowsEqual {
		if row >= t.rows {
			panic(damage("a row is too high"))
		}
		return row
	}
	return uint32At(t.owners, int(row))
}

// AppendRows appends the rows of a document, in ascending order.
func (t *Table) AppendRows(dst []uint32, ordinal uint32) []uint32 {
	if t.rowForm == rowsEqual {
		return append(dst, ordinal)
	}
	from, to := uint32At(t.firsts, int(ordinal)), uint32At(t.firsts, int(ordinal)+1)
	if to > t.rows {
		panic(damage("a row is too high"))
	}
	for i := from; i < to; i++ {
		row := i
		if t.rowForm == rowsAny {
			row = uint32At(t.grouped, int(i))
		}
		dst = append(dst, row)
	}
	return dst
}

// Find returns the ordinal of a document.
func (t *Table) Find(id rag.DocumentID) (ordinal uint32, ok bool) {
	c := &t.columns[fieldID]
	var wanted, buf [64]byte
	rank, found, _ := c.seekText(append(wanted[:0], id...), buf[:0])
	if !found {
		return 0, false
	}
	switch r := c.ref(rank); {
	case r < refSet:
		ordinal = uint32(r)
	case r == refAll: // the same document more than once
		ordinal = 0
	default:
		ordinal = appendMembers(nil, setAt(c.sets, r), t.Len())[0]
	}
	return ordinal, ordinal < t.documents
}

// field returns an entry of the table of fields.
func (t *Table) field(i int) fieldEntry {
	if uint32(i) >= t.fields {
		panic(damage("a field's number is too high"))
	}
	return readFieldEntry(t.fieldTableData[fieldSize*i:])
}

func (t *Table) name(f *fieldEntry) []byte { return t.part(f.name, uint64(f.nameLen)) }

// lookup returns the field of a filter's key, as rag.Document.Lookup has it.
func (t *Table) lookup(key string) (f fieldEntry, ok bool) {
	if i, ok := systemField(key); ok {
		return t.field(i), true
	}
	n, want := int(t.fields)-firstMetadata, []byte(key)
	i := sort.Search(n, func(i int) bool {
		f := t.field(firstMetadata + i)
		return bytes.Compare(t.name(&f), want) >= 0
	})
	if i == n {
		return f, false
	}
	f = t.field(firstMetadata + i)
	return f, string(t.name(&f)) == key
}
