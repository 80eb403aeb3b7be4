package sandbox

import (
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func FuzzUnpackBlocks(f *testing.F) {
	f.Add(packBlocks([]rag.Block{
		{Kind: rag.Heading, Level: 2, Page: 1, Box: rag.Box{X0: 72.1, Y0: 60, X1: 300, Y1: 72.5}, Span: rag.Span{End: 5}},
		{Kind: rag.Table, Page: 2, Span: rag.Span{Start: 7, End: 20}, HeaderEnd: 9},
	}), 20)
	f.Add([]byte{1, 0, 0, 0, 5, 0, 0}, 5)
	f.Add([]byte{1, 0, 0, 0, 5, 0, 1, 0, 0, 0xc0, 0x7f}, 5)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		blocks, err := unpackBlocks(data, size)
		if err != nil {
			return
		}
		end := 0
		for _, b := range blocks {
			if b.Span.Start < end || b.Span.End < b.Span.Start || b.Span.End > size || math.IsNaN(float64(b.Box.X0)) {
				t.Fatalf("%+v", b)
			}
			end = b.Span.End
		}
		again, err := unpackBlocks(packBlocks(blocks), size)
		if err != nil || !slices.Equal(again, blocks) {
			t.Errorf("%+v comes back as %+v, %v", blocks, again, err)
		}
	})
}
