package ivf

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/smartretriever/smartretriever/index/kernel"
)

func normal(rng *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	for j := range v {
		v[j] = float32(rng.NormFloat64())
	}
	return v
}

func product(a, b []float32) float64 {
	var sum float64
	for j := range a {
		sum += float64(a[j]) * float64(b[j])
	}
	return sum
}

// TestTables adds up the products with all signs and compares.
func TestTables(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, dims := range []int{1, 2, 3, 4, 5, 16, 17, 63, 64, 130} {
		q := normal(rng, dims)
		luts := make([]byte, 64*chunks(dims))
		scale, bias := tables(luts, q)
		for range 200 {
			var want float64
			var sum int
			for at := 0; at < 16*chunks(dims); at += 4 {
				signs := rng.IntN(16)
				sum += int(luts[4*at+signs])
				for j := range 4 {
					if at+j < dims {
						want += float64(q[at+j]) * float64(2*(signs>>j&1)-1)
					}
				}
			}
			if got := float64(sum)*float64(scale) + float64(bias); math.Abs(got-want) > .51*float64(scale)*float64(len(luts)/16) {
				t.Fatalf("%d dimensions: %v, want %v, a step is %v", dims, got, want, scale)
			}
		}
	}
	luts := make([]byte, 64)
	luts[3] = 9
	if scale, bias := tables(luts, make([]float32, 5)); scale != 0 || bias != 0 || luts[3] != 0 {
		t.Errorf("the query 0 has tables of scale %v, bias %v", scale, bias)
	}
}

// TestEstimates compares estimates of <q,x> from entries with the truth: their errors
// must be those of the theory, |q-c|*|r|/sqrt(dims) times about .75, and without bias.
// It also lets the kernel select by them.
func TestEstimates(t *testing.T) {
	for _, dims := range []int{64, 100, 384} {
		for _, seed := range []uint64{0, 7} {
			rng := rand.New(rand.NewPCG(2, uint64(dims)))
			turn := newRotation(dims, seed)
			centre, q := normal(rng, dims), normal(rng, dims)
			for j := range q { // near each other, and far from the origin
				centre[j] *= 3
				q[j] += centre[j]
			}
			enc := newEncoder(dims, turn)
			turned := append([]float32(nil), centre...)
			turn.apply(turned)
			tq := append([]float32(nil), q...)
			turn.apply(tq)
			luts := make([]byte, 64*chunks(dims))
			scale, bias := tables(luts, tq)
			apart := 0.
			for j := range q {
				apart += float64(q[j]-centre[j]) * float64(q[j]-centre[j])
			}
			const blocks = 40
			size := blockSize(dims)
			all := make([]byte, blocks*size)
			estimates := make([]float64, 32*blocks)
			var errors, squares float64
			for i := range estimates {
				block, at := blockOf(all, size, i)
				if at == 0 {
					clearBlock(block)
				}
				x := normal(rng, dims)
				r := make([]float32, dims)
				for j := range x {
					r[j] = .7 * x[j]
					x[j] = centre[j] + r[j]
				}
				e := enc.encode(x, turned, 3)
				put(block, at, e, enc.signs)
				back := make([]byte, len(enc.signs))
				if got := get(block, at, back); got != e || string(back) != string(enc.signs) {
					t.Fatalf("an entry comes back as %v %v, was %v %v", got, back, e, enc.signs)
				}
				var sum int
				for m, s := range enc.signs {
					sum += int(luts[16*m+int(s)])
				}
				estimates[i] = product(q, centre) + float64(e.b) + float64(e.f)*(float64(sum)*float64(scale)+float64(bias))
				off := (estimates[i] - 3 - product(q, x)) / math.Sqrt(apart*product(r, r)/float64(dims))
				errors += off
				squares += off * off
			}
			n := float64(len(estimates))
			mean, deviation := errors/n, math.Sqrt(squares/n)
			if deviation < .5 || deviation > 1 || math.Abs(mean) > 4*deviation/math.Sqrt(n) {
				t.Errorf("%d dimensions, rotation %d: errors have mean %.3f, deviation %.3f", dims, seed, mean, deviation)
			}
			floor := float32(product(q, centre)) + 10
			found := make([]uint32, len(estimates)+kernel.LookupSlack)
			found = found[:kernel.LookupScan(found, all, luts, scale, bias, floor-float32(product(q, centre)), 0)]
			selected := map[uint32]bool{}
			for _, i := range found {
				selected[i] = true
			}
			for i, e := range estimates {
				if d := e - float64(floor); math.Abs(d) > .05 && selected[uint32(i)] != (d > 0) {
					t.Errorf("an estimate %v above the floor: selected is %v", d, d <= 0)
				}
			}
		}
	}
}

