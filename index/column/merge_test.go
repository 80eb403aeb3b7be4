package column

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// merged is what a merge is to give: rows by new number, with their documents.
type merged struct {
	docs  []*rag.Document
	docOf []uint32
}

// history draws parts that share documents, with rows that are gone and
// documents that are overridden, and what comes of them.
func (m maker) history(t *testing.T) ([]Part, merged) {
	pool := m.documents(1 + m.IntN(200))
	var states [][]*rag.Document // of each part
	type place struct{ part, row, doc int }
	var parts []Part
	var places []place
	for p := range 1 + m.IntN(5) {
		var docs []*rag.Document
		for _, d := range pool {
			if m.IntN(3) > 0 {
				continue
			}
			if m.IntN(2) == 0 { // a newer state
				id := d.ID
				d = m.document()
				d.ID = id
			}
			docs = append(docs, d)
		}
		m.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		docOf := m.rows(len(docs))
		part := Part{Table: build(t, docs, docOf), Rows: make([]uint32, len(docOf)), Overrides: map[uint32]*rag.Document{}}
		for i, d := range docs {
			if m.IntN(6) == 0 {
				id := d.ID
				d = m.document()
				d.ID = id
				part.Overrides[uint32(i)] = d
				docs[i] = d
			}
		}
		states = append(states, docs)
		for row, d := range docOf {
			part.Rows[row] = Gone
			if m.IntN(4) > 0 {
				places = append(places, place{p, row, int(d)})
			}
		}
		parts = append(parts, part)
	}
	var want merged
	state := map[rag.DocumentID]*rag.Document{} // of the last part with a living row
	for _, at := range places {
		d := states[at.part][at.doc]
		state[d.ID] = d
	}
	if m.IntN(2) == 0 {
		m.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	}
	ordinal := map[rag.DocumentID]uint32{}
	for row, at := range places {
		parts[at.part].Rows[at.row] = uint32(row)
		id := states[at.part][at.doc].ID
		if _, ok := ordinal[id]; !ok {
			ordinal[id] = uint32(len(want.docs))
			want.docs = append(want.docs, state[id])
		}
		want.docOf = append(want.docOf, ordinal[id])
	}
	return parts, want
}

func TestMerge(t *testing.T) {
	for seed := range rounds(200) {
		m := newMaker(uint64(5000 + seed))
		parts, want := m.history(t)
		var buf bytes.Buffer
		n, err := Merge(&buf, parts, len(want.docOf))
		if err != nil || n != int64(buf.Len()) {
			t.Fatalf("seed %d: %d bytes of %d, %v", seed, n, buf.Len(), err)
		}
		table := open(t, buf.Bytes())
		if table.Len() != len(want.docs) || table.Rows() != len(want.docOf) {
			t.Fatalf("seed %d: %d documents and %d rows, want %d and %d", seed, table.Len(), table.Rows(), len(want.docs), len(want.docOf))
		}
		for i, d := range want.docs {
			if got := table.Document(uint32(i)); !same(got, d) {
				t.Fatalf("seed %d: document %d\n got %+v\nwant %+v", seed, i, got, d)
			}
			if o, ok := table.Find(d.ID); !ok || int(o) != i {
				t.Fatalf("seed %d: find %s: %d %v, want %d", seed, d.ID, o, ok, i)
			}
		}
		for row, d := range want.docOf {
			if got := table.DocOf(uint32(row)); got != d {
				t.Fatalf("seed %d: row %d belongs to %d, want %d", seed, row, got, d)
			}
		}
		for range 60 {
			check(t, table, want.docs, want.docOf, m.filter(want.docs, 3), m.scope(), nil, nil)
		}
	}
}

// Merging and building give the same section, byte for byte, but for the form of
// dictionaries of which only UUIDs are left.
func TestMergeIsBuild(t *testing.T) {
	for seed := range rounds(30) {
		m := newMaker(uint64(7000 + seed))
		docs := m.documents(1 + m.IntN(300))
		docOf := m.rows(len(docs))
		slices.Sort(docOf)
		for len(docOf) < len(docs) || docOf[0] != 0 { // every document has a row
			docOf = docOf[:0]
			for i := range docs {
				docOf = append(docOf, uint32(i), uint32(i))
			}
		}
		docOf = append(docOf, docOf...)
		docs = docs[:slices.Max(docOf)+1]
		present := map[uint32]bool{}
		for _, d := range docOf {
			present[d] = true
		}
		if len(present) < len(docs) {
			continue
		}
		whole := build(t, docs, docOf)
		cut := m.IntN(len(docs) + 1)
		var parts []Part
		for p, set := range [][]*rag.Document{docs[:cut], docs[cut:]} {
			var part Part
			var owners []uint32
			for row, d := range docOf {
				if (int(d) >= cut) == (p == 1) {
					owners = append(owners, d-uint32(p*cut))
					part.Rows = append(part.Rows, uint32(row))
				}
			}
			part.Table = build(t, set, owners)
			parts = append(parts, part)
		}
		var buf bytes.Buffer
		if _, err := Merge(&buf, parts, len(docOf)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(buf.Bytes(), whole.data) {
			t.Fatalf("seed %d: merged %d bytes differ from the %d of the whole", seed, buf.Len(), len(whole.data))
		}
	}
}

func TestMergeRefusals(t *testing.T) {
	table := build(t, []*rag.Document{{ID: "a"}, {ID: "b"}}, []uint32{0, 1})
	for name, c := range map[string]struct {
		rows      []uint32
		total     int
		overrides map[uint32]*rag.Document
	}{
		"too few places": {rows: []uint32{0}, total: 1},
		"a row twice":    {rows: []uint32{0, 0}, total: 2},
		"a row too high": {rows: []uint32{0, 2}, total: 2},
		"a row missing":  {rows: []uint32{0, Gone}, total: 2},
		"negative":       {rows: []uint32{Gone, Gone}, total: -1},
		"another id":     {rows: []uint32{0, 1}, total: 2, overrides: map[uint32]*rag.Document{1: {ID: "c"}}},
	} {
		if _, err := Merge(&bytes.Buffer{}, []Part{{Table: table, Rows: c.rows, Overrides: c.overrides}}, c.total); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v, want an invalid one", name, err)
		}
	}
	var buf bytes.Buffer
	if _, err := Merge(&buf, nil, 0); err != nil {
		t.Fatal(err)
	}
	if empty := open(t, buf.Bytes()); empty.Len() != 0 {
		t.Errorf("nothing merged has %d documents", empty.Len())
	}
}
