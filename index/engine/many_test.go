package engine

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestThousandsOfSmallIndexes: an open index costs a few kilobytes and no goroutine.
func TestThousandsOfSmallIndexes(t *testing.T) {
	many := 2000
	if testing.Short() {
		many = 200
	}
	a, dir := analyze.For("auto"), t.TempDir()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	all := make([]*Index, many)
	for i := range all {
		cfg := Config{Dimensions: 8, Analyzer: a, Dir: filepath.Join(dir, fmt.Sprint(i))}
		if i%10 > 0 {
			cfg.Dir = "" // files of all of them would measure the disk
		}
		ix, err := Create(cfg)
		if err != nil {
			t.Fatal(err)
		}
		d := &rag.Document{ID: "a"}
		var puts []rag.Record
		for c := range 5 {
			puts = append(puts, rag.Record{ChunkID: rag.ChunkID(c + 1), Document: d, Text: "one small text", Vector: []float32{1, float32(c), 0, 0, 0, 0, 0, 1}})
		}
		if err := ix.Apply(puts, nil, 1); err != nil {
			t.Fatal(err)
		}
		if cfg.Dir != "" {
			if err := ix.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		all[i] = ix
	}
	each := (heap() - before) / int64(many)
	t.Logf("%d bytes of heap each", each)
	if each > 24<<10 {
		t.Errorf("an open index with five chunks takes %d bytes", each)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 2 {
		t.Errorf("%d goroutines for %d indexes", n, many)
	}
	for _, ix := range all {
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
