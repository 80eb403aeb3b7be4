package engine

import (
	"fmt"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// BenchmarkShards searches four departments of 25,000 chunks, in one segment and in one for each, by vectors that are all compared.
func BenchmarkShards(b *testing.B) {
	const dims, rows = 128, 100_000
	rng := newClustered(1, dims, 100)
	vectors := make([][]float32, rows)
	for i := range vectors {
		vectors[i], _ = rng.vector()
	}
	for _, by := range []string{"", "department"} {
		ix := create(b, Config{Dimensions: dims, Analyzer: analyze.For("en"), Type: TypeFlat, Dir: b.TempDir(), ShardBy: by})
		err := ix.Rebuild(b.Context(), func(add func(rag.Record) error) (int64, error) {
			for i, v := range vectors {
				d := &rag.Document{ID: rag.DocumentID(fmt.Sprint(i)), Metadata: rag.Metadata{"department": rag.Str(fmt.Sprint(i % 4))}}
				if err := add(rag.Record{ChunkID: rag.ChunkID(i + 1), Document: d, Vector: v}); err != nil {
					return 0, err
				}
			}
			return 1, nil
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := ix.Optimize(b.Context()); err != nil {
			b.Fatal(err)
		}
		for name, filter := range map[string]rag.Filter{"all": {}, "one": rag.Eq("department", rag.Str("2"))} {
			b.Run(fmt.Sprintf("by=%s/%s", by, name), func(b *testing.B) {
				var result rag.IndexResult
				for i := 0; b.Loop(); i++ {
					if err := ix.SearchInto(b.Context(), rag.IndexQuery{Vector: vectors[i%rows], K: 10, Filter: filter}, &result); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
