package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// signRows are rows for SignsAtLeast, and planes of a query.
type signRows struct {
	size, n      int
	rows, planes []byte
}

func randomSigns(rng *rand.Rand, signs, n int) signRows {
	size := SignRowSize(signs)
	s := signRows{size, n, randomBytes(rng, n*size), randomBytes(rng, SignPlanes*size)}
	for p := range SignPlanes {
		clear(s.planes[(p+1)*size-8:][:8])
	}
	for i := range n {
		binary.LittleEndian.PutUint32(s.rows[(i+1)*size-8:], math.Float32bits(rng.Float32()))
		binary.LittleEndian.PutUint32(s.rows[(i+1)*size-4:], math.Float32bits(10*rng.Float32()))
	}
	return s
}

func TestSignRowSize(t *testing.T) {
	for signs, want := range map[int]int{1: 32, 64: 32, 128: 32, 192: 32, 193: 64, 384: 64, 448: 64, 449: 128, 768: 128, 1024: 192, 1536: 256} {
		if got := SignRowSize(signs); got != want {
			t.Errorf("%d signs: %d, want %d", signs, got, want)
		}
	}
}

func TestSignsAtLeast(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		rng := newRand()
		for _, signs := range []int{64, 128, 384, 448, 768, 1024, 4096} {
			s := randomSigns(rng, signs, 50)
			// Estimates that are no numbers, infinite, or the floor.
			for i, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 5} {
				binary.LittleEndian.PutUint32(s.rows[(i+1)*s.size-8:], 0)
				binary.LittleEndian.PutUint32(s.rows[(i+1)*s.size-4:], math.Float32bits(x))
			}
			for n := range 40 {
				at := append(randomAt(rng, n, s.n), 0, 1, 2, 3)
				rng.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
				rows, planes, at := placed(t, n, s.rows), placed(t, n+1, s.planes), placed(t, n+2, at)
				want := make([]uint32, len(at))
				m, _ := plainSignsAtLeast(want, planes, rows, at, .02, .5, 5)
				dst, guard := results[uint32](t, len(at), 77)
				got := SignsAtLeast(dst, planes, rows, at, .02, .5, 5)
				what := fmt.Sprintf("%d signs, %d rows", signs, len(at))
				guard(what)
				if !slices.Equal(dst[:got], want[:m]) {
					t.Fatalf("%s: %v, want %v", what, dst[:got], want[:m])
				}
				if got := SignsAtLeast(at, planes, rows, at, .02, .5, 5); !slices.Equal(at[:got], want[:m]) {
					t.Fatalf("%s in place: %v, want %v", what, at[:got], want[:m])
				}
			}
		}
	})
}

// TestSignsSum has the sum as the comment describes it.
func TestSignsSum(t *testing.T) {
	const signs = 100
	rng := newRand()
	size := SignRowSize(signs)
	row, planes := make([]byte, size), make([]byte, SignPlanes*size)
	sum := 0
	for i := range signs {
		value := rng.IntN(16) - 8
		for p := range SignPlanes {
			planes[p*size+i/8] |= byte(value>>p&1) << (i % 8)
		}
		if rng.IntN(2) == 0 {
			row[i/8] |= 1 << (i % 8)
			sum += value
		}
	}
	binary.LittleEndian.PutUint32(row[size-8:], math.Float32bits(1))
	eachVersion(t, func(t *testing.T) {
		for _, floor := range []int{sum, sum + 1} {
			n := SignsAtLeast(make([]uint32, 1), planes, row, []uint32{0}, 1, 0, float32(floor))
			if (n == 1) != (floor == sum) {
				t.Errorf("a sum of %d: %d selected at a floor of %d", sum, n, floor)
			}
		}
	})
}

func TestPrefetch(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		rows := make([]uint32, 100)
		Prefetch(rows, 10, []uint32{0, 9, 10, 1 << 31, 1<<32 - 1})
		Prefetch(rows, 0, []uint32{0})
		Prefetch(rows[:0], 10, []uint32{0})
		Prefetch(rows, 10, nil)
		Prefetch[byte](nil, 10, []uint32{1})
	})
}
