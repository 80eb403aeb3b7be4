package column

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// corpus draws documents as a company has them: unique ids, sources and titles,
// times over some years, a few facets, tags, and access lists on a fifth.
func corpus(n int, seed uint64) []*rag.Document {
	m := maker{rand.New(rand.NewPCG(seed, 1))}
	docs := make([]*rag.Document, n)
	for i := range docs {
		id := string(m.uuid())
		created := time.Unix(1600000000+m.Int64N(1e8), m.Int64N(1e9))
		d := &rag.Document{
			ID: rag.DocumentID(id), ExternalID: "/srv/share/team-" + strconv.Itoa(i%97) + "/" + id[:13] + ".pdf",
			Title: fmt.Sprintf("Report %d of project %d", m.IntN(1e6), i%1000), Source: "/srv/share/team-" + strconv.Itoa(i%97) + "/" + id[:13] + ".pdf",
			MediaType: []string{"application/pdf", "text/html", "text/plain"}[m.IntN(3)], CreatedAt: created, UpdatedAt: created.Add(time.Hour),
			Metadata: rag.Metadata{
				"project": rag.Str("project-" + strconv.Itoa(m.IntN(1000))), // 0.1 % each
				"lang":    rag.Str([]string{"de", "en", "fr", "it"}[m.IntN(4)]),
				"year":    rag.Num(float64(2000 + m.IntN(26))),
				"price":   rag.Num(float64(m.IntN(1e5)) / 100),
				"draft":   rag.Bool(m.IntN(10) == 0),
				"tags":    rag.Strs("t"+strconv.Itoa(m.IntN(300)), "t"+strconv.Itoa(m.IntN(300))),
			},
		}
		if m.IntN(5) == 0 {
			d.ACL = []string{"group-" + strconv.Itoa(m.IntN(50)), "group-" + strconv.Itoa(m.IntN(50))}
		}
		docs[i] = d
	}
	return docs
}

// rowsPer gives each document so many rows; mixed, they are in no order.
func rowsPer(docs, each int, mixed bool) []uint32 {
	docOf := make([]uint32, 0, docs*each)
	for d := range docs {
		for range each {
			docOf = append(docOf, uint32(d))
		}
	}
	if mixed {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(docOf), func(i, j int) { docOf[i], docOf[j] = docOf[j], docOf[i] })
	}
	return docOf
}

type layout struct {
	name  string
	docs  int
	each  int
	mixed bool
}

var layouts = []layout{{"docs1M", 1_000_000, 1, false}, {"docs100k", 100_000, 10, false}, {"docs100kmixed", 100_000, 10, true}}

var tables sync.Map

func table(b *testing.B, l layout) *Table {
	if t, ok := tables.Load(l.name); ok {
		return t.(*Table)
	}
	t := build(b, corpus(l.docs, 3), rowsPer(l.docs, l.each, l.mixed))
	tables.Store(l.name, t)
	return t
}

var benchFilters = []struct {
	name string
	f    rag.Filter
}{
	{"eq0.1%", rag.Eq("project", rag.Str("project-77"))},
	{"eq25%", rag.Eq("lang", rag.Str("de"))},
	{"ne75%", rag.Filter{Type: rag.OpNe, Key: "lang", Value: rag.Str("de")}},
	{"in4%", rag.In("year", rag.Num(2003))},
	{"range50%", rag.Filter{Type: rag.OpGte, Key: "year", Value: rag.Num(2013)}},
	{"time50%", rag.Filter{Type: rag.OpGte, Key: rag.KeyCreatedAt, Value: rag.Num(1.65e9)}},
	{"time1%", rag.Filter{Type: rag.OpGte, Key: rag.KeyCreatedAt, Value: rag.Num(1.699e9)}},
	{"price30%", rag.Filter{Type: rag.OpLt, Key: "price", Value: rag.Num(300)}},
	{"source1%", rag.Filter{Type: rag.OpPrefix, Key: rag.KeySource, Value: rag.Str("/srv/share/team-42/")}},
	{"source50%", rag.Filter{Type: rag.OpLt, Key: rag.KeySource, Value: rag.Str("/srv/share/team-50/")}},
	{"and", rag.And(rag.Eq("project", rag.Str("project-77")), rag.Eq("lang", rag.Str("de")), rag.Eq("draft", rag.Bool(false)))},
	{"tags", rag.In("tags", rag.Str("t7"), rag.Str("t8"), rag.Str("t9"))},
}

