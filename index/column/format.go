package column

import (
	"encoding/binary"

	"github.com/smartretriever/smartretriever/rag"
)

// The order of the parts of a section is in DESIGN.md. Its last bytes, the
// trailer, say where they are.
const (
	magic         = 0x4c4f4352 // "RCOL"
	formatVersion = 1

	trailerSize = 112
	fieldSize   = 64
	headSize    = 72 // of a column
	blockValues = 16 // values of a dictionary, or documents, to one entry of a directory
)

// Fields with a fixed number. Metadata follows, in ascending order of key.
const (
	fieldID = iota
	fieldExternalID
	fieldTitle
	fieldMediaType
	fieldSource
	fieldCreatedAt
	fieldUpdatedAt
	fieldAccess // principals of access lists; no filter can name it
	firstMetadata
)

// systemField returns the number of the field of a system key.
func systemField(key string) (field int, ok bool) {
	switch key {
	case rag.KeyDocumentID:
		return fieldID, true
	case rag.KeyExternalID:
		return fieldExternalID, true
	case rag.KeyTitle:
		return fieldTitle, true
	case rag.KeyMediaType:
		return fieldMediaType, true
	case rag.KeySource:
		return fieldSource, true
	case rag.KeyCreatedAt:
		return fieldCreatedAt, true
	case rag.KeyUpdatedAt:
		return fieldUpdatedAt, true
	}
	return 0, false
}

var fixedNames = [firstMetadata]string{
	rag.KeyDocumentID, rag.KeyExternalID, rag.KeyTitle, rag.KeyMediaType, rag.KeySource, rag.KeyCreatedAt, rag.KeyUpdatedAt, "",
}

// Kinds of columns of a field.
const (
	texts = iota
	numbers
	booleans // numbers 0 and 1
	kinds
)

// Forms of a dictionary.
const (
	formText   = iota // front-coded blocks
	formNumber        // float64, eight bytes each
	formUUID          // all values are UUIDs in canonical text form: 16 bytes each
)

// How rows are assigned to documents.
const (
	rowsEqual  = iota // row r belongs to document r; nothing is stored
	rowsRanges        // the rows of a document are a range, in the order of documents
	rowsAny
)

// trailer is the end of a section.
type trailer struct {
	documents, rows, fields, rowForm uint32

	fieldTable, names, sets, records, recordBlocks, docOf, starts, rowsOf, end uint64 // each part ends where its length says, or at the next
}

func (t *trailer) places() []*uint64 {
	return []*uint64{&t.fieldTable, &t.names, &t.sets, &t.records, &t.recordBlocks, &t.docOf, &t.starts, &t.rowsOf, &t.end}
}

func (t *trailer) write(s *sink) {
	t.end = s.align()
	for _, p := range t.places() {
		s.uint64(*p)
	}
	for _, v := range []uint32{t.documents, t.rows, t.fields, t.rowForm, 0, 0, 0, 0, formatVersion, magic} {
		s.uint32(v)
	}
	s.flush()
}

func (t *trailer) read(data []byte) error {
	if len(data) < trailerSize {
		return rag.Errorf(rag.KindInvalid, "column section of %d bytes is too short", len(data))
	}
	b := data[len(data)-trailerSize:]
	le := binary.LittleEndian
	if le.Uint32(b[108:]) != magic {
		return rag.Errorf(rag.KindInvalid, "not a column section")
	}
	if v := le.Uint32(b[104:]); v != formatVersion {
		return rag.Errorf(rag.KindInvalid, "column section of version %d; this program reads version %d", v, formatVersion)
	}
	for i, p := range t.places() {
		*p = le.Uint64(b[8*i:])
	}
	t.documents, t.rows, t.fields, t.rowForm = le.Uint32(b[72:]), le.Uint32(b[76:]), le.Uint32(b[80:]), le.Uint32(b[84:])
	return nil
}

// fieldEntry is an entry of the table of fields.
type fieldEntry struct {
	name    uint64 // place in names
	nameLen uint32
	exists  ref           // documents that hold the key, in the section's sets
	count   uint32        // how many they are
	columns [kinds]uint64 // place of each column's head, 0 where there is none
	bytes   uint64        // of its columns, for statistics
}

func (e *fieldEntry) write(s *sink) {
	s.uint64(e.name)
	s.uint32(e.nameLen)
	s.uint32(uint32(e.exists))
	s.uint32(e.count)
	s.uint32(0)
	for _, c := range e.columns {
		s.uint64(c)
	}
	s.uint64(e.bytes)
	s.uint64(0)
}

func readFieldEntry(b []byte) (e fieldEntry) {
	le := binary.LittleEndian
	b = b[:fieldSize]
	e.name, e.nameLen, e.exists, e.count = le.Uint64(b), le.Uint32(b[8:]), ref(le.Uint32(b[12:])), le.Uint32(b[16:])
	for i := range e.columns {
		e.columns[i] = le.Uint64(b[24+8*i:])
	}
	e.bytes = le.Uint64(b[48:])
	return e
}

// head describes a column and where its parts are.
type head struct {
	values  uint32 // distinct ones
	form    uint8
	single  bool   // no document holds two values of the column
	holders ref    // documents with a value in it, in the section's sets
	count   uint32 // how many they are

	postings                       uint64 // pairs of a value and a document
	dict, dictLen                  uint64
	refs, blocks, setsAt, setsSize uint64
}

func (h *head) write(s *sink) {
	s.uint32(h.values)
	flags := uint32(h.form)
	if h.single {
		flags |= 1 << 8
	}
	s.uint32(flags)
	s.uint32(uint32(h.holders))
	s.uint32(h.count)
	for _, v := range []uint64{h.postings, h.dict, h.dictLen, h.refs, h.blocks, h.setsAt, h.setsSize} {
		s.uint64(v)
	}
}

func readHead(b []byte) (h head) {
	le := binary.LittleEndian
	b = b[:headSize]
	h.values, h.holders, h.count = le.Uint32(b), ref(le.Uint32(b[8:])), le.Uint32(b[12:])
	flags := le.Uint32(b[4:])
	h.form, h.single = uint8(flags), flags>>8&1 != 0
	for i, p := range []*uint64{&h.postings, &h.dict, &h.dictLen, &h.refs, &h.blocks, &h.setsAt, &h.setsSize} {
		*p = le.Uint64(b[16+8*i:])
	}
	return h
}
