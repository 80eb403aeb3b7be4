package memory_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/memory"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func open(tb testing.TB, dims int) *memory.Index {
	tb.Helper()
	ix, err := memory.New(memory.Config{Dimensions: dims, Analyzer: analyze.For("")})
	if err != nil {
		tb.Fatal(err)
	}
	return ix
}

func TestConformance(t *testing.T) {
	indextest.Run(t, func(t *testing.T, dims int) indextest.Index { return open(t, dims) })
}
