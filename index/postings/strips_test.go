package postings

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// orderedRows makes rows in the order of their subjects: each draws most of its terms from a few that change every dozen rows, some from those of all, and
// one of 80 holds a term that stands anywhere.
func orderedRows(rng *rand.Rand, n, vocabulary int) [][]Field {
	rows := make([][]Field, n)
	var subject [4]int
	for i := range rows {
		if i%12 == 0 {
			for j := range subject {
				subject[j] = int(float64(vocabulary) * math.Pow(rng.Float64(), 1.5))
			}
		}
		var f Field
		for range 1 + rng.IntN(8) {
			x := subject[rng.IntN(len(subject))]
			if rng.IntN(4) == 0 {
				x = int(20 * math.Pow(rng.Float64(), 2))
			}
			f.Terms = append(f.Terms, fmt.Sprintf("t%d", x))
		}
		if rng.IntN(80) == 0 {
			f.Terms = append(f.Terms, "anywhere")
		}
		rows[i] = []Field{f}
	}
	return rows
}

// TestExactInOrder: where rows are in the order of their subjects, so that few strips are searched, searches find what exhaustive scoring finds, with rows
// deleted and with filters.
func TestExactInOrder(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 78))
		vocabulary := []int{300, 3000}[round%2]
		var views []View
		var models []modelView
		for range 1 + round%3 {
			rows := orderedRows(rng, smallRows+rng.IntN(2*windowRows), vocabulary)
			views = append(views, View{Segment: build(t, Config{}, rows)})
			models = append(models, modelView{rows: modelOf(rows)})
		}
		s := new(Scratch)
		bounded, ruled := 0, 0
		for step := range 40 {
			if step == 20 {
				for i := range views {
					var gone []uint32
					for j := range models[i].rows {
						if rng.IntN(20) == 0 {
							gone = append(gone, uint32(j))
							models[i].rows[j].gone = true
						}
					}
					views[i].Deletes = views[i].Deletes.With(views[i].Segment, gone)
				}
			}
			var allowed []index.Bitmap
			for i := range models {
				models[i].allowed = nil
			}
			if step%3 == 2 {
				share := []float64{0.001, 0.1, 0.9}[rng.IntN(3)]
				for i := range models {
					b := index.Bitmap{}
					for j := range models[i].rows {
						if rng.Float64() < share {
							b.Set(uint32(j))
						}
					}
					allowed = append(allowed, b)
					models[i].allowed = func(row int) bool { return b.Has(uint32(row)) }
				}
			}
			terms := randomQuery(rng, vocabulary, "t")
			all := exhaustive(Config{}, models, terms)
			for _, k := range []int{1, 10, 100, 1000} {
				s.plain = (step+k)%4 == 0
				got, err := Search(t.Context(), Config{}, views, terms, k, allowed, s, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !compare(t, all, len(views), k, got) {
					t.Fatalf("round %d step %d k %d: %v", round, step, k, terms)
				}
				if s.sources[0].peaks == nil || !s.best.full() {
					continue
				}
				bounded++
				if n := len(s.window.sums); kernel.Above(make([]uint64, n/64), s.window.sums, uint16(s.best.heap[0]>>48)) < n/8 {
					ruled++
				}
			}
		}
		if bounded == 0 || ruled == 0 {
			t.Errorf("round %d: bounds were added up in %d searches, and ruled most strips out in %d", round, bounded, ruled)
		}
	}
}

