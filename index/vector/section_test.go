package vector_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// TestScoresAreThoseOfTheMetric compares scores with the definitions in float64.
func TestScoresAreThoseOfTheMetric(t *testing.T) {
	var sc vector.Scratch
	for _, m := range metrics {
		for _, st := range storages {
			rng := rand.New(rand.NewPCG(7, uint64(m)))
			const dims = 70
			src := random(rng, 300, dims, m)
			order := shuffled(rng, src.Len())
			s := open(t, write(t, src, order, m, st))
			q := make([]float32, dims)
			for j := range q {
				q[j] = 3 * float32(rng.NormFloat64())
			}
			var query vector.Query
			if err := query.Set(q, m); err != nil {
				t.Fatal(err)
			}
			tolerance := map[vector.Storage]float64{vector.Float32: 1e-5, vector.Float16: 2e-3, vector.Int8: 3e-2}[st]
			for slot := range uint32(s.Len()) {
				x := src.Vector(int(order[slot]), nil)
				if row := s.SlotRow(slot); row != src.Rows[order[slot]] {
					t.Fatalf("slot %d has row %d, want %d", slot, row, src.Rows[order[slot]])
				} else if back, ok := s.Slot(row); !ok || back != slot {
					t.Fatalf("row %d has slot %d, %v, want %d", row, back, ok, slot)
				}
				var product, qq, xx, apart float64
				for j := range q {
					a, b := float64(q[j]), float64(x[j])
					product, qq, xx, apart = product+a*b, qq+a*a, xx+b*b, apart+(a-b)*(a-b)
				}
				want := map[vector.Metric]float64{vector.Cosine: product / math.Sqrt(qq*xx), vector.InnerProduct: product, vector.L2: -apart}[m]
				size := map[vector.Metric]float64{vector.Cosine: 1, vector.InnerProduct: math.Sqrt(qq * 100), vector.L2: qq + 100}[m]
				var got [1]float32
				s.Rescore(&query, []uint32{slot}, got[:], &sc)
				if math.Abs(float64(got[0])-want) > tolerance*size {
					t.Fatalf("%v, %v, slot %d: score %v, want %v", m, st, slot, got[0], want)
				}
			}
		}
	}
}

// TestBoundHolds looks for a slot whose rank by bytes is further from its score than
// the bound says, among vectors of very different lengths and with values cut off.
func TestBoundHolds(t *testing.T) {
	var sc vector.Scratch
	for _, dims := range []int{1, 5, 64, 200} {
		for _, m := range metrics {
			for _, st := range storages {
				rng := rand.New(rand.NewPCG(uint64(dims), uint64(st)))
				src := random(rng, 400, dims, m)
				for range 20 { // single large values
					i := rng.IntN(src.Len())
					v := src.Vector(i, nil)
					v[rng.IntN(dims)] *= 30
					if m == vector.Cosine {
						vector.Normalize(v)
					} else if rng.IntN(2) == 0 {
						for j := range v {
							v[j] *= 1e-6
						}
					}
				}
				s := open(t, write(t, src, nil, m, st))
				largest := 0.
				for range 20 {
					q := randomQuery(rng, t, src, m)
					bound := s.Bound(q)
					for slot := range uint32(s.Len()) {
						var sum, norm float64
						for j, b := range s.Code(slot) {
							sum += float64(q.Code()[j]) * float64(b)
						}
						rank := float64(s.Scale()) * float64(q.Scale()) * (sum - float64(q.Offset()))
						if s.Biases() != nil {
							rank += float64(s.Biases()[slot])
						}
						var score [1]float32
						s.Rescore(q, []uint32{slot}, score[:], &sc)
						want := float64(score[0])
						if m == vector.L2 {
							for _, x := range q.Vector() {
								norm += float64(x) * float64(x)
							}
							want = (want + norm) / 2
						}
						if off := math.Abs(rank - want); off > bound {
							t.Fatalf("%d dimensions, %v, %v: rank %v by bytes, %v by score, bound %v", dims, m, st, rank, want, bound)
						} else {
							largest = max(largest, off/bound)
						}
					}
				}
				if largest == 0 && st != vector.Int8 && dims > 1 {
					t.Errorf("%d dimensions, %v, %v: nothing was lost at all", dims, m, st)
				}
			}
		}
	}
}

// TestMergingKeepsVectors merges sets again and again, with rows dropped and rows moved,
// and expects every vector to stay what it was after its first writing.
func TestMergingKeepsVectors(t *testing.T) { eachPlane(t, testMergingKeepsVectors) }

