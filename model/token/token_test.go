package token_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/model/token/bpe"
	"github.com/smartretriever/smartretriever/rag"
)

func TestFor(t *testing.T) {
	tests := []struct {
		model string
		want  token.Counter
	}{
		{"gpt-4o", bpe.O200k},
		{"gpt-4o-mini-2024-07-18", bpe.O200k},
		{"OpenAI/GPT-4.1-nano", bpe.O200k},
		{"gpt-5", bpe.O200k},
		{"gpt-5.1", bpe.O200k},
		{"o1", bpe.O200k},
		{"o3-mini", bpe.O200k},
		{"o4-mini", bpe.O200k},
		{"gpt-oss:20b", bpe.O200k},
		{"ft:gpt-4o-mini-2024-07-18:acme::abc", bpe.O200k},
		{"gpt-4", bpe.Cl100k},
		{"gpt-4-turbo", bpe.Cl100k},
		{"gpt-35-turbo", bpe.Cl100k},
		{"gpt-3.5-turbo-0125", bpe.Cl100k},
		{"text-embedding-3-small", bpe.Cl100k},
		{"text-embedding-ada-002", bpe.Cl100k},
		{"claude-sonnet-4-5", token.Estimate{Ratio: 1.4}},
		{"meta-llama/Llama-3.3-70B", token.Estimate{Ratio: 1.21}},
		{"o100", token.Estimate{Ratio: 1.3}},
		{"gpt-4omega", token.Estimate{Ratio: 1.3}},
		{"text-embedding-30", token.Estimate{Ratio: 1.3}},
		{"", token.Estimate{Ratio: 1.3}},
	}
	for _, tt := range tests {
		got := token.For(tt.model)
		if got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.model, got, tt.want)
		}
		if _, estimated := tt.want.(token.Estimate); got.Exact() == estimated {
			t.Errorf("%q: exact %v", tt.model, got.Exact())
		}
	}
}

func TestEstimate(t *testing.T) {
	for text, want := range map[string]int{"": 0, "hello": 1, "hello world, again": 5} { // 0, 1 and 4 tokens of o200k_base
		if n := (token.Estimate{Ratio: 1.3}).Count(text); n != want {
			t.Errorf("%q: %d, want %d", text, n, want)
		}
	}
}

func TestMessages(t *testing.T) {
	turns := []rag.Message{{Role: "system", Content: "You are a helpful assistant."}, {Role: "user", Content: "Hello!"}}
	// 3 + system 1 + 6, 3 + user 1 + 2, 3
	if n := token.Messages(bpe.O200k, turns); n != 19 {
		t.Errorf("got %d, want 19", n)
	}
	if n := token.Messages(bpe.O200k, nil); n != 3 {
		t.Errorf("no turns: %d, want 3", n)
	}
}

func TestWindow(t *testing.T) {
	tests := []struct {
		model string
		want  int
		known bool
	}{
		{"gpt-4o-mini", 128_000, true}, {"gpt-4", 8_192, true}, {"gpt-4-turbo-2024-04-09", 128_000, true}, {"gpt-4.1", 1_047_576, true},
		{"o3-mini", 200_000, true}, {"anthropic/claude-sonnet-4", 200_000, true}, {"gpt-oss:20b", token.DefaultWindow, false}, {"llama3.1", token.DefaultWindow, false},
	}
	for _, tt := range tests {
		if got, known := token.Window(tt.model); got != tt.want || known != tt.known {
			t.Errorf("%s: %d, %v; want %d, %v", tt.model, got, known, tt.want, tt.known)
		}
	}
}

// words counts words, and sees how many bytes it is given.
type words struct{ bytes int }

func (w *words) Count(text string) int {
	w.bytes += len(text)
	return len(strings.FieldsFunc(text, unicode.IsSpace))
}
func (w *words) Exact() bool { return true }

