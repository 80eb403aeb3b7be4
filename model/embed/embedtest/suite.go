// Package embedtest holds what tests of embedders need: Run, the suite that every
// embedder passes, and Server, a double of a server that embeds, with faults by
// schedule.
package embedtest

import (
	"context"
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

// Embedder is what is tested.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// same is the least cosine of two vectors of one text: batches of other lengths
// may add up in another order.
const same = 1 - 1e-5

// Run checks what holds for every embedder. open returns one that works; it is
// called once for each test.
func Run(t *testing.T, open func(t *testing.T) Embedder) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e Embedder)
	}{
		{"model", testModel},
		{"order", testOrder},
		{"nothing to embed", testNothing},
		{"odd texts", testOddTexts},
		{"many texts", testMany},
		{"nearness", testNearness},
		{"given up", testGivenUp},
		{"goroutines", testGoroutines},
		{"count", testCount},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func testModel(t *testing.T, e Embedder) {
	if m := e.Model(); m.ID == "" || m.Dimensions <= 0 || m.MaxTokens <= 0 {
		t.Errorf("model %+v", m)
	}
	if first, second := e.Model(), e.Model(); first != second {
		t.Errorf("model %+v, then %+v", first, second)
	}
}

// vectorsOf returns the vectors of texts, each checked.
func vectorsOf(t *testing.T, e Embedder, kind rag.EmbedKind, texts []string) [][]float32 {
	t.Helper()
	given := slices.Clone(texts)
	vectors, err := e.Embed(t.Context(), kind, texts)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(given, texts) {
		t.Error("Embed changed the texts that it was given")
	}
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if len(v) != e.Model().Dimensions {
			t.Fatalf("vector %d has %d dimensions, the model says %d", i, len(v), e.Model().Dimensions)
		}
		if length := dot(v, v); !(math.Abs(length-1) < 1e-4) {
			t.Errorf("vector %d, of %.40q, has length² %v", i, texts[i], length)
		}
	}
	return vectors
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func testOrder(t *testing.T, e Embedder) {
	texts := []string{"a tower of iron", "bread and salt", "the invoice is due", "a tower of iron", "seven ships"}
	vectors := vectorsOf(t, e, rag.PassageText, texts)
	slices.Reverse(texts)
	reversed := vectorsOf(t, e, rag.PassageText, texts)
	slices.Reverse(reversed)
	for i := range vectors {
		if dot(vectors[i], reversed[i]) < same {
			t.Errorf("vector %d is another when the texts come in another order", i)
		}
	}
	if dot(vectors[0], vectors[3]) < same {
		t.Error("the same text twice has two vectors")
	}
	if dot(vectors[0], vectors[1]) > same {
		t.Error("different texts have the same vector")
	}
}

func testNothing(t *testing.T, e Embedder) {
	for _, texts := range [][]string{nil, {}} {
		if vectors, err := e.Embed(t.Context(), rag.PassageText, texts); err != nil || len(vectors) != 0 {
			t.Errorf("%d vectors of no texts, %v", len(vectors), err)
		}
	}
}

func testOddTexts(t *testing.T, e Embedder) {
	texts := []string{"", " ", "\n\t", "\xff\xfe", "half a rune \xe4\xb8", "\x00", "世界", "🙂🙂", "مرحبا بالعالم", "\u202eright to left", "a\x1b[31m\x7f\ufeff", "\"quoted\" \\ </script>", strings.Repeat("long ", 60)}
	for _, kind := range []rag.EmbedKind{rag.PassageText, rag.QuestionText} {
		vectorsOf(t, e, kind, texts)
		for _, text := range texts {
			vectorsOf(t, e, kind, []string{text})
		}
	}
}

func testMany(t *testing.T, e Embedder) {
	texts := make([]string, 300)
	for i := range texts {
		texts[i] = fmt.Sprintf("number %d", i)
	}
	vectors := vectorsOf(t, e, rag.PassageText, texts)
	for _, i := range []int{0, 63, 64, 150, 299} {
		if alone := vectorsOf(t, e, rag.PassageText, texts[i:i+1]); dot(alone[0], vectors[i]) < same {
			t.Errorf("text %d has another vector alone than among 300", i)
		}
	}
}

func testNearness(t *testing.T, e Embedder) {
	question := vectorsOf(t, e, rag.QuestionText, []string{"when is the invoice due?"})[0]
	passages := vectorsOf(t, e, rag.PassageText, []string{"a tower of iron stands in paris", "the invoice is due within thirty days"})
	if dot(question, passages[1]) <= dot(question, passages[0]) {
		t.Error("a question is nearer to another passage than to the one with its words")
	}
}

func testGivenUp(t *testing.T, e Embedder) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(cancelled, rag.PassageText, []string{"a"}); !errors.Is(err, context.Canceled) || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("cancelled: %v (%s)", err, rag.KindOf(err))
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if _, err := e.Embed(late, rag.PassageText, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) || rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("past the deadline: %v (%s)", err, rag.KindOf(err))
	}
	vectorsOf(t, e, rag.PassageText, []string{"a"}) // and goes on
}

func testGoroutines(t *testing.T, e Embedder) {
	texts := []string{"a tower of iron", "bread and salt", "the invoice is due", "seven ships"}
	want := vectorsOf(t, e, rag.PassageText, texts)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			mine := append(slices.Clone(texts[g%4:]), texts[:g%4]...)
			got, err := e.Embed(t.Context(), rag.PassageText, mine)
			if err != nil || len(got) != len(mine) {
				t.Errorf("%d vectors, %v", len(got), err)
				return
			}
			for i := range got {
				if dot(got[i], want[(i+g)%4]) < same {
					t.Errorf("goroutine %d has another vector of %q", g, mine[i])
				}
				clear(got[i]) // what is returned is the caller's
			}
			if e.CountTokens(mine[0]) < 1 || e.Model().ID == "" {
				t.Error("no tokens, or no model")
			}
		})
	}
	all.Wait()
	again := vectorsOf(t, e, rag.PassageText, texts)
	for i := range again {
		if dot(again[i], want[i]) < same {
			t.Errorf("vector %d changed", i)
		}
	}
}

func testCount(t *testing.T, e Embedder) {
	if n := e.CountTokens(""); n != 0 {
		t.Errorf("an empty text has %d tokens", n)
	}
	for _, text := range []string{"a", "7", ".", "word", "世界", "a longer sentence of seven words or so"} {
		if e.CountTokens(text) < 1 {
			t.Errorf("%q has %d tokens", text, e.CountTokens(text))
		}
	}
	sentence := "A longer sentence, with words in it. "
	if one, ten := e.CountTokens(sentence), e.CountTokens(strings.Repeat(sentence, 10)); ten < 8*one || ten > 12*one {
		t.Errorf("a sentence has %d tokens, ten have %d", one, ten)
	}
}
