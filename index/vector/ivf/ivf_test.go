package ivf_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

var (
	metrics  = []vector.Metric{vector.Cosine, vector.InnerProduct, vector.L2}
	storages = []vector.Storage{vector.Float32, vector.Float16, vector.Int8}
)

// clusters returns vectors around some centres, centre by centre, with gaps between
// their rows.
func clusters(rng *rand.Rand, n, dims, size int, m vector.Metric) vector.Slice {
	src := vector.Slice{Dimensions: dims}
	centre := make([]float32, dims)
	for i := range n {
		if i%size == 0 {
			for j := range centre {
				centre[j] = float32(rng.NormFloat64())
			}
		}
		src.Values = append(src.Values, around(rng, centre, m)...)
		src.Rows = append(src.Rows, uint32(i+i/7))
	}
	return src
}

func around(rng *rand.Rand, centre []float32, m vector.Metric) []float32 {
	v := make([]float32, len(centre))
	for j, c := range centre {
		v[j] = c + .6*float32(rng.NormFloat64())
	}
	if m == vector.Cosine {
		vector.Normalize(v)
	}
	return v
}

// queries returns n vectors near ones of src.
func queries(tb testing.TB, rng *rand.Rand, src vector.Slice, n int, m vector.Metric) []*vector.Query {
	vs := make([][]float32, n)
	for i := range vs {
		vs[i] = around(rng, src.Vector(rng.IntN(src.Len()), nil), m)
		if i == 0 && m != vector.Cosine {
			clear(vs[i])
		}
	}
	return prepare(tb, vs, m)
}

// TestThoroughSearchIsExact searches all lists, with a margin that lets nothing
// escape and a pool for all: the result is that of exact search.
func TestThoroughSearchIsExact(t *testing.T) {
	var sc ivf.Scratch
	var exact vector.Scratch
	for _, dims := range []int{1, 3, 16, 64, 65, 130} {
		for _, m := range metrics {
			for _, st := range storages {
				rng := rand.New(rand.NewPCG(uint64(dims), uint64(m)*4+uint64(st)))
				for _, n := range []int{1, 2, 40, 600} {
					src := clusters(rng, n, dims, 25, m)
					ix := build(t, src, m, st, ivf.Params{
						Lists: rng.IntN(2) * rng.IntN(50), Single: rng.IntN(2) == 0, Rotate: rng.IntN(2) == 0,
						Iterations: 3, Seed: rng.Uint64(),
					})
					for _, q := range queries(t, rng, src, 4, m) {
						var allowed index.Bitmap
						if rng.IntN(2) == 0 {
							allowed = some(rng, ix.Set().Rows(), []float64{.5, .1, .01}[rng.IntN(3)])
						}
						floor := everything
						k := []int{1, 10, 1000}[rng.IntN(3)]
						want, err := ix.Set().Exact(t.Context(), q, k, allowed, floor, &exact, nil)
						if err != nil {
							t.Fatal(err)
						}
						if len(want) > 0 && rng.IntN(3) == 0 {
							floor = want[rng.IntN(len(want))].Score
							want = slices.DeleteFunc(want, func(h index.Hit) bool { return h.Score < floor })
						}
						got, err := ix.Search(t.Context(), q, k, ivf.SearchParams{Probes: n, Eps: 100, Pool: n}, allowed, floor, &sc, nil)
						if err != nil {
							t.Fatal(err)
						}
						if !slices.Equal(got, want) {
							t.Fatalf("%d dimensions, %v, %v, %d vectors, k %d, floor %v:\ngot  %v\nwant %v", dims, m, st, n, k, floor, got, want)
						}
					}
				}
			}
		}
	}
}

// some returns a random share of the rows.
func some(rng *rand.Rand, rows int, share float64) index.Bitmap {
	b := index.Bitmap{}.Reset(rows)
	for row := range uint32(rows) {
		if rng.Float64() < share {
			b.Set(row)
		}
	}
	return b
}

