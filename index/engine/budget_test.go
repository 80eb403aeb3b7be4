package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// fill puts n chunks, flush by flush, so that there is a file of each flush.
func fill(t *testing.T, ix *Index, n int) {
	t.Helper()
	rng := newClustered(2, ix.cfg.Dimensions, 5)
	for from := 0; from < n; from += ix.cfg.FlushRows {
		var puts []rag.Record
		for i := range ix.cfg.FlushRows {
			v, _ := rng.vector()
			puts = append(puts, rag.Record{ChunkID: rag.ChunkID(from + i + 1), Document: &rag.Document{ID: "a"}, Text: fmt.Sprintf("w%d", i), Vector: v})
		}
		if err := ix.Apply(puts, nil, int64(from+1)); err != nil {
			t.Fatal(err)
		}
		if err := ix.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMergeBytes: what is large enough is merged no more.
func TestMergeBytes(t *testing.T) {
	cfg := Config{Dimensions: 8, Analyzer: analyze.For(""), FlushRows: 256, Dir: t.TempDir()}
	one := create(t, cfg)
	fill(t, one, cfg.FlushRows)
	size := one.Stats().Bytes
	cfg.Dir, cfg.MergeBytes = t.TempDir(), 6*size
	ix := create(t, cfg)
	fill(t, ix, 40*cfg.FlushRows)
	ix.wg.Wait()
	d := ix.Describe()
	if len(d.Segments) < 7 {
		t.Errorf("%d segments", len(d.Segments))
	}
	for _, s := range d.Segments {
		if s.Bytes > cfg.MergeBytes {
			t.Errorf("%d bytes were merged, at most %d are asked for", s.Bytes, cfg.MergeBytes)
		}
	}
	if err := ix.Optimize(t.Context()); err != nil { // somebody asks for it
		t.Fatal(err)
	}
	if n := len(ix.Describe().Segments); n != 1 {
		t.Errorf("%d segments", n)
	}
}

// TestMergeRate: a merge that would take minutes keeps nobody waiting who writes, commits, purges or closes.
func TestMergeRate(t *testing.T) {
	merging := func() *Index {
		t.Helper()
		ix := create(t, Config{Dimensions: 100, Analyzer: analyze.For(""), FlushRows: 1024, Dir: t.TempDir(), MergeBytesPerSecond: 100})
		fill(t, ix, 6*ix.cfg.FlushRows)
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			ix.writing.Lock()
			going := ix.merging
			ix.writing.Unlock()
			if going {
				return ix
			}
		}
		t.Fatal("nothing is being merged")
		return nil
	}
	ix := merging()
	if err := ix.Apply(nil, []rag.ChunkID{1, 2, 3}, 1e6); err != nil {
		t.Fatal(err)
	}
	if err := ix.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Dead != 0 || s.Chunks != 6*ix.cfg.FlushRows-3 {
		t.Errorf("after the purge: %+v", s)
	}
	if err := merging().Close(); err != nil {
		t.Error(err)
	}
}
