package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func randomWords(rng *rand.Rand, n int) []uint64 {
	w := make([]uint64, n)
	for i := range w {
		w[i] = rng.Uint64()
	}
	return w
}

func TestHamming(t *testing.T) {
	const most = 9
	eachVersion(t, func(t *testing.T) {
		for words := range 41 {
			for rows := range most + 1 {
				t.Run("", func(t *testing.T) {
					rng := newRand()
					q, data := placed(t, rows, randomWords(rng, words)), placed(t, rows, randomWords(rng, rows*words))
					if rows == most { // all bits differ
						for i := range data {
							data[i] = ^q[i%words]
						}
					}
					want := make([]uint32, rows)
					plainHamming(want, q, data)
					dst, unharmed := results[uint32](t, rows, 1<<31)
					HammingRows(dst, q, data)
					unharmed("hamming")
					if !slices.Equal(dst, want) {
						t.Fatalf("%d words, %d rows: got %v, want %v", words, rows, dst, want)
					}
				})
			}
		}
	})
}
