package hnsw

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlane compares probes and ranks with plain loops.
func TestPlane(t *testing.T) {
	rng := rand.New(rand.NewPCG(60, 1))
	for dims := 1; dims < 80; dims++ {
		const n = 9
		p := Plane{Dims: dims, Codes: make([]uint8, n*dims), RowUnit: 2}
		for i := range p.Codes {
			p.Codes[i] = uint8(rng.IntN(256))
		}
		if dims%2 == 0 {
			for range n {
				p.Bias = append(p.Bias, float32(-rng.IntN(1000)))
			}
		}
		ids, dst := []uint32{8, 0, 3, 3}, make([]int32, 4)
		for base := range uint32(n) {
			q, sum := p.probe(make([]int8, dims), base)
			p.ranks(dst, q, ids)
			for i, id := range ids {
				want := int32(p.rowBias(id))
				for j := range dims {
					want += (int32(p.Codes[int(base)*dims+j]) - zero) * (int32(p.Codes[int(id)*dims+j]) - zero)
				}
				if got := dst[i] - zero*sum; got != want {
					t.Fatalf("%d dimensions, row %d seen from %d: %d, want %d", dims, id, base, got, want)
				}
			}
		}
	}
}

func TestOrdered(t *testing.T) {
	floats := []float32{float32(math.Inf(-1)), -math.MaxFloat32, -2, -1, -1e-30, 0, 1e-30, 1, 2, math.MaxFloat32, float32(math.Inf(1))}
	var ints []int32
	for _, f := range floats {
		ints = append(ints, ordered(f))
	}
	if !slices.IsSorted(ints) {
		t.Errorf("%v", ints)
	}
}

// TestPool compares a pool with sorting.
func TestPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 1))
	for range 300 {
		var p pool
		var h heap
		size := 1 + rng.IntN(20)
		p.reset(size)
		var all []key
		for id := range uint32(rng.IntN(60)) {
			rank := int32(rng.IntN(30) - 15)
			k := newKey(rank, id)
			if keyID(k) != id || keyRank(k) != rank {
				t.Fatalf("key of %d, %d is %x", rank, id, k)
			}
			h.push(k)
			all = append(all, k)
			if rank > p.floor() || !p.full() {
				p.offer(k)
			}
		}
		slices.Sort(all)
		slices.Reverse(all)
		for _, k := range all {
			if got := h.pop(); got != k {
				t.Fatalf("the heap gave %x, want %x", got, k)
			}
		}
		// Of equal ranks at the end of a full pool, those that came first stay.
		for i, k := range p.keys {
			if keyRank(k) != keyRank(all[i]) {
				t.Fatalf("place %d has rank %d, want %d", i, keyRank(k), keyRank(all[i]))
			}
		}
		if len(p.keys) != min(size, len(all)) {
			t.Fatalf("%d keys of %d in a pool of %d", len(p.keys), len(all), size)
		}
		for i := range p.keys {
			if k, ok := p.peek(); !ok || keyID(k) != keyID(p.keys[i]) {
				t.Fatalf("next is %x, want %x", k, p.keys[i])
			}
			p.take()
		}
		if _, ok := p.take(); ok {
			t.Fatal("one more than all")
		}
	}
}
