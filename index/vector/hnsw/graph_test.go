package hnsw

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

func TestRecall(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 1500
	}
	for _, m := range []vector.Metric{vector.Cosine, vector.L2, vector.InnerProduct} {
		for _, threads := range []int{1, 4} {
			t.Run(fmt.Sprintf("%v/%d", m, threads), func(t *testing.T) {
				w := newWorld(t, 1, n, 24, 40, m)
				g := build(t, w.set, Config{Threads: threads, EfConstruction: 100})
				checkGraph(t, g)
				s := opened(t, g)
				for name, f := range map[string]finder{"graph": g, "section": s} {
					if r := w.recall(t, f, Params{K: 10, Ef: 64}, nil); r < .97 {
						t.Errorf("%s: recall %.3f", name, r)
					}
				}
			})
		}
	}
}

// TestLengths asks, where lengths count, with questions very much shorter and longer than
// the vectors.
func TestLengths(t *testing.T) {
	const n, dims = 1000, 16
	for _, m := range []vector.Metric{vector.L2, vector.InnerProduct} {
		rng := rand.New(rand.NewPCG(2, 2))
		v := clustered(rng, n+40, dims, 10)
		w := world{set: newSet(t, v[:n*dims], dims, m)}
		for i := range 40 {
			q := v[(n+i)*dims:][:dims]
			for j := range q {
				q[j] *= []float32{0, 1e-12, 1e-3, .1, 10, 1e3, 1e6}[i%7]
			}
			w.queries = append(w.queries, newQuery(t, q, m))
		}
		if r := w.recall(t, build(t, w.set, Config{EfConstruction: 100}), Params{K: 10, Ef: 100}, nil); r < .95 {
			t.Errorf("%v: recall %.3f", m, r)
		}
	}
}

