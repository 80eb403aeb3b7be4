package hnsw

import (
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index/vector"
)

// TestAdoptByAnyone takes their parents from nodes without children, and lets the tree
// find them others without a proposal, until whoever is asked first has no room.
func TestAdoptByAnyone(t *testing.T) {
	w := newWorld(t, 50, 300, 12, 5, vector.Cosine)
	g := build(t, w.set, Config{M: 4, EfConstruction: 20, Threads: 1})
	b := newBuilder(g)
	moved := 0
	for x := range uint32(300) {
		parents := 0
		for _, p := range g.parent {
			if p == x {
				parents++
			}
		}
		if parents == 0 && x != g.root {
			g.parent[x] = none
			b.adopt(x, nil)
			moved++
		}
	}
	if moved < 50 {
		t.Fatalf("only %d nodes were moved", moved)
	}
	checkGraph(t, g, 1, 2, 3)
}

// TestGrowTree forgets the whole tree, and some lists, and grows another one.
func TestGrowTree(t *testing.T) {
	const n = 300
	for round := range uint64(10) {
		w := newWorld(t, 51, n, 12, 5, vector.Cosine)
		g := build(t, w.set, Config{M: 4, EfConstruction: 20, Threads: 1})
		rng := rand.New(rand.NewPCG(round, 1))
		for x := range uint32(n) {
			g.parent[x] = none
			if rng.Uint64N(10) < round {
				g.store(x, 0, nil)
			}
		}
		newBuilder(g).growTree()
		checkGraph(t, g, 1, 2, 3)
	}
}

// TestTinyPool builds with so few candidates that chance decides where nodes come to lie, and
// that a new node may have nothing but dead ones around it. All are reached nevertheless.
func TestTinyPool(t *testing.T) {
	const n = 300
	steps := 4000
	if testing.Short() {
		steps = 800
	}
	for _, ef := range []int{1, 2, 5} {
		w := newWorld(t, 52, n, 12, 5, vector.Cosine)
		g, err := New(PlaneOf(w.set), Config{M: 4, EfConstruction: ef})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(52, uint64(ef)))
		for i := range steps {
			x := uint32(rng.IntN(n))
			switch {
			case rng.IntN(5) < 2:
				g.Delete(x)
			case rng.IntN(50) == 0:
				g.DeleteAll([]uint32{x, uint32(rng.IntN(n)), uint32(rng.IntN(n))})
			default:
				g.Insert(x)
			}
			if i%100 == 0 {
				checkGraph(t, g)
			}
		}
		checkGraph(t, opened(t, g).mustThaw(t, w.set, g))
	}
}

// mustThaw thaws the section of g into g's own slots.
func (s *Section) mustThaw(tb testing.TB, set *vector.Set, g *Graph) *Graph {
	tb.Helper()
	var to []uint32
	for x := range uint32(g.Slots()) {
		if g.Has(x) {
			to = append(to, x)
		}
	}
	thawed, err := s.Thaw(PlaneOf(set), to, Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return thawed
}
