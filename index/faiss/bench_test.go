//go:build faiss

package faiss

import (
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// BenchmarkSearch searches 20,000 vectors of 32 dimensions with the default settings.
func BenchmarkSearch(b *testing.B) {
	for _, typ := range types {
		b.Run(typ, func(b *testing.B) {
			p := newPair(b, typ, 20_000)
			d := &rag.Document{ID: "a"}
			for at := 0; at < len(p.vectors); at += 1000 {
				var puts []rag.Record
				for i, v := range p.vectors[at : at+1000] {
					puts = append(puts, rag.Record{ChunkID: rag.ChunkID(at + i + 1), Document: d, Vector: v})
				}
				p.apply(b, puts, nil)
				p.other.wg.Wait()
			}
			q := rag.IndexQuery{K: 10}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.Vector = p.vectors[i%len(p.vectors)]
				if _, err := p.other.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
