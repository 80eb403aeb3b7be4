package answer

import (
	"context"
	"testing"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

// TestUsage puts together what was charged and what a generator counts itself.
func TestUsage(t *testing.T) {
	m, err := meter.New(meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	target := &meter.Target{Provider: "p", Model: "m", Price: price.Price{Embedding: 1_000_000, Input: 2_000_000, CachedInput: price.Unset, Output: 3_000_000, Currency: "USD"}}
	charge := func(ctx context.Context, op rag.Operation, c rag.Consumption) {
		t.Helper()
		call, err := m.Begin(ctx, target, op, c)
		if err != nil {
			t.Fatal(err)
		}
		call.End(c, false)
	}
	p := New(Config{Meter: m})
	own := rag.Usage{PromptTokens: 100, CompletionTokens: 10, Cost: .5, Currency: "USD", Model: "x"}
	for name, tt := range map[string]struct {
		embedded, chatted bool
		own               rag.Usage
		want              rag.Usage
	}{
		"nothing":           {false, false, rag.Usage{}, rag.Usage{}},
		"two tries":         {true, true, rag.Usage{PromptTokens: 7, CompletionTokens: 1, Model: "m"}, rag.Usage{EmbeddingTokens: 5, PromptTokens: 14, CompletionTokens: 2, TotalTokens: 21, Cost: .000039, Currency: "USD", Model: "m"}},
		"its own generator": {true, false, own, rag.Usage{EmbeddingTokens: 5, PromptTokens: 100, CompletionTokens: 10, TotalTokens: 115, Cost: .500005, Currency: "USD", Model: "x"}},
		"quotes":            {true, false, rag.Usage{}, rag.Usage{EmbeddingTokens: 5, TotalTokens: 5, Cost: .000005, Currency: "USD"}},
	} {
		ctx, bill := meter.Track(t.Context())
		if tt.embedded {
			charge(ctx, rag.OpEmbedQuestion, rag.Consumption{Input: 5})
		}
		if tt.chatted {
			charge(ctx, rag.OpChat, rag.Consumption{Input: 7, Output: 1})
			charge(ctx, rag.OpChat, rag.Consumption{Input: 7, Output: 1})
		}
		if got := p.usage(rag.Question{}, tt.own, bill); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
