package kernel

import (
	"slices"
	"testing"
)

// TestNibbles compares versions with sums of numbers put one by one where they belong.
func TestNibbles(t *testing.T) {
	const rows = 9
	eachVersion(t, func(t *testing.T) {
		for _, dims := range []int{128, 256, 384, 512, 768, 1024, 1152, 4096, MaxByteDims} {
			for place := range places {
				rng := newRand()
				q := randomInt8(rng, dims)
				if place == 1 { // the largest sums of two products
					for j := range q {
						q[j] = -128
					}
				}
				data, want := make([]uint8, rows*dims/2), make([]int32, rows)
				for r := range rows {
					for j := range dims {
						x := rng.IntN(16)
						if place == 1 && r > 0 {
							x = 15
						}
						data[r*dims/2+j/128*64+j%64] |= uint8(x << (j % 128 / 64 * 4))
						want[r] += int32(x) * int32(q[j])
					}
				}
				q, data = placed(t, place, q), placed(t, place, data)
				for n := range rows + 1 {
					dst, unharmed := results[int32](t, n, -42)
					DotU4Rows(dst, q, data[len(data)-n*dims/2:])
					unharmed("nibbles")
					if !slices.Equal(dst, want[rows-n:]) {
						t.Fatalf("%d dimensions, %d rows: %v instead of %v", dims, n, dst, want[rows-n:])
					}
				}
			}
		}
	})
}