func BenchmarkSelect(b *testing.B) {
	for _, l := range layouts {
		t := table(b, l)
		var dst index.Bitmap
		run := func(name string, f rag.Filter, scope rag.Scope) {
			b.Run(l.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					var rows index.Bitmap
					if rows, n = t.Select(&f, &scope, nil, dst); rows != nil {
						dst = rows
					}
				}
				b.ReportMetric(100*float64(n)/float64(t.Rows()), "%rows")
			})
		}
		for _, f := range benchFilters {
			run(f.name, f.f, rag.Scope{Admin: true})
		}
		run("access", rag.Filter{}, rag.Scope{Principals: []string{"group-1", "group-2", "group-3"}})
		run("access+eq0.1%", benchFilters[0].f, rag.Scope{Principals: []string{"group-1", "group-2", "group-3"}})
	}
}

func BenchmarkEstimate(b *testing.B) {
	t := table(b, layouts[0])
	for _, f := range benchFilters {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t.Estimate(&f.f, &rag.Scope{Admin: true})
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1, 10, 50, 1000, 100_000} {
		docs := corpus(n, 4)
		docOf := rowsPer(n, 5, false)
		for _, reuse := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/reuse=%v", n, reuse), func(b *testing.B) {
				b.ReportAllocs()
				builder := new(Builder)
				size := int64(0)
				for b.Loop() {
					if builder.Reset(); !reuse {
						builder = new(Builder)
					}
					for _, d := range docs {
						if _, err := builder.Add(d); err != nil {
							b.Fatal(err)
						}
					}
					builder.SetRows(docOf)
					size, _ = builder.WriteTo(io.Discard)
				}
				b.ReportMetric(float64(size)/float64(n), "B/doc")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/doc")
			})
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, c := range []struct{ parts, docs int }{{2, 10}, {8, 10}, {4, 1000}, {8, 125_000}} {
		var parts []Part
		total := 0
		for p := range c.parts {
			docOf := rowsPer(c.docs, 2, false)
			part := Part{Table: build(b, corpus(c.docs, uint64(p)), docOf)}
			for range docOf {
				part.Rows = append(part.Rows, uint32(total))
				total++
			}
			parts = append(parts, part)
		}
		b.Run(fmt.Sprintf("%dx%d", c.parts, c.docs), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Merge(io.Discard, parts, total); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.parts*c.docs), "ns/doc")
		})
	}
}

func BenchmarkLookups(b *testing.B) {
	t := table(b, layouts[0])
	ids := make([]rag.DocumentID, 1000)
	ordinals := make([]uint32, len(ids))
	for i := range ids {
		ordinals[i] = rand.Uint32N(1_000_000)
		ids[i] = t.ID(ordinals[i])
	}
	i := 0
	b.Run("ID", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.ID(ordinals[i%1000])
			i++
		}
	})
	b.Run("Find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.Find(ids[i%1000])
			i++
		}
	})
	b.Run("Document", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.Document(ordinals[i%1000])
			i++
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = Open(t.data)
		}
	})
}

// TestSizes prints what the fields of a large section take, with -v.
func TestSizes(t *testing.T) {
	n := 20_000
	table := build(t, corpus(n, 3), rowsPer(n, 5, false))
	s := table.Stats()
	total := s.RecordBytes + s.RowBytes
	for _, f := range s.Fields {
		t.Logf("%-14s %6.1f bytes a document, %d strings, %d numbers", f.Name, float64(f.Bytes)/float64(n), f.Strings, f.Numbers)
		total += f.Bytes
	}
	t.Logf("records %.1f, rows %.1f, all %.1f bytes a document", float64(s.RecordBytes)/float64(n), float64(s.RowBytes)/float64(n), float64(s.Bytes)/float64(n))
	if total > s.Bytes || total < s.Bytes*9/10 {
		t.Errorf("the parts add up to %d bytes of %d", total, s.Bytes)
	}
	var whole bytes.Buffer
	for i := range uint32(n) {
		d := table.Document(i)
		fmt.Fprint(&whole, d.ID, d.ExternalID, d.Title, d.Source, d.MediaType, d.ACL, d.Metadata)
	}
	if s.Bytes > int64(whole.Len())*3/2 {
		t.Errorf("%d bytes for documents whose text is %d", s.Bytes, whole.Len())
	}
}