func TestSplitPrefersSentences(t *testing.T) {
	tests := []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"nothing", "", 5, nil},
		{"fits", "One two three.", 5, []string{"One two three."}},
		{"sentences", "One two three. Four five six. Seven eight nine ten.", 4, []string{"One two three. ", "Four five six. ", "Seven eight nine ten."}},
		{"a quote ends it", `He said "go now." They went away at once.`, 6, []string{`He said "go now." `, "They went away at once."}},
		{"lines", "one two\nthree four\nfive six", 3, []string{"one two\n", "three four\n", "five six"}},
		{"words", "a b c d e f g", 3, []string{"a b c ", "d e f ", "g"}},
		{"a limit of nothing", "a b", 0, []string{"a ", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range token.Split(&words{}, tt.text, tt.limit) {
				got = append(got, s.Of(tt.text))
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// check holds the spans of a text to what Split promises.
func check(t *testing.T, c token.Counter, text string, limit int) []rag.Span {
	t.Helper()
	spans := token.Split(c, text, limit)
	at := 0
	for _, s := range spans {
		if s.Start != at || s.End <= s.Start {
			t.Fatalf("span %+v begins elsewhere than at %d, or is empty", s, at)
		}
		at = s.End
		part := s.Of(text)
		if utf8.ValidString(text) && !utf8.ValidString(part) {
			t.Errorf("%.40q is cut inside a character", part)
		}
		if n := c.Count(part); n > max(1, limit) && utf8.RuneCountInString(part) > 1 {
			t.Errorf("%.40q has %d tokens, at most %d were asked for", part, n, limit)
		}
	}
	if at != len(text) {
		t.Errorf("the spans end at %d of %d", at, len(text))
	}
	return spans
}

func TestSplitHoldsTheLimit(t *testing.T) {
	prose := strings.Repeat("The committee met on 12 March 2019 and did not decide; see §4.2 of the report. Müller et al. (2018) say otherwise! ", 20)
	texts := []string{
		prose, strings.Repeat("a", 3000), strings.Repeat("中文没有空格。", 100), strings.Repeat(" ", 2000), strings.Repeat("😀👩‍👩‍👧", 100),
		strings.Repeat("x\u0301", 300), strings.Repeat("\x80", 700), strings.Repeat(" ", 5_000) + strings.Repeat("ḁ̈", 500), "\u0301" + prose[:500],
	}
	for _, c := range []token.Counter{bpe.O200k, bpe.Cl100k, token.Estimate{Ratio: 1.35}} {
		for _, text := range texts {
			for _, limit := range []int{1, 7, 100, 511} {
				check(t, c, text, limit)
			}
		}
	}
	for _, limit := range []int{64, 256} {
		spans := check(t, bpe.O200k, prose, limit)
		if most := bpe.O200k.Count(prose)*2/limit + 1; len(spans) > most {
			t.Errorf("%d spans of %d tokens, more than %d: they are less than half full", len(spans), limit, most)
		}
	}
}

// What is counted in all is within a constant of the text, for texts in which the
// number of bytes to a token jumps as for others.
func TestSplitIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"words": "word another ", "spaces, then words": strings.Repeat(" ", 40_000) + strings.Repeat("a ", 2000),
		"one word": strings.Repeat("a", 5000), "bytes": strings.Repeat("\x80", 1000),
	} {
		text := strings.Repeat(unit, 400_000/len(unit))
		w := &words{}
		token.Split(w, text, 300)
		if w.bytes > 16*len(text) {
			t.Errorf("%s: %d bytes were counted for a text of %d", name, w.bytes, len(text))
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("One. Two three! 四五。\n\n\x80\xff e\u0301", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		check(t, bpe.Cl100k, text, limit%64)
	})
}

func BenchmarkSplit(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s strings.Builder
	for s.Len() < 1<<20 {
		for range 3 + rng.IntN(20) {
			for range 2 + rng.IntN(9) {
				s.WriteByte(byte('a' + rng.IntN(26)))
			}
			s.WriteByte(' ')
		}
		s.WriteString("end. ")
	}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		token.Split(bpe.O200k, s.String(), 8191)
	}
}