// TestRecall holds defaults to a recall, without and with filters of all widths: at
// random, and of clusters far from the query.
func TestRecall(t *testing.T) {
	n := 20000
	if testing.Short() {
		n = 5000
	}
	for _, m := range metrics {
		rng := rand.New(rand.NewPCG(9, uint64(m)))
		src := clusters(rng, n, 64, 100, m)
		for _, rotate := range []bool{false, true} {
			ix := build(t, src, m, vector.Float16, ivf.Params{Rotate: rotate})
			qs := queries(t, rng, src, 40, m)[1:]
			rows := ix.Set().Rows()
			filters := map[string]index.Bitmap{"none": nil}
			for name, share := range map[string]float64{"50 %": .5, "10 %": .1, "1 %": .01, "0.1 %": .001} {
				filters[name] = some(rng, rows, share)
				far := index.Bitmap{}.Reset(rows)
				from := rng.IntN(rows)
				for i := range int(share * float64(rows)) {
					far.Set(uint32((from + i) % rows))
				}
				filters[name+" of clusters"] = far
			}
			for name, allowed := range filters {
				want := truth(t, ix.Set(), qs, 10, allowed)
				got := searchAll(t, ix, qs, 10, ivf.SearchParams{}, allowed)
				for i := range got {
					for _, h := range got[i] {
						if allowed != nil && !allowed.Has(h.Row) {
							t.Fatalf("%v, filter %s: row %d is not allowed", m, name, h.Row)
						}
					}
					if len(got[i]) != len(want[i]) {
						t.Errorf("%v, filter %s: %d hits, want %d", m, name, len(got[i]), len(want[i]))
					}
				}
				r := recall(got, want)
				t.Logf("%v, rotate %v, filter %s: recall %.3f", m, rotate, name, r)
				if r < .9 {
					t.Errorf("%v, rotate %v, filter %s: recall %.3f", m, rotate, name, r)
				}
			}
		}
	}
}

func searchAll(tb testing.TB, ix *ivf.Index, qs []*vector.Query, k int, p ivf.SearchParams, allowed index.Bitmap) [][]index.Hit {
	tb.Helper()
	var sc ivf.Scratch
	got := make([][]index.Hit, len(qs))
	for i, q := range qs {
		var err error
		if got[i], err = ix.Search(tb.Context(), q, k, p, allowed, everything, &sc, nil); err != nil {
			tb.Fatal(err)
		}
	}
	return got
}

func sectionOf(tb testing.TB, plan *ivf.Plan) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := plan.Write(tb.Context(), &out); err != nil {
		tb.Fatal(err)
	}
	return section.Usable(out.Bytes())
}

