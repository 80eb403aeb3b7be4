package index

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestTopEqualsSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var top Top
	for round := range 300 {
		n, k := rng.IntN(60), rng.IntN(20)
		hits := make([]Hit, n)
		for i := range hits {
			// Few distinct scores, so that ties are common.
			hits[i] = Hit{ID: rag.ChunkID(i + 1), Row: uint32(i), Score: float32(rng.IntN(8))}
		}
		rng.Shuffle(n, func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
		top.Reset(k)
		for _, h := range hits {
			floor := top.Floor()
			before := slices.Clone(top.heap)
			top.Offer(h)
			if h.Score < floor && !slices.Equal(before, top.heap) {
				t.Fatalf("round %d: a hit of score %v below the floor %v got in", round, h.Score, floor)
			}
		}
		got := top.AppendTo(nil)
		slices.SortFunc(hits, func(a, b Hit) int {
			if a.Before(b) {
				return -1
			}
			return 1
		})
		if want := hits[:min(k, n)]; !slices.Equal(got, want) {
			t.Fatalf("round %d (n %d, k %d): got %v, want %v", round, n, k, got, want)
		}
	}
}

func TestBitmap(t *testing.T) {
	var b Bitmap
	if b.Has(5) || b.Count() != 0 {
		t.Fatal("the nil bitmap is not empty")
	}
	b.Clear(1000)
	rows := []uint32{0, 63, 64, 130, 1000}
	for _, r := range rows {
		b.Set(r)
	}
	for r := range uint32(1100) {
		if got, want := b.Has(r), slices.Contains(rows, r); got != want {
			t.Errorf("Has(%d) = %v, want %v", r, got, want)
		}
	}
	if b.Count() != len(rows) {
		t.Errorf("Count = %d, want %d", b.Count(), len(rows))
	}
	b.Clear(64)
	if b.Has(64) || b.Count() != len(rows)-1 {
		t.Error("Clear(64) did not remove exactly row 64")
	}
	if b = b.Reset(100); len(b) != 2 || b.Count() != 0 {
		t.Errorf("Reset(100) left %d words with %d rows", len(b), b.Count())
	}
}
