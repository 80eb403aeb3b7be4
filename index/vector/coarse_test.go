package vector

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
)

// CoarseAlways gives every section that is to be scanned a coarse plane, until the test ends.
func CoarseAlways(tb testing.TB) {
	dims, rows, pays := coarseDims, coarseRows, coarsePays
	coarseDims, coarseRows, coarsePays = 1, 1, func() bool { return true }
	tb.Cleanup(func() { coarseDims, coarseRows, coarsePays = dims, rows, pays })
}

// TestCoarseBoundHolds looks for a slot whose rank by the coarse plane is further from its score than its bound
// says: among vectors off the centre, of lengths that differ by powers of ten, with values that are cut off,
// dimensions that never change, and at scales near the ends of what floats hold.
func TestCoarseBoundHolds(t *testing.T) {
	CoarseAlways(t)
	var sc Scratch
	for _, dims := range []int{1, 5, 64, 200, 384} {
		for _, m := range []Metric{Cosine, InnerProduct, L2} {
			for _, scale := range []float64{1, 1e-3, 1e-18, 1e-37, 1e-42, 1e15} {
				for _, st := range []Storage{Float32, Float16, Int8} {
					if m == Cosine && scale != 1 || st == Float16 && scale > 1 {
						continue
					}
					rng := rand.New(rand.NewPCG(uint64(dims), uint64(m)*10+uint64(st)))
					src := awkward(rng, 300, dims, m, scale)
					var out bytes.Buffer
					if err := Write(&out, src, nil, Params{Metric: m, Storage: st, Rows: 300, Scan: true}); err != nil {
						t.Fatal(err)
					}
					s, err := Open(section.Usable(out.Bytes()))
					if err != nil {
						t.Fatal(err)
					}
					largest := 0.
					for round := range 12 {
						v := make([]float32, dims)
						x := src.Vector(rng.IntN(300), nil)
						for j := range v {
							v[j] = x[j] * float32(round%3)
							v[j] += float32(rng.NormFloat64() * []float64{1, scale, .1}[round/4])
						}
						if round == 11 {
							copy(v, s.coarse.centre)
						}
						var q Query
						if Check(v, dims, m) != nil {
							continue
						}
						if err := q.Set(v, m); err != nil {
							t.Fatal(err)
						}
						largest = max(largest, worstOfBound(t, s, &q, &sc))
					}
					if largest == 0 && scale == 1 {
						t.Errorf("%d dimensions, %v, %v: nothing was lost at all", dims, m, st)
					}
				}
			}
		}
	}
}

// worstOfBound compares all slots, and returns the greatest part of a bound that was needed.
func worstOfBound(t *testing.T, s *Set, q *Query, sc *Scratch) (worst float64) {
	t.Helper()
	cq, c := &sc.coarse, s.coarse
	if !cq.begin(s, q) {
		return 0
	}
	dots := make([]int32, s.n)
	kernel.DotU4Rows(dots, cq.code, c.codes)
	for slot, dot := range dots {
		rank := cq.base + cq.step*(float64(dot)-cq.offset)
		b := c.blocks[3*(slot/boundRows):]
		bound := cq.bound(float64(c.slots[2*slot]), float64(c.slots[2*slot+1]), float64(b[2]))
		if of := cq.bound(float64(b[0]), float64(b[1]), float64(b[2])); of < bound {
			t.Fatalf("slot %d has a bound of %v, its block one of %v", slot, bound, of)
		}
		var score [1]float32
		s.Rescore(q, []uint32{uint32(slot)}, score[:], sc)
		want := float64(score[0])
		if s.metric == L2 {
			var norm float64
			for _, x := range q.vec {
				norm += float64(x) * float64(x)
			}
			want = (want + norm) / 2
			rank += float64(s.biases[slot])
		}
		off := math.Abs(rank - want)
		if !(off <= bound) {
			t.Fatalf("%d dimensions, %v, %v, slot %d: rank %v by the coarse plane, %v by score, bound %v", s.dims, s.metric, s.storage, slot, rank, want, bound)
		}
		worst = max(worst, off/bound)
	}
	return worst
}

func awkward(rng *rand.Rand, n, dims int, m Metric, scale float64) Slice {
	src := Slice{Dimensions: dims}
	for range n {
		length := scale
		if m != Cosine {
			length *= math.Pow(10, -6*rng.Float64()*float64(rng.IntN(2)))
		}
		v := make([]float32, dims)
		for j := range v {
			spread := []float64{1, .01, 0}[j%7%3]
			v[j] = float32(length * (1 + spread*rng.NormFloat64()))
		}
		if rng.IntN(15) == 0 {
			v[rng.IntN(dims)] *= 30
		}
		if m == Cosine {
			Normalize(v)
		}
		src.Values = append(src.Values, v...)
	}
	return src
}