func TestThreadsLeaveNoTrace(t *testing.T) {
	src := clusters(rand.New(rand.NewPCG(1, 2)), 3000, 20, 50, vector.L2)
	var want []byte
	for _, threads := range []int{1, 2, 7} {
		plan, err := ivf.Build(t.Context(), src, vector.L2, ivf.Params{Threads: threads, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		got := append(sectionOf(t, plan), section.Bytes(plan.Order())...)
		if want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("%d threads build another index than one", threads)
		}
	}
	plan, err := ivf.Build(t.Context(), src, vector.L2, ivf.Params{Seed: 6})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(append(sectionOf(t, plan), section.Bytes(plan.Order())...), want) {
		t.Error("another seed builds the same index")
	}
}

// TestCompact drops rows and expects what thorough searches of the same vectors find, and
// nearly the recall of a new index.
func TestCompact(t *testing.T) {
	for _, m := range metrics {
		rng := rand.New(rand.NewPCG(3, uint64(m)))
		src := clusters(rng, 4000, 48, 50, m)
		old := build(t, src, m, vector.Float32, ivf.Params{Rotate: m == vector.L2})
		for _, share := range []float64{0, .3, .99, 1} {
			newRow := make([]uint32, old.Set().Rows())
			rows := uint32(0)
			for row := range newRow {
				newRow[row] = vector.NoRow
				if rng.Float64() >= share {
					newRow[row] = rows
					rows++
				}
			}
			merged, err := vector.Merge([]vector.Part{{Set: old.Set(), NewRow: newRow}}, int(rows))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := old.Compact(merged)
			if err != nil {
				t.Fatal(err)
			}
			ix := open(t, plan, merged, m, vector.Float32)
			if share == 0 {
				want, err := ivf.Build(t.Context(), src, m, ivf.Params{Rotate: m == vector.L2})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(sectionOf(t, plan), sectionOf(t, want)) {
					t.Error("an index of which nothing was dropped is another one")
				}
			}
			qs := queries(t, rng, src, 30, m)
			want := truth(t, ix.Set(), qs, 10, nil)
			all := searchAll(t, ix, qs, 10, ivf.SearchParams{Probes: 1000, Eps: 100, Pool: 4000}, nil)
			for i := range all {
				if !slices.Equal(all[i], want[i]) {
					t.Fatalf("%v, dropped %.2f: thorough search finds %v, want %v", m, share, all[i], want[i])
				}
			}
			if r := recall(searchAll(t, ix, qs, 10, ivf.SearchParams{}, nil), want); r < .9 && ix.Set().Len() > 0 {
				t.Errorf("%v, dropped %.2f: recall %.3f", m, share, r)
			}
		}
	}
	a := build(t, clusters(rand.New(rand.NewPCG(1, 1)), 10, 4, 5, vector.L2), vector.L2, vector.Float32, ivf.Params{})
	b := build(t, clusters(rand.New(rand.NewPCG(2, 1)), 10, 4, 5, vector.L2), vector.L2, vector.Float32, ivf.Params{})
	rows := make([]uint32, a.Set().Rows())
	for i := range rows {
		rows[i] = uint32(i)
	}
	merged, err := vector.Merge([]vector.Part{{Set: a.Set(), NewRow: rows}}, len(rows))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Compact(merged); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("compacting another set's vectors: %v", err)
	}
}

// TestCompactForgets builds an index whose centroids are its vectors, and looks for what was dropped.
func TestCompactForgets(t *testing.T) {
	const n, dims = 40, 64
	src := vector.Slice{Dimensions: dims, Values: make([]float32, n*dims)}
	for i := range n {
		src.Values[i*dims+i] = 1 // a byte of each says whose it is
	}
	old := build(t, src, vector.Cosine, vector.Float32, ivf.Params{Lists: n})
	newRow := make([]uint32, n)
	rows := uint32(0)
	for i := range newRow {
		newRow[i] = vector.NoRow
		if i%4 > 0 {
			newRow[i] = rows
			rows++
		}
	}
	merged, err := vector.Merge([]vector.Part{{Set: old.Set(), NewRow: newRow}}, int(rows))
	if err != nil {
		t.Fatal(err)
	}
	holds := func(section []byte, i int) bool {
		code := bytes.Repeat([]byte{128}, dims)
		code[i] = 255
		for ; len(section) >= dims; section = section[dims:] { // where centroids may stand
			if bytes.Equal(section[:dims], code) {
				return true
			}
		}
		return false
	}
	before, err := ivf.Build(t.Context(), src, vector.Cosine, ivf.Params{Lists: n})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := old.Compact(merged)
	if err != nil {
		t.Fatal(err)
	}
	was, is := sectionOf(t, before), sectionOf(t, plan)
	found := 0
	for i := range n {
		if holds(was, i) {
			found++
		}
		if newRow[i] == vector.NoRow && holds(is, i) {
			t.Errorf("vector %d was dropped, and is a centroid", i)
		}
	}
	if found < n/2 {
		t.Errorf("the test finds %d of %d vectors before they are dropped", found, n)
	}
}

func TestEmpty(t *testing.T) {
	ix := build(t, vector.Slice{Dimensions: 5}, vector.Cosine, vector.Float32, ivf.Params{})
	var q vector.Query
	if err := q.Set([]float32{1, 0, 0, 0, 0}, vector.Cosine); err != nil {
		t.Fatal(err)
	}
	var sc ivf.Scratch
	if got, err := ix.Search(t.Context(), &q, 3, ivf.SearchParams{}, nil, everything, &sc, nil); err != nil || len(got) != 0 {
		t.Errorf("an empty index has %v, %v", got, err)
	}
}

