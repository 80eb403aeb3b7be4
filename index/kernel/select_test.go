package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestAtLeast(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		for n := range mostDims + 1 {
			t.Run("", func(t *testing.T) {
				rng := newRand()
				for _, share := range []int{1, 2, 8, 100, 1000} { // every number, every second, ...
					v := make([]int32, n)
					for i := range v {
						v[i] = int32(rng.IntN(share))
					}
					checkAtLeast(t, n+share, v, 0)
					checkAtLeast(t, n+share, v, int32(share-1))
				}
				extremes := make([]int32, n)
				for i := range extremes {
					extremes[i] = []int32{math.MinInt32, math.MinInt32 + 1, -1, 0, 1, math.MaxInt32}[rng.IntN(6)]
				}
				for _, floor := range []int32{math.MinInt32, math.MinInt32 + 1, 0, math.MaxInt32} {
					checkAtLeast(t, n, extremes, floor)
				}
			})
		}
	})
}

func checkAtLeast(t *testing.T, place int, v []int32, floor int32) {
	t.Helper()
	v = placed(t, place, v)
	var want []uint32
	for i, x := range v {
		if x >= floor {
			want = append(want, uint32(i))
		}
	}
	dst := placed(t, 0, make([]uint32, len(v))) // ends where memory does
	if got := dst[:AtLeast(dst, v, floor)]; !slices.Equal(got, want) {
		t.Fatalf("%v at least %d: got %v, want %v", v, floor, got, want)
	}
}

func TestAtLeastF32(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	values := []float32{-inf, -1, -0., 0, math.SmallestNonzeroFloat32, 1, inf, nan, float32(math.Copysign(0, -1))}
	eachVersion(t, func(t *testing.T) {
		for n := range mostDims + 1 {
			t.Run("", func(t *testing.T) {
				rng := newRand()
				v := make([]float32, n)
				for i := range v {
					v[i] = values[rng.IntN(len(values))]
				}
				v = placed(t, n, v)
				for _, floor := range append(values, 2) {
					var want []uint32
					for i, x := range v {
						if x >= floor {
							want = append(want, uint32(i))
						}
					}
					dst := placed(t, 0, make([]uint32, n))
					if got := dst[:AtLeastF32(dst, v, floor)]; !slices.Equal(got, want) {
						t.Fatalf("%v at least %v: got %v, want %v", v, floor, got, want)
					}
				}
			})
		}
	})
}
