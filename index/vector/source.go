package vector

import "github.com/smartretriever/smartretriever/rag"

// Source is where a section's vectors come from. Its vectors have numbers from 0 on,
// in ascending order of their rows. Methods may run at the same time.
type Source interface {
	// Len returns the number of vectors.
	Len() int
	// Dims returns their dimensions, at least 1.
	Dims() int
	// Row returns the row of the segment that has vector i; rows ascend with i.
	Row(i int) uint32
	// Vector returns vector i, in dst, which has Dims places, or in the source's own
	// memory, which is not to be changed. For the cosine it has unit length.
	Vector(i int, dst []float32) []float32
}

// scaled is a Source whose vectors have been bytes before. Written as bytes again
// with the scale that it names, those of that scale stay as they are.
type scaled interface {
	byteScale() (scale float32, ok bool)
}

// Slice is a Source of vectors in memory, in rows from 0 on or in the given ones.
type Slice struct {
	Dimensions int
	Values     []float32 // Dimensions for each vector
	Rows       []uint32  // ascending; nil: the numbers of the vectors
}

// Len returns the number of vectors.
func (s Slice) Len() int { return len(s.Values) / s.Dimensions }

// Dims returns the number of dimensions.
func (s Slice) Dims() int { return s.Dimensions }

// Row returns the row of vector i.
func (s Slice) Row(i int) uint32 {
	if s.Rows == nil {
		return uint32(i)
	}
	return s.Rows[i]
}

// Vector returns vector i in the slice's memory.
func (s Slice) Vector(i int, _ []float32) []float32 {
	return s.Values[i*s.Dimensions:][:s.Dimensions]
}

// Part is a set that is merged: row r of it becomes row NewRow[r] of the merged
// segment, or is dropped if that is NoRow.
type Part struct {
	Set    *Set
	NewRow []uint32
}

// NoRow in Part.NewRow drops a row.
const NoRow = ^uint32(0)

// Merged is the Source of a merged segment: the vectors of its parts that were not
// dropped, in the order of their new rows.
type Merged struct {
	parts []Part
	dims  int
	at    []place // by new row, those that have a vector
}

// place is where a vector of a merged segment is found.
type place struct {
	row, part, slot uint32
}

// Merge returns the vectors of the parts under their new rows. Parts that do not agree
// in dimensions and metric, or whose NewRow has not one entry for each row, and new rows
// that are not below rows, or are given to two vectors, are KindInvalid. It takes 12
// bytes a row of memory.
func Merge(parts []Part, rows int) (*Merged, error) {
	if len(parts) == 0 {
		return nil, rag.Errorf(rag.KindInvalid, "no vectors to merge")
	}
	m := &Merged{parts: parts, dims: parts[0].Set.dims}
	at := make([]place, rows)
	for i := range at {
		at[i].row = NoRow
	}
	for p, part := range parts {
		if part.Set.dims != m.dims || part.Set.metric != parts[0].Set.metric {
			return nil, rag.Errorf(rag.KindInvalid, "part %d has vectors of another kind", p)
		}
		if len(part.NewRow) != part.Set.rows {
			return nil, rag.Errorf(rag.KindInvalid, "part %d: %d new rows for %d rows", p, len(part.NewRow), part.Set.rows)
		}
		for old, row := range part.NewRow {
			if row == NoRow {
				continue
			}
			if uint64(row) >= uint64(rows) {
				return nil, rag.Errorf(rag.KindInvalid, "part %d: row %d of %d", p, row, rows)
			}
			slot, ok := part.Set.Slot(uint32(old))
			if !ok {
				continue
			}
			if at[row].row != NoRow {
				return nil, rag.Errorf(rag.KindInvalid, "part %d: row %d is given twice", p, row)
			}
			at[row] = place{row: row, part: uint32(p), slot: slot}
		}
	}
	n := 0
	for _, x := range at {
		if x.row != NoRow {
			at[n] = x
			n++
		}
	}
	m.at = at[:n]
	return m, nil
}

// Len returns the number of vectors.
func (m *Merged) Len() int { return len(m.at) }

// Dims returns the number of dimensions.
func (m *Merged) Dims() int { return m.dims }

// Row returns the new row of vector i.
func (m *Merged) Row(i int) uint32 { return m.at[i].row }

// Vector returns vector i as its part has it.
func (m *Merged) Vector(i int, dst []float32) []float32 {
	return m.parts[m.at[i].part].Set.Vector(int(m.at[i].slot), dst)
}

// Origin returns where vector i came from: the number of its part and its slot there.
func (m *Merged) Origin(i int) (part int, slot uint32) {
	return int(m.at[i].part), m.at[i].slot
}

// Only reports whether all vectors come from s.
func (m *Merged) Only(s *Set) bool { return len(m.parts) == 1 && m.parts[0].Set == s }

// byteScale is the largest of the parts, so that nothing is cut off that was not
// before.
func (m *Merged) byteScale() (float32, bool) {
	var scale float32
	for _, p := range m.parts {
		s, ok := p.Set.byteScale()
		if !ok {
			return 0, false
		}
		scale = max(scale, s)
	}
	return scale, true
}
