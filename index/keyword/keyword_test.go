package keyword

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// spaces takes what stands between spaces for terms.
type spaces struct{}

func (spaces) Name() string { return "spaces" }

func (spaces) Append(dst []string, text string) []string {
	return append(dst, strings.Fields(text)...)
}

func newIndex(t testing.TB, k1, b float64) *Index {
	t.Helper()
	ix, err := New(Config{Analyzer: spaces{}, K1: k1, B: b})
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"no analyzer": {},
		"k1":          {Analyzer: spaces{}, K1: -0.1},
		"k1 NaN":      {Analyzer: spaces{}, K1: math.NaN()},
		"b":           {Analyzer: spaces{}, B: 1.01},
	} {
		if _, err := New(c); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
}

// TestByHand checks one score that was computed with a pencil: three chunks of
// 4, 2 and 3 terms, so that the mean length is 3.
func TestByHand(t *testing.T) {
	ix := newIndex(t, 0, 0)
	for i, text := range []string{"a a b c", "b c", "c c c"} {
		ix.Add(uint32(i), rag.ChunkID(i+1), ix.Analyze(text))
		ix.Show(uint32(i))
	}
	all := index.Bitmap{7}
	got, err := ix.Search(t.Context(), "a b a zzz", 10, all, nil)
	if err != nil {
		t.Fatal(err)
	}
	// a: df 1, ln(1 + 2.5/1.5) = 0.980829; twice in the query, twice in chunk 1 of
	// length 4: 2/(2 + 1.2*(0.25 + 0.75*4/3)) = 0.571429.
	// b: df 2, ln(1 + 1.5/2.5) = 0.470004; in chunk 1 1/(1 + 1.5) = 0.4, in chunk 2
	// of length 2 1/(1 + 1.2*(0.25 + 0.75*2/3)) = 0.526316.
	want := []float64{2*0.980829*0.571429 + 0.470004*0.4, 0.470004 * 0.526316}
	if len(got) != 2 || got[0].ID != 1 || got[1].ID != 2 {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want {
		if math.Abs(float64(got[i].Score)-w) > 1e-5 {
			t.Errorf("place %d has %v, want %v", i+1, got[i].Score, w)
		}
	}
}

// reference is BM25 as the formula reads, over texts by row.
func reference(texts map[uint32]string, query string, k1, b float64) map[uint32]float64 {
	var n, total float64
	df := map[string]float64{}
	for _, text := range texts {
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		n++
		total += float64(len(words))
		seen := map[string]bool{}
		for _, w := range words {
			if !seen[w] {
				seen[w] = true
				df[w]++
			}
		}
	}
	scores := map[uint32]float64{}
	for row, text := range texts {
		words := strings.Fields(text)
		for _, q := range strings.Fields(query) {
			tf := 0.0
			for _, w := range words {
				if w == q {
					tf++
				}
			}
			if tf > 0 {
				idf := math.Log(1 + (n-df[q]+0.5)/(df[q]+0.5))
				scores[row] += idf * tf / (tf + k1*(1-b+b*float64(len(words))/(total/n)))
			}
		}
	}
	return scores
}

func randomText(rng *rand.Rand, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprint("t", int(80*rng.Float64()*rng.Float64()))
	}
	return strings.Join(words, " ")
}

