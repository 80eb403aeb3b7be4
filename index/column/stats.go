package column

// FieldStats describes one key of the documents of a section.
type FieldStats struct {
	Name      string // "" for the access lists, whose values are principals
	Documents int    // that hold it
	Strings   int    // distinct ones
	Numbers   int    // distinct ones
	Booleans  int    // distinct ones, at most 2
	Bytes     int64  // of its columns; records of documents are counted apart
}

// Stats describes the section: its system keys, access lists, and metadata keys
// in order. RecordBytes is the size of what is kept by document.
type Stats struct {
	Documents   int
	Rows        int
	Bytes       int64
	RecordBytes int64
	RowBytes    int64 // of the assignment of rows to documents
	Fields      []FieldStats
}

// Stats reads the descriptions of all fields, not their values.
func (t *Table) Stats() Stats {
	s := Stats{
		Documents: t.Len(), Rows: t.Rows(), Bytes: int64(len(t.data)),
		RecordBytes: int64(len(t.recordData) + len(t.recordBlockData)),
		RowBytes:    int64(len(t.owners) + len(t.firsts) + len(t.grouped)),
	}
	for i := range int(t.fields) {
		f := t.field(i)
		var n [kinds]int
		for kind, at := range f.columns {
			if at != 0 {
				n[kind] = int(readHead(t.part(at, headSize)).values)
			}
		}
		s.Fields = append(s.Fields, FieldStats{
			Name: string(t.name(&f)), Documents: int(f.count), Bytes: int64(f.bytes),
			Strings: n[texts], Numbers: n[numbers], Booleans: n[booleans],
		})
	}
	return s
}
