package hnsw

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

// TestSection: a section has exactly the graph's lists, renumbered.
func TestSection(t *testing.T) {
	const n = 900
	for _, m := range []int{4, 16} {
		w := newWorld(t, 30, n, 16, 10, vector.Cosine)
		g := build(t, w.set, Config{M: m, EfConstruction: 50})
		rng := rand.New(rand.NewPCG(30, 1))
		for range n / 2 {
			g.Delete(uint32(rng.IntN(n)))
		}
		s := opened(t, g)
		var old, new []uint32 // live slots; old slot to new one
		for x := range uint32(n) {
			new = append(new, uint32(len(old)))
			if g.Has(x) {
				old = append(old, x)
			}
		}
		thawed := thawing{s: s, number: make([]uint32, len(old))}
		for i := range thawed.number {
			thawed.number[i] = none
		}
		for u, x := range s.slots {
			thawed.number[x] = uint32(u)
		}
		buf := make([]uint32, g.stride(0))
		for x, o := range old {
			for l := range int(g.level[o]) + 1 {
				var want []uint32
				for _, y := range g.load(o, l, buf) {
					want = append(want, new[y])
				}
				if got := thawed.list(uint32(x), l, nil); !slices.Equal(got, want) {
					t.Fatalf("slot %d on level %d: %v, want %v", x, l, got, want)
				}
			}
		}
		if entry, _ := g.top(); s.entry != new[entry] || s.Slots() != len(old) || s.M() != m {
			t.Errorf("entry %d, %d slots, M %d", s.entry, s.Slots(), s.M())
		}
	}
}

