package column

import (
	"bytes"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// survive runs what may meet damage. A runtime.Error is as good as a result;
// any other panic is not.
func survive(f func()) {
	defer func() { _ = damageOf(recover()) }()
	f()
}

// useAll does everything that can be done with a section.
func useAll(table *Table) {
	m := newMaker(1)
	n := uint32(min(table.Len(), 300))
	for i := range n {
		survive(func() { table.Document(i) })
		survive(func() { table.Find(table.ID(i)) })
		survive(func() { table.AppendRows(nil, i) })
	}
	for row := range uint32(min(table.Rows(), 300)) {
		survive(func() { table.DocOf(row) })
	}
	survive(func() { table.Stats() })
	for range 40 {
		f, scope := m.filter(nil, 2), m.scope()
		survive(func() { table.Select(&f, &scope, nil, nil) })
		survive(func() { table.Select(&f, &scope, map[uint32]*rag.Document{0: m.document()}, nil) })
		survive(func() { table.Estimate(&f, &scope) })
	}
	survive(func() {
		rows := make([]uint32, table.Rows())
		for i := range rows {
			rows[i] = uint32(i)
		}
		_, _ = Merge(&bytes.Buffer{}, []Part{{Table: table, Rows: rows}}, len(rows))
	})
}

func seeds(t testing.TB) [][]byte {
	m := newMaker(9)
	var out [][]byte
	for _, n := range []int{0, 1, 5, 40} {
		docs := m.documents(n)
		out = append(out, build(t, docs, m.rows(n)).data)
	}
	return out
}

func FuzzOpen(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Open(data)
		if err != nil {
			return
		}
		useAll(table)
	})
}

// Bytes are changed one after another and in groups, and cut off at any place.
func TestDamage(t *testing.T) {
	m := newMaker(11)
	for _, good := range seeds(t) {
		for range rounds(400) {
			data := bytes.Clone(good)
			for range 1 + m.IntN(4) {
				at := m.IntN(len(data))
				if m.IntN(2) == 0 { // where the places and sizes are
					at = max(0, len(data)-1-m.IntN(1200))
				}
				data[at] = byte(m.IntN(256))
				if m.IntN(3) == 0 {
					data[at] = one(m, []byte{0, 1, 0x7f, 0x80, 0xff})
				}
			}
			if m.IntN(10) == 0 {
				data = data[:m.IntN(len(data))]
			}
			if table, err := Open(data); err == nil {
				useAll(table)
			}
		}
	}
}
