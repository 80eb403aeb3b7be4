package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// BenchmarkInsert puts rows in by batches of 50, with merging and files: the time of one row.
func BenchmarkInsert(b *testing.B) {
	const dims, batch = 128, 50
	rng := newClustered(1, dims, 100)
	var vocabulary []string
	for i := range 20_000 {
		vocabulary = append(vocabulary, fmt.Sprintf("word%d", i))
	}
	pool := make([]rag.Record, 5000)
	for i := range pool {
		v, topic := rng.vector()
		var words []string
		for range 65 {
			words = append(words, vocabulary[int(rng.Float64()*rng.Float64()*rng.Float64()*20_000)])
		}
		pool[i] = rag.Record{Text: strings.Join(words, " "), Vector: v, Document: &rag.Document{Metadata: rag.Metadata{"topic": rag.Num(float64(topic))}}}
	}
	ix := create(b, Config{Dimensions: dims, Analyzer: analyze.For("en"), Dir: b.TempDir()})
	puts := make([]rag.Record, 0, batch)
	seq, n := int64(0), 0
	b.ReportAllocs()
	for b.Loop() {
		r := pool[n%len(pool)]
		n++
		r.ChunkID = rag.ChunkID(n)
		d := *r.Document
		d.ID = rag.DocumentID(fmt.Sprintf("01890000-0000-7000-8000-%012d", n/10))
		r.Document = &d
		if puts = append(puts, r); len(puts) < batch {
			continue
		}
		seq++
		if err := ix.Apply(puts, nil, seq); err != nil {
			b.Fatal(err)
		}
		puts = puts[:0]
	}
}
