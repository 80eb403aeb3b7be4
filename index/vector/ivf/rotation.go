package ivf

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rotation turns vectors without changing lengths and products: a few times the
// signs of random dimensions are switched, and all are mixed by Hadamard transforms,
// one over as many of the first dimensions as are a power of two, one over as many of
// the last. The nil rotation leaves vectors as they are.
type rotation struct {
	dims, power int
	scale       float32
	flips       [rotationRounds][]uint32 // sign bits
}

const rotationRounds = 3

// newRotation returns the rotation of a seed; nil for seed 0.
func newRotation(dims int, seed uint64) *rotation {
	if seed == 0 {
		return nil
	}
	r := &rotation{dims: dims, power: 1 << (bits.Len(uint(dims)) - 1)}
	r.scale = float32(1 / math.Sqrt(float64(r.power)))
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range r.flips {
		r.flips[i] = make([]uint32, dims)
		for j := range r.flips[i] {
			r.flips[i][j] = uint32(rng.IntN(2)) << 31
		}
	}
	return r
}

// apply turns v in place.
func (r *rotation) apply(v []float32) {
	if r == nil {
		return
	}
	for _, flips := range r.flips {
		for j, x := range v {
			v[j] = math.Float32frombits(math.Float32bits(x) ^ flips[j])
		}
		r.hadamard(v[:r.power])
		if r.power < r.dims {
			r.hadamard(v[r.dims-r.power:])
		}
	}
}

// hadamard is the fast Walsh-Hadamard transform, scaled to keep lengths.
func (r *rotation) hadamard(v []float32) {
	for half := 1; half < len(v); half *= 2 {
		for from := 0; from < len(v); from += 2 * half {
			a, b := v[from:from+half], v[from+half:from+2*half]
			for j, x := range a {
				y := b[j]
				a[j], b[j] = x+y, x-y
			}
		}
	}
	for j := range v {
		v[j] *= r.scale
	}
}
