package column

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

func rounds(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func TestSelectIsMatch(t *testing.T) {
	for seed := range rounds(100) {
		m := newMaker(uint64(seed))
		docs := m.documents(one(m, []int{0, 1, 2, 3, 17, 63, 64, 65, 200, 700}))
		docOf := m.rows(len(docs))
		table := build(t, docs, docOf)
		var dst index.Bitmap
		for range 150 {
			dst = check(t, table, docs, docOf, m.filter(docs, 4), m.scope(), nil, dst)
		}
		check(t, table, docs, docOf, rag.Filter{}, m.scope(), nil, nil)
		check(t, table, docs, docOf, rag.Filter{}, rag.Scope{Admin: true}, nil, nil)
	}
}

func TestOverrides(t *testing.T) {
	for seed := range rounds(40) {
		m := newMaker(uint64(1000 + seed))
		docs := m.documents(1 + m.IntN(300))
		docOf := m.rows(len(docs))
		table := build(t, docs, docOf)
		for range 30 {
			overrides := map[uint32]*rag.Document{}
			for range m.IntN(20) {
				i := m.IntN(len(docs))
				d := m.document()
				d.ID = docs[i].ID
				overrides[uint32(i)] = d
			}
			check(t, table, docs, docOf, m.filter(docs, 3), m.scope(), overrides, nil)
			check(t, table, docs, docOf, rag.Filter{}, m.scope(), overrides, nil)
		}
	}
}

// A field with thousands of documents has sets and ranges of every form.
func TestSelectManyDocuments(t *testing.T) {
	n := 70_000 // more than one container
	m := newMaker(7)
	docs := make([]*rag.Document, n)
	for i := range docs {
		docs[i] = &rag.Document{ID: m.uuid(), CreatedAt: time.Unix(int64(m.IntN(n)), 0), Metadata: rag.Metadata{
			"few":     rag.Str([]string{"a", "b", "c"}[m.IntN(3)]),
			"many":    rag.Num(float64(m.IntN(2000))),
			"runs":    rag.Num(float64(i / 9000)),
			"parts":   rag.Str([]string{"x", "xy", "y"}[(i/20000)%3]),
			"flagged": rag.Bool(i%1000 < 3),
		}}
		if i%3 == 0 {
			docs[i].ACL = []string{"p" + string(rune('a'+m.IntN(20)))}
		}
		if i > n/2 && i%2 == 0 {
			delete(docs[i].Metadata, "many")
		}
	}
	filters := []rag.Filter{
		rag.Eq("few", rag.Str("b")), rag.Eq("many", rag.Num(77)), rag.Eq("runs", rag.Num(3)), rag.Eq("parts", rag.Str("xy")),
		rag.Eq("flagged", rag.Bool(true)), rag.Eq("flagged", rag.Bool(false)),
		{Type: rag.OpGt, Key: "many", Value: rag.Num(100)}, {Type: rag.OpLt, Key: "many", Value: rag.Num(300)},
		{Type: rag.OpPrefix, Key: "parts", Value: rag.Str("x")}, {Type: rag.OpGte, Key: rag.KeyCreatedAt, Value: rag.Num(1000)},
		{Type: rag.OpPrefix, Key: rag.KeyDocumentID, Value: rag.Str("0192")},
		rag.And(rag.Eq("many", rag.Num(5)), rag.Eq("few", rag.Str("a"))), rag.Not(rag.Eq("runs", rag.Num(2))),
		{Type: rag.OpExists, Key: "many"}, rag.In("runs", rag.Num(1), rag.Num(4), rag.Num(9)),
	}
	scopes := []rag.Scope{{Admin: true}, {Principals: []string{"pc", "pd", "z"}}}
	var rows [3][]uint32 // equal, ranges, any
	for i := range docs {
		rows[0] = append(rows[0], uint32(i))
		rows[1] = append(rows[1], slices.Repeat([]uint32{uint32(i)}, 1+i%2)...)
	}
	rows[2] = slices.Clone(rows[1])
	m.Shuffle(len(rows[2]), func(i, j int) { rows[2][i], rows[2][j] = rows[2][j], rows[2][i] })
	var tables [3]*Table
	for form, docOf := range rows {
		if tables[form] = build(t, docs, docOf); tables[form].rowForm != uint32(form) {
			t.Fatalf("rows have form %d, want %d", tables[form].rowForm, form)
		}
	}
	verdict := make([]bool, n)
	for _, f := range filters {
		for _, scope := range scopes {
			for i, d := range docs {
				verdict[i] = scope.May(d.ACL) && f.Match(d.Lookup)
			}
			for form, docOf := range rows {
				got, _ := tables[form].Select(&f, &scope, nil, nil)
				for row, d := range docOf {
					if got.Has(uint32(row)) != verdict[d] {
						t.Fatalf("rows of form %d: row %d: want %v for %+v %+v", form, row, verdict[d], f, scope)
					}
				}
			}
		}
	}
}

func TestDocumentsComeBack(t *testing.T) {
	for seed := range rounds(40) {
		m := newMaker(uint64(2000 + seed))
		docs := m.documents(m.IntN(400))
		docOf := m.rows(len(docs))
		table := build(t, docs, docOf)
		if table.Len() != len(docs) || table.Rows() != len(docOf) {
			t.Fatalf("%d documents and %d rows, want %d and %d", table.Len(), table.Rows(), len(docs), len(docOf))
		}
		rows := make([][]uint32, len(docs))
		for row, d := range docOf {
			if got := table.DocOf(uint32(row)); got != d {
				t.Fatalf("row %d belongs to %d, want %d", row, got, d)
			}
			rows[d] = append(rows[d], uint32(row))
		}
		for i, d := range docs {
			got := table.Document(uint32(i))
			if !same(got, d) {
				t.Fatalf("document %d\n got %+v\nwant %+v", i, got, d)
			}
			if got.CreatedAt != time.Unix(d.CreatedAt.Unix(), int64(d.CreatedAt.Nanosecond())).UTC() {
				t.Fatalf("created at %v, want %v in UTC", got.CreatedAt, d.CreatedAt)
			}
			if id := table.ID(uint32(i)); id != d.ID {
				t.Fatalf("id %q, want %q", id, d.ID)
			}
			if o, ok := table.Find(d.ID); !ok || int(o) != i {
				t.Fatalf("find %q: %d %v, want %d", d.ID, o, ok, i)
			}
			if got := table.AppendRows(nil, uint32(i)); !slices.Equal(got, rows[i]) {
				t.Fatalf("rows %v of document %d, want %v", got, i, rows[i])
			}
		}
		for _, id := range []rag.DocumentID{"", "zzz", "00000000-0000-0000-0000-000000000000", "0"} {
			if o, ok := table.Find(id); ok {
				t.Fatalf("found %q as %d", id, o)
			}
		}
	}
}

func TestZeroTimeAndEmptyLists(t *testing.T) {
	table := build(t, []*rag.Document{{ID: "a", ACL: []string{}, Metadata: rag.Metadata{"gone": {}}}}, nil)
	got := table.Document(0)
	if got.CreatedAt != (time.Time{}) || got.ACL != nil || got.Metadata != nil {
		t.Errorf("got %+v, want a zero time, no list and no metadata", got)
	}
}

func TestSameBytes(t *testing.T) {
	m := newMaker(3)
	docs, other := m.documents(100), m.documents(50)
	docOf := m.rows(len(docs))
	want := build(t, docs, docOf).data
	var b Builder
	for _, set := range [][]*rag.Document{other, docs} {
		b.Reset()
		for _, d := range set {
			if _, err := b.Add(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.SetRows(docOf)
	var buf bytes.Buffer
	if _, err := b.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf.Bytes(), want) {
		t.Error("a builder used again writes other bytes")
	}
}

func TestRefusals(t *testing.T) {
	for name, v := range map[string]rag.Value{
		"nested list":       rag.List(rag.Strs("a")),
		"null in a list":    rag.List(rag.Value{}),
		"not a number":      rag.Num(math.NaN()),
		"infinity":          rag.Num(math.Inf(-1)),
		"infinity in lists": rag.List(rag.Num(math.Inf(1))),
	} {
		var b Builder
		if _, err := b.Add(&rag.Document{ID: "a", Metadata: rag.Metadata{"k": v}}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v, want an invalid one", name, err)
		}
		if _, err := b.WriteTo(&bytes.Buffer{}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: the section was written, %v", name, err)
		}
		b.Reset()
		if _, err := b.Add(&rag.Document{ID: "a"}); err != nil {
			t.Errorf("after reset: %v", err)
		}
	}
	var b Builder
	b.SetRows([]uint32{0})
	if _, err := b.WriteTo(&bytes.Buffer{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a row without a document: %v", err)
	}
}

type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	m := newMaker(4)
	docs := m.documents(3000)
	size := build(t, docs, nil).Bytes()
	for _, left := range []int{0, size / 2, size - 1} {
		var b Builder
		for _, d := range docs {
			if _, err := b.Add(d); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.WriteTo(&failing{left}); !errors.Is(err, errFull) {
			t.Errorf("with room for %d of %d bytes: %v", left, size, err)
		}
	}
}

func TestSelectDoesNotAllocate(t *testing.T) {
	m := newMaker(5)
	docs := m.documents(2000)
	docs[0].ACL = []string{"anna"} // some list, so that access is looked at
	docOf := m.rows(len(docs))
	table := build(t, docs, docOf)
	f := rag.And(
		rag.Filter{Type: rag.OpGt, Key: "size", Value: rag.Num(0)}, rag.Not(rag.Eq("color", rag.Str("red"))),
		rag.Or(rag.In("tags", rag.Str("a"), rag.Str("w7")), rag.Filter{Type: rag.OpExists, Key: "mixed"}),
	)
	scope := rag.Scope{Principals: []string{"anna", "ben"}}
	dst := index.Bitmap(nil).Reset(table.Rows())
	if n := testing.AllocsPerRun(100, func() { table.Select(&f, &scope, nil, dst) }); n > 0 && !raceEnabled {
		t.Errorf("%v allocations a selection", n)
	}
}

func TestSelectFromManyGoroutines(t *testing.T) {
	m := newMaker(6)
	docs := m.documents(300)
	docOf := m.rows(len(docs))
	table := build(t, docs, docOf)
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			m := newMaker(seed)
			for range 50 {
				f, scope := m.filter(docs, 3), m.scope()
				rows, _ := table.Select(&f, &scope, nil, nil)
				for row, d := range docOf {
					if want := f.Match(docs[d].Lookup) && scope.May(docs[d].ACL); (rows == nil || rows.Has(uint32(row))) != want {
						t.Errorf("row %d: want %v for %+v", row, want, f)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestStats(t *testing.T) {
	docs := []*rag.Document{
		{ID: "a", ACL: []string{"anna", "ben"}, Metadata: rag.Metadata{"k": rag.List(rag.Str("x"), rag.Num(1), rag.Num(2)), "b": rag.Bool(true)}},
		{ID: "b", Metadata: rag.Metadata{"k": rag.Str("y")}},
	}
	s := build(t, docs, []uint32{0, 0, 1}).Stats()
	want := map[string]FieldStats{
		rag.KeyDocumentID: {Documents: 2, Strings: 2}, rag.KeyTitle: {Documents: 2, Strings: 1}, rag.KeyCreatedAt: {Documents: 2, Numbers: 1},
		"": {Documents: 1, Strings: 2}, "k": {Documents: 2, Strings: 2, Numbers: 2}, "b": {Documents: 1, Booleans: 1},
	}
	if s.Documents != 2 || s.Rows != 3 || len(s.Fields) != 10 {
		t.Errorf("%+v", s)
	}
	for _, f := range s.Fields {
		if w, ok := want[f.Name]; ok {
			if f.Bytes == 0 {
				t.Errorf("%q has no bytes", f.Name)
			}
			w.Name, w.Bytes = f.Name, f.Bytes
			if f != w {
				t.Errorf("got %+v, want %+v", f, w)
			}
		}
	}
}
