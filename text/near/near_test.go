package near

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// words returns n words of a vocabulary of 5,000, the same for the same seed.
func words(seed uint64, n int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, n)
	for i := range out {
		v := r.IntN(5000)
		out[i] = ""
		for range 3 {
			out[i] += string(rune('a' + v%26))
			v /= 26
		}
		out[i] += string(rune('a' + r.IntN(2)))
	}
	return out
}

func text(words []string) string { return strings.Join(words, " ") }

func TestSimilarity(t *testing.T) {
	base := words(1, 200)
	changed := append([]string(nil), base...)
	changed[50], changed[150] = "otherwise", "elsewhere"
	half := append(append([]string(nil), base[:100]...), words(2, 100)...)
	for _, tt := range []struct {
		name     string
		a, b     string
		min, max float64
	}{
		{"the same", text(base), text(base), 1, 1},
		{"case and punctuation", text(base), strings.ToUpper(strings.Join(base, ", ")) + "!", 1, 1},
		{"two words replaced", text(base), text(changed), Threshold, .99},
		{"half is another", text(base), text(half), .2, .45},
		{"another", text(base), text(words(3, 200)), 0, .01},
		{"one number differs", text(base) + " costs 100 euros", text(base) + " costs 120 euros", 0, 0},
		{"numbers in another order", "a 1 b 2", "a 2 b 1", 0, .99},
		{"short and the same", "Yes, indeed.", "yes indeed", 1, 1},
		{"short and other", "Yes, indeed.", "yes indeed not", 0, 0},
		{"no words", "...", "...", 0, 0},
		{"nothing", "", "", 0, 0},
		{"without spaces", "第三段是中文它没有空格", "第三段是中文,它没有空格。", 1, 1},
		{"not UTF-8", "\xff\xfe a b", "a b", 1, 1},
	} {
		p, q := Of(tt.a), Of(tt.b)
		got := p.Similarity(q)
		if got < tt.min || got > tt.max || got != q.Similarity(p) {
			t.Errorf("%s: %.3f, want %.2f to %.2f", tt.name, got, tt.min, tt.max)
		}
	}
}

// TestBands holds the promise that texts which are similar enough meet, and others
// seldom do.
func TestBands(t *testing.T) {
	meet := func(a, b Print) bool {
		x, y := a.Bands(), b.Bands()
		for i := range x {
			if x[i] == y[i] {
				return true
			}
		}
		return false
	}
	near, missed, strangers := 0, 0, 0
	for i := range uint64(300) {
		base := words(i, 250)
		other := append([]string(nil), base...)
		for j := range 2 {
			other[40+100*j] = fmt.Sprint("w", string(rune('a'+j)))
		}
		p, q := Of(text(base)), Of(text(other))
		if p.Similarity(q) >= Threshold {
			near++
			if !meet(p, q) {
				missed++
			}
		}
		if meet(p, Of(text(words(i+1000, 250)))) {
			strangers++
		}
	}
	if near < 250 || missed > 0 || strangers > 0 {
		t.Errorf("%d pairs are near, %d of them do not meet; %d strangers do", near, missed, strangers)
	}
}

func TestSet(t *testing.T) {
	var s Set
	a, b := text(words(1, 80)), text(words(2, 80))
	any := func(int) bool { return true }
	if _, _, found := s.Find(Of(a), any); found {
		t.Error("found in an empty set")
	}
	for _, x := range []string{a, b, a, ""} {
		s.Add(Of(x))
	}
	if i, sim, found := s.Find(Of(a), any); !found || i != 0 || sim != 1 {
		t.Errorf("%d, %v, %v", i, sim, found)
	}
	if i, _, found := s.Find(Of(a), func(i int) bool { return i > 0 }); !found || i != 2 {
		t.Errorf("%d, %v", i, found)
	}
	for i := range uint64(200) {
		s.Add(Of(text(words(i+10, 80))))
	}
	for i := range uint64(200) {
		if n, _, found := s.Find(Of(text(words(i+10, 80))), any); !found || n != int(i)+4 {
			t.Errorf("%d: %d, %v", i, n, found)
		}
	}
	if _, _, found := s.Find(Of(""), any); found {
		t.Error("nothing was found")
	}
}

func FuzzOf(f *testing.F) {
	f.Add("One two three four five six.", "one two three four five seven")
	f.Add("字字字 1 2\xff", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		p, q := Of(a), Of(b)
		if s := p.Similarity(q); s < 0 || s > 1 || s != q.Similarity(p) || !p.Empty() && p.Similarity(p) != 1 {
			t.Errorf("%q and %q: %v", a, b, s)
		}
		if p.Bands() != Of(a).Bands() {
			t.Error("bands differ")
		}
	})
}

func BenchmarkOf(b *testing.B) {
	x := text(words(1, 250))
	b.SetBytes(int64(len(x)))
	b.ReportAllocs()
	for b.Loop() {
		Of(x).Bands()
	}
}
