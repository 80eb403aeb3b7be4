//go:build faiss

package faiss

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// small are settings with which few vectors already make lists and graphs, that find everything, and are rebuilt often.
func small(typ string, dims int) Config {
	return Config{
		Engine: engine.Config{Dimensions: dims, Analyzer: analyze.For(""), FlushRows: 64},
		Type:   typ, NProbe: 1 << 20, EfSearch: 2000, M: 32, EfConstruction: 60, ExactBelow: 10, DeadLeast: 20, alwaysApproximate: true,
	}
}

func create(tb testing.TB, cfg Config) *Index {
	tb.Helper()
	ix, err := Create(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	closed(tb, ix)
	return ix
}

// closed has ix closed in the end.
func closed(tb testing.TB, ix *Index) {
	tb.Cleanup(func() {
		if err := ix.Close(); err != nil {
			tb.Error(err)
		}
	})
}

// shape is what FAISS's index is like.
type shape struct {
	typ        string // flat until there are enough vectors for another
	live, dead int
}

func shapeOf(ix *Index) shape {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	s := shape{live: len(ix.v.where), dead: ix.v.dead()}
	for typ, k := range kinds {
		if k == ix.v.native.kind {
			s.typ = typ
		}
	}
	return s
}

var types = []string{engine.TypeFlat, engine.TypeIVF, engine.TypeHNSW}

// eachType runs a test for every type.
func eachType(t *testing.T, fn func(t *testing.T, typ string)) {
	for _, typ := range types {
		t.Run(typ, func(t *testing.T) { fn(t, typ) })
	}
}

// TestConformance runs all of the suite on every type: with all lists probed and room for every vector, lists and graphs miss nothing.
func TestConformance(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
			cfg := small(typ, dims)
			cfg.Engine.Dir = t.TempDir()
			return create(t, cfg)
		})
	})
}

// TestConformanceWithDefaults has the settings that users have, in memory.
func TestConformanceWithDefaults(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		parts := []string{"Empty", "PutReplaceDelete", "Sides", "Ties", "Filters", "AccessLists", "DocumentChanges", "Refusals", "Cancelled", "RandomHistory", "BatchesAreAtomic"}
		if typ == engine.TypeFlat {
			parts = append(parts, "Batches") // 5,000 vectors, which lists and graphs search as well as they can
		}
		indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
			return create(t, Config{Engine: engine.Config{Dimensions: dims, Analyzer: analyze.For("")}, Type: typ})
		}, parts...)
	})
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"type":            func(c *Config) { c.Type = "lsh" },
		"auto":            func(c *Config) { c.Type = engine.TypeAuto },
		"nlist":           func(c *Config) { c.NList = -1 },
		"nprobe":          func(c *Config) { c.NProbe = -1 },
		"m":               func(c *Config) { c.M = 1 },
		"efconstruction":  func(c *Config) { c.EfConstruction = 1 << 20 },
		"efsearch":        func(c *Config) { c.EfSearch = -1 },
		"exact below":     func(c *Config) { c.ExactBelow = -1 },
		"dead share":      func(c *Config) { c.DeadShare = 1.5 },
		"dead least":      func(c *Config) { c.DeadLeast = -1 },
		"threads":         func(c *Config) { c.Threads = -1 },
		"dimensions":      func(c *Config) { c.Engine.Dimensions = 0 },
		"many dimensions": func(c *Config) { c.Engine.Dimensions = engine.MaxDimensions + 1 },
	} {
		cfg := small(engine.TypeFlat, 4)
		change(&cfg)
		if ix, err := Create(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
			_ = ix
		}
	}
	if _, err := Open(small(engine.TypeFlat, 4)); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("opening memory: %v", err)
	}
}

// TestShimReportsExceptions: what FAISS throws comes back as an error.
func TestShimReportsExceptions(t *testing.T) {
	cfg := small(engine.TypeIVF, 4).WithDefaults()
	n, err := newNative(ivf, 4, 2, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.free()
	if err := n.add([]float32{1, 0, 0, 0}, 1); err == nil { // it is not trained
		t.Error("adding to an inverted file without lists is no error")
	} else if n.total() != 0 {
		t.Errorf("after %v there are %d vectors", err, n.total())
	}
}

// TestNativeRefuses: FAISS never sees a wrong size or position.
func TestNativeRefuses(t *testing.T) {
	cfg := small(engine.TypeFlat, 4).WithDefaults()
	n, err := newNative(flat, 4, 0, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.free()
	if err := n.add([]float32{1, 0, 0, 0}, 1); err != nil {
		t.Fatal(err)
	}
	q := []float32{1, 0, 0, 0}
	for name, fn := range map[string]func() error{
		"half a vector":     func() error { return n.add(q[:2], 1) },
		"a short query":     func() error { _, err := n.search(q[:3], 1, 1, true, nil); return err },
		"k of more":         func() error { _, err := n.search(q, 2, 1, true, nil); return err },
		"a long bitmap":     func() error { _, err := n.search(q, 1, 1, true, make([]uint64, 2)); return err },
		"a position beyond": func() error { return n.score(q, []int64{1}, make([]float32, 1)) },
		"negative position": func() error { return n.vectors([]int64{-1}, make([]float32, 4)) },
		"little room":       func() error { return n.vectors([]int64{0}, make([]float32, 3)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s went through", name)
				}
			}()
			_ = fn()
		}()
	}
}

// TestConcurrent lets a writer, searches, commits, purges and rebuilds run at once; in the end everything is right.
func TestConcurrent(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		cfg := small(typ, indextest.Dims)
		cfg.Engine.Dir = t.TempDir()
		ix := create(t, cfg)
		h := indextest.NewHistory(4)
		limit := time.Second
		if testing.Short() {
			limit = time.Second / 4
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		var wg sync.WaitGroup
		again := func(what string, fn func(context.Context) error) {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := fn(ctx); err != nil && ctx.Err() == nil {
						t.Errorf("%s: %v", what, err)
						return
					}
				}
			})
		}
		queries := make([]rag.IndexQuery, 100)
		for i := range queries {
			queries[i] = h.Query()
		}
		for s := range 2 {
			n := s
			again("search", func(ctx context.Context) error {
				n++
				_, err := ix.Search(ctx, queries[n%len(queries)])
				return err
			})
		}
		again("commit", ix.Commit)
		again("purge", ix.Purge)
		again("rebuild", ix.Compact)
		for ctx.Err() == nil {
			h.Step(t, ix)
		}
		wg.Wait()
		for range 20 {
			h.Check(t, ix)
		}
	})
}

func TestClosed(t *testing.T) {
	ix, err := Create(small(engine.TypeHNSW, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ix.Close(), ix.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = ix.Search(t.Context(), rag.IndexQuery{Text: "a", Vector: []float32{1}, K: 1})
	for name, err := range map[string]error{
		"search": err, "apply": ix.Apply(nil, nil, 1), "commit": ix.Commit(t.Context()), "purge": ix.Purge(t.Context()), "rebuild": ix.Compact(t.Context()),
	} {
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