// TestAgainstReference adds, shows, hides, removes and reloads at random. Rows
// that are added and not shown, or hidden and not removed, must not count.
func TestAgainstReference(t *testing.T) {
	for _, p := range []struct{ k1, b, wantB float64 }{{1.2, 0.75, 0.75}, {0.9, 0.4, 0.4}, {2, -1, 0}, {1.5, 1, 1}} {
		rng := rand.New(rand.NewPCG(9, uint64(p.k1*10)))
		ix := newIndex(t, p.k1, p.b)
		const rows = 150
		state := make([]int, rows) // 0 free, 1 added, 2 shown, 3 hidden
		shown := map[uint32]string{}
		texts := map[uint32]string{}
		for step := range 1500 {
			r := uint32(rng.IntN(rows))
			switch state[r] {
			case 0:
				texts[r] = randomText(rng, rng.IntN(25))
				ix.Add(r, rag.ChunkID(1000-r), ix.Analyze(texts[r]))
			case 1:
				ix.Show(r)
				shown[r] = texts[r]
			case 2:
				if rng.IntN(3) > 0 {
					continue // so that most rows are shown
				}
				ix.Hide(r)
				delete(shown, r)
			case 3:
				ix.Remove(r)
			}
			state[r] = (state[r] + 1) % 4
			if step%5 != 0 {
				continue
			}
			var allowed index.Bitmap
			visible := map[uint32]float64{}
			query := randomText(rng, 1+rng.IntN(6))
			for row, score := range reference(shown, query, p.k1, p.wantB) {
				if rng.IntN(2) == 0 {
					visible[row] = score
				}
			}
			for row := range shown {
				if _, ok := visible[row]; ok {
					allowed.Set(row)
				}
			}
			k := 1 + rng.IntN(30)
			got, err := ix.Search(t.Context(), query, k, allowed, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != min(k, len(visible)) {
				t.Fatalf("step %d: %d hits, want %d", step, len(got), min(k, len(visible)))
			}
			best := make([]float64, 0, len(visible))
			for _, s := range visible {
				best = append(best, s)
			}
			slices.Sort(best)
			for i, h := range got {
				if h.ID != rag.ChunkID(1000-h.Row) {
					t.Fatalf("row %d has id %d", h.Row, h.ID)
				}
				for _, want := range []float64{visible[h.Row], best[len(best)-1-i]} {
					if math.Abs(float64(h.Score)-want) > 1e-5 {
						t.Fatalf("step %d, place %d: %v, want %v", step, i+1, h.Score, want)
					}
				}
			}
		}
		for r := range uint32(rows) {
			switch state[r] {
			case 2:
				ix.Hide(r)
				ix.Remove(r)
			case 1, 3:
				ix.Remove(r)
			}
		}
		if ix.Terms() != 0 || ix.Postings() != 0 || ix.shown != 0 || ix.length != 0 || ix.bytes != 0 {
			t.Errorf("when all is removed, %d terms, %d postings, %d chunks, %d terms in them and %d bytes are left", ix.Terms(), ix.Postings(), ix.shown, ix.length, ix.bytes)
		}
	}
}

func TestLongTexts(t *testing.T) {
	ix := newIndex(t, 0, 0)
	texts := map[uint32]string{0: strings.Repeat("a ", 70_000), 1: "a b"} // more than a stored frequency can say
	var vocabulary strings.Builder
	for i := range 3 * maxQueryTerms {
		fmt.Fprintf(&vocabulary, "x%d ", i)
	}
	texts[2] = vocabulary.String()
	for r := range uint32(3) {
		ix.Add(r, rag.ChunkID(r+1), ix.Analyze(texts[r]))
		ix.Show(r)
	}
	for name, c := range map[string]struct{ query, counts string }{
		"frequent term":       {"a", "a"},
		"more distinct terms": {texts[2] + "b", strings.Join(strings.Fields(texts[2])[:maxQueryTerms], " ")},
		"more bytes":          {strings.Repeat("é ", maxQueryBytes/3-1) + " a éb b", " a"},
	} {
		got, err := ix.Search(t.Context(), c.query, 5, index.Bitmap{7}, nil)
		want := reference(texts, c.counts, 1.2, 0.75)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
		for _, h := range got {
			if w := want[h.Row]; math.Abs(float64(h.Score)-w) > 1e-4*w {
				t.Errorf("%s: row %d has %v, want %v", name, h.Row, h.Score, w)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ix := newIndex(t, 0, 0)
	ix.Add(0, 1, ix.Analyze("a"))
	ix.Show(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Search(ctx, "a", 1, index.Bitmap{1}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func saved(t testing.TB) []byte {
	t.Helper()
	ix := newIndex(t, 0, 0)
	for i, text := range []string{"a a b c", "b c", "", "c c c"} {
		ix.Add(uint32(i), rag.ChunkID(i+1), ix.Analyze(text))
		ix.Show(uint32(i))
	}
	var out bytes.Buffer
	if err := ix.Save(&out, []uint32{0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzLoad: whatever is loaded without an error can be searched and emptied.
func FuzzLoad(f *testing.F) {
	good := saved(f)
	f.Add(good)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x81
		f.Add(bad)
	}
	f.Add(good[:15])
	f.Fuzz(func(t *testing.T, data []byte) {
		ids := []rag.ChunkID{1, 2, 3, 4}
		ix, err := Load(data, Config{Analyzer: spaces{}}, ids)
		if err != nil {
			return
		}
		if _, err := ix.Search(t.Context(), "a b c", 3, index.Bitmap{15}, nil); err != nil {
			t.Error(err)
		}
		for r := range uint32(len(ids)) {
			ix.Hide(r)
			ix.Remove(r)
		}
		if ix.Terms() != 0 || ix.Postings() != 0 {
			t.Errorf("%d terms and %d postings are left", ix.Terms(), ix.Postings())
		}
	})
}

func TestLoad(t *testing.T) {
	ix, err := Load(saved(t), Config{Analyzer: spaces{}}, []rag.ChunkID{11, 12, 13, 14})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ix.Search(t.Context(), "b", 5, index.Bitmap{15}, nil)
	if err != nil || len(got) != 2 || got[0].ID != 12 || got[1].ID != 11 {
		t.Errorf("got %v, %v", got, err)
	}
	ix.Add(4, 15, ix.Analyze("b b d"))
	ix.Show(4)
	if got, err = ix.Search(t.Context(), "b d", 5, index.Bitmap{31}, nil); err != nil || len(got) != 3 || got[0].ID != 15 {
		t.Errorf("after an addition: %v, %v", got, err)
	}
}
