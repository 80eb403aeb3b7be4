package bert_test

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// scoreEncoder returns an encoder of the built-in weights with a head that gives
// tanh of the first token's first number: enough to see that pairs are kept apart.
func scoreEncoder(t *testing.T, cfg bert.Config) *bert.Encoder {
	t.Helper()
	return changedEncoder(t, cfg, func(h *weightfile.Header) []weightfile.Tensor {
		h.Model.Head, h.Model.Normalize = "score", false
		d := h.Model.Hidden
		pooler, weight := make([]float32, d*d), make([]float32, d)
		pooler[0], weight[0] = 1, 1
		return []weightfile.Tensor{
			weightfile.Float32("head.pooler.weight", []int{d, d}, pooler),
			weightfile.Float32("head.pooler.bias", []int{d}, make([]float32, d)),
			weightfile.Float32("head.score.weight", []int{1, d}, weight),
			weightfile.Float32("head.score.bias", []int{1}, []float32{0}),
		}
	})
}

func pairs() []bert.Pair {
	return []bert.Pair{
		{Question: "what is bread?", Passage: "Bread is made of flour and water."},
		{Question: "", Passage: ""},
		{Question: "what is bread?", Passage: passage(700)},
		{Question: passage(700), Passage: passage(600)},
	}
}

func TestScoresDoNotDependOnTheBatch(t *testing.T) {
	all := pairs()
	want := make([]float32, len(all))
	if n, err := scoreEncoder(t, bert.Config{Workers: 1}).Score(t.Context(), want, all); n != len(all) || err != nil {
		t.Fatal(n, err)
	}
	e := scoreEncoder(t, bert.Config{Workers: 2})
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() {
			alone := make([]float32, 1)
			if _, err := e.Score(t.Context(), alone, []bert.Pair{p}); err != nil || alone[0] != want[i] {
				t.Errorf("pair %d: %v alone, %v among others (%v)", i, alone[0], want[i], err)
			}
		})
	}
	wg.Wait()
}

func TestScoreAllocatesNothing(t *testing.T) {
	e := scoreEncoder(t, bert.Config{Workers: 2})
	all, dst, ctx := pairs(), make([]float32, len(pairs())), t.Context()
	allocatesNothing(t, func() error {
		_, err := e.Score(ctx, dst, all)
		return err
	})
}

// The rows that Tokens gives are those that make the text's vector.
func TestTokensAreThoseOfTheVector(t *testing.T) {
	texts, _ := goldens(t)
	texts = append(slices.Clone(texts[:6]), "", strings.Repeat("a long text ", 300))
	e := encoder(t, bert.Config{Workers: 2})
	want := encode(t, e, texts)
	got := make([][]float32, len(texts))
	lengths := make([]int, len(texts))
	n := e.Tokens(t.Context(), "", texts, func(i int, ids []int32, rows []float32) {
		got[i], lengths[i] = slices.Clone(rows[:e.Model().Hidden]), len(ids)
		if len(rows) != len(ids)*e.Model().Hidden {
			t.Errorf("text %d: %d numbers of %d tokens", i, len(rows), len(ids))
		}
	})
	if n != len(texts) {
		t.Fatalf("%d of %d texts", n, len(texts))
	}
	for i, text := range texts {
		if tokens := min(e.Model().Tokenizer().Count(text)+2, e.Model().MaxTokens); lengths[i] != tokens {
			t.Errorf("%.30q has %d tokens, want %d", text, lengths[i], tokens)
		}
		if c := cosine(got[i], want[i]); !(math.Abs(c-1) < 1e-6) {
			t.Errorf("%.30q: cosine %v of its first row to its vector", text, c)
		}
	}
}
