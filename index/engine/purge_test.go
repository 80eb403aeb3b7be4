package engine

import (
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestPurgeKeepsLists: freeing a large segment of a few rows copies its inverted file, and makes another one only when most rows are gone.
func TestPurgeKeepsLists(t *testing.T) {
	const dims, rows = 16, 5000
	rng := newClustered(3, dims, 30)
	cfg := Config{Dimensions: dims, Analyzer: analyze.For(""), Type: TypeIVF, Dir: t.TempDir()}
	ix := create(t, cfg)
	truth := create(t, Config{Dimensions: dims, Analyzer: analyze.For(""), Type: TypeFlat})
	apply := func(puts []rag.Record, deletes []rag.ChunkID, seq int64) {
		for _, x := range []*Index{ix, truth} {
			if err := x.Apply(puts, deletes, seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	var puts []rag.Record
	for i := range rows {
		v, _ := rng.vector()
		puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: "a"}, Vector: v})
	}
	apply(puts, nil, 1)
	if err := ix.Optimize(t.Context()); err != nil {
		t.Fatal(err)
	}
	lists := func() int { return ix.Describe().Segments[0].Lists }
	before := lists()
	remove := func(from, to rag.ChunkID, seq int64) {
		t.Helper()
		var ids []rag.ChunkID
		for id := from; id < to; id++ {
			ids = append(ids, id)
		}
		apply(nil, ids, seq)
		if err := ix.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := ix.Describe(); d.Dead != 0 || d.Chunks != rows-int(to-1) {
			t.Fatalf("after the purge: %+v", d)
		}
		found, all := 0, 0
		for range 50 {
			q, _ := rng.vector()
			got, err := ix.Search(t.Context(), rag.IndexQuery{Vector: q, K: 10})
			if err != nil {
				t.Fatal(err)
			}
			want, err := truth.Search(t.Context(), rag.IndexQuery{Vector: q, K: 10})
			if err != nil {
				t.Fatal(err)
			}
			in := map[rag.ChunkID]bool{}
			for _, h := range want.Vector {
				in[h.ChunkID] = true
			}
			for _, h := range got.Vector {
				if h.ChunkID < to {
					t.Fatalf("chunk %d is gone", h.ChunkID)
				}
				if in[h.ChunkID] {
					found++
				}
			}
			all += len(want.Vector)
		}
		if recall := float64(found) / float64(all); recall < .97 {
			t.Errorf("recall %.3f", recall)
		}
	}
	remove(1, 11, 2)
	if n := lists(); n != before || n == 0 {
		t.Errorf("ten rows of %d were purged, and there are %d lists instead of %d", rows, n, before)
	}
	remove(11, rows*4/5, 3)
	if n := lists(); n >= before {
		t.Errorf("a fifth is left, in %d lists; there were %d", n, before)
	}
}
