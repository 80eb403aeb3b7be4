package hnsw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
)

// topic returns the n rows that are best for q.
func (w world) topic(tb testing.TB, q *vector.Query, n int) index.Bitmap {
	tb.Helper()
	hits, err := w.set.Exact(tb.Context(), q, n, nil, float32(math.Inf(-1)), new(vector.Scratch), nil)
	if err != nil {
		tb.Fatal(err)
	}
	var b index.Bitmap
	for _, h := range hits {
		b.Set(h.Row)
	}
	return b
}

// TestFilter asks with filters that let random rows through, or a topic: for most
// questions one that is far away.
func TestFilter(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 2000
	}
	for _, m := range []vector.Metric{vector.Cosine, vector.L2} {
		w := newWorld(t, 11, n, 24, 40, m)
		g := build(t, w.set, Config{EfConstruction: 100, Threads: 2})
		s := opened(t, g)
		rng := rand.New(rand.NewPCG(1, 1))
		for _, share := range []float64{1, .5, .2, .1, .05} {
			t.Run(fmt.Sprintf("%v/%v", m, share), func(t *testing.T) {
				random := index.Bitmap{}.Reset(n)
				for _, x := range rng.Perm(n)[:int(share*float64(n))] {
					random.Set(uint32(x))
				}
				filters := map[string]index.Bitmap{"random": random, "topic": w.topic(t, w.queries[0], int(share*float64(n)))}
				for kind, allowed := range filters {
					for name, f := range map[string]finder{"graph": g, "section": s} {
						if r := w.recall(t, f, Params{K: 10, Ef: 100, Allowed: allowed}, allowed); r < .95 {
							t.Errorf("%s, %s: recall %.3f", kind, name, r)
						}
					}
				}
			})
		}
	}
}

// TestFilterOfFew: all of a handful of rows are found, wherever they are, or else the search
// says that it is incomplete.
func TestFilterOfFew(t *testing.T) {
	const n = 2000
	w := newWorld(t, 12, n, 16, 20, vector.Cosine)
	s := opened(t, build(t, w.set, Config{EfConstruction: 60}))
	rng := rand.New(rand.NewPCG(2, 2))
	var sc Scratch
	for round := range 200 {
		allowed := index.Bitmap{}
		for range rng.IntN(30) {
			allowed.Set(uint32(rng.IntN(n + 100)))
		}
		k, q := 1+rng.IntN(10), w.queries[round%len(w.queries)]
		got, st, err := s.Search(w.set, q, Params{K: k, Ef: 40, Allowed: allowed, Budget: rng.IntN(3) * 500}, &sc, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkHits(t, w.set, q, got, k, allowed, new(vector.Scratch))
		want, err := w.set.Exact(t.Context(), q, k, allowed, float32(math.Inf(-1)), new(vector.Scratch), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < len(want) && !st.Incomplete {
			t.Fatalf("%d of %d hits, and the search says it is complete: %+v", len(got), len(want), st)
		}
	}
}

func TestBudget(t *testing.T) {
	const n = 2000
	w := newWorld(t, 13, n, 16, 20, vector.Cosine)
	g := build(t, w.set, Config{EfConstruction: 60})
	var half index.Bitmap
	for x := range uint32(n / 2) {
		half.Set(2 * x)
	}
	for _, allowed := range []index.Bitmap{nil, half} {
		for _, budget := range []int{1, 50, 100} {
			_, st, err := g.Search(w.set, w.queries[0], Params{K: 10, Ef: 200, Budget: budget, Allowed: allowed}, new(Scratch), nil)
			// The descent and one expansion more are possible.
			if err != nil || !st.Incomplete || st.Distances > budget+200 {
				t.Errorf("budget %d: %+v, %v", budget, st, err)
			}
		}
		_, st, err := g.Search(w.set, w.queries[0], Params{K: 10, Ef: 64, Allowed: allowed}, new(Scratch), nil)
		if err != nil || st.Incomplete {
			t.Errorf("no budget: %+v, %v", st, err)
		}
	}
}
