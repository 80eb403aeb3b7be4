package late

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

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

func reranker(t testing.TB, cfg Config) *Reranker {
	t.Helper()
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func passageOf(text string) rag.Passage {
	return rag.Passage{Text: text, Hash: sha256.Sum256([]byte(text))}
}

var texts = []string{
	"The Eiffel Tower was completed in 1889 and stands 330 metres tall.",
	"Invoices are due within thirty days of receipt.",
	"",
	"The bridge opened in 1937; its towers rise 227 metres above the water.",
	strings.Repeat("A long passage about towers that goes on and on. ", 30),
	"北京的塔很高。 برج طويل",
}

func query(text string, passages ...string) rag.RerankQuery {
	q := rag.RerankQuery{Text: text}
	for _, p := range passages {
		q.Passages = append(q.Passages, passageOf(p))
	}
	return q
}

// vectors are a text's unit vectors in 32-bit floats.
func vectors(t *testing.T, e *bert.Encoder, prefix, text string) [][]float32 {
	t.Helper()
	var out [][]float32
	if e.Tokens(t.Context(), prefix, []string{text}, func(_ int, ids []int32, rows []float32) {
		for row := range slices.Chunk(slices.Clone(rows), len(rows)/len(ids)) {
			unit(row)
			out = append(out, row)
		}
	}) != 1 {
		t.Fatal("not encoded")
	}
	return out
}

// The scores must be those of the definition, computed in 64 bits without any
// quantising, but for what 8 bits cost.
func TestScoresAreThoseOfTheDefinition(t *testing.T) {
	model, err := bert.Open(weights.BGESmallEnV15())
	if err != nil {
		t.Fatal(err)
	}
	e, err := bert.NewEncoder(model, bert.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const text = "How tall is the Eiffel Tower?"
	prefixed := 1 + model.Tokenizer().Count(model.QueryPrefix)
	asked := vectors(t, e, model.QueryPrefix, text)
	words := map[string]float64{"tall": 3, "Eiffel": 7.5, "Tower": 4}
	var terms []rag.Term
	tokenWeights := map[bool][]float64{false: make([]float64, len(asked)), true: make([]float64, len(asked))}
	for i := prefixed; i < len(asked)-1; i++ {
		tokenWeights[false][i] = 1
	}
	at := prefixed
	for _, w := range []string{"How", "tall", "is", "the", "Eiffel", "Tower", "?"} {
		start := strings.Index(text, w)
		if idf := words[w]; idf > 0 {
			terms = append(terms, rag.Term{Span: rag.Span{Start: start, End: start + len(w)}, IDF: idf})
		}
		for range model.Tokenizer().Count(w) {
			tokenWeights[true][at] = words[w]
			at++
		}
	}
	if at != len(asked)-1 {
		t.Fatalf("the question has %d tokens, its words %d", len(asked)-1, at)
	}
	var read [][][]float32
	for _, text := range texts {
		read = append(read, vectors(t, e, model.PassagePrefix, text))
	}
	for _, set := range []string{"generic", ""} {
		r := reranker(t, Config{Kernel: set})
		for weighted, w := range tokenWeights {
			q := query(text, texts...)
			if weighted {
				q.Terms = terms
			}
			res, err := r.Rerank(t.Context(), q)
			if err != nil || len(res.Scores) != len(texts) {
				t.Fatalf("%d scores, %v", len(res.Scores), err)
			}
			for i := range texts {
				var want, sum float64
				for n, a := range asked {
					best := -2.0
					for _, b := range read[i] {
						dot := 0.0
						for k := range a {
							dot += float64(a[k]) * float64(b[k])
						}
						best = max(best, dot)
					}
					want += w[n] * best
					sum += w[n]
				}
				if want /= sum; math.Abs(res.Scores[i]-want) > .01 {
					t.Errorf("%s, weighted %v: passage %d has %.4f, by definition %.4f", r.Kernel(), weighted, i, res.Scores[i], want)
				}
			}
		}
	}
}

func TestOrder(t *testing.T) {
	res, err := reranker(t, Config{}).Rerank(t.Context(), query("When was the tower in Paris finished?", texts...))
	if err != nil {
		t.Fatal(err)
	}
	if best := slices.Index(res.Scores, slices.Max(res.Scores)); best != 0 {
		t.Errorf("scores %.3f: passage %d is best", res.Scores, best)
	}
}

// What is kept must give the scores that a first look gives, and stay in its room.
func TestKeptVectors(t *testing.T) {
	q := query("tower", texts...)
	fresh, err := reranker(t, Config{Memory: -1}).Rerank(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int64{1, 40 << 10, 1 << 30} {
		r := reranker(t, Config{Memory: memory})
		for range 3 {
			res, err := r.Rerank(t.Context(), q)
			if err != nil || !slices.Equal(res.Scores, fresh.Scores) {
				t.Errorf("room %d: %v, want %v (%v)", memory, res.Scores, fresh.Scores, err)
			}
			var used int64
			for e := r.kept.order.Front(); e != nil; e = e.Next() {
				used += e.Value.(*place).passage.bytes()
			}
			if used != r.kept.used || used > memory || len(r.kept.at) != r.kept.order.Len() {
				t.Errorf("room %d: %d bytes in use, %d counted, %d and %d places", memory, used, r.kept.used, len(r.kept.at), r.kept.order.Len())
			}
		}
		if memory == 1<<30 {
			if n := r.kept.order.Len(); n != len(texts) {
				t.Errorf("%d passages are kept", n)
			}
			// With everything kept, the encoder is not asked for passages.
			r.encoder = nil
			if got := r.passages(t.Context(), q.Passages); len(got) != len(texts) {
				t.Errorf("%d passages", len(got))
			}
		}
	}
}

func TestPassagesWithoutAHash(t *testing.T) {
	r := reranker(t, Config{})
	for _, text := range []string{"a tower of iron", "an invoice"} {
		res, err := r.Rerank(t.Context(), rag.RerankQuery{Text: "tower", Passages: []rag.Passage{{Text: text}}})
		if err != nil || len(res.Scores) != 1 || (res.Scores[0] > .8) != (text == "a tower of iron") {
			t.Errorf("%s: %v, %v", text, res.Scores, err)
		}
	}
}

// Questions together have the scores that each has alone, and passages that they
// share are encoded once.
func TestQuestionsTogether(t *testing.T) {
	queries := []rag.RerankQuery{
		query("how tall is the tower", texts...), query("nothing to read"),
		query("when is it due", texts[1], texts[0], texts[1], "only here"), query("again", texts[3]),
	}
	r := reranker(t, Config{})
	all, err := r.RerankAll(t.Context(), queries)
	if err != nil || len(all) != len(queries) {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, q := range queries {
		alone, err := reranker(t, Config{Memory: -1}).Rerank(t.Context(), q)
		if err != nil || len(all[i].Scores) != len(q.Passages) {
			t.Fatalf("question %d: %v, %v", i, all[i].Scores, err)
		}
		for k := range alone.Scores {
			if math.Abs(alone.Scores[k]-all[i].Scores[k]) > 1e-6 {
				t.Errorf("question %d: %v alone, %v together", i, alone.Scores, all[i].Scores)
			}
		}
	}
	if n := len(r.kept.at); n != len(texts)+1 {
		t.Errorf("%d passages are kept, want each once", n)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	none, err := r.RerankAll(late, queries)
	if err != nil || len(none) != len(queries) || len(none[0].Scores)+len(none[2].Scores) != 0 {
		t.Errorf("past the deadline: %+v, %v", none, err)
	}
}

func TestTimeAndCancellation(t *testing.T) {
	r := reranker(t, Config{Workers: 1})
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if res, err := r.Rerank(late, query("tower", texts...)); err != nil || len(res.Scores) != 0 {
		t.Errorf("past the deadline: %v, %v", res.Scores, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Rerank(gone, query("tower", texts...)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if res, err := r.Rerank(gone, query("tower")); err != nil || len(res.Scores) != 0 {
		t.Errorf("no passages: %v, %v", res.Scores, err)
	}
}

func TestAtOnce(t *testing.T) {
	r := reranker(t, Config{Memory: 200 << 10})
	want, err := r.Rerank(t.Context(), query("tower", texts...))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 3 {
				got, err := r.Rerank(t.Context(), query("tower", texts...))
				if err != nil || !slices.Equal(got.Scores, want.Scores) {
					t.Errorf("%v, %v", got.Scores, err)
				}
				if _, err := r.Rerank(t.Context(), query("other", fmt.Sprint("text ", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestHostileTerms(t *testing.T) {
	r := reranker(t, Config{})
	q := query("tower", "a tower of iron")
	want, err := r.Rerank(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, terms := range [][]rag.Term{
		{{Span: rag.Span{Start: -1, End: 3}, IDF: 1}},
		{{Span: rag.Span{Start: 2, End: 99}, IDF: 1}},
		{{Span: rag.Span{Start: 3, End: 3}, IDF: 1}},
		{{Span: rag.Span{Start: 0, End: 5}}},
		{{Span: rag.Span{Start: 0, End: 5}, IDF: math.Inf(1)}},
		{{Span: rag.Span{Start: 0, End: 5}, IDF: math.NaN()}},
	} {
		q.Terms = terms
		got, err := r.Rerank(t.Context(), q)
		if err != nil || len(got.Scores) != 1 || math.Abs(got.Scores[0]-want.Scores[0]) > .5 {
			t.Errorf("%+v: %v, %v", terms, got.Scores, err)
		}
	}
}

func TestModelsRefused(t *testing.T) {
	if _, err := New(Config{Weights: []byte("no model")}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{Kernel: "none"}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}
