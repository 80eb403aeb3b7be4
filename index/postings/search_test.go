package postings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// build writes rows, each a list of fields, with a builder and opens the result.
func build(tb testing.TB, cfg Config, rows [][]Field) *Segment {
	tb.Helper()
	return open(tb, written(tb, cfg, rows))
}

func written(tb testing.TB, cfg Config, rows [][]Field) []byte {
	tb.Helper()
	b := NewBuilder()
	for _, r := range rows {
		b.Add(r)
	}
	var out bytes.Buffer
	if err := b.Write(&out, cfg); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func open(tb testing.TB, data []byte) *Segment {
	tb.Helper()
	s, err := Open(data)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// modelRow is what the plain model keeps of a row.
type modelRow struct {
	tf     map[string]int
	length int
	gone   bool
}

type modelView struct {
	rows    []modelRow
	allowed func(row int) bool
}

func modelOf(rows [][]Field) []modelRow {
	out := make([]modelRow, len(rows))
	for i, fields := range rows {
		m := modelRow{tf: map[string]int{}}
		for _, f := range fields {
			w := min(max(f.Weight, 1), MaxWeight)
			for _, t := range f.Terms {
				m.tf[t] += w
				m.length += w
			}
		}
		out[i] = m
	}
	return out
}

type modelHit struct {
	view, row int
	sum       uint32
	exact     float64
}

// exhaustive scores every row of every view, in whole numbers as the package does and by the formula in float64.
func exhaustive(cfg Config, views []modelView, terms []string) []modelHit {
	cfg = cfg.WithDefaults()
	var n, length float64
	df := map[string]uint64{}
	for _, v := range views {
		for _, r := range v.rows {
			if r.gone || r.length == 0 {
				continue
			}
			n++
			length += float64(r.length)
			for t := range r.tf {
				df[t]++
			}
		}
	}
	var order []string
	count := map[string]int{}
	for _, t := range terms {
		if count[t]++; count[t] == 1 && df[t] > 0 && len(order) < MaxTerms {
			order = append(order, t)
		}
	}
	total := 0.0
	for _, t := range order {
		total += float64(count[t]) * IDF(uint64(n), df[t])
	}
	_, exponent := math.Frexp((1<<31 - 1 - 2*MaxTerms) / total)
	scale := math.Ldexp(1, exponent-1)
	avg := 1.0
	if n > 0 {
		avg = length / n
	}
	f := newFactors(cfg.K1, cfg.B, avg)
	var hits []modelHit
	for i, v := range views {
		for j, r := range v.rows {
			if r.gone || v.allowed != nil && !v.allowed(j) {
				continue
			}
			h := modelHit{view: i, row: j}
			norm := normOf(uint32(r.length))
			for _, t := range order {
				tf := min(r.tf[t], MaxTF)
				if tf == 0 {
					continue
				}
				weight := max(1, uint32(float64(count[t])*IDF(uint64(n), df[t])*scale+0.5))
				h.sum += uint32(uint64(weight) * uint64(f.at(uint8(tf-1), norm)) >> 32)
				dl := float64(normLength(norm))
				h.exact += float64(count[t]) * IDF(uint64(n), df[t]) * float64(tf) / (float64(tf) + cfg.K1*(1-cfg.B+cfg.B*dl/avg))
			}
			if h.sum > 0 {
				hits = append(hits, h)
			}
		}
	}
	for i := range hits {
		hits[i].sum = cut(hits[i].sum)
	}
	return hits
}

// compare checks the result of Search against exhaustive scoring: per view the best k whose score is not below that of rank k over all.
func compare(t *testing.T, all []modelHit, views, k int, got [][]index.Hit) bool {
	t.Helper()
	slices.SortFunc(all, func(a, b modelHit) int {
		if a.sum != b.sum {
			return int(int64(b.sum) - int64(a.sum))
		}
		return a.row - b.row
	})
	least := uint32(0)
	if len(all) >= k {
		least = all[k-1].sum
	}
	for v := range views {
		var want []modelHit
		for _, h := range all {
			if h.view == v && h.sum >= least && len(want) < k {
				want = append(want, h)
			}
		}
		if len(got[v]) != len(want) {
			t.Errorf("view %d: %d hits, want %d", v, len(got[v]), len(want))
			return false
		}
		for i, h := range got[v] {
			if int(h.Row) != want[i].row {
				t.Errorf("view %d, place %d: row %d, want %d (sum %d, exact %v)", v, i, h.Row, want[i].row, want[i].sum, want[i].exact)
				return false
			}
			if d := math.Abs(float64(h.Score) - want[i].exact); d > 1e-5*want[i].exact {
				t.Errorf("view %d, place %d: score %v, by the formula %v", v, i, h.Score, want[i].exact)
				return false
			}
		}
	}
	return true
}

// randomRows makes rows of terms whose frequencies fall like those of a language, drawn anew in each stretch of rows so that blocks differ.
func randomRows(rng *rand.Rand, n, vocabulary, length int, prefix string) [][]Field {
	rows := make([][]Field, n)
	skew := 1 + 2*rng.Float64()
	shift := 0
	for i := range rows {
		if rng.IntN(500) == 0 {
			shift = rng.IntN(vocabulary)
		}
		fields := rng.IntN(3)
		if rng.IntN(10) > 0 {
			fields = max(1, fields)
		}
		for range fields {
			f := Field{Weight: rng.IntN(4)}
			for range rng.IntN(length) {
				x := int(float64(vocabulary) * math.Pow(rng.Float64(), skew))
				if rng.IntN(4) == 0 {
					x = (x + shift) % vocabulary
				}
				f.Terms = append(f.Terms, fmt.Sprintf("%s%d", prefix, x))
				if rng.IntN(40) == 0 {
					for range rng.IntN(12) {
						f.Terms = append(f.Terms, f.Terms[len(f.Terms)-1])
					}
				}
			}
			rows[i] = append(rows[i], f)
		}
	}
	return rows
}

func randomQuery(rng *rand.Rand, vocabulary int, prefix string) []string {
	q := make([]string, 1+rng.IntN(1+rng.IntN(14)))
	for i := range q {
		x := int(float64(vocabulary) * math.Pow(rng.Float64(), 1+2*rng.Float64()))
		q[i] = fmt.Sprintf("%s%d", prefix, x)
	}
	return q
}

// inGoroutines is a Spread's Run.
func inGoroutines(n int, work func(worker int) error) error {
	var group errgroup.Group
	for i := range n {
		group.Go(func() error { return work(i) })
	}
	return group.Wait()
}

// TestExact: searches find exactly what exhaustive scoring finds, over several segments of different sizes and mean lengths, with rows deleted
// bit by bit and with filters, by windows and without, one segment after the other and all at the same time.
func TestExact(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 77))
		cfg := Config{}
		if round%4 == 3 {
			cfg = Config{K1: 0.4 + 2*rng.Float64(), B: rng.Float64()}
		}
		vocabulary := 20 + rng.IntN(2000)
		n := 1 + rng.IntN(3)
		if round%5 == 0 {
			n = 1
		}
		var views []View
		var models []modelView
		for range n {
			size, length := 1+rng.IntN(3000), 2+rng.IntN(40)
			if rng.IntN(5) == 0 {
				size, length = windowRows+rng.IntN(windowRows), 2+rng.IntN(12)
			}
			rows := randomRows(rng, size, vocabulary, length, "t")
			views = append(views, View{Segment: build(t, cfg, rows)})
			models = append(models, modelView{rows: modelOf(rows)})
		}
		s := &Scratch{windows: round%2 == 0}
		for step := range 8 {
			if step%3 == 2 { // delete some
				i := rng.IntN(n)
				var gone []uint32
				few := rng.IntN(2) == 0
				for j := range models[i].rows {
					if x := rng.IntN(1000); x < 2 || !few && x < 100 {
						gone = append(gone, uint32(j))
						models[i].rows[j].gone = true
					}
				}
				views[i].Deletes = views[i].Deletes.With(views[i].Segment, gone)
			}
			var allowed []index.Bitmap
			for i := range models {
				models[i].allowed = nil
			}
			if step%4 == 3 {
				allowed = make([]index.Bitmap, n)
				share := []float64{0, 0.001, 0.02, 0.5, 1}[rng.IntN(5)]
				for i := range models {
					if rng.IntN(5) == 0 {
						continue
					}
					b := index.Bitmap{}
					for j := range models[i].rows {
						if rng.Float64() < share {
							b.Set(uint32(j))
						}
					}
					allowed[i] = b
					models[i].allowed = func(row int) bool { return b.Has(uint32(row)) }
				}
			}
			for range 2 {
				terms := randomQuery(rng, vocabulary, "t")
				all := exhaustive(cfg, models, terms)
				s.Spread = Spread{}
				if step%2 == 1 {
					s.Spread = Spread{Workers: 3, Run: inGoroutines}
				}
				for _, k := range []int{1, 10, 100, 1000} {
					got, err := Search(t.Context(), cfg, views, terms, k, allowed, s, nil)
					if err != nil {
						t.Fatal(err)
					}
					if !compare(t, all, n, k, got) {
						t.Fatalf("round %d step %d k %d views %d windows %v rows %d terms %v deleted %v allowed %v", round, step, k, n, s.windows, views[0].Segment.Rows(), terms, views[0].Deletes.Len(), allowed != nil)
					}
				}
			}
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	s := build(t, Config{}, [][]Field{{{Terms: []string{"a"}}}})
	views := []View{{Segment: s}}
	for name, f := range map[string]func() error{
		"other parameters": func() error {
			_, err := Search(t.Context(), Config{K1: 2}, views, []string{"a"}, 1, nil, new(Scratch), nil)
			return err
		},
		"bitmaps": func() error {
			_, err := Search(t.Context(), Config{}, views, []string{"a"}, 1, make([]index.Bitmap, 2), new(Scratch), nil)
			return err
		},
	} {
		if err := f(); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Search(ctx, Config{}, views, []string{"a"}, 1, nil, new(Scratch), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	for _, views := range [][]View{nil, views} {
		if got, err := Search(t.Context(), Config{}, views, nil, 1, nil, new(Scratch), nil); err != nil || len(got) != len(views) {
			t.Errorf("no terms: %v, %v", got, err)
		}
	}
}
