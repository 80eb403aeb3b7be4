package hnsw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

// readReal reads vectors of real texts with questions and the scores of their true best 100,
// as bench/index keeps them in its cache; without that it makes some.
func readReal(tb testing.TB, set, queries string) (world, []float32) {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		return made(tb)
	}
	dirs, err := filepath.Glob(filepath.Join(cache, "smartretriever", "bench-index", set+"-*", "done"))
	if err != nil || len(dirs) == 0 {
		return made(tb)
	}
	dims := 128
	if strings.Contains(set, "384") {
		dims = 384
	}
	read := func(name string) []float32 {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(dirs[0]), name))
		if err != nil {
			tb.Fatal(err)
		}
		return section.View[float32](section.Usable(data))
	}
	w := world{set: newSet(tb, read("base.f32"), dims, vector.Cosine)}
	for q := range slices.Chunk(read(queries+".f32"), dims) {
		w.queries = append(w.queries, newQuery(tb, q, vector.Cosine))
	}
	return w, read("truth-" + queries + ".f32")
}

// made is a world of clustered vectors, with the scores of the true best 100.
func made(tb testing.TB) (world, []float32) {
	tb.Helper()
	w := newWorld(tb, 1, 20_000, 128, 200, vector.Cosine)
	var truth []float32
	var sc vector.Scratch
	for _, q := range w.queries {
		hits, err := w.set.Exact(tb.Context(), q, 100, nil, float32(math.Inf(-1)), &sc, nil)
		if err != nil {
			tb.Fatal(err)
		}
		for _, h := range hits {
			truth = append(truth, h.Score)
		}
	}
	return w, truth
}

// realBuilt is the graph over all of the real vectors, built by the first that needs it.
var realBuilt *Section

func realGraph(b *testing.B, set *vector.Set) *Section {
	b.Helper()
	if realBuilt == nil {
		realBuilt = opened(b, build(b, set, Config{}))
	}
	return realBuilt
}

// BenchmarkReal has the recall of the best 10 and what it costs, at several Ef.
func BenchmarkReal(b *testing.B) {
	w, truth := readReal(b, "vectors-128", "held-out")
	s := realGraph(b, w.set)
	for _, ef := range []int{32, 48, 64, 96, 128, 200, 400} {
		b.Run(fmt.Sprintf("ef%d", ef), func(b *testing.B) {
			var sc Scratch
			var hits []index.Hit
			right, distances := 0, 0
			for i, q := range w.queries {
				got, st, err := s.Search(w.set, q, Params{K: 10, Ef: ef}, &sc, nil)
				if err != nil {
					b.Fatal(err)
				}
				distances += st.Distances
				for _, h := range got {
					if h.Score >= truth[i*100+9]-1e-6 {
						right++
					}
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				hits, _, _ = s.Search(w.set, w.queries[i%len(w.queries)], Params{K: 10, Ef: ef}, &sc, hits[:0])
				i++
			}
			b.ReportMetric(float64(right)/float64(10*len(w.queries)), "recall")
			b.ReportMetric(float64(distances)/float64(len(w.queries)), "distances/op")
		})
	}
}

// BenchmarkRealFilter has the same under filters, with the exact search beside it. Near
// and far are topics: the rows nearest to one near the question, or to any.
func BenchmarkRealFilter(b *testing.B) {
	w, _ := readReal(b, "vectors-128", "held-out")
	s := realGraph(b, w.set)
	const questions = 50
	n := w.set.Len()
	for _, kind := range []string{"random", "near", "far"} {
		for _, share := range []float64{.5, .2, .1, .05} {
			rng := rand.New(rand.NewPCG(1, 9))
			var exact vector.Scratch
			best := func(q *vector.Query, k int, allowed index.Bitmap) []index.Hit {
				hits, err := w.set.Exact(b.Context(), q, k, allowed, float32(math.Inf(-1)), &exact, nil)
				if err != nil {
					b.Fatal(err)
				}
				return hits
			}
			var allowed []index.Bitmap
			var truth []float32
			for _, q := range w.queries[:questions] {
				rows := index.Bitmap{}.Reset(n)
				want := int(share * float64(n))
				if kind == "random" {
					for _, x := range rng.Perm(n)[:want] {
						rows.Set(uint32(x))
					}
				} else {
					centre := uint32(rng.IntN(n))
					if kind == "near" {
						centre = best(q, 100, nil)[rng.IntN(100)].Row
					}
					topic := newQuery(b, w.set.Vector(int(centre), nil), vector.Cosine)
					for _, h := range best(topic, want, nil) {
						rows.Set(h.Row)
					}
				}
				allowed = append(allowed, rows)
				truth = append(truth, best(q, 10, rows)[9].Score)
			}
			name := fmt.Sprintf("%s%v", kind, share)
			b.Run(name+"/exact", func(b *testing.B) {
				i := 0
				for b.Loop() {
					best(w.queries[i%questions], 10, allowed[i%questions])
					i++
				}
			})
			for _, ef := range []int{32, 64, 128} {
				b.Run(fmt.Sprintf("%s/ef%d", name, ef), func(b *testing.B) {
					var sc Scratch
					var hits []index.Hit
					right, distances := 0, 0
					for i, q := range w.queries[:questions] {
						got, st, err := s.Search(w.set, q, Params{K: 10, Ef: ef, Allowed: allowed[i]}, &sc, nil)
						if err != nil {
							b.Fatal(err)
						}
						distances += st.Distances
						for _, h := range got {
							if h.Score >= truth[i] {
								right++
							}
						}
					}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						hits, _, _ = s.Search(w.set, w.queries[i%questions], Params{K: 10, Ef: ef, Allowed: allowed[i%questions]}, &sc, hits[:0])
						i++
					}
					b.ReportMetric(float64(right)/float64(10*questions), "recall")
					b.ReportMetric(float64(distances)/float64(questions), "distances/op")
				})
			}
		}
	}
}

// BenchmarkInsert and the two after it are over made-up clusters.
func BenchmarkInsert(b *testing.B) {
	w := newWorld(b, 40, 20000, 128, 100, vector.Cosine)
	g := build(b, w.set, Config{})
	benchmarkReplace(b, g, func(x uint32) { g.Delete(x) }, func(x uint32) { g.Insert(x) })
}

func BenchmarkDelete(b *testing.B) {
	w := newWorld(b, 40, 20000, 128, 100, vector.Cosine)
	g := build(b, w.set, Config{})
	benchmarkReplace(b, g, func(x uint32) { g.Insert(x) }, func(x uint32) { g.Delete(x) })
}

// benchmarkReplace times do over slots that before made ready.
func benchmarkReplace(b *testing.B, g *Graph, before, do func(uint32)) {
	const share = 1000
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		if i%share == 0 {
			b.StopTimer()
			for x := range uint32(share) {
				before(x)
			}
			b.StartTimer()
		}
		do(uint32(i % share))
	}
}

func BenchmarkSearch(b *testing.B) {
	w := newWorld(b, 40, 20000, 128, 100, vector.Cosine)
	g := build(b, w.set, Config{})
	for name, f := range map[string]finder{"graph": g, "section": opened(b, g)} {
		b.Run(name, func(b *testing.B) {
			var sc Scratch
			var hits []index.Hit
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				hits, _, _ = f.Search(w.set, w.queries[i%len(w.queries)], Params{K: 10}, &sc, hits[:0])
				i++
			}
		})
	}
}
