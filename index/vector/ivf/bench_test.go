//go:build unix

package ivf_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
)

func cpuTime(b *testing.B) float64 {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e3
}

// measure runs f b.N times and reports processor time, which other work on the
// machine lengthens less than the clock's.
func measure(b *testing.B, f func(i int)) {
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	for i := range b.N {
		f(i)
	}
	b.StopTimer()
	b.ReportMetric((cpuTime(b)-before)/float64(b.N), "cpu-us/op")
}

var realIndex = sync.OnceValue(func() map[string]*ivf.Index { return map[string]*ivf.Index{} })

func realOf(b *testing.B, name string, p ivf.Params) *ivf.Index {
	if realIndex()[name] == nil {
		realIndex()[name] = build(b, realData(b).vectors, vector.Cosine, vector.Float32, p)
	}
	return realIndex()[name]
}

func BenchmarkBuild(b *testing.B) {
	src := realData(b).vectors
	measure(b, func(int) { build(b, src, vector.Cosine, vector.Float32, ivf.Params{}) })
	b.ReportMetric(float64(src.Len()), "vectors")
}

// BenchmarkReal reports recall@10 and time over the real data, for queries that
// parameters may be tuned on and for those that figures are reported of.
func BenchmarkReal(b *testing.B) {
	for _, kind := range []string{"tuning", "reported", "questions"} {
		ix := realOf(b, "two", ivf.Params{})
		qs := prepare(b, map[string][][]float32{"tuning": realData(b).tuning, "reported": realData(b).reported, "questions": realData(b).questions}[kind], vector.Cosine)
		want := truth(b, ix.Set(), qs, 10, nil)
		b.Run(kind+"/exact", func(b *testing.B) {
			var sc vector.Scratch
			var dst []index.Hit
			measure(b, func(i int) {
				dst, _ = ix.Set().Exact(b.Context(), qs[i%len(qs)], 10, nil, everything, &sc, dst[:0])
			})
		})
		for _, probes := range []int{8, 16, 32, 64, 128, 256} {
			benchSearch(b, fmt.Sprintf("%s/probes=%d", kind, probes), ix, qs, want, ivf.SearchParams{Probes: probes}, nil)
		}
	}
}

func benchSearch(b *testing.B, name string, ix *ivf.Index, qs []*vector.Query, want [][]index.Hit, p ivf.SearchParams, allowed index.Bitmap) {
	b.Run(name, func(b *testing.B) {
		got := searchAll(b, ix, qs, 10, p, allowed)
		var sc ivf.Scratch
		var dst []index.Hit
		measure(b, func(i int) {
			dst, _ = ix.Search(b.Context(), qs[i%len(qs)], 10, p, allowed, everything, &sc, dst[:0])
		})
		b.ReportMetric(recall(got, want), "recall")
	})
}

// BenchmarkTune shows what parameters cost and bring, on queries for tuning.
func BenchmarkTune(b *testing.B) {
	qs := prepare(b, realData(b).tuning, vector.Cosine)
	for name, p := range map[string]ivf.Params{"two": {}, "one": {Single: true}, "turned": {Rotate: true}} {
		ix := realOf(b, name, p)
		want := truth(b, ix.Set(), qs, 10, nil)
		for _, probes := range []int{32, 128} {
			for _, eps := range []float32{.5, .7, .85, 1, 1.2} {
				benchSearch(b, fmt.Sprintf("%s/probes=%d/eps=%v", name, probes, eps), ix, qs, want, ivf.SearchParams{Probes: probes, Eps: eps}, nil)
			}
			for _, pool := range []int{12, 15, 30} {
				benchSearch(b, fmt.Sprintf("%s/probes=%d/pool=%d", name, probes, pool), ix, qs, want, ivf.SearchParams{Probes: probes, Pool: pool}, nil)
			}
		}
	}
}

// BenchmarkFilter compares exact search and this one under filters: random ones, and
// those of topics, the rows nearest to a random one.
func BenchmarkFilter(b *testing.B) {
	qs := prepare(b, realData(b).reported[:300], vector.Cosine)
	ix := realOf(b, "two", ivf.Params{})
	n := ix.Set().Len()
	for _, share := range []float64{.5, .2, .1, .05, .01, .001} {
		for _, kind := range []string{"random", "topic"} {
			allowed := some(rand.New(rand.NewPCG(1, 1)), n, share)
			if kind == "topic" {
				var q vector.Query
				if err := q.Set(realData(b).vectors.Vector(n/3, nil), vector.Cosine); err != nil {
					b.Fatal(err)
				}
				allowed = index.Bitmap{}.Reset(n)
				for _, h := range truth(b, ix.Set(), []*vector.Query{&q}, int(share*float64(n)), nil)[0] {
					allowed.Set(h.Row)
				}
			}
			want := truth(b, ix.Set(), qs, 10, allowed)
			name := fmt.Sprintf("%v/%s", share, kind)
			b.Run(name+"/exact", func(b *testing.B) {
				var sc vector.Scratch
				var dst []index.Hit
				measure(b, func(i int) {
					dst, _ = ix.Set().Exact(b.Context(), qs[i%len(qs)], 10, allowed, everything, &sc, dst[:0])
				})
				b.ReportMetric(ix.Set().ExactCost(allowed.Count())/1e3, "guess-us")
			})
			benchSearch(b, name+"/ivf", ix, qs, want, ivf.SearchParams{}, allowed)
		}
	}
}

// million is a million vectors like the real ones: mixes of two of the same text,
// with noise.
var million = sync.OnceValues(func() (vector.Slice, [][]float32) {
	s, err := readReal()
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(2, 2))
	dims, n := s.vectors.Dimensions, s.vectors.Len()
	out := vector.Slice{Dimensions: dims, Values: make([]float32, 0, (1<<20)*dims)}
	mix := func() []float32 {
		i := rng.IntN(n - 12)
		a, b := s.vectors.Vector(i, nil), s.vectors.Vector(i+1+rng.IntN(11), nil)
		w := .25 + .5*rng.Float32()
		v := make([]float32, dims)
		for j := range v {
			v[j] = w*a[j] + (1-w)*b[j] + .3/11.3*float32(rng.NormFloat64())
		}
		vector.Normalize(v)
		return v
	}
	for range 1_000_000 {
		out.Values = append(out.Values, mix()...)
	}
	queries := make([][]float32, 500)
	for i := range queries {
		queries[i] = mix()
	}
	return out, queries
})

// BenchmarkMillion reports building, recall@10 and time for a million vectors.
func BenchmarkMillion(b *testing.B) {
	realData(b)
	src, queries := million()
	qs := prepare(b, queries, vector.Cosine)
	before := cpuTime(b)
	plan, err := ivf.Build(b.Context(), src, vector.Cosine, ivf.Params{})
	if err != nil {
		b.Fatal(err)
	}
	built := cpuTime(b)
	ix := open(b, plan, src, vector.Cosine, vector.Float16)
	b.Logf("building took %.1f s of processor time, writing %.1f s", (built-before)/1e6, (cpuTime(b)-built)/1e6)
	want := truth(b, ix.Set(), qs, 10, nil)
	b.Run("exact", func(b *testing.B) {
		var sc vector.Scratch
		var dst []index.Hit
		measure(b, func(i int) {
			dst, _ = ix.Set().Exact(b.Context(), qs[i%len(qs)], 10, nil, everything, &sc, dst[:0])
		})
	})
	for _, probes := range []int{16, 32, 64, 128, 256} {
		benchSearch(b, fmt.Sprintf("probes=%d", probes), ix, qs, want, ivf.SearchParams{Probes: probes}, nil)
	}
}
