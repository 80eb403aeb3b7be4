package metered_test

import (
	"context"
	"errors"
	"testing"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/model/rerank/metered"
	"github.com/smartretriever/smartretriever/rag"
)

var _ answer.Reranker = (*metered.Reranker)(nil)

// said is a reranker that returns what it is told to.
type said struct {
	tokens int
	err    error
}

func (said) Name() string { return "said" }
func (s said) Rerank(_ context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	return rag.RerankResult{Scores: make([]float64, len(q.Passages)), Tokens: s.tokens}, s.err
}

func TestWhatIsCharged(t *testing.T) {
	perToken, perSearch := price.Unknown("p", "m"), price.Unknown("p", "m")
	perToken.Input, perToken.Currency = 1_000_000, "USD"
	perSearch.Search, perSearch.Currency = 2_000_000, "USD"
	down := rag.Errorf(rag.KindUnavailable, "down")
	for name, tt := range map[string]struct {
		price    price.Price
		inner    said
		passages int
		want     rag.Consumption
	}{
		"reported":     {perToken, said{tokens: 9}, 2, rag.Consumption{Calls: 1, Input: 9, Searches: 1, Cost: 9000}},
		"not reported": {perToken, said{}, 2, rag.Consumption{Calls: 1, Estimated: 1, Input: 2*2 + 2*3, Searches: 1, Cost: 10_000}},
		"by searches":  {perSearch, said{tokens: 9}, 101, rag.Consumption{Calls: 1, Input: 9, Searches: 2, Cost: 4_000_000}},
		"nothing":      {perToken, said{}, 0, rag.Consumption{}},
		"not reached":  {perToken, said{err: down}, 2, rag.Consumption{}},
	} {
		m, err := meter.New(meter.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := metered.New(tt.inner, m, meter.Target{Provider: "p", Model: "m", Price: tt.price}, func(s string) int { return len(s) })
		q := rag.RerankQuery{Text: "12"}
		for range tt.passages {
			q.Passages = append(q.Passages, rag.Passage{Text: "345"})
		}
		ctx, bill := meter.Track(t.Context())
		if _, err := r.Rerank(ctx, q); !errors.Is(err, tt.inner.err) {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := bill.Sum(""); got != tt.want {
			t.Errorf("%s: charged %+v, want %+v", name, got, tt.want)
		}
	}
}
