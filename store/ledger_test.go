package store_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func charge(change func(*rag.Charge)) rag.Charge {
	ch := rag.Charge{ChargeKey: rag.ChargeKey{Tenant: "t", Day: "2026-02-28", Operation: "answer"}, Spent: rag.Consumption{Calls: 2, Input: 5, Output: 3, Cost: 7}}
	change(&ch)
	return ch
}

func TestCheckCharges(t *testing.T) {
	fine := charge(func(ch *rag.Charge) { ch.Key, ch.Saved.Input = strings.Repeat("k", 512), math.MaxInt64/1024 })
	if err := store.CheckCharges(fine, fine); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*rag.Charge){
		"long key":          func(ch *rag.Charge) { ch.Key = strings.Repeat("k", 513) },
		"no tenant":         func(ch *rag.Charge) { ch.Tenant = "" },
		"no operation":      func(ch *rag.Charge) { ch.Operation = "" },
		"no such day":       func(ch *rag.Charge) { ch.Day = "2026-02-29" },
		"negative cost":     func(ch *rag.Charge) { ch.Spent.Cost = -1 },
		"saved too much":    func(ch *rag.Charge) { ch.Saved.Output = math.MaxInt64/1024 + 1 },
		"negative unpriced": func(ch *rag.Charge) { ch.Saved.Unpriced = -1 },
	} {
		if err := store.CheckCharges(fine, charge(change)); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReserve(t *testing.T) {
	spent, held := store.Sums{Cost: 10, Tokens: 100}, store.Sums{Cost: 1, Tokens: 20}
	tokens := store.NewStanding(rag.Limit{Tenant: "t", AnyKey: true, From: "2026-02-01", To: "2026-02-28", Most: 130}, spent, held)
	cost := store.NewStanding(rag.Limit{Tenant: "t", AnyKey: true, From: "2026-02-01", To: "2026-02-28", Currency: "EUR", Most: 18}, spent, held)
	other := store.NewStanding(rag.Limit{Tenant: "u", AnyKey: true, From: "2026-02-01", To: "2026-02-28", Most: 0}, spent, held)
	if tokens.Spent != 100 || tokens.Held != 20 || cost.Spent != 10 || cost.Held != 1 {
		t.Fatalf("%+v, %+v", tokens, cost)
	}
	hold := charge(func(ch *rag.Charge) { ch.Currency = "EUR" })
	all := []rag.Standing{tokens, other, cost}
	if err := store.Reserve(all, hold); err != nil || all[0].Held != 28 || all[1].Held != 20 || all[2].Held != 8 {
		t.Fatalf("%+v, %v", all, err)
	}
	// There are 2 tokens left, and nothing of the money.
	before := all[0]
	err := store.Reserve(all, hold)
	var full *rag.Exceeded
	if !errors.Is(err, rag.ErrExhausted) || !errors.As(err, &full) || full.Wanted != 8 || full.Standing.Limit.Most != 130 || all[0].Held != before.Held {
		t.Errorf("%+v, %v", all, err)
	}
	if err := store.Reserve(all[2:], hold); !errors.As(err, &full) || full.Wanted != 7 || full.Standing.Limit.Currency != "EUR" {
		t.Errorf("%v", err)
	}
}

func TestRefund(t *testing.T) {
	held := rag.Consumption{Calls: 1, Unpriced: 2, Input: 3, Cached: 4, Output: 5, Searches: 6, Cost: 7}
	lapsed := store.Lapsed(held)
	if lapsed.Failed != 1 || lapsed.Estimated != 1 || lapsed.Cost != 7 {
		t.Errorf("%+v", lapsed)
	}
	if sum := lapsed.Plus(store.Refund(held)); sum != (rag.Consumption{}) {
		t.Errorf("a charge and its refund are %+v", sum)
	}
}

func TestCheckUsage(t *testing.T) {
	q, by, err := store.CheckUsage(rag.UsageQuery{GroupBy: []string{"model", "day"}})
	if err != nil || q.Tenant != rag.DefaultTenant || q.Until < "2999" || by != (store.Grouping{Day: true, Model: true}) {
		t.Errorf("%+v, %+v, %v", q, by, err)
	}
	q, by, err = store.CheckUsage(rag.UsageQuery{Tenant: "t", Until: "2026-02-28", GroupBy: []string{"key", "operation"}})
	if err != nil || q.Tenant != "t" || q.Until != "2026-02-28" || by != (store.Grouping{Key: true, Operation: true}) {
		t.Errorf("%+v, %+v, %v", q, by, err)
	}
	if _, _, err := store.CheckUsage(rag.UsageQuery{GroupBy: []string{"colour"}}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