func TestRotationKeepsProducts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, dims := range []int{1, 2, 3, 64, 100, 384} {
		turn := newRotation(dims, 11)
		a, b := normal(rng, dims), normal(rng, dims)
		want := product(a, b)
		before := append([]float32(nil), a...)
		turn.apply(a)
		turn.apply(b)
		if got := product(a, b); math.Abs(got-want) > 1e-4*float64(dims) {
			t.Errorf("%d dimensions: product %v, was %v", dims, got, want)
		}
		one := make([]float32, dims)
		one[0] = 1
		turn.apply(one)
		for _, x := range one {
			if dims >= 64 && math.Abs(float64(x)) > .8 {
				t.Errorf("%d dimensions: a unit vector keeps %v in one dimension", dims, x)
			}
		}
		newRotation(dims, 0).apply(before) // none
	}
}

// TestSecondList compares the second list with the formula in float64.
func TestSecondList(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const dims, lists = 24, 20
	for range 50 {
		x, centres := normal(rng, dims), normal(rng, dims*lists)
		near := make([]int32, 0, lists)
		for _, l := range rng.Perm(lists)[:10] {
			near = append(near, int32(l))
		}
		rest := func(l int32) []float32 {
			r := make([]float32, dims)
			for j := range r {
				r[j] = x[j] - centres[int(l)*dims+j]
			}
			return r
		}
		loss := func(l int32) float64 {
			r, s := rest(near[0]), rest(l)
			return product(s, s) + product(s, r)*product(s, r)/product(r, r)
		}
		best := near[1]
		for _, l := range near[1:] {
			if loss(l) < loss(best) {
				best = l
			}
		}
		if got := orthogonal(x, centres, near); got != uint32(best) && loss(int32(got)) > loss(best)+1e-3 {
			t.Errorf("second list %d of loss %v, want %d of %v", got, loss(int32(got)), best, loss(best))
		}
	}
	if got := orthogonal(make([]float32, 3), make([]float32, 6), []int32{0, 1}); got != 1 {
		t.Errorf("a vector at its centroid: second list %d", got)
	}
}

// TestOrderOfLists takes all lists of an index in order and compares with sorting.
func TestOrderOfLists(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 100 {
		o := order{ix: &Index{header: header{lists: 1 + rng.IntN(300)}}, factor: 1}
		o.dots = make([]int32, o.ix.lists)
		spread := 1 << rng.IntN(31)
		for i := range o.dots {
			o.dots[i] = int32(rng.IntN(spread) - spread/2)
		}
		o.found = make([]uint32, o.ix.lists)
		o.sort(1 + rng.IntN(o.ix.lists))
		seen := map[int]bool{}
		last := int32(math.MaxInt32)
		for range o.ix.lists {
			list, _ := o.next()
			if seen[list] || o.dots[list] > last {
				t.Fatalf("list %d of %d after one of %d, seen %v", list, o.dots[list], last, seen[list])
			}
			seen[list], last = true, o.dots[list]
		}
	}
}

func TestPool(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for range 200 {
		var p pool
		k := 1 + rng.IntN(10)
		size := k + rng.IntN(10)
		p.begin(k, size)
		ranks := map[uint32]float32{}
		for slot := range uint32(50) {
			ranks[slot] = float32(rng.IntN(40)-20) / 3
		}
		offered := map[uint32]bool{}
		for range rng.IntN(80) {
			slot := uint32(rng.IntN(50))
			p.offer(ranks[slot], slot)
			offered[slot] = true
		}
		got := p.slots(nil)
		if len(got) != min(size, len(offered)) || p.full() != (len(got) >= k) {
			t.Fatalf("%d slots of %d, full %v, size %d, k %d", len(got), len(offered), p.full(), size, k)
		}
		kept := map[uint32]bool{}
		for i, slot := range got {
			if kept[slot] || !offered[slot] || i > 0 && ranks[slot] > ranks[got[i-1]] {
				t.Fatalf("slots %v", got)
			}
			kept[slot] = true
		}
		for slot := range offered {
			if !kept[slot] && ranks[slot] > ranks[got[len(got)-1]] {
				t.Fatalf("slot %d of rank %v is missing", slot, ranks[slot])
			}
		}
		if p.full() && p.floor() != ranks[got[k-1]] {
			t.Fatalf("floor %v, want %v", p.floor(), ranks[got[k-1]])
		}
	}
}
