// Package reranktest holds what tests of rerankers need: Run, the suite that every
// reranker passes; RunRelevance, for those whose model knows something; RunFaults, for
// those behind an API; and Server, a double of a server that reranks, with faults by
// schedule.
package reranktest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Reranker is what is tested. It is answer.Reranker.
type Reranker interface {
	Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error)
	Name() string
}

// same is the greatest difference between two scores that are meant to be one, as a
// part of the range of all.
const same = 1e-3

// Run checks what holds for every reranker, also for one whose model knows nothing.
// open returns one that works; it is called once for each test.
func Run(t *testing.T, open func(t *testing.T) Reranker) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, r Reranker)
	}{
		{"name", testName},
		{"length", testLength},
		{"nothing to rerank", testNothing},
		{"odd texts", testOddTexts},
		{"long texts", testLongTexts},
		{"the same again", testAgain},
		{"another order", testOrder},
		{"twice the same passage", testTwice},
		{"terms", testTerms},
		{"given up", testGivenUp},
		{"goroutines", testGoroutines},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// RunRelevance checks that the passages with the answer come first.
func RunRelevance(t *testing.T, open func(t *testing.T) Reranker) {
	t.Run("relevance", func(t *testing.T) {
		r := open(t)
		for _, tt := range []struct {
			question string
			passages []string // the best first
		}{
			{"when is the invoice due?", []string{"The invoice is due within thirty days.", "A tower of iron stands in Paris.", "Bread is made of flour and salt."}},
			{"what is bread made of?", []string{"Bread is made of flour, water and salt.", "The invoice is due within thirty days.", "Seven ships left the harbour."}},
			{"which tower stands in paris?", []string{"A tower of iron stands in Paris.", "Seven ships left the harbour.", "Bread is made of flour."}},
		} {
			for shift := range tt.passages {
				given := append(slices.Clone(tt.passages[shift:]), tt.passages[:shift]...)
				scores := scoresOf(t, r, tt.question, given)
				best := slices.Index(scores, slices.Max(scores))
				if given[best] != tt.passages[0] {
					t.Errorf("%q: best is %q of %q, scores %v", tt.question, given[best], given, scores)
				}
			}
		}
	})
}

// query returns a query without terms.
func query(question string, passages []string) rag.RerankQuery {
	q := rag.RerankQuery{Text: question}
	for _, text := range passages {
		q.Passages = append(q.Passages, rag.Passage{Text: text, Hash: sha256.Sum256([]byte(text))})
	}
	return q
}

// scoresOf returns the scores of passages, each checked.
func scoresOf(t *testing.T, r Reranker, question string, passages []string) []float64 {
	t.Helper()
	return scores(t, r, query(question, passages))
}

func scores(t *testing.T, r Reranker, q rag.RerankQuery) []float64 {
	t.Helper()
	given := slices.Clone(q.Passages)
	res, err := r.Rerank(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(given, q.Passages) {
		t.Error("Rerank changed the passages that it was given")
	}
	if len(res.Scores) != len(q.Passages) {
		t.Fatalf("%d scores for %d passages", len(res.Scores), len(q.Passages))
	}
	for i, s := range res.Scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			t.Errorf("score %d, of %.40q, is %v", i, q.Passages[i].Text, s)
		}
	}
	if res.Tokens < 0 {
		t.Errorf("%d tokens", res.Tokens)
	}
	return res.Scores
}

var fewPassages = []string{"A tower of iron stands in Paris.", "Bread and salt.", "The invoice is due within thirty days.", "Seven ships.", "Who pays late pays more: an invoice has a date."}

const fewQuestion = "when is the invoice due?"

func testName(t *testing.T, r Reranker) {
	if first, second := r.Name(), r.Name(); first == "" || first != second {
		t.Errorf("name %q, then %q", first, second)
	}
}

func testLength(t *testing.T, r Reranker) {
	for _, n := range []int{1, 2, 3, 50} {
		passages := make([]string, n)
		for i := range passages {
			passages[i] = fmt.Sprintf("passage number %d", i)
		}
		scoresOf(t, r, "which number?", passages)
	}
}

func testNothing(t *testing.T, r Reranker) {
	for _, passages := range [][]rag.Passage{nil, {}} {
		res, err := r.Rerank(t.Context(), rag.RerankQuery{Text: "why?", Passages: passages})
		if err != nil || len(res.Scores) != 0 {
			t.Errorf("%d scores of no passages, %v", len(res.Scores), err)
		}
	}
}

