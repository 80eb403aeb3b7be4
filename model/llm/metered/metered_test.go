package metered_test

import (
	"context"
	"errors"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/llm/metered"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

var target = meter.Target{Provider: "p", Model: "m", Price: price.Price{
	Embedding: price.Unset, Input: 1_000_000, CachedInput: 500_000, Output: 2_000_000, Search: price.Unset, Currency: "USD",
}}

// letters counts a token for each letter.
func letters(s string) int { return len(s) }

// TestWhatIsCharged goes through the ends that a call can come to.
func TestWhatIsCharged(t *testing.T) {
	gone := errors.New("gone")
	down := rag.Errorf(rag.KindUnavailable, "down")
	told := llm.Usage{PromptTokens: 7, CachedTokens: 4, CompletionTokens: 2}
	for name, tt := range map[string]struct {
		reply llmtest.Reply
		stop  bool // the reader goes at the first piece
		want  rag.Consumption
		fails error
	}{
		"reported":             {llmtest.Reply{Pieces: []string{"four"}, Usage: told}, false, rag.Consumption{Calls: 1, Input: 7, Cached: 4, Output: 2, Cost: 9000}, nil},
		"not reported":         {llmtest.Reply{Pieces: []string{"four"}}, false, rag.Consumption{Calls: 1, Estimated: 1, Input: 5, Output: 4, Cost: 13_000}, nil},
		"nothing written":      {llmtest.Reply{}, false, rag.Consumption{Calls: 1, Estimated: 1, Input: 5, Cost: 5000}, nil},
		"not reached":          {llmtest.Reply{Err: down}, false, rag.Consumption{}, down},
		"failed and reported":  {llmtest.Reply{Err: down, Usage: told}, false, rag.Consumption{Calls: 1, Failed: 1, Input: 7, Cached: 4, Output: 2, Cost: 9000}, down},
		"cut":                  {llmtest.Reply{Pieces: []string{"fo", "ur"}, Err: down}, false, rag.Consumption{Calls: 1, Failed: 1, Estimated: 1, Input: 5, Output: 4, Cost: 13_000}, down},
		"the reader goes":      {llmtest.Reply{Pieces: []string{"fo", "ur"}}, true, rag.Consumption{Calls: 1, Failed: 1, Estimated: 1, Input: 5, Output: 2, Cost: 9000}, gone},
		"cut after its report": {llmtest.Reply{Pieces: []string{"four"}, Err: down, Usage: llm.Usage{PromptTokens: 7, CompletionTokens: 1}}, false, rag.Consumption{Calls: 1, Failed: 1, Estimated: 1, Input: 7, Output: 4, Cost: 15_000}, down},
		"a report of nonsense": {llmtest.Reply{Pieces: []string{"four"}, Usage: llm.Usage{PromptTokens: 7, CachedTokens: 9, CompletionTokens: -1}}, false, rag.Consumption{Calls: 1, Estimated: 1, Input: 7, Cached: 7, Output: 4, Cost: 11_500}, nil},
	} {
		m, err := meter.New(meter.Config{})
		if err != nil {
			t.Fatal(err)
		}
		model := metered.New(&llmtest.Scripted{Replies: []llmtest.Reply{tt.reply}}, m, target, letters)
		ctx, bill := meter.Track(t.Context())
		res, err := model.Chat(ctx, llm.Request{Messages: []rag.Message{{Content: "12"}, {Content: "345"}}}, func(string) error {
			if tt.stop {
				return gone
			}
			return nil
		})
		if !errors.Is(err, tt.fails) || (err == nil) != (tt.fails == nil) || res.Model == "" {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		if got, _ := bill.Sum(""); got != tt.want {
			t.Errorf("%s: charged %+v, want %+v", name, got, tt.want)
		}
	}
}

// full is a ledger that has no room.
type full struct{}

func (full) Charge(context.Context, []rag.Charge) error         { return nil }
func (full) Settle(context.Context, string, []rag.Charge) error { return nil }
func (full) Standings(_ context.Context, limits []rag.Limit) ([]rag.Standing, error) {
	return make([]rag.Standing, len(limits)), nil
}
func (full) Reserve(_ context.Context, h rag.Hold) ([]rag.Standing, error) {
	if h.Charge.Model == "small" {
		return make([]rag.Standing, len(h.Limits)), nil
	}
	return nil, rag.Wrap(rag.KindExhausted, &rag.Exceeded{Standing: rag.Standing{Limit: h.Limits[0]}}, "")
}

// A call that a budget has no room for does not reach the model, does not open its
// breaker, and goes to the cheaper model where there is one.
func TestNoRoom(t *testing.T) {
	m, err := meter.New(meter.Config{Budgets: []meter.Budget{{Name: "b", Money: 1, Currency: "USD", CheaperModel: "small"}}})
	if err != nil {
		t.Fatal(err)
	}
	m.Open(full{})
	defer m.Close()
	inner := &llmtest.Scripted{Replies: []llmtest.Reply{{Pieces: []string{"x"}}}}
	model := llm.Breaker(llm.Retry(metered.New(inner, m, target, letters), llm.RetryConfig{}), llm.BreakerConfig{Failures: 1})
	ask := func(model llm.Model) (llm.Result, *meter.Bill, error) {
		ctx, bill := meter.Track(t.Context())
		res, err := model.Chat(ctx, llm.Request{Messages: []rag.Message{{Content: "12"}}}, func(string) error { return nil })
		return res, bill, err
	}
	for range 3 {
		_, _, err := ask(model)
		if _, over := errors.AsType[*rag.Exceeded](err); !over || rag.KindOf(err) != rag.KindExhausted {
			t.Fatalf("got %v", err)
		}
	}
	if n := len(inner.Requests()); n != 0 {
		t.Errorf("%d calls reached the model", n)
	}
	small := target
	small.Model = "small"
	cheap := metered.New(&llmtest.Scripted{Replies: []llmtest.Reply{{Pieces: []string{"short"}}}}, m, small, letters)
	res, bill, err := ask(metered.Thrifty(model, m, target, map[string]llm.Model{"small": cheap}))
	if err != nil || res.Text != "short" || len(bill.Swaps()) != 1 {
		t.Errorf("%+v, %v, %q", res, err, bill.Swaps())
	}
}
