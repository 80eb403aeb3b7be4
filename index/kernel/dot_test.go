package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func random(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// exact returns the dot product in float64 and the sum of absolute products, the
// measure for rounding.
func exact(a, b []float32) (dot, size float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		dot += p
		size += math.Abs(p)
	}
	return dot, size
}

func TestVersionsAgree(t *testing.T) {
	const most, rows = 257, 5
	rng := rand.New(rand.NewPCG(3, 4))
	guard := float32(math.NaN()) // whatever reads beyond its vectors gives no number
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			for dims := 0; dims <= most; dims++ {
				for offset := range 4 { // slices that begin off any alignment
					buf := append(random(rng, offset+dims+rows*dims), guard)
					for i := range offset {
						buf[i] = guard
					}
					q, data := buf[offset:offset+dims], buf[offset+dims:offset+dims+rows*dims]
					dst := make([]float32, rows+2)
					dst[0], dst[rows+1] = 42, 42
					v.rows(dst[1:rows+1], q, data)
					for r := range rows {
						row := data[r*dims : (r+1)*dims]
						want, size := exact(q, row)
						if got := float64(dst[r+1]); !(math.Abs(got-want) <= 1e-6*size) {
							t.Fatalf("%d dimensions, offset %d, row %d: got %v, want %v", dims, offset, r, got, want)
						}
						if one := v.one(q, row); one != dst[r+1] {
							t.Fatalf("%d dimensions, row %d: %v by itself, %v among others", dims, r, one, dst[r+1])
						}
					}
					if dst[0] != 42 || dst[rows+1] != 42 {
						t.Fatalf("%d dimensions: wrote beside the results", dims)
					}
				}
			}
		})
	}
}

func TestNoRows(t *testing.T) {
	for _, v := range versions() {
		v.rows(nil, []float32{1, 2}, nil)
	}
	DotRows(nil, nil, nil)
	if d := Dot(nil, nil); d != 0 {
		t.Errorf("the dot product of nothing is %v", d)
	}
}

func TestDot(t *testing.T) {
	if got := Dot([]float32{1, 2, 3}, []float32{4, 5, 6, 7}); got != 32 {
		t.Errorf("got %v, want 32", got)
	}
	dst := make([]float32, 2)
	DotRows(dst, []float32{1, 2}, []float32{3, 4, 5, 6, 7, 8})
	if dst[0] != 11 || dst[1] != 17 {
		t.Errorf("got %v, want [11 17]", dst)
	}
}

func TestDotDoesNotAllocate(t *testing.T) {
	v := make([]float32, 100)
	if n := testing.AllocsPerRun(100, func() { Dot(v, v) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestShortInputPanics(t *testing.T) {
	for name, call := range map[string]func(){
		"Dot":     func() { Dot(make([]float32, 3), make([]float32, 2)) },
		"DotRows": func() { DotRows(make([]float32, 2), make([]float32, 3), make([]float32, 5)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

func BenchmarkDotRows(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, dims := range []int{128, 384} {
		q, rows, dst := random(rng, dims), random(rng, 64*dims), make([]float32, 64)
		for _, v := range versions() {
			b.Run(fmt.Sprintf("%s/%d", v.name, dims), func(b *testing.B) {
				b.SetBytes(int64(len(rows) * 4))
				for b.Loop() {
					v.rows(dst, q, rows)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/row")
			})
		}
	}
}
