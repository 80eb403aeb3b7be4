package column

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// sectionWriter writes the parts of a section in their order: fields, records,
// rows. It holds in memory the column it is at, and what comes after the records.
type sectionWriter struct {
	sink
	trailer   trailer
	documents int
	sets      setWriter // of fields
	column    columnWriter
	entries   []fieldEntry
	names     []byte
	blocks    []byte // directory of records
	written   int    // records

	record  []byte // the record at hand
	text    []byte
	members []uint32
	pairs   []pair
}

func newSectionWriter(w io.Writer, documents int) *sectionWriter {
	s := &sectionWriter{sink: sink{w: w}, documents: documents}
	s.sets.documents = documents
	s.column.documents = documents
	s.column.fieldSets = &s.sets
	s.write([]byte("RCOLUMN\n"))
	return s
}

func (s *sectionWriter) beginField(name string) {
	s.entries = append(s.entries, fieldEntry{name: uint64(len(s.names)), nameLen: uint32(len(name))})
	s.names = append(s.names, name...)
}

// finishColumn writes the column that was collected since s.column.begin.
func (s *sectionWriter) finishColumn(kind int) {
	e := &s.entries[len(s.entries)-1]
	at, size := s.column.finish(&s.sink)
	e.columns[kind] = at
	e.bytes += size
}

func (s *sectionWriter) finishField(exists ref, count int) {
	e := &s.entries[len(s.entries)-1]
	e.exists, e.count = exists, uint32(count)
}

func (s *sectionWriter) beginRecords() {
	s.trailer.sets = s.align()
	s.write(s.sets.data)
	s.trailer.records = s.align()
}

// endRecord writes s.record and empties it.
func (s *sectionWriter) endRecord() {
	if s.written%blockValues == 0 {
		s.blocks = binary.LittleEndian.AppendUint64(s.blocks, s.at()-s.trailer.records)
	}
	var size [binary.MaxVarintLen64]byte
	s.write(size[:binary.PutUvarint(size[:], uint64(len(s.record)))])
	s.write(s.record)
	s.record = s.record[:0]
	s.written++
}

// finish writes the rows and all that tells where things are.
func (s *sectionWriter) finish(docOf []uint32) (int64, error) {
	if len(s.sets.data) > maxSets {
		return 0, rag.Errorf(rag.KindInvalid, "column: too many fields for one segment")
	}
	s.trailer.recordBlocks = s.align()
	s.write(s.blocks)
	if err := s.rowsPart(docOf); err != nil {
		return 0, err
	}
	s.trailer.names = s.align()
	s.write(s.names)
	s.trailer.fieldTable = s.align()
	for i := range s.entries {
		s.entries[i].name += s.trailer.names
		s.entries[i].write(&s.sink)
	}
	s.trailer.documents, s.trailer.fields = uint32(s.documents), uint32(len(s.entries))
	s.trailer.write(&s.sink)
	return int64(s.at()), s.err
}

func (s *sectionWriter) rowsPart(docOf []uint32) error {
	if uint64(len(docOf)) > 1<<32-2 {
		return rag.Errorf(rag.KindInvalid, "column: too many rows for one segment")
	}
	starts := make([]uint32, s.documents+1)
	form := uint32(rowsRanges)
	equal := len(docOf) == s.documents
	for row, d := range docOf {
		if int(d) >= s.documents {
			return rag.Errorf(rag.KindInvalid, "column: row %d belongs to document %d of %d", row, d, s.documents)
		}
		starts[d+1]++
		equal = equal && int(d) == row
		if row > 0 && d < docOf[row-1] {
			form = rowsAny
		}
	}
	for i := range s.documents {
		starts[i+1] += starts[i]
	}
	if equal {
		form = rowsEqual
	}
	s.trailer.rows, s.trailer.rowForm = uint32(len(docOf)), form
	s.trailer.docOf = s.align()
	if form != rowsEqual {
		s.numbers(docOf)
	}
	s.trailer.starts = s.align()
	if form != rowsEqual {
		s.numbers(starts)
	}
	s.trailer.rowsOf = s.align()
	if form == rowsAny {
		next := slices.Clone(starts)
		grouped := make([]uint32, len(docOf))
		for row, d := range docOf {
			grouped[next[d]] = uint32(row)
			next[d]++
		}
		s.numbers(grouped)
	}
	return nil
}

func (s *sectionWriter) numbers(vs []uint32) {
	for _, v := range vs {
		s.uint32(v)
	}
}
