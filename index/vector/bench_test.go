package vector_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

// BenchmarkExact searches random clusters; ivf.BenchmarkReal has real vectors.
func BenchmarkExact(b *testing.B) {
	for _, m := range []vector.Metric{vector.Cosine, vector.L2} {
		for _, st := range storages {
			rng := rand.New(rand.NewPCG(1, 1))
			src := random(rng, 50_000, 128, m)
			s := open(b, write(b, src, nil, m, st))
			qs := make([]*vector.Query, 100)
			for i := range qs {
				qs[i] = randomQuery(rng, b, src, m)
			}
			for _, share := range []float64{1, .5, .1, .01} {
				var allowed index.Bitmap
				if share < 1 {
					for row := range uint32(s.Rows()) {
						if rng.Float64() < share {
							allowed.Set(row)
						}
					}
				}
				b.Run(fmt.Sprintf("%v/%v/%v", m, st, share), func(b *testing.B) {
					b.ReportAllocs()
					var sc vector.Scratch
					var dst []index.Hit
					for i := 0; b.Loop(); i++ {
						dst, _ = s.Exact(b.Context(), qs[i%len(qs)], 10, allowed, float32(math.Inf(-1)), &sc, dst[:0])
					}
				})
			}
		}
	}
}

// BenchmarkScan searches random clusters of many dimensions by the byte plane alone and with a coarse plane, for L2
// of lengths that suit no plane. Its turns alternate, so that both are measured at the same time.
func BenchmarkScan(b *testing.B) {
	for _, m := range []vector.Metric{vector.Cosine, vector.L2} {
		rng := rand.New(rand.NewPCG(1, 1))
		src := random(rng, 50_000, 384, m)
		var sets [2]*vector.Set
		for i := range sets {
			var out bytes.Buffer
			if err := vector.Write(&out, src, nil, vector.Params{Metric: m, Storage: vector.Float16, Rows: rowsOf(src), Scan: i == 1}); err != nil {
				b.Fatal(err)
			}
			sets[i] = open(b, section.Usable(out.Bytes()))
		}
		qs := make([]*vector.Query, 100)
		for i := range qs {
			qs[i] = randomQuery(rng, b, src, m)
		}
		for _, k := range []int{10, 100} {
			b.Run(fmt.Sprintf("%v/%v", m, k), func(b *testing.B) {
				b.ReportAllocs()
				var sc vector.Scratch
				var dst []index.Hit
				var took [2]time.Duration
				for i := 0; b.Loop(); i++ {
					for j, s := range sets {
						start := time.Now()
						dst, _ = s.Exact(b.Context(), qs[i%len(qs)], k, nil, float32(math.Inf(-1)), &sc, dst[:0])
						took[j] += time.Since(start)
					}
				}
				for j, plane := range []string{"bytes", "coarse"} {
					b.ReportMetric(float64(took[j].Microseconds())/float64(b.N), plane+"-us")
				}
			})
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	src := random(rand.New(rand.NewPCG(1, 1)), 20_000, 128, vector.Cosine)
	for _, st := range storages {
		b.Run(st.String(), func(b *testing.B) {
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := vector.Write(&out, src, nil, vector.Params{Metric: vector.Cosine, Storage: st, Rows: rowsOf(src)}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(out.Len()))
		})
	}
}

// BenchmarkQuery prepares queries.
func BenchmarkQuery(b *testing.B) {
	for _, dims := range []int{128, 384} {
		src := random(rand.New(rand.NewPCG(1, 1)), 1, dims, vector.Cosine)
		b.Run(fmt.Sprint(dims), func(b *testing.B) {
			b.ReportAllocs()
			var q vector.Query
			for b.Loop() {
				_ = q.Set(src.Values, vector.Cosine)
			}
		})
	}
}