func testMergingKeepsVectors(t *testing.T) {
	for _, m := range metrics {
		for _, st := range storages {
			rng := rand.New(rand.NewPCG(uint64(m), uint64(st)))
			var parts []*vector.Set
			var want []map[uint32][]float32 // by part and row
			for range 3 {
				src := random(rng, 150, 33, m)
				s := open(t, write(t, src, shuffled(rng, src.Len()), m, st))
				parts, want = append(parts, s), append(want, vectorsOf(s))
			}
			for round := range 4 {
				merge := make([]vector.Part, len(parts))
				merged := map[uint32][]float32{}
				next := uint32(0)
				for p, s := range parts {
					merge[p] = vector.Part{Set: s, NewRow: make([]uint32, s.Rows())}
					for row := range merge[p].NewRow {
						merge[p].NewRow[row] = vector.NoRow
						if rng.IntN(10) > 0 {
							if v := want[p][uint32(row)]; v != nil {
								merged[next] = v
							}
							merge[p].NewRow[row] = next
							next++
						}
					}
				}
				src, err := vector.Merge(merge, int(next))
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if err := vector.Write(&out, src, shuffled(rng, src.Len()), vector.Params{Metric: m, Storage: st, Rows: int(next), Scan: true}); err != nil {
					t.Fatal(err)
				}
				s := open(t, section.Usable(out.Bytes()))
				got := vectorsOf(s)
				for row, v := range merged {
					same := slices.Equal(got[row], v)
					if st == vector.Int8 && round == 0 { // parts had scales of their own
						same = near(got[row], v, s.Scale()*.51)
					}
					if !same {
						t.Fatalf("%v, %v, round %d: row %d is %v, was %v", m, st, round, row, got[row], v)
					}
				}
				if len(got) != len(merged) {
					t.Fatalf("%d vectors, want %d", len(got), len(merged))
				}
				parts, want = []*vector.Set{s}, []map[uint32][]float32{got}
			}
		}
	}
}

func near(a, b []float32, apart float32) bool {
	for j := range a {
		if d := a[j] - b[j]; d > apart || -d > apart {
			return false
		}
	}
	return len(a) == len(b)
}

func vectorsOf(s *vector.Set) map[uint32][]float32 {
	out := map[uint32][]float32{}
	for slot := range s.Len() {
		out[s.SlotRow(uint32(slot))] = slices.Clone(s.Vector(slot, make([]float32, s.Dims())))
	}
	return out
}

func TestMergeRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a := open(t, write(t, random(rng, 5, 3, vector.L2), nil, vector.L2, vector.Float32))
	b := open(t, write(t, random(rng, 5, 4, vector.L2), nil, vector.L2, vector.Float32))
	c := open(t, write(t, random(rng, 5, 3, vector.Cosine), nil, vector.Cosine, vector.Float32))
	rows := func(s *vector.Set, from uint32) []uint32 {
		r := make([]uint32, s.Rows())
		for i := range r {
			r[i] = from + uint32(i)
		}
		return r
	}
	for name, parts := range map[string][]vector.Part{
		"none":             {},
		"other dimensions": {{a, rows(a, 0)}, {b, rows(b, 50)}},
		"another metric":   {{a, rows(a, 0)}, {c, rows(c, 50)}},
		"rows twice":       {{a, rows(a, 0)}, {a, rows(a, 0)}},
		"rows beyond":      {{a, rows(a, 99)}},
		"too few new rows": {{a, rows(a, 0)[1:]}},
	} {
		if _, err := vector.Merge(parts, 100); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		v  []float32
		m  vector.Metric
		ok bool
	}{
		{[]float32{1, 2, 3}, vector.Cosine, true},
		{[]float32{0, 0, 1e-40}, vector.Cosine, true},
		{[]float32{math.MaxFloat32, math.MaxFloat32, 0}, vector.Cosine, true},
		{[]float32{0, 0, 0}, vector.Cosine, false},
		{[]float32{0, 0, 0}, vector.L2, true},
		{[]float32{0, 0, 0}, vector.InnerProduct, true},
		{[]float32{0, math.MaxFloat32, 0}, vector.L2, false},
		{[]float32{1, 2}, vector.Cosine, false},
		{nil, vector.L2, false},
		{[]float32{1, nan, 3}, vector.L2, false},
		{[]float32{inf, 1, 3}, vector.InnerProduct, false},
		{[]float32{-inf, 1, 3}, vector.Cosine, false},
	} {
		err := vector.Check(c.v, 3, c.m)
		if (err == nil) != c.ok || err != nil && rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%v of %v: %v", c.m, c.v, err)
		}
		if c.ok && c.m == vector.Cosine {
			v := slices.Clone(c.v)
			vector.Normalize(v)
			var sum float64
			for _, x := range v {
				sum += float64(x) * float64(x)
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Errorf("%v becomes %v", c.v, v)
			}
		}
	}
	var q vector.Query
	if err := q.Set(nil, vector.Cosine); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("a query without dimensions: %v", err)
	}
	if err := q.Set(make([]float32, vector.MaxDims+1), vector.L2); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("a query with too many dimensions: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, m := range metrics {
		if got, err := vector.ParseMetric(m.String()); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	for _, s := range storages {
		if got, err := vector.ParseStorage(s.String()); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	_, err := vector.ParseMetric("euclid")
	_, err2 := vector.ParseStorage("int4")
	if rag.KindOf(err) != rag.KindInvalid || rag.KindOf(err2) != rag.KindInvalid {
		t.Errorf("unknown names: %v, %v", err, err2)
	}
}

func TestWriteRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	good := random(rng, 10, 3, vector.L2)
	p := vector.Params{Metric: vector.L2, Storage: vector.Float16, Rows: rowsOf(good)}
	with := func(value float32) vector.Slice {
		s := good
		s.Values = slices.Clone(s.Values)
		s.Values[4] = value
		return s
	}
	change := func(f func(*vector.Params)) vector.Params {
		c := p
		f(&c)
		return c
	}
	twice := good
	twice.Rows = []uint32{0, 1, 2, 3, 4, 4, 5, 6, 7, 8}
	for name, c := range map[string]struct {
		src   vector.Source
		order []uint32
		p     vector.Params
	}{
		"not a number":          {with(float32(math.NaN())), nil, p},
		"too large for float16": {with(65520), nil, p},
		"too long":              {with(1e30), nil, change(func(p *vector.Params) { p.Storage = vector.Float32 })},
		"not of unit length":    {with(9), nil, change(func(p *vector.Params) { p.Metric = vector.Cosine })},
		"unknown metric":        {good, nil, change(func(p *vector.Params) { p.Metric = 0 })},
		"unknown storage":       {good, nil, change(func(p *vector.Params) { p.Storage = 9 })},
		"too few rows":          {good, nil, change(func(p *vector.Params) { p.Rows = 9 })},
		"row beyond":            {good, nil, change(func(p *vector.Params) { p.Rows = int(good.Rows[9]) })},
		"row twice":             {twice, nil, p},
		"short order":           {good, make([]uint32, 9), p},
		"vector twice":          {good, make([]uint32, 10), p},
		"order beyond":          {good, []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 10}, p},
	} {
		if err := vector.Write(&bytes.Buffer{}, c.src, c.order, c.p); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	vector.CoarseAlways(t)
	p.Scan = true
	size := vector.Size(good.Len(), good.Dims(), p)
	for room := range size {
		if err := vector.Write(&limited{int(room)}, good, nil, p); !errors.Is(err, errFull) {
			t.Fatalf("write with room for %d of %d bytes: %v", room, size, err)
		}
	}
}

var errFull = errors.New("no space left")

// limited takes so many bytes.
type limited struct{ room int }

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.room {
		return 0, errFull
	}
	l.room -= len(b)
	return len(b), nil
}

func TestOpenRefuses(t *testing.T) { eachPlane(t, testOpenRefuses) }

func testOpenRefuses(t *testing.T) {
	src := random(rand.New(rand.NewPCG(3, 3)), 100, 7, vector.L2)
	data := write(t, src, nil, vector.L2, vector.Float16)
	for n := range len(data) {
		if _, err := vector.Open(data[:n:n]); rag.KindOf(err) != rag.KindInvalid {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	for at, value := range map[int]uint32{
		0: 0, 4: 0x00030043, 8: 0, 10: 0x00070002, 12: vector.MaxDims + 1, 16: 1 << 31, 20: 1, 24: 0x7fc00000,
	} {
		bad := section.Usable(slices.Clone(data))
		binary.LittleEndian.PutUint32(bad[at:], value)
		if _, err := vector.Open(bad); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%#x at %d: %v", value, at, err)
		}
	}
	odd := section.Alloc(len(data) + 1)[1:]
	copy(odd, data)
	if _, err := vector.Open(odd); err == nil {
		t.Error("memory that is not aligned was accepted")
	}
}

func TestExactErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	src := random(rng, 100, 7, vector.L2)
	s := open(t, write(t, src, nil, vector.L2, vector.Float32))
	var sc vector.Scratch
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, allowed := range []index.Bitmap{nil, {1}} {
		if _, err := s.Exact(cancelled, randomQuery(rng, t, src, vector.L2), 1, allowed, 0, &sc, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
	}
	other := random(rng, 3, 8, vector.L2)
	for _, q := range []*vector.Query{randomQuery(rng, t, other, vector.L2), randomQuery(rng, t, src, vector.InnerProduct)} {
		if _, err := s.Exact(t.Context(), q, 1, nil, 0, &sc, nil); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("a query of another kind: %v", err)
		}
	}
}

