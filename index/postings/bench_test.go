package postings

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index"
)

// benchRows is how many rows the benchmarks search: POSTINGS_ROWS, or few enough for a quick look.
func benchRows() int {
	n := 100_000
	fmt.Sscan(os.Getenv("POSTINGS_ROWS"), &n)
	return n
}

var bench struct {
	sync.Once
	c     *corpus
	s     *Segment
	build time.Duration
}

func benchSegment(b *testing.B) (*corpus, *Segment) {
	b.Helper()
	bench.Do(func() {
		bench.c = loadCorpus(b, benchRows())
		builder := NewBuilder()
		fields := make([]Field, 1)
		var made []string
		for i := range bench.c.n {
			made = bench.c.row(i, made[:0])
			fields[0].Terms = made
			began := time.Now()
			builder.Add(fields)
			bench.build += time.Since(began)
		}
		var out bytes.Buffer
		began := time.Now()
		if err := builder.Write(&out, Config{}); err != nil {
			b.Fatal(err)
		}
		bench.build += time.Since(began)
		s, err := Open(out.Bytes())
		if err != nil {
			b.Fatal(err)
		}
		bench.s = s
		b.Logf("%s: %d rows, %d terms, %d postings, built at %.0f rows/s, %.1f bytes a row", bench.c.name, s.Rows(), s.TermCount(), s.Postings(),
			float64(s.Rows())/bench.build.Seconds(), float64(out.Len())/float64(s.Rows()))
		var lists, places uint64
		for it := s.Terms(); it.Next(); {
			t := it.Term()
			lists += t.list.n
			places += t.places.n
		}
		b.Logf("postings %.1f, positions %.1f, dictionary %.1f, its index %.1f, lengths %.1f bytes a row", float64(lists)/float64(s.Rows()), float64(places)/float64(s.Rows()),
			float64(len(s.dict.data))/float64(s.Rows()), float64(s.dict.blocks*indexSize)/float64(s.Rows()), float64(len(s.lengths))/float64(s.Rows()))
	})
	return bench.c, bench.s
}

// BenchmarkSearch reports the median and the 99th of 100 of the times of real questions, with and without stop words.
func BenchmarkSearch(b *testing.B) {
	c, seg := benchSegment(b)
	views := []View{{Segment: seg}}
	for name, questions := range map[string][][]string{"questions": c.full, "words": c.questions} {
		for _, k := range []int{10, 100} {
			b.Run(fmt.Sprintf("%s/k%d", name, k), func(b *testing.B) {
				b.ReportAllocs()
				times := make([]time.Duration, len(questions))
				for i := range times {
					times[i] = time.Hour
				}
				s := new(Scratch)
				var dst [][]index.Hit
				i := 0
				for b.Loop() {
					began := time.Now()
					dst, _ = Search(b.Context(), Config{}, views, questions[i], k, nil, s, dst)
					times[i] = min(times[i], time.Since(began))
					dst[0] = dst[0][:0]
					i = (i + 1) % len(questions)
				}
				times = slices.DeleteFunc(times, func(d time.Duration) bool { return d == time.Hour })
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
			})
		}
	}
}

// BenchmarkBuildSmall writes sections as an engine does for each batch.
func BenchmarkBuildSmall(b *testing.B) {
	c := loadCorpus(b, 50)
	var rows [][]Field
	for i := range c.n {
		rows = append(rows, []Field{{Terms: c.row(i, nil)}})
	}
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			builder := NewBuilder()
			var out bytes.Buffer
			for b.Loop() {
				builder.Reset()
				out.Reset()
				for _, r := range rows[:n] {
					builder.Add(r)
				}
				if err := builder.Write(&out, Config{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}

// BenchmarkMerge merges ten segments.
func BenchmarkMerge(b *testing.B) {
	const parts = 10
	c := loadCorpus(b, benchRows()/2)
	var list []Part
	row, postings := uint32(0), uint64(0)
	for range parts {
		builder := NewBuilder()
		var p Part
		var made []string
		for i := range c.n / parts {
			made = c.row(i, made[:0])
			builder.Add([]Field{{Terms: made}})
			p.Rows = append(p.Rows, row)
			row++
		}
		var out bytes.Buffer
		if err := builder.Write(&out, Config{}); err != nil {
			b.Fatal(err)
		}
		p.Segment = open(b, out.Bytes())
		postings += p.Segment.Postings()
		list = append(list, p)
	}
	for b.Loop() {
		var out bytes.Buffer
		if err := Merge(b.Context(), &out, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(postings)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpostings/s")
}

// BenchmarkSearchSmall searches many segments as small as batches make them.
func BenchmarkSearchSmall(b *testing.B) {
	b.ReportAllocs()
	const segments, rows = 20, 50
	c := loadCorpus(b, segments*rows)
	var views []View
	builder := NewBuilder()
	for i := range segments {
		builder.Reset()
		for j := range rows {
			builder.Add([]Field{{Terms: c.row(i*rows+j, nil)}})
		}
		var out bytes.Buffer
		if err := builder.Write(&out, Config{}); err != nil {
			b.Fatal(err)
		}
		views = append(views, View{Segment: open(b, out.Bytes())})
	}
	s := new(Scratch)
	var dst [][]index.Hit
	i := 0
	for b.Loop() {
		dst, _ = Search(b.Context(), Config{}, views, c.questions[i], 10, nil, s, dst)
		for j := range dst {
			dst[j] = dst[j][:0]
		}
		i = (i + 1) % len(c.questions)
	}
}

// BenchmarkTable computes the factors of a mean length, once for each write to an index with a large segment.
func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		newFactors(DefaultK1, DefaultB, 65).table(50)
	}
}
