package vector_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
)

var (
	metrics  = []vector.Metric{vector.Cosine, vector.InnerProduct, vector.L2}
	storages = []vector.Storage{vector.Float32, vector.Float16, vector.Int8}
)

// random returns n vectors around some centres, some rows of which are left out, with duplicates
// among them and lengths that differ unless they are for the cosine.
func random(rng *rand.Rand, n, dims int, m vector.Metric) vector.Slice {
	src := vector.Slice{Dimensions: dims}
	row := uint32(0)
	centre := make([]float32, dims)
	for i := range n {
		if i%50 == 0 {
			for j := range centre {
				centre[j] = float32(rng.NormFloat64())
			}
		}
		v := make([]float32, dims)
		length := 1.
		if m != vector.Cosine {
			length = rng.ExpFloat64() + .01
		}
		for j := range v {
			v[j] = float32((float64(centre[j]) + .5*rng.NormFloat64()) * length)
		}
		if i > 0 && rng.IntN(20) == 0 {
			copy(v, src.Values[rng.IntN(i)*dims:])
		}
		if m == vector.Cosine {
			vector.Normalize(v)
		}
		src.Values = append(src.Values, v...)
		for rng.IntN(4) == 0 {
			row++
		}
		src.Rows = append(src.Rows, row)
		row++
	}
	return src
}

func rowsOf(src vector.Source) int {
	if src.Len() == 0 {
		return 3
	}
	return int(src.Row(src.Len()-1)) + 3
}

func write(tb testing.TB, src vector.Source, order []uint32, m vector.Metric, st vector.Storage) []byte {
	tb.Helper()
	var out bytes.Buffer
	p := vector.Params{Metric: m, Storage: st, Rows: rowsOf(src), Scan: true}
	if err := vector.Write(&out, src, order, p); err != nil {
		tb.Fatal(err)
	}
	if want := vector.Size(src.Len(), src.Dims(), p); int64(out.Len()) != want {
		tb.Fatalf("wrote %d bytes, Size says %d", out.Len(), want)
	}
	return section.Usable(out.Bytes())
}

func open(tb testing.TB, data []byte) *vector.Set {
	tb.Helper()
	s, err := vector.Open(data)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func shuffled(rng *rand.Rand, n int) []uint32 {
	order := make([]uint32, n)
	for i, x := range rng.Perm(n) {
		order[i] = uint32(x)
	}
	return order
}

// eachPlane runs a test with sections that have the byte plane alone, and with a coarse plane too.
func eachPlane(t *testing.T, test func(t *testing.T)) {
	t.Run("bytes", test)
	t.Run("coarse", func(t *testing.T) {
		vector.CoarseAlways(t)
		test(t)
	})
}

// brute scores every row that is allowed and sorts.
func brute(s *vector.Set, q *vector.Query, k int, allowed index.Bitmap, floor float32) []index.Hit {
	var sc vector.Scratch
	var hits []index.Hit
	for slot := range uint32(s.Len()) {
		row := s.SlotRow(slot)
		if allowed != nil && !allowed.Has(row) {
			continue
		}
		var score [1]float32
		s.Rescore(q, []uint32{slot}, score[:], &sc)
		if score[0] >= floor {
			hits = append(hits, index.Hit{Row: row, Score: score[0]})
		}
	}
	slices.SortFunc(hits, func(a, b index.Hit) int {
		if a.Score != b.Score {
			if a.Score > b.Score {
				return -1
			}
			return 1
		}
		return int(a.Row) - int(b.Row)
	})
	return hits[:min(k, len(hits))]
}

func randomQuery(rng *rand.Rand, tb testing.TB, src vector.Slice, m vector.Metric) *vector.Query {
	v := make([]float32, src.Dimensions)
	near := src.Len() > 0 && rng.IntN(3) > 0
	for j := range v {
		v[j] = float32(rng.NormFloat64())
	}
	if near {
		x := src.Vector(rng.IntN(src.Len()), nil)
		amount := float32(rng.IntN(2)) * .3
		for j := range v {
			v[j] = x[j] + amount*v[j]
		}
	}
	if m != vector.Cosine && rng.IntN(10) == 0 {
		clear(v)
	}
	var q vector.Query
	if err := q.Set(v, m); err != nil {
		if vector.Check(v, len(v), m) == nil {
			tb.Fatal(err)
		}
		v[0] = 1
		if err := q.Set(v, m); err != nil {
			tb.Fatal(err)
		}
	}
	return &q
}

// TestExactEqualsScoringAll compares searches with scoring and sorting everything, bit for bit.
func TestExactEqualsScoringAll(t *testing.T) { eachPlane(t, testExactEqualsScoringAll) }

func testExactEqualsScoringAll(t *testing.T) {
	var sc vector.Scratch
	for _, dims := range []int{1, 2, 3, 17, 64, 65, 128, 300} {
		for _, m := range metrics {
			for _, st := range storages {
				rng := rand.New(rand.NewPCG(uint64(dims), uint64(m)*10+uint64(st)))
				for _, n := range []int{0, 1, 5, 64, 65, 700, 3000} {
					src := random(rng, n, dims, m)
					s := open(t, write(t, src, shuffled(rng, n), m, st))
					for round := range 8 {
						q := randomQuery(rng, t, src, m)
						var allowed index.Bitmap
						if round > 1 {
							allowed = allowed.Reset(rowsOf(src) + 64*(round-4))
							share := []float64{1, .9, .5, .1, .01}[rng.IntN(5)]
							for row := range uint32(len(allowed) * 64) {
								if rng.Float64() < share {
									allowed.Set(row)
								}
							}
						}
						k := []int{1, 10, 100, 5000}[rng.IntN(4)]
						floor := float32(math.Inf(-1))
						if all := brute(s, q, 50, nil, floor); round%2 == 1 && len(all) > 0 {
							floor = all[rng.IntN(len(all))].Score
						}
						got, err := s.Exact(t.Context(), q, k, allowed, floor, &sc, nil)
						if err != nil {
							t.Fatal(err)
						}
						if want := brute(s, q, k, allowed, floor); !slices.Equal(got, want) {
							t.Fatalf("%d dimensions, %v, %v, n %d, k %d, floor %v, %d allowed:\ngot  %v\nwant %v",
								dims, m, st, n, k, floor, allowed.Count(), got, want)
						}
					}
				}
			}
		}
	}
}

// TestTinyQueries has queries whose scale is zero or has few bits.
func TestTinyQueries(t *testing.T) { eachPlane(t, testTinyQueries) }

func testTinyQueries(t *testing.T) {
	var sc vector.Scratch
	rng := rand.New(rand.NewPCG(5, 5))
	for _, m := range metrics {
		src := random(rng, 700, 65, m)
		s := open(t, write(t, src, nil, m, vector.Float32))
		for _, length := range []float32{1e-30, 1e-35, 3e-37, 1e-38, 1e-41, 1e-44} {
			v := make([]float32, src.Dimensions)
			for j := range v {
				v[j] = length * float32(rng.NormFloat64())
			}
			v[0] = length
			var q vector.Query
			if err := q.Set(v, m); err != nil {
				t.Fatal(err)
			}
			got, err := s.Exact(t.Context(), &q, 10, nil, float32(math.Inf(-1)), &sc, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := brute(s, &q, 10, nil, float32(math.Inf(-1))); !slices.Equal(got, want) {
				t.Errorf("%v, length %v:\ngot  %v\nwant %v", m, length, got, want)
			}
		}
	}
}