func TestNothingAllowed(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	src := clusters(rng, 500, 8, 50, vector.Cosine)
	ix := build(t, src, vector.Cosine, vector.Float32, ivf.Params{})
	var sc ivf.Scratch
	q := queries(t, rng, src, 1, vector.Cosine)[0]
	for _, allowed := range []index.Bitmap{{}, {0, 0}, make(index.Bitmap, 100)} {
		if got, err := ix.Search(t.Context(), q, 5, ivf.SearchParams{}, allowed, everything, &sc, nil); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	src := clusters(rng, 500, 8, 50, vector.Cosine)
	ix := build(t, src, vector.Cosine, vector.Float32, ivf.Params{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ivf.Build(cancelled, src, vector.Cosine, ivf.Params{}); !errors.Is(err, context.Canceled) {
		t.Errorf("build with a cancelled context: %v", err)
	}
	if _, err := ivf.Build(t.Context(), src, 77, ivf.Params{}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("build with an unknown metric: %v", err)
	}
	var sc ivf.Scratch
	q := queries(t, rng, src, 1, vector.Cosine)[0]
	if _, err := ix.Search(cancelled, q, 1, ivf.SearchParams{}, nil, everything, &sc, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("search with a cancelled context: %v", err)
	}
	var other vector.Query
	for _, m := range metrics {
		if err := other.Set(make([]float32, 9-int(m&1)), m); m == vector.Cosine {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := ix.Search(t.Context(), &other, 1, ivf.SearchParams{}, nil, everything, &sc, nil); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("a query of another kind: %v", err)
		}
	}
	plan, err := ivf.Build(t.Context(), src, vector.Cosine, ivf.Params{})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Write(cancelled, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("write with a cancelled context: %v", err)
	}
	data := sectionOf(t, plan)
	for room := 0; room < len(data); room += 997 {
		if err := plan.Write(t.Context(), &limited{room}); !errors.Is(err, errFull) {
			t.Fatalf("write to a disk with room for %d bytes: %v", room, err)
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

func TestNoAllocation(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	src := clusters(rng, 3000, 64, 50, vector.Cosine)
	for _, st := range storages {
		ix := build(t, src, vector.Cosine, st, ivf.Params{Rotate: true})
		q := queries(t, rng, src, 1, vector.Cosine)[0]
		allowed := some(rng, ix.Set().Rows(), .3)
		var sc ivf.Scratch
		var dst []index.Hit
		v := slices.Clone(q.Vector())
		if n := testing.AllocsPerRun(50, func() {
			if err := q.Set(v, vector.Cosine); err != nil {
				t.Fatal(err)
			}
			dst, _ = ix.Search(t.Context(), q, 10, ivf.SearchParams{}, nil, everything, &sc, dst[:0])
			dst, _ = ix.Search(t.Context(), q, 10, ivf.SearchParams{}, allowed, float32(math.Inf(-1)), &sc, dst[:0])
		}); n > 0 {
			t.Errorf("%v: %v allocations a query", st, n)
		}
	}
}

// TestCost checks that the estimates choose exact search for few rows, this one for
// many, and that this one's grow with what is asked for.
func TestCost(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	ix := build(t, clusters(rng, 20000, 32, 100, vector.Cosine), vector.Cosine, vector.Float16, ivf.Params{Iterations: 1})
	p := ivf.SearchParams{}
	if exact, near := ix.Set().ExactCost(100), ix.Cost(10, p, 100); exact > near {
		t.Errorf("100 rows: exact %v, approximate %v", exact, near)
	}
	if exact, near := ix.Set().ExactCost(20000), ix.Cost(10, p, 20000); exact < near {
		t.Errorf("all rows: exact %v, approximate %v", exact, near)
	}
	if few, many := ix.Cost(10, ivf.SearchParams{Probes: 10}, 20000), ix.Cost(10, ivf.SearchParams{Probes: 100}, 20000); few >= many {
		t.Errorf("10 lists %v, 100 lists %v", few, many)
	}
	if all, some := ix.Cost(10, p, 20000), ix.Cost(10, p, 1000); all >= some {
		t.Errorf("all rows %v, some rows %v", all, some)
	}
}
