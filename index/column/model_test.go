package column

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// maker draws documents, filters and scopes.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 5))} }

var (
	principals = []string{"anna", "ben", "team", "", "team-a"}
	someTexts  = []string{"", "a", "aa", "ab", "b", "red", "reddish", "blue", "\xff", "\xff\xff", "a\xff", "a\xffb", "\x00", "ü", "2024-01-02T03:04:05Z", "2024-05-06T00:00:00Z", "1", "true", strings.Repeat("long ", 400)}
	someNums   = []float64{0, math.Copysign(0, -1), 1, -1, 2.5, -2.5, 1e300, -1e300, math.MaxFloat64, 5e-324, 9007199254740993, 9007199254740992, -62135596800, 1700000000, 3}
	someKeys   = []string{"color", "size", "tags", "mixed", "rare", "a", "$title", "$other", "$document_id", "été", "x.y"}
	askedKeys  = append([]string{"absent", "$absent", rag.KeyExternalID, rag.KeyMediaType, rag.KeySource, rag.KeyCreatedAt, rag.KeyUpdatedAt}, someKeys...)
)

func one[T any](m maker, s []T) T { return s[m.IntN(len(s))] }

func (m maker) scalar() rag.Value {
	switch m.IntN(5) {
	case 0, 1:
		return rag.Str(m.text())
	case 2, 3:
		return rag.Num(m.num())
	}
	return rag.Bool(m.IntN(2) == 0)
}

func (m maker) text() string {
	if m.IntN(3) == 0 {
		return "w" + strconv.Itoa(m.IntN(200))
	}
	return one(m, someTexts)
}

func (m maker) num() float64 {
	if m.IntN(2) == 0 {
		return float64(m.IntN(200)-100) / 4
	}
	return one(m, someNums)
}

func (m maker) value(key string) rag.Value {
	switch {
	case key == "size":
		return rag.Num(m.num())
	case key == "color":
		return rag.Str(m.text())
	case key == "tags" || m.IntN(3) == 0:
		items := make([]rag.Value, m.IntN(5))
		for i := range items {
			if items[i] = m.scalar(); key == "tags" {
				items[i] = rag.Str(m.text())
			}
		}
		return rag.List(items...)
	}
	return m.scalar()
}

func (m maker) time() time.Time {
	switch m.IntN(4) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(m.Int64N(1<<33)-1<<32, m.Int64N(1e9)).In(time.FixedZone("there", 3600))
	}
	return time.Unix(1700000000+m.Int64N(50), m.Int64N(1e9)).UTC()
}

func (m maker) uuid() rag.DocumentID {
	var b [16]byte
	for i := range b {
		b[i] = byte(m.IntN(256))
	}
	if m.IntN(2) == 0 {
		copy(b[:6], []byte{1, 0x92, 7, 7, 7, 7})
	}
	return rag.DocumentID(appendUUID(nil, b[:]))
}

func (m maker) document() *rag.Document {
	d := &rag.Document{
		ID: m.uuid(), ExternalID: "x-" + strconv.Itoa(m.IntN(1e6)), Title: m.text(), Source: "/home/" + m.text() + "/" + strconv.Itoa(m.IntN(9)),
		MediaType: one(m, []string{"text/plain", "text/html", "application/pdf"}), CreatedAt: m.time(), UpdatedAt: m.time(),
	}
	if m.IntN(3) == 0 {
		for range m.IntN(4) {
			d.ACL = append(d.ACL, one(m, principals))
		}
	}
	for _, k := range someKeys {
		if m.IntN(3) > 0 && (k != "rare" || m.IntN(20) == 0) {
			if d.Metadata == nil {
				d.Metadata = rag.Metadata{}
			}
			d.Metadata[k] = m.value(k)
		}
	}
	return d
}

// documents draws n documents; some sets have no access lists.
func (m maker) documents(n int) []*rag.Document {
	docs := make([]*rag.Document, n)
	open := m.IntN(4) == 0
	plain := m.IntN(3) == 0
	for i := range docs {
		docs[i] = m.document()
		if open {
			docs[i].ACL = nil
		}
		if plain {
			docs[i].ID = rag.DocumentID("doc " + strconv.Itoa(i*7))
		}
	}
	return docs
}

func (m maker) filter(docs []*rag.Document, depth int) rag.Filter {
	if depth > 0 && m.IntN(2) == 0 {
		f := rag.Filter{Type: one(m, []rag.Op{rag.OpAnd, rag.OpOr, rag.OpNot})}
		n := 1
		if f.Type != rag.OpNot {
			n += m.IntN(4)
		}
		for range n {
			f.Filters = append(f.Filters, m.filter(docs, depth-1))
		}
		return f
	}
	f := rag.Filter{
		Type: one(m, []rag.Op{rag.OpEq, rag.OpNe, rag.OpGt, rag.OpGte, rag.OpLt, rag.OpLte, rag.OpIn, rag.OpNin, rag.OpPrefix, rag.OpExists}),
		Key:  one(m, askedKeys),
	}
	switch f.Type {
	case rag.OpIn, rag.OpNin:
		items := make([]rag.Value, m.IntN(6))
		if m.IntN(10) == 0 {
			items = make([]rag.Value, 100)
		}
		for i := range items {
			items[i] = m.asked(docs, f.Key)
		}
		f.Value = rag.List(items...)
	case rag.OpPrefix:
		s := m.asked(docs, f.Key).Text()
		f.Value = rag.Str(s[:m.IntN(len(s)+1)])
	case rag.OpExists:
		f.Value = one(m, []rag.Value{{}, rag.Bool(true), rag.Bool(false)})
	default:
		f.Value = m.asked(docs, f.Key)
		if k := f.Value.Kind(); k == rag.BoolValue && f.Type != rag.OpEq && f.Type != rag.OpNe {
			f.Value = rag.Num(m.num())
		}
	}
	return f
}

