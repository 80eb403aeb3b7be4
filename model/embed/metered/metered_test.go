package metered_test

import (
	"context"
	"testing"
	"time"

	cachememory "github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/model/embed/cached"
	"github.com/smartretriever/smartretriever/model/embed/metered"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

// letters is an embedder on this machine: a token is a letter.
type letters struct{ err error }

func (letters) Model() rag.Model         { return rag.Model{ID: "letters", Dimensions: 1} }
func (letters) CountTokens(s string) int { return len(s) }
func (l letters) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1}
	}
	return out, l.err
}

// ledger keeps what it is charged.
type ledger struct{ charges []rag.Charge }

func (l *ledger) Charge(_ context.Context, charges []rag.Charge) error {
	l.charges = append(l.charges, charges...)
	return nil
}
func (*ledger) Settle(context.Context, string, []rag.Charge) error { return nil }
func (*ledger) Reserve(_ context.Context, h rag.Hold) ([]rag.Standing, error) {
	return make([]rag.Standing, len(h.Limits)), nil
}
func (*ledger) Standings(_ context.Context, limits []rag.Limit) ([]rag.Standing, error) {
	return make([]rag.Standing, len(limits)), nil
}

func TestCountsAndSpares(t *testing.T) {
	m, err := meter.New(meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	m.Open(l)
	free := price.Unknown("local", "letters")
	free.Embedding, free.Currency = 0, "USD"
	target := meter.Target{Provider: "local", Model: "letters", Price: free}
	e := metered.New(letters{}, m, target)
	cache := cachememory.New(cachememory.Config{MaxBytes: 1 << 20})
	defer cache.Close()
	questions := cached.New(e, cache, time.Hour, nil)
	embed := func(e interface {
		Embed(context.Context, rag.EmbedKind, []string) ([][]float32, error)
	}, kind rag.EmbedKind, texts ...string) {
		t.Helper()
		if v, err := e.Embed(t.Context(), kind, texts); err != nil || len(v) != len(texts) {
			t.Fatalf("%d vectors, %v", len(v), err)
		}
	}
	embed(questions, rag.QuestionText, "12345")
	embed(questions, rag.QuestionText, "12345") // from the cache
	embed(questions, rag.PassageText, "12", "345")
	embed(e, rag.PassageText)
	failing := metered.New(letters{rag.Errorf(rag.KindUnavailable, "down")}, m, target)
	if _, err := failing.Embed(t.Context(), rag.PassageText, []string{"12"}); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("%v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[rag.Operation][2]rag.Consumption{
		rag.OpEmbedQuestion: {{Calls: 1, Input: 5}, {Calls: 1, Input: 5}},
		rag.OpEmbedPassages: {{Calls: 1, Input: 5}, {}},
	}
	for _, c := range l.charges {
		if got := [2]rag.Consumption{c.Spent, c.Saved}; got != want[c.Operation] || c.Currency != "" {
			t.Errorf("%s: %+v, want %+v", c.Operation, got, want[c.Operation])
		}
	}
	if len(l.charges) != 2 {
		t.Errorf("%d charges", len(l.charges))
	}
}
