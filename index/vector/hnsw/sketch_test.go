package hnsw

import (
	"bytes"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

var metrics = []vector.Metric{vector.Cosine, vector.InnerProduct, vector.L2}

// TestSieve puts most of the far nodes aside, and hardly any of the near ones.
func TestSieve(t *testing.T) {
	const n, near = 3000, 10
	pay := sketchesPay
	sketchesPay = func() bool { return true }
	t.Cleanup(func() { sketchesPay = pay })
	for _, dims := range []int{256, 300, 384, 500, 768} {
		for _, m := range metrics {
			w := newWorld(t, 50, n, dims, 20, m)
			p := PlaneOf(w.set)
			g, err := New(p, Config{})
			if err != nil {
				t.Fatal(err)
			}
			var all []uint32
			for x := range uint32(n) {
				all = append(all, x)
			}
			s := sketchesOf(g, all)
			lost, kept := 0, 0
			var v sieve
			for _, query := range w.queries {
				q := ProbeOf(w.set, query)
				v.begin(s, &p, q)
				if v.sketches == nil {
					t.Fatal("the sieve makes no use of the sketches")
				}
				ranks := make([]int32, n)
				p.ranks(ranks, q, all)
				order := slices.Clone(ranks)
				slices.Sort(order)
				floor := order[n-near]
				passed := slices.Clone(all)
				passed = passed[:v.sift(passed, floor)]
				kept += len(passed)
				for x, r := range ranks {
					if _, ok := slices.BinarySearch(passed, uint32(x)); r >= floor && !ok {
						lost++
					}
				}
			}
			if lost > len(w.queries)*near/20 || kept > len(w.queries)*n/3 {
				t.Errorf("%d dimensions, %v: %d of %d near nodes are lost, %d of %d are left", dims, m, lost, len(w.queries)*near, kept, len(w.queries)*n)
			}
		}
	}
}

// sketchesOf are those that a section of all slots would have.
func sketchesOf(g *Graph, slots []uint32) *sketches {
	s := &sketches{dims: g.plane.Dims, centre: g.plane.centreOf(slots)}
	s.rows = make([]byte, len(slots)*s.size())
	for i, x := range slots {
		g.plane.sketch(s.rows[i*s.size():][:s.size()], x, s.centre)
	}
	return s
}

// TestSketchesAreWritten compares a section's sketches with those of its live slots.
func TestSketchesAreWritten(t *testing.T) {
	w := newWorld(t, 51, 300, 384, 5, vector.L2)
	g := build(t, w.set, Config{M: 8, EfConstruction: 30})
	var live []uint32
	for x := range uint32(300) {
		if x%3 == 0 {
			g.Delete(x)
		} else {
			live = append(live, x)
		}
	}
	want, got := sketchesOf(g, live), opened(t, g).sketches
	if !bytes.Equal(got.centre, want.centre) || !bytes.Equal(got.rows, want.rows) {
		t.Error("a section has other sketches")
	}
	if s := opened(t, build(t, newWorld(t, 52, 100, 128, 5, vector.L2).set, Config{})); len(s.sketches.rows) != 0 {
		t.Error("short rows have sketches")
	}
}

// TestQuestionAtTheCentre has questions that sketches can say nothing of.
func TestQuestionAtTheCentre(t *testing.T) {
	w := newWorld(t, 53, 100, 384, 5, vector.L2)
	s := opened(t, build(t, w.set, Config{}))
	centre := make([]float32, 384)
	for j := range centre {
		centre[j] = w.set.Scale() * float32(int(s.centre[j])-zero)
	}
	var sc Scratch
	for _, values := range [][]float32{make([]float32, 384), centre} {
		hits, _, err := s.Search(w.set, newQuery(t, values, vector.L2), Params{K: 10}, &sc, nil)
		if err != nil || len(hits) != 10 {
			t.Errorf("%d hits, %v", len(hits), err)
		}
	}
}

// TestOtherRows refuses a set whose rows are not those of the section.
func TestOtherRows(t *testing.T) {
	s, err := Open(section.Usable(written(t, build(t, newWorld(t, 54, 100, 384, 5, vector.Cosine).set, Config{}))), 100)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 54, 100, 64, 5, vector.Cosine)
	var sc Scratch
	if _, _, err := s.Search(w.set, w.queries[0], Params{K: 1}, &sc, nil); err == nil {
		t.Error("a set with shorter rows was accepted")
	}
}