// asked draws a value to ask a key for, often one that some document has.
func (m maker) asked(docs []*rag.Document, key string) rag.Value {
	if len(docs) > 0 && m.IntN(2) == 0 {
		if items := one(m, docs).Lookup(key).Items(); len(items) > 0 {
			return one(m, items)
		}
	}
	return m.scalar()
}

func (m maker) scope() rag.Scope {
	s := rag.Scope{Admin: m.IntN(4) == 0}
	for _, p := range append(principals, "nobody") {
		if m.IntN(3) == 0 {
			s.Principals = append(s.Principals, p)
		}
	}
	return s
}

// rows draws the documents of rows: in order or not, each document or not.
func (m maker) rows(docs int) []uint32 {
	var docOf []uint32
	if docs == 0 {
		return nil
	}
	form := m.IntN(4)
	for d := range docs {
		n := 1
		if form > 0 {
			n = m.IntN(4)
		}
		for range n {
			docOf = append(docOf, uint32(d))
		}
	}
	if form == 2 {
		m.Shuffle(len(docOf), func(i, j int) { docOf[i], docOf[j] = docOf[j], docOf[i] })
	}
	return docOf
}

// build makes a section, in memory with slack behind it as the engine maps it.
func build(t testing.TB, docs []*rag.Document, docOf []uint32) *Table {
	t.Helper()
	var b Builder
	for i, d := range docs {
		if o, err := b.Add(d); err != nil || int(o) != i {
			t.Fatalf("add: ordinal %d, %v; want %d", o, err, i)
		}
	}
	b.SetRows(docOf)
	var buf bytes.Buffer
	n, err := b.WriteTo(&buf)
	if err != nil || n != int64(buf.Len()) {
		t.Fatalf("write: %d bytes of %d, %v", n, buf.Len(), err)
	}
	return open(t, buf.Bytes())
}

func open(t testing.TB, data []byte) *Table {
	t.Helper()
	data = append(data, make([]byte, 256)...)[:len(data)]
	table, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// check compares one selection with the verdict on every document.
func check(t *testing.T, table *Table, docs []*rag.Document, docOf []uint32, f rag.Filter, scope rag.Scope, overrides map[uint32]*rag.Document, dst index.Bitmap) index.Bitmap {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatalf("drew a bad filter: %v", err)
	}
	rows, count := table.Select(&f, &scope, overrides, dst)
	matching, n := 0, 0
	verdict := make([]bool, len(docs))
	for i, d := range docs {
		if f.Match(d.Lookup) && scope.May(d.ACL) {
			matching++
		}
		if o := overrides[uint32(i)]; o != nil {
			d = o
		}
		verdict[i] = f.Match(d.Lookup) && scope.May(d.ACL)
	}
	for row, d := range docOf {
		if verdict[d] {
			n++
		}
		if (rows == nil || rows.Has(uint32(row))) != verdict[d] {
			t.Fatalf("row %d of document %d: selected %v, want %v\nfilter %+v\nscope %+v\ndocument %+v\noverride %+v", row, d, !verdict[d], verdict[d], f, scope, docs[d], overrides[d])
		}
	}
	if count != n || (rows != nil && rows.Count() != n) {
		t.Fatalf("count %d, bitmap %d, want %d for %+v", count, rows.Count(), n, f)
	}
	if low, high := table.Estimate(&f, &scope); low > matching || high < matching || low < 0 || high > len(docs) || (f.Type == rag.OpEq && scope.Admin && low != high) {
		t.Fatalf("estimate %d to %d, and %d of %d documents match %+v %+v", low, high, matching, len(docs), f, scope)
	}
	return rows
}

// same compares what filters and access checks see of two documents, exactly.
func same(a, b *rag.Document) bool {
	sameValue := func(v, w rag.Value) bool {
		if v.Kind() != w.Kind() || len(v.Items()) != len(w.Items()) {
			return false
		}
		for i, x := range v.Items() {
			y := w.Items()[i]
			if x.Kind() != y.Kind() || x.Text() != y.Text() || math.Float64bits(x.Number()) != math.Float64bits(y.Number()) || x.True() != y.True() {
				return false
			}
		}
		return true
	}
	if len(a.Metadata) != len(b.Metadata) {
		return false
	}
	for k, v := range a.Metadata {
		if w, ok := b.Metadata[k]; !ok || !sameValue(v, w) {
			return false
		}
	}
	return a.ID == b.ID && a.ExternalID == b.ExternalID && a.Title == b.Title && a.Source == b.Source && a.MediaType == b.MediaType &&
		a.CreatedAt.Equal(b.CreatedAt) && a.UpdatedAt.Equal(b.UpdatedAt) && slices.Equal(a.ACL, b.ACL)
}
