package memory_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/memory"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

const benchDims = 384

// passages cuts the texts of retrieval sets into windows of 120 words that begin
// every stride words, n of them, as records with random vectors.
func passages(b *testing.B, n, stride int, sets ...string) []rag.Record {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var out []rag.Record
	for _, name := range sets {
		for _, d := range readSet(b, name, "test").documents {
			doc := &rag.Document{
				ID: rag.DocumentID(name + d.ID), ExternalID: d.ID, Title: d.Title, MediaType: "text/plain",
				Metadata: rag.Metadata{"set": rag.Str(name), "year": rag.Num(float64(1990 + len(out)%30))},
			}
			words := strings.Fields(d.Title + " " + d.Text)
			for at := 0; at < len(words) && len(out) < n; at += stride {
				v := make([]float32, benchDims)
				var sum float64
				for i := range v {
					v[i] = float32(rng.NormFloat64())
					sum += float64(v[i]) * float64(v[i])
				}
				for i := range v {
					v[i] /= float32(math.Sqrt(sum))
				}
				out = append(out, rag.Record{
					ChunkID: rag.ChunkID(len(out) + 1), Document: doc, Vector: v,
					Text: strings.Join(words[at:min(at+120, len(words))], " "),
				})
				if at+120 >= len(words) {
					break
				}
			}
		}
	}
	return out
}

func build(b *testing.B, records []rag.Record) *memory.Index {
	b.Helper()
	ix := open(b, benchDims)
	for at := 0; at < len(records); at += 512 {
		if err := ix.Apply(records[at:min(at+512, len(records))], nil, int64(at+1)); err != nil {
			b.Fatal(err)
		}
	}
	return ix
}

// sizes are the SciFact abstracts as a chunker would cut them, and 100,000
// overlapping passages.
var sizes = []struct {
	name   string
	n      int
	stride int
	sets   []string
}{
	{"8k", 8_000, 120, []string{"scifact"}},
	{"100k", 100_000, 20, []string{"scifact", "cacm", "cranfield", "hotpotqa-100", "xquad/en", "xquad/de", "xquad/es"}},
}

// percentiles reports the median and the 99th percentile of durations.
func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkSearch(b *testing.B) {
	for _, size := range sizes {
		records := passages(b, size.n, size.stride, size.sets...)
		ix := build(b, records)
		questions := readSet(b, "scifact", "test").questions
		b.Logf("%s: %+v", size.name, ix.Stats())
		for _, kind := range []string{"keyword", "vector", "hybrid", "hybrid filtered"} {
			b.Run(fmt.Sprintf("%s/%s", size.name, kind), func(b *testing.B) {
				b.ReportAllocs()
				var took []time.Duration
				for i := 0; b.Loop(); i++ {
					q := rag.IndexQuery{K: 100}
					if kind != "vector" {
						q.Text = questions[i%len(questions)].Text
					}
					if kind != "keyword" {
						q.Vector = records[i*7%len(records)].Vector
					}
					if kind == "hybrid filtered" {
						q.Filter = rag.Filter{Type: rag.OpGte, Key: "year", Value: rag.Num(2005)}
					}
					start := time.Now()
					if _, err := ix.Search(b.Context(), q); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(start))
				}
				percentiles(b, took)
			})
		}
	}
}

// BenchmarkSearchWhileWriting searches while another goroutine replaces batches
// of 256 chunks without a pause.
func BenchmarkSearchWhileWriting(b *testing.B) {
	for _, size := range sizes {
		records := passages(b, size.n, size.stride, size.sets...)
		ix := build(b, records)
		questions := readSet(b, "scifact", "test").questions
		b.Run(size.name, func(b *testing.B) {
			done := make(chan struct{})
			var wg sync.WaitGroup
			batches := 0
			wg.Go(func() {
				seq := ix.Seq()
				for at := 0; ; at = (at + 256) % (len(records) - 256) {
					select {
					case <-done:
						return
					default:
					}
					seq++
					if err := ix.Apply(records[at:at+256], nil, seq); err != nil {
						b.Error(err)
						return
					}
					batches++
				}
			})
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if _, err := ix.Search(b.Context(), rag.IndexQuery{K: 100, Text: questions[i%len(questions)].Text, Vector: records[i%len(records)].Vector}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			close(done)
			wg.Wait()
			percentiles(b, took)
			b.ReportMetric(float64(batches*256)/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range sizes {
		records := passages(b, size.n, size.stride, size.sets...)
		var bytes int64
		for _, r := range records {
			bytes += int64(len(r.Text))
		}
		b.Run(size.name+"/build", func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				build(b, records)
			}
			b.ReportMetric(float64(len(records)*b.N)/b.Elapsed().Seconds(), "chunks/s")
		})
		ix := build(b, records)
		b.Run(size.name+"/replace a document of 10", func(b *testing.B) {
			next, seq := rag.ChunkID(len(records)+1), ix.Seq()
			var old []rag.ChunkID
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				puts := slices.Clone(records[i*10%(len(records)-10):][:10])
				var ids []rag.ChunkID
				for j := range puts {
					puts[j].ChunkID = next
					ids = append(ids, next)
					next++
				}
				seq++
				start := time.Now()
				if err := ix.Apply(puts, old, seq); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
				old = ids
			}
			percentiles(b, took)
		})
	}
}

func BenchmarkFile(b *testing.B) {
	for _, size := range sizes {
		ix := build(b, passages(b, size.n, size.stride, size.sets...))
		path := filepath.Join(b.TempDir(), "x.index")
		b.Run(size.name+"/save", func(b *testing.B) {
			for b.Loop() {
				if _, err := ix.Save(path, identity); err != nil {
					b.Fatal(err)
				}
			}
			if info, err := os.Stat(path); err == nil {
				b.SetBytes(info.Size())
			}
		})
		b.Run(size.name+"/load", func(b *testing.B) {
			cfg := memory.Config{Dimensions: benchDims, Analyzer: analyze.For("")}
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := memory.Load(path, cfg, identity); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			percentiles(b, took)
		})
	}
}