// TestStripBounds: under any mean length no posting adds more than the peak of its strip says, and no row has more than the sum of its strip.
func TestStripBounds(t *testing.T) {
	forms := map[string]int{}
	for round := range 20 {
		rng := rand.New(rand.NewPCG(uint64(round), 79))
		rows := orderedRows(rng, 3000+rng.IntN(60_000), 400)
		if round%4 == 3 {
			rows = randomRows(rng, 6000, 600, 20, "t")
		}
		seg := build(t, Config{}, rows)
		other := build(t, Config{}, [][]Field{{{Weight: MaxWeight, Terms: slices.Repeat([]string{"t0", "t1"}, 1+rng.IntN(1<<rng.IntN(20)))}}}) // for another mean length
		views := []View{{Segment: seg}, {Segment: other}}
		s := Scratch{views: len(views)}
		for range 20 {
			s.forget()
			terms := append(randomQuery(rng, 400, "t"), "anywhere")
			if rng.IntN(2) == 0 {
				terms = append(terms, "t150", "t200", "t250", "t300", "t350")
			}
			if rng.IntN(5) == 0 {
				terms = terms[:1] // whose weight is great
			}
			s.words(terms)
			s.lookup(views)
			s.weigh(Config{}, views, 10)
			s.open(0, views[0])
			if !s.bound(views[0], nil) {
				continue
			}
			sums := make([]uint32, len(rows))
			for _, q := range s.used {
				switch {
				case len(q.stored) == 0:
					forms[fmt.Sprint("none, whole ", q.blocks <= wholeBlocks)]++
				default:
					forms[fmt.Sprint("stored, for each strip ", len(q.stored) == stripsOf(seg.rows))]++
				}
				if q.drift > 1 {
					forms["drift"]++
				}
				for b := range q.blocks {
					q.read(b)
					for i, r := range q.block.Rows[:q.n] {
						adds := kernel.Score(q.weight, s.plan.table[int(q.block.TFs[i])<<8|int(seg.norms[r])])
						sums[r] += adds
						q.enter(r&^(stripRows-1), min(r|(stripRows-1)+1, seg.rows))
						if adds > q.wub {
							t.Fatalf("round %d: row %d adds %d, more than %d", round, r, adds, q.wub)
						}
					}
				}
			}
			for r, sum := range sums {
				if most := s.window.sums[r>>stripBits]; sum>>16 >= uint32(most) {
					t.Fatalf("round %d: row %d has %d, its strip %d<<16", round, r, sum, most)
				}
			}
		}
	}
	for _, f := range []string{"none, whole true", "none, whole false", "stored, for each strip true", "stored, for each strip false", "drift"} {
		if forms[f] == 0 {
			t.Errorf("no list was of the form %q: %v", f, forms)
		}
	}
}

// TestPeaks: what is collected comes back.
func TestPeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	var w peakWriter
	for round := range 2000 {
		strips := 1 + rng.IntN(40_000)
		want := make([]byte, strips)
		density := math.Pow(rng.Float64(), 4)
		w.reset()
		postings := uint32(0)
		for i := range want {
			if rng.Float64() > density {
				continue
			}
			for range 1 + rng.IntN(9) {
				f := uint32(rng.Uint64() >> (32 + rng.IntN(32)))
				w.add(uint32(i<<stripBits)+postings%stripRows&3, f)
				want[i] = max(want[i], peakOf(f))
				postings++
			}
		}
		got := slices.Clone(w.finish(postings, strips))
		if len(got) == 0 {
			if len(w.data) < int(postings)/2 {
				t.Fatalf("round %d: %d bytes for %d postings were not kept", round, len(w.data), postings)
			}
			continue
		}
		if len(got) > int(postings)/2 || len(got) > strips {
			t.Fatalf("round %d: %d bytes for %d postings in %d strips", round, len(got), postings, strips)
		}
		if len(got) < strips {
			spread := make([]byte, strips)
			spreadPeaks(spread, got)
			got = spread
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: %v came back as %v", round, want, got)
		}
	}
	for _, f := range []uint32{0, 1, 1 << 24, math.MaxUint32/255 - 1, math.MaxUint32 / 255, math.MaxUint32/255 + 1, math.MaxUint32} {
		if factorOf(peakOf(f)) < f || factorOf(peakOfImpact(impactOf(f))) < f {
			t.Errorf("factor %d has peak %d, which is of factors up to %d", f, peakOf(f), factorOf(peakOf(f)))
		}
	}
}

// TestDamagedPeaks: whatever bytes stand for peaks, they are refused by a panic or spread within the strips.
func TestDamagedPeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	for range 20_000 {
		src := make([]byte, rng.IntN(20))
		for i := range src {
			src[i] = byte(rng.Uint32() >> rng.IntN(8))
		}
		func() {
			defer func() { _ = recover() }()
			spreadPeaks(make([]byte, 1+rng.IntN(300)), src)
		}()
	}
}
