package hnsw

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

// clustered returns n vectors around so many random centres, n/100 of them duplicates
// of others.
func clustered(rng *rand.Rand, n, dims, centres int) []float32 {
	around := make([]float32, centres*dims)
	for i := range around {
		around[i] = float32(rng.NormFloat64())
	}
	v := make([]float32, n*dims)
	for i := range n {
		c := rng.IntN(centres)
		x := v[i*dims:][:dims]
		for j := range x {
			x[j] = around[c*dims+j] + .7*float32(rng.NormFloat64())
		}
		if i > 0 && rng.IntN(100) == 0 {
			copy(x, v[rng.IntN(i)*dims:][:dims])
		}
	}
	return v
}

func units(v []float32, dims int) []float32 {
	for i := 0; i < len(v); i += dims {
		vector.Normalize(v[i:][:dims])
	}
	return v
}

// newSet makes a set of vectors, in rows of their own numbers.
func newSet(tb testing.TB, v []float32, dims int, m vector.Metric) *vector.Set {
	tb.Helper()
	src := vector.Slice{Dimensions: dims, Values: v}
	var out bytes.Buffer
	p := vector.Params{Metric: m, Storage: vector.Float32, Rows: src.Len()}
	if err := vector.Write(&out, src, nil, p); err != nil {
		tb.Fatal(err)
	}
	set, err := vector.Open(section.Usable(out.Bytes()))
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func newQuery(tb testing.TB, v []float32, m vector.Metric) *vector.Query {
	tb.Helper()
	var q vector.Query
	if err := q.Set(v, m); err != nil {
		tb.Fatal(err)
	}
	return &q
}

// world is a set with questions from the same clusters.
type world struct {
	set     *vector.Set
	queries []*vector.Query
}

func newWorld(tb testing.TB, seed uint64, n, dims, centres int, m vector.Metric) world {
	tb.Helper()
	const queries = 50
	rng := rand.New(rand.NewPCG(seed, 1))
	v := clustered(rng, n+queries, dims, centres)
	if m == vector.Cosine {
		units(v, dims)
	}
	w := world{set: newSet(tb, v[:n*dims], dims, m)}
	for i := range queries {
		w.queries = append(w.queries, newQuery(tb, v[(n+i)*dims:][:dims], m))
	}
	return w
}

// finder is a Graph or a Section.
type finder interface {
	Search(*vector.Set, *vector.Query, Params, *Scratch, []index.Hit) ([]index.Hit, Stats, error)
}

// recall is the share of the true best k, by score, that searches for all questions find.
// allowed, which may differ from p.Allowed, is what the exact search is given.
func (w world) recall(tb testing.TB, f finder, p Params, allowed index.Bitmap) float64 {
	tb.Helper()
	var sc Scratch
	var exact vector.Scratch
	right, all := 0, 0
	for _, q := range w.queries {
		got, _, err := f.Search(w.set, q, p, &sc, nil)
		if err != nil {
			tb.Fatal(err)
		}
		checkHits(tb, w.set, q, got, p.K, allowed, &exact)
		want, err := w.set.Exact(tb.Context(), q, p.K, allowed, float32(math.Inf(-1)), &exact, nil)
		if err != nil {
			tb.Fatal(err)
		}
		all += len(want)
		for _, h := range got {
			if h.Score >= want[len(want)-1].Score {
				right++
			}
		}
	}
	return float64(right) / float64(all)
}

// checkHits sees to what is true of every result, whatever its recall.
func checkHits(tb testing.TB, set *vector.Set, q *vector.Query, hits []index.Hit, k int, allowed index.Bitmap, sc *vector.Scratch) {
	tb.Helper()
	if len(hits) > k {
		tb.Fatalf("%d hits, %d were wanted", len(hits), k)
	}
	seen := map[uint32]bool{}
	for i, h := range hits {
		if seen[h.Row] {
			tb.Fatalf("row %d twice", h.Row)
		}
		seen[h.Row] = true
		if allowed != nil && !allowed.Has(h.Row) {
			tb.Fatalf("row %d is not allowed", h.Row)
		}
		if i > 0 && (hits[i-1].Score < h.Score || hits[i-1].Score == h.Score && hits[i-1].Row > h.Row) {
			tb.Fatalf("hits %v and %v are in the wrong order", hits[i-1], h)
		}
		slot, _ := set.Slot(h.Row)
		var score [1]float32
		if set.Rescore(q, []uint32{slot}, score[:], sc); score[0] != h.Score || h.ID != 0 {
			tb.Fatalf("hit %+v, the row's score is %v", h, score[0])
		}
	}
}

// checkGraph sees to what must hold of a graph that nobody is changing: lists without
// repeats, loops and slots that were never inserted, and every live node reached on
// level 0 from the entry, and from every node of others.
func checkGraph(tb testing.TB, g *Graph, others ...uint32) {
	tb.Helper()
	live := 0
	buf := make([]uint32, g.stride(0))
	for x := range uint32(len(g.level)) {
		if !g.live.has(x) {
			if g.parentOf(x) != none {
				tb.Fatalf("node %d is dead and has a parent", x)
			}
			continue
		}
		live++
		for l := range int(g.level[x]) + 1 {
			list := slices.Clone(g.load(x, l, buf))
			slices.Sort(list)
			if len(slices.Compact(slices.Clone(list))) != len(list) || slices.Contains(list, x) {
				tb.Fatalf("node %d on level %d has neighbours %v", x, l, list)
			}
			for _, y := range list {
				if int(g.level[y]) < l {
					tb.Fatalf("node %d on level %d has neighbour %d of level %d", x, l, y, g.level[y])
				}
			}
		}
		if p := g.parentOf(x); p != none {
			if !g.live.has(p) || !slices.Contains(g.load(p, 0, buf), x) || !slices.Contains(g.load(x, 0, buf), p) {
				tb.Fatalf("node %d and its parent %d are not neighbours", x, p)
			}
		}
	}
	if live != g.Len() {
		tb.Fatalf("%d live nodes, Len is %d", live, g.Len())
	}
	entry, level := g.top()
	if live == 0 {
		if entry != none {
			tb.Fatalf("an empty graph has the entry %d", entry)
		}
		return
	}
	for x, l := range g.level {
		if int(l) > level && g.live.has(uint32(x)) {
			tb.Fatalf("the entry %d is on level %d, node %d on level %d", entry, level, x, l)
		}
	}
	for _, from := range append(others, entry) {
		if n := reached(g, from); n != live {
			tb.Fatalf("%d of %d nodes can be reached from %d", n, live, from)
		}
	}
}

// reached counts the live nodes that can be reached on level 0 through live nodes.
func reached(g *Graph, from uint32) int {
	seen := make([]bool, len(g.level))
	seen[from] = true
	queue, buf := []uint32{from}, make([]uint32, g.stride(0))
	for i := 0; i < len(queue); i++ {
		for _, y := range g.load(queue[i], 0, buf) {
			if g.live.has(y) && !seen[y] {
				seen[y] = true
				queue = append(queue, y)
			}
		}
	}
	return len(queue)
}

func liveRows(g *Graph) index.Bitmap {
	var b index.Bitmap
	b = b.Reset(g.Slots())
	for x := range uint32(g.Slots()) {
		if g.Has(x) {
			b.Set(x)
		}
	}
	return b
}

func written(tb testing.TB, g *Graph) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := g.Write(&out); err != nil {
		tb.Fatal(err)
	}
	return section.Usable(out.Bytes())
}

func opened(tb testing.TB, g *Graph) *Section {
	tb.Helper()
	s, err := Open(written(tb, g), g.Len())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func build(tb testing.TB, set *vector.Set, cfg Config) *Graph {
	tb.Helper()
	g, err := Build(tb.Context(), PlaneOf(set), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}
