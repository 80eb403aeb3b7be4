package engine

import (
	"fmt"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestAllocations: a search that is like those before takes no memory, of any kind of index.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		return // pools are emptied at random
	}
	const dims, rows = 16, 5000
	for _, kind := range Types {
		t.Run(kind, func(t *testing.T) {
			cfg := Config{Dimensions: dims, Analyzer: analyze.For("en"), Type: kind, ExactBelow: 1000, FlushRows: 1000, Dir: t.TempDir()}
			ix, rng := create(t, cfg), newClustered(4, dims, 10)
			var puts []rag.Record
			for i := range rows {
				v, _ := rng.vector()
				d := &rag.Document{ID: rag.DocumentID(fmt.Sprint(i / 10)), Metadata: rag.Metadata{"team": rag.Str([]string{"a", "b"}[i/10%2])}}
				puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: d, Vector: v, Text: fmt.Sprintf("word%d word%d both", i%7, i%11)})
			}
			if err := ix.Apply(puts, nil, 1); err != nil {
				t.Fatal(err)
			}
			if err := ix.Optimize(t.Context()); err != nil {
				t.Fatal(err)
			}
			v, _ := rng.vector()
			var result rag.IndexResult
			for _, filter := range []rag.Filter{{}, rag.Eq("team", rag.Str("a"))} {
				q := rag.IndexQuery{Vector: v, Text: "word3 both", K: 10, Filter: filter}
				n := testing.AllocsPerRun(50, func() {
					if err := ix.SearchInto(t.Context(), q, &result); err != nil || len(result.Vector) != 10 || len(result.Keyword) != 10 {
						t.Fatal(err, len(result.Vector), len(result.Keyword))
					}
				})
				if n > 0 {
					t.Errorf("%v allocations", n)
				}
			}
		})
	}
}
