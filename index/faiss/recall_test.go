//go:build faiss

package faiss

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

const clusterDims = 32

// clustered returns n vectors around some centers.
func clustered(rng *rand.Rand, n int) [][]float32 {
	centers := make([][]float32, 80)
	draw := func() []float32 {
		v := make([]float32, clusterDims)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	for i := range centers {
		centers[i] = draw()
	}
	all := make([][]float32, n)
	for i := range all {
		all[i] = draw()
		for j, x := range centers[rng.IntN(len(centers))] {
			all[i][j] = x + 0.9*all[i][j]
		}
	}
	return all
}

// pair holds the same chunks in an index that compares all and in another.
type pair struct {
	exact, other *Index
	rng          *rand.Rand
	vectors      [][]float32
	seq          int64
}

func newPair(tb testing.TB, typ string, n int) *pair {
	config := func(typ string) Config {
		return Config{
			Engine: engine.Config{Dimensions: clusterDims, Analyzer: analyze.For(""), Dir: tb.TempDir()}, Type: typ, ExactBelow: 500, DeadShare: 1,
		}
	}
	rng := rand.New(rand.NewPCG(6, 7))
	return &pair{exact: create(tb, config(engine.TypeFlat)), other: create(tb, config(typ)), rng: rng, vectors: clustered(rng, n)}
}

func (p *pair) apply(tb testing.TB, puts []rag.Record, deletes []rag.ChunkID) {
	tb.Helper()
	p.seq++
	for _, ix := range []*Index{p.exact, p.other} {
		if err := ix.Apply(puts, deletes, p.seq); err != nil {
			tb.Fatal(err)
		}
	}
}

// recall returns the share of the ten nearest that are found.
func (p *pair) recall(t *testing.T, f rag.Filter) float64 {
	t.Helper()
	const k, queries = 10, 100
	found, all := 0, 0
	for range queries {
		q := rag.IndexQuery{K: k, Filter: f, Vector: append([]float32(nil), p.vectors[p.rng.IntN(len(p.vectors))]...)}
		for i := range q.Vector {
			q.Vector[i] += float32(0.2 * p.rng.NormFloat64())
		}
		want, err := p.exact.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.other.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Vector) != len(want.Vector) {
			t.Fatalf("%d hits, want %d", len(got.Vector), len(want.Vector))
		}
		near := map[rag.ChunkID]bool{}
		for _, h := range want.Vector {
			near[h.ChunkID] = true
		}
		for _, h := range got.Vector {
			if near[h.ChunkID] {
				found++
			}
		}
		all += len(want.Vector)
	}
	return float64(found) / float64(all)
}

// TestRecall holds what lists and graphs find with the default settings, on clustered vectors of which a third dies.
func TestRecall(t *testing.T) {
	for typ, least := range map[string]float64{engine.TypeIVF: 0.9, engine.TypeHNSW: 0.95} {
		t.Run(typ, func(t *testing.T) {
			n := 8000
			p := newPair(t, typ, n)
			colors := []*rag.Document{
				{ID: "red", Metadata: rag.Metadata{"color": rag.Str("red")}},
				{ID: "blue", Metadata: rag.Metadata{"color": rag.Str("blue")}},
			}
			var puts []rag.Record
			for i, v := range p.vectors {
				puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: colors[i%2], Vector: v})
			}
			half := n / 2
			p.apply(t, puts[:half], nil)
			p.other.wg.Wait() // the lists are trained, the graph is built, on a half
			check := func(when string) {
				t.Helper()
				st := shapeOf(p.other)
				if _, ok := p.other.v.shortcut(10, st.live); !ok || st.typ != typ {
					t.Fatalf("%s: everything is compared: %+v", when, st)
				}
				all, red := p.recall(t, rag.Filter{}), p.recall(t, rag.Eq("color", rag.Str("red")))
				t.Logf("%s: recall at 10 is %.3f, filtered %.3f; %d live, %d dead", when, all, red, st.live, st.dead)
				if all < least || red < least {
					t.Errorf("%s: recall %v, filtered %v, want %v", when, all, red, least)
				}
			}
			check("half")
			p.apply(t, puts[half:], nil)
			check("all")
			var gone []rag.ChunkID
			for i := range n {
				if i%3 == 0 {
					gone = append(gone, rag.ChunkID(i+1))
				}
			}
			p.apply(t, nil, gone)
			check("a third dead")
			if err := errors.Join(p.other.Commit(t.Context()), p.other.Close()); err != nil {
				t.Fatal(err)
			}
			other, err := Open(p.other.cfg)
			if err != nil {
				t.Fatal(err)
			}
			closed(t, other)
			p.other = other
			check("opened again") // with others in the places of the dead
			if err := p.other.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if st := shapeOf(p.other); st.dead != 0 {
				t.Fatalf("there is %+v", st)
			}
			check("rebuilt")
		})
	}
}

// TestNothingIsLeftOut: a list is as long as it can be and, where few chunks are seen, exact, however little lists and graphs look at.
func TestNothingIsLeftOut(t *testing.T) {
	eachType(t, func(t *testing.T, typ string) {
		p := newPair(t, typ, 3000)
		p.other.cfg.NProbe, p.other.cfg.EfSearch = 1, 1
		colors := []*rag.Document{
			{ID: "few", Metadata: rag.Metadata{"color": rag.Str("few")}},
			{ID: "many", Metadata: rag.Metadata{"color": rag.Str("many")}},
		}
		var puts []rag.Record
		for i, v := range p.vectors {
			puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: colors[min(i%40, 1)], Vector: v})
		}
		p.apply(t, puts, nil)
		p.other.wg.Wait()
		if st := shapeOf(p.other); st.typ != typ {
			t.Fatalf("there is %+v", st)
		}
		p.apply(t, nil, []rag.ChunkID{1, 2, 3, 41})
		for i := range 60 {
			q := rag.IndexQuery{K: []int{1, 10, 1000, 5000}[i%4], Vector: p.vectors[p.rng.IntN(len(p.vectors))]}
			if i%3 > 0 {
				q.Filter = rag.Eq("color", rag.Str([]string{"few", "many"}[i%2]))
			}
			want, err := p.exact.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.other.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Vector) != len(want.Vector) {
				t.Fatalf("%+v: %d hits, want %d", q, len(got.Vector), len(want.Vector))
			}
			if few := i%3 > 0 && i%2 == 0; few && !slices.Equal(got.Vector, want.Vector) {
				t.Fatalf("k %d: got %v, want %v", q.K, got.Vector, want.Vector)
			}
		}
	})
}
