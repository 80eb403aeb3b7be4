package hnsw

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
)

// TestConcurrent inserts, deletes, sweeps and searches at the same time. Run with -race
// it shows that readers need no locks.
func TestConcurrent(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 600
	}
	w := newWorld(t, 20, n, 16, 20, vector.Cosine)
	g, err := New(PlaneOf(w.set), Config{M: 8, EfConstruction: 40, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	var half index.Bitmap
	for x := range uint32(n / 2) {
		half.Set(2 * x)
	}
	var changing, searching sync.WaitGroup
	done := make(chan struct{})
	for worker := range 3 {
		searching.Go(func() {
			var sc Scratch
			var hits []index.Hit
			p := Params{K: 10, Ef: 30}
			if worker == 0 {
				p.Allowed = half
			}
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				q := w.queries[i%len(w.queries)]
				var err error
				if hits, _, err = g.Search(w.set, q, p, &sc, hits[:0]); err != nil {
					t.Error(err)
					return
				}
				checkHits(t, w.set, q, hits, 10, p.Allowed, new(vector.Scratch))
			}
		})
	}
	// Each has slots of its own, so that it knows what is in them at the end.
	const workers = 4
	want := make([]bool, n)
	for worker := range workers {
		changing.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 5))
			for i := range 2 * n / workers {
				x := uint32(rng.IntN(n/workers)*workers + worker)
				if i%50 == 49 {
					g.Sweep()
				}
				if i < n/workers || rng.IntN(2) == 0 {
					want[x] = true
					g.Insert(x)
				} else {
					want[x] = false
					g.Delete(x)
				}
			}
		})
	}
	changing.Wait()
	close(done)
	searching.Wait()
	for x := range uint32(n) {
		if g.Has(x) != want[x] {
			t.Fatalf("slot %d is in the graph: %v", x, g.Has(x))
		}
	}
	checkGraph(t, g)
	if r := w.recall(t, g, Params{K: 10, Ef: 100}, liveRows(g)); r < .95 {
		t.Errorf("recall %.3f", r)
	}
}

// TestSameSlot inserts each slot from several goroutines: one of them does it.
func TestSameSlot(t *testing.T) {
	const n = 300
	w := newWorld(t, 21, n, 8, 5, vector.Cosine)
	g, err := New(PlaneOf(w.set), Config{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var inserted [4]int
	for i := range inserted {
		wg.Go(func() {
			for x := range uint32(n) {
				if g.Insert(x) {
					inserted[i]++
				}
			}
		})
	}
	wg.Wait()
	if sum := inserted[0] + inserted[1] + inserted[2] + inserted[3]; sum != n {
		t.Errorf("%d inserts of %d slots", sum, n)
	}
	checkGraph(t, g)
}
