package engine

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// small are settings with which few rows make many segments of all kinds.
func small(dims int) Config {
	return Config{Dimensions: dims, Analyzer: analyze.For(""), FlushRows: 64, ExactBelow: 200}
}

func create(tb testing.TB, cfg Config) *Index {
	tb.Helper()
	ix, err := Create(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ix.Close(); err != nil {
			tb.Error(err)
		}
	})
	return ix
}

// exact is small with every vector compared, as the suite asks for.
func exact(dims int) Config {
	cfg := small(dims)
	cfg.ExactBelow = -1
	return cfg
}

func TestConformanceInMemory(t *testing.T) {
	indextest.Run(t, func(t *testing.T, dims int) indextest.Index { return create(t, exact(dims)) })
}

func TestConformanceOnDisk(t *testing.T) {
	indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
		cfg := exact(dims)
		cfg.Dir = t.TempDir()
		return create(t, cfg)
	})
}

func TestConformanceWithDefaults(t *testing.T) {
	indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
		return create(t, Config{Dimensions: dims, Analyzer: analyze.For(""), Dir: t.TempDir()})
	})
}
