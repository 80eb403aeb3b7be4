package vector_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index"
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