// TestThaw merges: a graph's section with some slots dropped, others moved, and new ones inserted.
func TestThaw(t *testing.T) {
	n := 4000
	if testing.Short() {
		n = 800
	}
	w := newWorld(t, 31, n, 24, 30, vector.Cosine)
	rng := rand.New(rand.NewPCG(31, 1))
	for _, drop := range []float64{0, .1, .5, .99, 1} {
		// The first part has some of the vectors in an order of its own.
		perm := rng.Perm(n)[:n*3/4]
		var values []float32
		for _, x := range perm {
			values = append(values, w.set.Vector(x, nil)...)
		}
		part := newSet(t, values, w.set.Dims(), vector.Cosine)
		s := opened(t, build(t, part, Config{EfConstruction: 60, Threads: 2}))
		to := make([]uint32, len(perm))
		rest := map[uint32]bool{}
		for x := range uint32(n) {
			rest[x] = true
		}
		for i, x := range perm {
			to[i] = NoSlot
			if rng.Float64() >= drop {
				to[i] = uint32(x)
				delete(rest, uint32(x))
			}
		}
		g, err := s.Thaw(PlaneOf(w.set), to, Config{EfConstruction: 60, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		checkGraph(t, g)
		if g.Len() != n-len(rest) {
			t.Fatalf("%d nodes, want %d", g.Len(), n-len(rest))
		}
		if g.Len() > 100 {
			if r := w.recall(t, g, Params{K: 10, Ef: 64}, liveRows(g)); r < .95 {
				t.Errorf("%v dropped: recall %.3f", drop, r)
			}
		}
		var slots []uint32
		for x := range rest {
			slots = append(slots, x)
		}
		slices.Sort(slots)
		if err := g.InsertAll(t.Context(), slots); err != nil {
			t.Fatal(err)
		}
		checkGraph(t, g)
		if r := w.recall(t, opened(t, g), Params{K: 10, Ef: 64}, nil); r < .95 {
			t.Errorf("%v dropped, all inserted: recall %.3f", drop, r)
		}
	}
}

func TestThawRefuses(t *testing.T) {
	w := newWorld(t, 32, 10, 8, 2, vector.Cosine)
	s := opened(t, build(t, w.set, Config{}))
	for name, to := range map[string][]uint32{
		"too short": {0, 1}, "twice": {0, 1, 2, 3, 4, 5, 6, 7, 8, 8}, "outside": {0, 1, 2, 3, 4, 5, 6, 7, 8, 10},
	} {
		if _, err := s.Thaw(PlaneOf(w.set), to, Config{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t, 33, 200, 8, 2, vector.Cosine)
	g := build(t, w.set, Config{M: 4})
	data := written(t, g)
	if _, err := Open(data, 199); err == nil {
		t.Error("a graph of another number of slots was accepted")
	}
	for n := range len(data) {
		if n > headerSize && n%32 != 0 {
			continue
		}
		if _, err := Open(section.Usable(slices.Clone(data[:n])), 200); err == nil {
			t.Fatalf("%d of %d bytes were enough", n, len(data))
		}
	}
	for i, words := range map[int]uint32{0: 1, 8: 1 << 31, 12: 3, 16: 0, 20: 16, 24: 200, 28: 1 << 20, 32: 0, 36: 1 << 20} {
		bad := section.Usable(slices.Clone(data))
		binary.LittleEndian.PutUint32(bad[i:], words)
		if _, err := Open(bad, 200); err == nil {
			t.Errorf("%d at byte %d was accepted", words, i)
		}
	}
}

// FuzzOpen: whatever the bytes, Open and a search end in an error, a result, or a panic
// of Go's own bounds checks. The second world's section has sketches.
func FuzzOpen(f *testing.F) {
	const n = 60
	var worlds []world
	var sections [][]byte
	for _, dims := range []int{8, 300} {
		w := newWorld(f, 34, n, dims, 4, vector.Cosine)
		good := written(f, build(f, w.set, Config{M: 4}))
		worlds, sections = append(worlds, w), append(sections, good)
		f.Add([]byte{}, uint32(0), uint32(0))
		for _, x := range []uint32{0, 1, n - 1, n, 63, 64, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
			for _, at := range []uint32{16, 24, 28, 128, 132, 136, 1000, uint32(len(good)) - 64} {
				f.Add(good, at, x)
			}
		}
	}
	var allowed index.Bitmap
	for x := range uint32(n / 3) {
		allowed.Set(3 * x)
	}
	f.Fuzz(func(t *testing.T, data []byte, at, word uint32) {
		data = section.Usable(slices.Clone(data))
		if int(at)+4 <= len(data) && at > 7 {
			binary.LittleEndian.PutUint32(data[at:], word)
		}
		s, err := Open(data, n)
		if err != nil {
			return
		}
		w, good := worlds[0], sections[0]
		if s.width > 64 {
			w, good = worlds[1], sections[1]
		}
		var sc Scratch
		for _, p := range []Params{{K: 5, Ef: 20}, {K: 5, Ef: 20, Allowed: allowed}} {
			survive(t, func() {
				hits, _, err := s.Search(w.set, w.queries[0], p, &sc, nil)
				if err == nil && len(hits) > 5 {
					t.Errorf("%d hits", len(hits))
				}
			})
		}
		// The same scratch is good for a graph that is whole.
		whole, err := Open(good, n)
		if err != nil {
			t.Fatal(err)
		}
		if hits, _, err := whole.Search(w.set, w.queries[0], Params{K: 5, Ef: 60}, &sc, nil); err != nil || len(hits) != 5 {
			t.Errorf("after it, the whole graph has %d hits, %v", len(hits), err)
		}
		to := make([]uint32, n)
		for i := range to {
			to[i] = uint32(i)
		}
		to[n/2] = NoSlot
		if g, err := s.Thaw(PlaneOf(w.set), to, Config{EfConstruction: 10}); err == nil {
			g.Insert(n / 2) // whatever the lists were, they are lists, and its tree is one
			if got := reached(g, n/2); got != n {
				t.Errorf("%d of %d nodes are reached after Thaw", got, n)
			}
		}
	})
}

// survive calls f and lets panics of bounds checks pass, those of Go and those that
// the kernels make themselves.
func survive(t *testing.T, f func()) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			if !errors.As(p, new(runtime.Error)) || strings.Contains(p.Error(), "nil pointer") {
				t.Errorf("panic: %v", p)
			}
		case string:
			if !strings.HasPrefix(p, "kernel: ") {
				panic(p)
			}
		default:
			panic(p)
		}
	}()
	f()
}

func TestSearchDoesNotAllocate(t *testing.T) {
	const n = 1000
	w := newWorld(t, 35, n, 16, 10, vector.Cosine)
	g := build(t, w.set, Config{EfConstruction: 50})
	var allowed index.Bitmap
	for x := range uint32(n / 4) {
		allowed.Set(4 * x)
	}
	for name, f := range map[string]finder{"graph": g, "section": opened(t, g)} {
		for _, p := range []Params{{K: 10}, {K: 10, Allowed: allowed}} {
			var sc Scratch
			var hits []index.Hit
			i := 0
			if allocs := testing.AllocsPerRun(200, func() {
				hits, _, _ = f.Search(w.set, w.queries[i%len(w.queries)], p, &sc, hits[:0])
				i++
			}); allocs != 0 {
				t.Errorf("%s, filter %v: %v allocations a search", name, p.Allowed != nil, allocs)
			}
		}
	}
}
