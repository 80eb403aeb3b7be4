package bert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
)

func embedder(t testing.TB) *bert.Embedder {
	t.Helper()
	e, err := bert.New(bert.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func Example() {
	e, err := bert.New(bert.Config{})
	if err != nil {
		panic(err)
	}
	passages, err := e.Embed(context.Background(), rag.PassageText, []string{
		"Yeast gives off gas, and gluten keeps it in the dough.",
		"The invoice is due within thirty days of receipt.",
	})
	if err != nil {
		panic(err)
	}
	question, err := e.Embed(context.Background(), rag.QuestionText, []string{"why does bread rise?"})
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Model().ID, len(question[0]))
	fmt.Println("the first is nearer:", dot(question[0], passages[0]) > dot(question[0], passages[1]))
	// Output:
	// bge-small-en-v1.5-int8 384
	// the first is nearer: true
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestModel(t *testing.T) {
	if got, want := embedder(t).Model(), (rag.Model{ID: "bge-small-en-v1.5-int8", Dimensions: 384, MaxTokens: 512}); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
}

func TestEmbed(t *testing.T) {
	e := embedder(t)
	vectors, err := e.Embed(t.Context(), rag.PassageText, []string{"one", "", "one", "\xff\xfe"})
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 4 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for i, v := range vectors {
		if len(v) != 384 || math.Abs(dot(v, v)-1) > 1e-5 {
			t.Errorf("vector %d: %d dimensions, length² %v", i, len(v), dot(v, v))
		}
	}
	if dot(vectors[0], vectors[2]) < 1-1e-6 || dot(vectors[0], vectors[1]) > 0.999 {
		t.Error("equal texts differ or different ones do not")
	}
	if none, err := e.Embed(t.Context(), rag.PassageText, nil); err != nil || len(none) != 0 {
		t.Errorf("no texts: %v, %v", none, err)
	}
}

func TestDimensions(t *testing.T) {
	short, err := bert.New(bert.Config{Dimensions: 100})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := short.Model(), (rag.Model{ID: "bge-small-en-v1.5-int8-100d", Dimensions: 100, MaxTokens: 512}); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
	texts := []string{"one", "two of them"}
	got, err1 := short.Embed(t.Context(), rag.PassageText, texts)
	whole, err2 := embedder(t).Embed(t.Context(), rag.PassageText, texts)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		front := whole[i][:100]
		if len(v) != 100 || math.Abs(dot(v, v)-1) > 1e-5 || dot(v, front)/math.Sqrt(dot(front, front)) < 1-1e-6 {
			t.Errorf("vector %d: %d dimensions, length² %v, not the front of the whole one", i, len(v), dot(v, v))
		}
	}
	all, err := bert.New(bert.Config{Dimensions: 384})
	if err != nil || all.Model().ID != "bge-small-en-v1.5-int8" {
		t.Errorf("all dimensions: %v, %v", all.Model(), err)
	}
}

func TestQuestionsHaveAPrefix(t *testing.T) {
	e := embedder(t)
	question, err1 := e.Embed(t.Context(), rag.QuestionText, []string{"why?"})
	passage, err2 := e.Embed(t.Context(), rag.PassageText, []string{"Represent this sentence for searching relevant passages: why?"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if dot(question[0], passage[0]) < 1-1e-6 {
		t.Error("a question is not embedded as the prefix and its text")
	}
}

func TestCountTokens(t *testing.T) {
	e := embedder(t)
	for text, want := range map[string]int{"": 0, "Hello, World!": 4, "unaffable": 3} {
		if got := e.CountTokens(text); got != want {
			t.Errorf("%q has %d tokens instead of %d", text, got, want)
		}
	}
}

func TestContext(t *testing.T) {
	e := embedder(t)
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
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]bert.Config{
		"weights": {Weights: bytes.Repeat([]byte{7}, 100)},
		"workers": {Workers: -3},
		"kernel":  {Kernel: "abacus"},
		"less":    {Dimensions: -1},
		"more":    {Dimensions: 385},
	} {
		if _, err := bert.New(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