var oddTexts = []string{
	"", " ", "\n\t", "\xff\xfe", "half a rune \xe4\xb8", "\x00", "a\x00b\x1b[31m\x7f", "世界", "🙂🙂", "مرحبا بالعالم", "\u202eright to left", "\ufeff",
	"\"quoted\" \\ </script>", string(make([]byte, 100)), strings.Repeat("x", 3000),
}

func testOddTexts(t *testing.T, r Reranker) {
	scoresOf(t, r, fewQuestion, oddTexts)
	for _, text := range oddTexts {
		scoresOf(t, r, fewQuestion, []string{text})
		scoresOf(t, r, text, fewPassages[:2])
	}
	scoresOf(t, r, "", []string{"", " "})
}

// testLongTexts has a passage and a question that are longer than any model takes.
func testLongTexts(t *testing.T, r Reranker) {
	long := strings.Repeat("many words that say nothing ", 2000)
	scoresOf(t, r, fewQuestion, []string{"short", long, "short, too"})
	scoresOf(t, r, long, fewPassages[:2])
}

func testAgain(t *testing.T, r Reranker) {
	first, second := scoresOf(t, r, fewQuestion, fewPassages), scoresOf(t, r, fewQuestion, fewPassages)
	if !equal(first, second) {
		t.Errorf("scores %v, then %v", first, second)
	}
}

// equal reports whether two lists of scores are the same.
func equal(a, b []float64) bool {
	span := slices.Max(a) - slices.Min(a)
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= same*max(span, 1e-9) })
}

// testOrder has the passages in the opposite order: what was clearly better must
// still be better. The numbers of two calls are not compared.
func testOrder(t *testing.T, r Reranker) {
	forth := scoresOf(t, r, fewQuestion, fewPassages)
	reversed := slices.Clone(fewPassages)
	slices.Reverse(reversed)
	back := scoresOf(t, r, fewQuestion, reversed)
	slices.Reverse(back)
	span := slices.Max(forth) - slices.Min(forth)
	for i := range forth {
		for j := range forth {
			if forth[i]-forth[j] > same*span && back[i] <= back[j] {
				t.Errorf("%q is better than %q (%v) in one order and worse (%v) in the other", fewPassages[i], fewPassages[j], forth, back)
			}
		}
	}
}

func testTwice(t *testing.T, r Reranker) {
	s := scoresOf(t, r, fewQuestion, []string{fewPassages[0], fewPassages[2], fewPassages[0]})
	if !equal([]float64{s[0], s[1]}, []float64{s[2], s[1]}) {
		t.Errorf("the same passage has the scores %v and %v", s[0], s[2])
	}
}

func testTerms(t *testing.T, r Reranker) {
	q := query(fewQuestion, fewPassages)
	for _, word := range strings.Fields(strings.TrimSuffix(q.Text, "?")) {
		at := strings.Index(q.Text, word)
		q.Terms = append(q.Terms, rag.Term{Span: rag.Span{Start: at, End: at + len(word)}, IDF: float64(len(word))})
	}
	scores(t, r, q)
}

func testGivenUp(t *testing.T, r Reranker) {
	q := query(fewQuestion, fewPassages)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Rerank(cancelled, q); !errors.Is(err, context.Canceled) || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("cancelled: %v (%s)", err, rag.KindOf(err))
	}
	// What was done by a deadline is a result; here that is little or nothing.
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	res, err := r.Rerank(late, q)
	if len(res.Scores) > len(q.Passages) || (err != nil && (len(res.Scores) > 0 || rag.KindOf(err) != rag.KindExhausted)) {
		t.Errorf("past the deadline: %d scores, %v", len(res.Scores), err)
	}
	scores(t, r, q) // and goes on
}

func testGoroutines(t *testing.T, r Reranker) {
	want := scoresOf(t, r, fewQuestion, fewPassages)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			res, err := r.Rerank(t.Context(), query(fewQuestion, fewPassages))
			if err != nil || len(res.Scores) != len(want) || !equal(want, res.Scores) {
				t.Errorf("scores %v, want %v: %v", res.Scores, want, err)
				return
			}
			clear(res.Scores) // what is returned is the caller's
		})
	}
	all.Wait()
	if again := scoresOf(t, r, fewQuestion, fewPassages); !equal(want, again) {
		t.Errorf("scores %v, then %v", want, again)
	}
}