// TestHistories inserts and deletes at random, one by one and many at once, and looks
// at the whole graph every now and then.
func TestHistories(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 6
	}
	for _, m := range []int{4, 8, 16} {
		for _, metric := range []vector.Metric{vector.Cosine, vector.InnerProduct, vector.L2} {
			t.Run(fmt.Sprintf("%d/%v", m, metric), func(t *testing.T) {
				const n = 400
				rng := rand.New(rand.NewPCG(uint64(m), uint64(metric)))
				w := newWorld(t, uint64(m), n, 12, 5, metric)
				g, err := New(PlaneOf(w.set), Config{M: m, EfConstruction: 40, Seed: 5, Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				for round := range rounds {
					inserting := rng.IntN(3)
					for range rng.IntN(n) {
						x := uint32(rng.IntN(n))
						had := g.Has(x)
						if rng.IntN(3) >= inserting {
							if g.Insert(x) == had {
								t.Fatalf("insert of %d, which was there: %v", x, had)
							}
						} else if g.Delete(x) != had {
							t.Fatalf("delete of %d, which was there: %v", x, had)
						}
					}
					switch rng.IntN(4) {
					case 0:
						g.Sweep()
					case 1:
						var many []uint32
						for x := range uint32(n) {
							if rng.IntN(2) == 0 {
								many = append(many, x)
							}
						}
						g.DeleteAll(many)
					}
					if round == rounds/2 {
						for x := range uint32(n) {
							g.Delete(x)
							if x%16 == 0 {
								checkGraph(t, g)
							}
						}
						if g.Len() != 0 {
							t.Fatalf("%d nodes after all were deleted", g.Len())
						}
					}
					var from []uint32
					for x := range uint32(n) {
						if g.Has(x) && rng.IntN(50) == 0 {
							from = append(from, x)
						}
					}
					checkGraph(t, g, from...)
					if g.Len() > 50 {
						if r := w.recall(t, g, Params{K: 10, Ef: 64}, liveRows(g)); r < .9 {
							t.Errorf("round %d: recall %.3f of %d nodes", round, r, g.Len())
						}
					}
				}
			})
		}
	}
}

// TestRecallAfterChurn replaces half of a graph, several times.
func TestRecallAfterChurn(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1200
	}
	w := newWorld(t, 3, n, 24, 40, vector.Cosine)
	g := build(t, w.set, Config{EfConstruction: 100, Threads: 2})
	rng := rand.New(rand.NewPCG(3, 3))
	for round := range 4 {
		var gone []uint32
		for _, x := range rng.Perm(n)[:n/2] {
			gone = append(gone, uint32(x))
		}
		if round%2 == 0 {
			for _, x := range gone {
				g.Delete(x)
			}
		} else {
			g.DeleteAll(gone)
		}
		checkGraph(t, g)
		r := w.recall(t, g, Params{K: 10, Ef: 64}, liveRows(g))
		if r < .95 {
			t.Errorf("round %d: recall %.3f after deletes", round, r)
		}
		if err := g.InsertAll(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		checkGraph(t, g)
		again := w.recall(t, g, Params{K: 10, Ef: 64}, nil)
		if again < .95 {
			t.Errorf("round %d: recall %.3f after inserting again", round, again)
		}
		t.Logf("round %d: recall %.3f with half of the nodes, %.3f with all", round, r, again)
	}
}

// TestDuplicates has far more equal vectors than a list has room for.
func TestDuplicates(t *testing.T) {
	const n, dims = 1500, 8
	rng := rand.New(rand.NewPCG(4, 4))
	v := units(clustered(rng, n, dims, 30), dims)
	for i := 0; i < n; i += 2 {
		copy(v[i*dims:][:dims], v[i%20*dims:][:dims])
	}
	w := world{set: newSet(t, v, dims, vector.Cosine)}
	for i := range 40 {
		w.queries = append(w.queries, newQuery(t, v[i*dims:][:dims], vector.Cosine))
	}
	g := build(t, w.set, Config{M: 8, EfConstruction: 100})
	checkGraph(t, g)
	if r := w.recall(t, g, Params{K: 10, Ef: 64}, nil); r < .95 {
		t.Errorf("recall %.3f", r)
	}
	for x := range uint32(n) {
		if x%3 != 0 {
			g.Delete(x)
		}
	}
	checkGraph(t, g)
	if r := w.recall(t, g, Params{K: 10, Ef: 64}, liveRows(g)); r < .95 {
		t.Errorf("recall %.3f after deletes", r)
	}
}

func TestSmall(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10} {
		w := newWorld(t, 9, n, 8, 2, vector.Cosine)
		g := build(t, w.set, Config{M: 4})
		checkGraph(t, g)
		s := opened(t, g)
		for _, f := range []finder{g, s} {
			if n > 0 {
				if r := w.recall(t, f, Params{K: 4}, nil); r != 1 {
					t.Errorf("%d slots: recall %v", n, r)
				}
			}
			got, _, err := f.Search(w.set, w.queries[0], Params{K: 0}, new(Scratch), nil)
			if len(got) != 0 || err != nil {
				t.Errorf("k of 0: %v, %v", got, err)
			}
		}
	}
}

func TestDeterministic(t *testing.T) {
	w := newWorld(t, 6, 800, 16, 10, vector.Cosine)
	cfg := Config{EfConstruction: 50, Threads: 1, Seed: 7}
	history := func() []byte {
		g := build(t, w.set, cfg)
		for x := range uint32(300) {
			g.Delete(x * 2)
		}
		for x := range uint32(100) {
			g.Insert(x * 4)
		}
		return written(t, g)
	}
	first := history()
	if !bytes.Equal(first, history()) {
		t.Error("the same history made another graph")
	}
	cfg.Seed = 8
	if bytes.Equal(first, history()) {
		t.Error("another seed made the same graph")
	}
}

func TestConfig(t *testing.T) {
	p := PlaneOf(newWorld(t, 1, 3, 8, 2, vector.Cosine).set)
	for _, cfg := range []Config{{M: 3}, {M: 129}, {M: -1}, {EfConstruction: -1}, {EfConstruction: 1 << 20}, {Threads: -1}} {
		if _, err := New(p, cfg); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := New(Plane{Dims: 3, Codes: make([]uint8, 4)}, Config{}); err == nil {
		t.Error("a plane with half a row was accepted")
	}
}
