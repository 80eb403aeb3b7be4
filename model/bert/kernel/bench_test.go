package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkLinear(b *testing.B) {
	for _, s := range testSets() {
		for _, shape := range [][3]int{{12, 384, 32}, {12, 384, 384}, {60, 384, 1152}, {60, 384, 1536}, {60, 1536, 384}, {20, 384, 1536}} {
			rows, in, out := shape[0], shape[1], shape[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, rows, in, out), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				l, x := randomLinear(rnd, in, out), randomRows(rnd, rows, in)
				dst := make([]float32, rows*out)
				for b.Loop() {
					s.Linear(dst, out, x, l)
				}
				b.ReportMetric(float64(rows*in*out)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			})
		}
	}
}

func BenchmarkDense(b *testing.B) {
	for _, s := range testSets() {
		for _, shape := range [][3]int{{12, 384, 32}, {12, 384, 384}, {60, 384, 1152}, {60, 384, 1536}, {60, 1536, 384}, {20, 384, 1536}} {
			rows, in, out := shape[0], shape[1], shape[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, rows, in, out), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				l, x := randomDense(rnd, in, out), floats(rnd, rows*in)
				dst := make([]float32, rows*out)
				for b.Loop() {
					s.Dense(dst, out, x, rows, l)
				}
				b.ReportMetric(float64(rows*in*out)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			})
		}
	}
}

func BenchmarkAttention(b *testing.B) {
	for _, s := range testSets() {
		for _, n := range []int{20, 128, 512} {
			b.Run(fmt.Sprintf("%s/%d", s.Name, n), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				const width, stride = 32, 1152
				padded := roundUp(n, Panel)
				in := floats(rnd, n*stride)
				keys := make([]float32, width*padded)
				scores, factors := make([]float32, n*padded), make([]float32, n)
				parts := map[string]func(){
					"transpose": func() { s.Transpose(keys, padded, in, stride, n, width) },
					"scores":    func() { s.MatMul(scores, padded, in, stride, keys, padded, n, width, padded, factors) },
					"softmax": func() {
						for i := range n {
							factors[i] = s.Softmax(scores[i*padded:(i+1)*padded], n)
						}
					},
					"mix": func() { s.MatMul(in, stride, scores, padded, in[64:], stride, n, n, width, factors) },
				}
				for name, f := range parts {
					b.Run(name, func(b *testing.B) {
						for b.Loop() {
							f()
						}
						b.ReportMetric(float64(n*n*width)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
					})
				}
			})
		}
	}
}

func BenchmarkRows(b *testing.B) {
	for _, s := range testSets() {
		rnd := rand.New(rand.NewPCG(1, 1))
		for name, f := range map[string]func(x []float32, q *Rows){
			"gelu":     func(x []float32, q *Rows) { s.GELU(x) },
			"quantize": func(x []float32, q *Rows) { s.Quantize(q, 0, x) },
			"norm":     func(x []float32, q *Rows) { s.LayerNorm(x, nil, x, x, 1e-12) },
		} {
			b.Run(s.Name+"/"+name, func(b *testing.B) {
				x, q := floats(rnd, 1536), NewRows(1, 1536)
				q.Reset(1, 1536)
				b.SetBytes(4 * 1536)
				for b.Loop() {
					f(x, q)
				}
			})
		}
	}
}