func TestNoAllocation(t *testing.T) { eachPlane(t, testNoAllocation) }

func testNoAllocation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, m := range metrics {
		for _, st := range storages {
			src := random(rng, 3000, 96, m)
			s := open(t, write(t, src, nil, m, st))
			q := randomQuery(rng, t, src, m)
			var sc vector.Scratch
			var dst []index.Hit
			narrow := index.Bitmap{1, 2, 3}
			v := slices.Clone(q.Vector())
			if n := testing.AllocsPerRun(20, func() {
				if err := q.Set(v, m); err != nil {
					t.Fatal(err)
				}
				for _, allowed := range []index.Bitmap{nil, narrow} {
					dst, _ = s.Exact(t.Context(), q, 10, allowed, float32(math.Inf(-1)), &sc, dst[:0])
				}
			}); n > 0 {
				t.Errorf("%v, %v: %v allocations a query", m, st, n)
			}
		}
	}
}

// TestManyEquals searches among more vectors of one score than may wait.
func TestManyEquals(t *testing.T) { eachPlane(t, testManyEquals) }

func testManyEquals(t *testing.T) {
	src := vector.Slice{Dimensions: 2}
	for range 10000 {
		src.Values = append(src.Values, .6, .8)
	}
	for _, m := range metrics {
		s := open(t, write(t, src, shuffled(rand.New(rand.NewPCG(6, 6)), 10000), m, vector.Float32))
		var q vector.Query
		if err := q.Set([]float32{1, 0}, m); err != nil {
			t.Fatal(err)
		}
		var sc vector.Scratch
		got, err := s.Exact(t.Context(), &q, 20, nil, float32(math.Inf(-1)), &sc, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range got {
			if h.Row != uint32(i) {
				t.Fatalf("%v: row %d at rank %d", m, h.Row, i)
			}
		}
		if len(got) != 20 {
			t.Errorf("%d hits", len(got))
		}
	}
}

// FuzzOpen opens and searches damaged sections: an error, any result, or a panic of a
// search are fine; reading elsewhere is not.
func FuzzOpen(f *testing.F) {
	add := func() {
		for _, m := range metrics {
			for _, st := range storages {
				f.Add(write(f, random(rand.New(rand.NewPCG(8, 8)), 70, 5, m), nil, m, st), uint32(0), uint64(0))
			}
		}
	}
	add()
	vector.CoarseAlways(f)
	add()
	f.Fuzz(func(t *testing.T, data []byte, at uint32, value uint64) {
		data = section.Usable(slices.Clone(data))
		if len(data) >= 8 {
			at %= uint32(len(data) - 7)
			binary.LittleEndian.PutUint64(data[at:], binary.LittleEndian.Uint64(data[at:])^value)
		}
		s, err := vector.Open(data)
		if err != nil {
			if rag.KindOf(err) != rag.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		defer func() { _ = recover() }()
		searchDamaged(s)
	})
}

func searchDamaged(s *vector.Set) {
	v := make([]float32, s.Dims())
	v[0] = 1
	var q vector.Query
	if err := q.Set(v, s.Metric()); err != nil {
		panic(fmt.Sprint("not a damage: ", err))
	}
	var sc vector.Scratch
	ctx := context.Background()
	for _, allowed := range []index.Bitmap{nil, {1 << 5}, {^uint64(0), ^uint64(0)}} {
		_, _ = s.Exact(ctx, &q, 3, allowed, -1, &sc, nil)
	}
}

// TestSigned compares slots with each other as bytes.
func TestSigned(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	src := random(rng, 50, 70, vector.Cosine)
	s := open(t, write(t, src, nil, vector.Cosine, vector.Float32))
	code := make([]int8, s.Stride())
	for a := range uint32(s.Len()) {
		offset := s.Signed(a, code)
		for b := range uint32(s.Len()) {
			dot := -offset
			for j, x := range s.Code(b) {
				dot += int32(code[j]) * int32(x)
			}
			var want float64
			x, y := src.Vector(int(a), nil), src.Vector(int(b), nil)
			for j := range x {
				want += float64(x[j]) * float64(y[j])
			}
			if got := float64(dot) * float64(s.Scale()) * float64(s.Scale()); math.Abs(got-want) > .02 {
				t.Fatalf("slots %d and %d: %v by bytes, %v", a, b, got, want)
			}
		}
	}
}
