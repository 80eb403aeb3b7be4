package kernel

import (
	"fmt"
	"math"
	"testing"
)

const (
	mostDims = 257
	// relative is the greatest error of a sum of up to mostDims products, measured
	// against the sum of their absolute values.
	relative = 1e-6
)

// measure is what a kernel of floats computes, in float64, and the sum of absolute
// values of what is added, which is the measure for rounding.
type measure func(a, b []float32) (sum, size float64)

func exactDot(a, b []float32) (sum, size float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		sum += p
		size += math.Abs(p)
	}
	return sum, size
}

func exactL2(a, b []float32) (sum, size float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
		size += d*d + 1e-7*(a2(a[i])+a2(b[i])) // differences are rounded
	}
	return sum, size
}

func a2(x float32) float64 { return float64(x) * float64(x) }

func close(t *testing.T, what string, got float32, want, size float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= relative*size) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// TestFloats computes rows at the edges of memory, alone, one after the other and
// gathered: all have the same bits, near the exact result.
func TestFloats(t *testing.T) {
	const rows = 7
	eachVersion(t, func(t *testing.T) {
		for dims := range mostDims + 1 {
			t.Run("", func(t *testing.T) { // memory is given back after each
				rng := newRand()
				q := placed(t, dims, random(rng, dims))
				data := placed(t, dims, random(rng, rows*dims))
				at := placed(t, dims, append(randomAt(rng, 9, rows), rows-1, 0))
				for name, k := range map[string]struct {
					exact  measure
					one    func(a, b []float32) float32
					rows   func(dst, q, rows []float32)
					gather func(dst, q, rows []float32, at []uint32)
				}{"dot": {exactDot, Dot, DotRows, DotGather}, "l2": {exactL2, L2, L2Rows, nil}} {
					dst, unharmed := results[float32](t, rows, 42)
					k.rows(dst, q, data)
					unharmed(name)
					for r := range rows {
						row := data[r*dims : (r+1)*dims]
						what := fmt.Sprintf("%s, %d dimensions, row %d", name, dims, r)
						want, size := k.exact(q, row)
						close(t, what, dst[r], want, size)
						if one := k.one(q, row); one != dst[r] {
							t.Fatalf("%s: %v by itself, %v among others", what, one, dst[r])
						}
					}
					if k.gather == nil {
						continue
					}
					for n := range len(at) + 1 {
						gathered, unharmed := results[float32](t, n, 42)
						k.gather(gathered, q, data, at[len(at)-n:])
						unharmed(name + " gathered")
						for i, got := range gathered {
							if want := dst[at[len(at)-n+i]]; got != want {
								t.Fatalf("%s, %d dimensions, %d gathered: %v instead of %v", name, dims, n, got, want)
							}
						}
					}
				}
			})
		}
	})
}

func TestFloatsOfManyDims(t *testing.T) {
	rng := newRand()
	eachVersion(t, func(t *testing.T) {
		for _, dims := range []int{384, 768, 1023, 1536, 4099} {
			q, data := random(rng, dims), random(rng, 5*dims)
			dst := make([]float32, 5)
			for r := range dst {
				row := data[r*dims:][:dims]
				DotRows(dst, q, data)
				want, size := exactDot(q, row)
				close(t, "dot", dst[r], want, size)
				L2Rows(dst, q, data)
				want, size = exactL2(q, row)
				close(t, "l2", dst[r], want, size)
			}
		}
	})
}

// TestInfinityAndNaNPass: what a row holds shows in its own result only.
func TestInfinityAndNaNPass(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	eachVersion(t, func(t *testing.T) {
		for dims := 1; dims <= 80; dims++ {
			q, data := make([]float32, dims), make([]float32, 5*dims)
			for i := range q {
				q[i] = 1
			}
			for place := range 5 * dims {
				for _, special := range []float32{inf, nan} {
					data[place] = special
					dots, gathered, squares := make([]float32, 5), make([]float32, 5), make([]float32, 5)
					DotRows(dots, q, data)
					DotGather(gathered, q, data, []uint32{0, 1, 2, 3, 4})
					L2Rows(squares, q, data)
					for r := range dots {
						dot, square := float32(0), float32(dims)
						if r == place/dims {
							dot, square = special, special
						}
						if !same(dots[r], dot) || !same(gathered[r], dot) || !same(squares[r], square) {
							t.Fatalf("%d dimensions, %v at %d: row %d is %v, gathered %v, as a square %v", dims, special, place, r, dots[r], gathered[r], squares[r])
						}
					}
				}
				data[place] = 0
			}
		}
	})
}

// same says whether two numbers are equal or both none.
func same(a, b float32) bool { return a == b || a != a && b != b }

func TestDot(t *testing.T) {
	if got := Dot([]float32{1, 2, 3}, []float32{4, 5, 6, 7}); got != 32 {
		t.Errorf("got %v, want 32", got)
	}
	if got := L2([]float32{1, 2, 3}, []float32{4, 6, 3, 7}); got != 25 {
		t.Errorf("got %v, want 25", got)
	}
	dst := make([]float32, 2)
	DotRows(dst, []float32{1, 2}, []float32{3, 4, 5, 6, 7, 8})
	if dst[0] != 11 || dst[1] != 17 {
		t.Errorf("got %v, want [11 17]", dst)
	}
	DotGather(dst, []float32{1, 2}, []float32{3, 4, 5, 6, 7, 8}, []uint32{2, 0})
	if dst[0] != 23 || dst[1] != 11 {
		t.Errorf("got %v, want [23 11]", dst)
	}
}
