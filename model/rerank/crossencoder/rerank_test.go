package crossencoder

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
	"github.com/smartretriever/smartretriever/rag"
)

// tiny is a cross-encoder of random weights; what it likes is of no meaning, but
// always the same.
func tiny(t *testing.T, workers int) *Reranker {
	t.Helper()
	m, err := convert.Read(t.Context(), filepath.Join("..", "..", "..", "cmd", "smartretriever", "testdata", "tiny-reranker.zip"), convert.Options{Name: "tiny-reranker"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Weights: m.Data, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func query(text string, passages ...string) rag.RerankQuery {
	q := rag.RerankQuery{Text: text}
	for _, p := range passages {
		q.Passages = append(q.Passages, rag.Passage{Text: p})
	}
	return q
}

var (
	river  = query("the old river", "river flows past mill", "children fish in summer", "", strings.Repeat("stone bridge ", 200))
	summer = query("where children fish", "the old mill .", "fish , fish")
	none   = query("nothing to read")
)

func TestQuestionsTogether(t *testing.T) {
	r := tiny(t, 2)
	if r.Name() != "tiny-reranker" {
		t.Errorf("name %q", r.Name())
	}
	queries := []rag.RerankQuery{river, none, summer}
	all, err := r.RerankAll(t.Context(), queries)
	if err != nil || len(all) != len(queries) {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, q := range queries {
		alone, err := r.Rerank(t.Context(), q)
		if err != nil || len(alone.Scores) != len(q.Passages) || !slices.Equal(alone.Scores, all[i].Scores) {
			t.Errorf("question %d: %v alone, %v together (%v)", i, alone.Scores, all[i].Scores, err)
		}
	}
	if s := all[0].Scores; s[0] == s[1] || s[1] == s[2] {
		t.Errorf("scores %v do not tell passages apart", s)
	}
}

func TestTimeAndCancellation(t *testing.T) {
	r := tiny(t, 1)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	all, err := r.RerankAll(late, []rag.RerankQuery{river, summer})
	if err != nil || len(all) != 2 || len(all[0].Scores) != 0 || len(all[1].Scores) != 0 {
		t.Errorf("past the deadline: %+v, %v", all, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Rerank(gone, river); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A context that ends while the work goes on leaves the scores of the first
// passages, and the right ones.
func TestEndsInTheMiddle(t *testing.T) {
	r := tiny(t, 1)
	var passages []string
	for range 200 {
		passages = append(passages, strings.Repeat("river flows past stone bridge ", 15))
	}
	q := query("the old river", passages...)
	want, err := r.Rerank(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for after := 1; ; after *= 2 {
		res, err := r.Rerank(&countdown{Context: t.Context(), left: after}, q)
		if err != nil || !slices.Equal(res.Scores, want.Scores[:len(res.Scores)]) {
			t.Fatalf("after %d looks: %d scores, %v", after, len(res.Scores), err)
		}
		if n := len(res.Scores); 0 < n && n < len(passages) {
			return
		} else if n == len(passages) {
			t.Fatal("never ended in the middle")
		}
	}
}

// countdown passes its deadline after so many looks at it.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestModelsRefused(t *testing.T) {
	for name, data := range map[string][]byte{"nothing": nil, "no model": []byte("text"), "a model for vectors": weights.BGESmallEnV15()} {
		if _, err := New(Config{Weights: data}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSuite(t *testing.T) {
	reranktest.Run(t, func(t *testing.T) reranktest.Reranker { return tiny(t, 2) })
}
