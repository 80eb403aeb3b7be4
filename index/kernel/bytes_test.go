package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func randomBytes(rng *rand.Rand, n int) []uint8 {
	b := make([]uint8, n)
	for i := range b {
		b[i] = uint8(rng.Uint32())
	}
	return b
}

func randomInt8(rng *rand.Rand, n int) []int8 {
	b := make([]int8, n)
	for i := range b {
		b[i] = int8(rng.Uint32())
	}
	return b
}

// sameBytes compares the functions for bytes with plain Go.
func sameBytes(t *testing.T, place int, q []int8, data []uint8, rows int) {
	t.Helper()
	dims := len(q)
	q, data = placed(t, place, q), placed(t, place, data)
	want := make([]int32, rows)
	plainDotU8Rows(want, q, data)
	for n := range rows + 1 {
		dst, unharmed := results[int32](t, n, -42)
		DotU8Rows(dst, q, data[len(data)-n*dims:]) // the last rows, up to the guard
		unharmed("rows")
		if !slices.Equal(dst, want[rows-n:]) {
			t.Fatalf("%d dimensions, %d rows: %v instead of %v", dims, n, dst, want[rows-n:])
		}
	}
	at := placed(t, place, append(randomAt(newRand(), 9, rows), uint32(rows-1), 0))
	for n := range len(at) + 1 {
		dst, unharmed := results[int32](t, n, -42)
		some := at[len(at)-n:]
		DotU8Gather(dst, q, data, some)
		unharmed("gathered")
		for i, row := range some {
			if dst[i] != want[row] {
				t.Fatalf("%d dimensions, %d gathered: %d instead of %d", dims, n, dst[i], want[row])
			}
		}
	}
}

func TestBytes(t *testing.T) {
	const rows = 9
	eachVersion(t, func(t *testing.T) {
		dims := []int{384, 385, 512, 513, 640, 768, 769, 1024, 1025, 1536}
		for n := range mostDims + 1 {
			dims = append(dims, n)
		}
		for _, n := range dims {
			t.Run("", func(t *testing.T) {
				rng := newRand()
				for place := range places {
					sameBytes(t, place, randomInt8(rng, n), randomBytes(rng, rows*n), rows)
				}
			})
		}
	})
}

// TestBytesOfExtremes has the greatest and smallest products, alone and in pairs that
// cancel: whatever adds two of them in 16 bits, or saturates, is found.
func TestBytesOfExtremes(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		for _, dims := range []int{1, 15, 16, 17, 64, 127, 128, 200, 384, 768, 4096, MaxByteDims - 1, MaxByteDims} {
			for _, pattern := range [][]int8{{-128}, {127}, {-128, 127}, {127, 127, -128, -128}, {0, -128}} {
				t.Run("", func(t *testing.T) {
					q, data := make([]int8, dims), make([]uint8, 5*dims)
					for i := range q {
						q[i] = pattern[i%len(pattern)]
					}
					for i := range data {
						data[i] = 255
					}
					var want int32
					for _, x := range q {
						want += 255 * int32(x)
					}
					dst := make([]int32, 5)
					DotU8Rows(dst, q, data)
					for _, got := range dst {
						if got != want {
							t.Fatalf("%d dimensions of %v times 255: %d instead of %d", dims, pattern, got, want)
						}
					}
					if dims <= 4096 {
						sameBytes(t, dims, q, data, 5)
					}
				})
			}
		}
	})
}
