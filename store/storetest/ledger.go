package storetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var ledgerTests = []test{
	{"charges add up", chargesAddUp},
	{"groups", usageGroups},
	{"reserve and settle", reserveAndSettle},
	{"limits tell accounts apart", limitsTellApart},
	{"the last of a budget goes to one", lastOfABudget},
	{"expired holds", expiredHolds},
	{"charges that are none", chargesThatAreNone},
}

const ledgerDay = "2026-03-04"

// spent is a charge of the default tenant.
func spent(key, model string, tokens int64, cost rag.Money) rag.Charge {
	return rag.Charge{
		ChargeKey: rag.ChargeKey{Tenant: rag.DefaultTenant, Key: key, Day: ledgerDay, Operation: rag.OpChat, Provider: "p", Model: model, Currency: "USD"},
		Spent:     rag.Consumption{Calls: 1, Input: tokens, Cost: cost},
	}
}

func usage(t *testing.T, s Store, q rag.UsageQuery) rag.Spending {
	t.Helper()
	got, err := s.Usage(t.Context(), q)
	ok(t, "usage", err)
	return got
}

func chargesAddUp(t *testing.T, s Store) {
	equal(t, "of nothing", fmt.Sprint(usage(t, s, rag.UsageQuery{})), "{[] []}")
	a := rag.Charge{
		ChargeKey: spent("k", "m", 0, 0).ChargeKey,
		Spent:     rag.Consumption{Calls: 1, Failed: 1, Estimated: 1, Unpriced: 1, Input: 10, Cached: 4, Output: 3, Searches: 2, Cost: 123},
		Saved:     rag.Consumption{Calls: 1, Input: 20, Cached: 5, Output: 6, Searches: 1, Cost: 77},
	}
	b := a
	b.Day = "2026-03-05"
	// Two in one call, the same row twice in one call, and one alone.
	ok(t, "charge", s.Charge(t.Context(), []rag.Charge{a, b, a}))
	ok(t, "charge", s.Charge(t.Context(), []rag.Charge{a}))
	ok(t, "charge nothing", s.Charge(t.Context(), nil))
	got := usage(t, s, rag.UsageQuery{})
	equal(t, "rows", len(got.Rows), 1)
	want := a.Spent.Plus(a.Spent).Plus(a.Spent).Plus(a.Spent)
	equal(t, "spent", got.Rows[0].Spent, want)
	equal(t, "saved", got.Rows[0].Saved, a.Saved.Plus(a.Saved).Plus(a.Saved).Plus(a.Saved))
	equal(t, "since", usage(t, s, rag.UsageQuery{Since: "2026-03-05"}).Rows[0].Spent, a.Spent)
	equal(t, "until", usage(t, s, rag.UsageQuery{Until: "2026-03-04"}).Rows[0].Spent.Calls, 3)
	equal(t, "another tenant", len(usage(t, s, rag.UsageQuery{Tenant: "other"}).Rows), 0)
}

func usageGroups(t *testing.T, s Store) {
	day := func(c rag.Charge, day string) rag.Charge { c.Day = day; return c }
	other := spent("k1", "m1", 1000, 1)
	other.Tenant = "other"
	euro := spent("k1", "m1", 5, 50)
	euro.Currency = "EUR"
	embed := spent("k2", "e", 7, 70)
	embed.Operation = rag.OpEmbedPassages
	ok(t, "charge", s.Charge(t.Context(), []rag.Charge{
		spent("k1", "m1", 1, 10), day(spent("k1", "m1", 2, 20), "2026-03-05"), spent("k2", "m2", 3, 30), euro, embed, other,
	}))
	for by, want := range map[string]string{
		"":                   "EUR 5, USD 13",
		"day":                "2026-03-04 EUR 5, 2026-03-04 USD 11, 2026-03-05 USD 2",
		"key":                "k1 EUR 5, k1 USD 3, k2 USD 10",
		"model":              "e p USD 7, m1 p EUR 5, m1 p USD 3, m2 p USD 3",
		"operation":          "chat EUR 5, chat USD 6, embed_passages USD 7",
		"key,operation,day":  "2026-03-04 k1 chat EUR 5, 2026-03-04 k1 chat USD 1, 2026-03-04 k2 chat USD 3, 2026-03-04 k2 embed_passages USD 7, 2026-03-05 k1 chat USD 2",
		"day,day,key,key,hm": "invalid",
	} {
		var groups []string
		if by != "" {
			groups = strings.Split(by, ",")
		}
		res, err := s.Usage(t.Context(), rag.UsageQuery{GroupBy: groups})
		var rows []string
		for _, r := range res.Rows {
			rows = append(rows, strings.Join(strings.Fields(fmt.Sprintln(r.Day, r.Model, r.Provider, r.Key, r.Operation, r.Currency, r.Spent.Input)), " "))
		}
		got := strings.Join(rows, ", ")
		if rag.KindOf(err) == rag.KindInvalid {
			got = "invalid"
		}
		equal(t, by, got, want)
	}
	one := usage(t, s, rag.UsageQuery{Key: "k2", OneKey: true})
	equal(t, "one key", one.Rows[0].Spent.Input, 10)
	_, err := s.Usage(t.Context(), rag.UsageQuery{Since: "yesterday"})
	wantKind(t, "a day that is none", err, rag.KindInvalid)
}

// holdOf sets aside a charge for an hour.
func holdOf(id string, c rag.Charge, limits ...rag.Limit) rag.Hold {
	return rag.Hold{ID: id, Charge: c, Limits: limits, Expires: time.Now().Add(time.Hour)}
}

func everyone(budget, currency string, most int64) rag.Limit {
	return rag.Limit{Budget: budget, AnyTenant: true, AnyKey: true, From: ledgerDay, To: ledgerDay, Currency: currency, Most: most}
}

func reserveAndSettle(t *testing.T, s Store) {
	limits := []rag.Limit{everyone("money", "USD", 100), everyone("tokens", "", 1000)}
	st, err := s.Reserve(t.Context(), holdOf("1", spent("k", "m", 600, 60), limits...))
	ok(t, "reserve", err)
	equal(t, "standings", fmt.Sprint(st[0].Spent, st[0].Held, st[1].Spent, st[1].Held), "0 60 0 600")

	st, err = s.Reserve(t.Context(), holdOf("2", spent("k", "m", 1, 41), limits...))
	wantKind(t, "more money than is left", err, rag.KindExhausted)
	if over, is := errors.AsType[*rag.Exceeded](err); !is || over.Standing.Budget != "money" || over.Wanted != 41 || over.RetryAt().Format(time.DateOnly) != "2026-03-05" {
		t.Errorf("cause %+v", over)
	}
	equal(t, "standings", fmt.Sprint(st[0].Held, st[1].Held), "60 600")
	_, err = s.Reserve(t.Context(), holdOf("2", spent("k", "m", 401, 1), limits...))
	if over, is := errors.AsType[*rag.Exceeded](err); !is || over.Standing.Budget != "tokens" {
		t.Errorf("more tokens than are left: %v", err)
	}
	_, err = s.Reserve(t.Context(), holdOf("2", spent("k", "m", 400, 40), limits...))
	ok(t, "exactly what is left", err)
	equal(t, "open", usage(t, s, rag.UsageQuery{}).Open[0].Spent, rag.Consumption{Calls: 2, Input: 1000, Cost: 100})

	ok(t, "settle", s.Settle(t.Context(), "1", []rag.Charge{spent("k", "m", 10, 1)}))
	wantKind(t, "settle again", s.Settle(t.Context(), "1", []rag.Charge{spent("k", "m", 10, 1)}), rag.KindNotFound)
	ok(t, "settle for nothing", s.Settle(t.Context(), "2", nil))
	got := usage(t, s, rag.UsageQuery{})
	equal(t, "charged once", got.Rows[0].Spent, rag.Consumption{Calls: 1, Input: 10, Cost: 1})
	equal(t, "open", len(got.Open), 0)
	st, err = s.Standings(t.Context(), limits)
	ok(t, "standings", err)
	equal(t, "standings", fmt.Sprint(st[0].Spent, st[0].Held, st[1].Spent, st[1].Held, st[0].Left()), "1 0 10 0 99")
}

func limitsTellApart(t *testing.T, s Store) {
	c := spent("k1", "m", 10, 10)
	ok(t, "charge", s.Charge(t.Context(), []rag.Charge{c}))
	base := everyone("b", "USD", 15)
	for name, tt := range map[string]struct {
		change func(*rag.Limit)
		fits   bool
	}{
		"everyone":          {func(*rag.Limit) {}, false},
		"this tenant":       {func(l *rag.Limit) { l.AnyTenant, l.Tenant = false, rag.DefaultTenant }, false},
		"another tenant":    {func(l *rag.Limit) { l.AnyTenant, l.Tenant = false, "other" }, true},
		"this key":          {func(l *rag.Limit) { l.AnyKey, l.Key = false, "k1" }, false},
		"another key":       {func(l *rag.Limit) { l.AnyKey, l.Key = false, "k2" }, true},
		"no key":            {func(l *rag.Limit) { l.AnyKey, l.Key = false, "" }, true},
		"another day":       {func(l *rag.Limit) { l.From, l.To = "2026-03-05", "2026-03-05" }, true},
		"the month":         {func(l *rag.Limit) { l.From, l.To = "2026-03-01", "2026-03-31" }, false},
		"another currency":  {func(l *rag.Limit) { l.Currency = "EUR" }, true},
		"tokens":            {func(l *rag.Limit) { l.Currency = "" }, false},
		"this operation":    {func(l *rag.Limit) { l.Operations = []rag.Operation{rag.OpRerank, rag.OpChat} }, false},
		"another operation": {func(l *rag.Limit) { l.Operations = []rag.Operation{rag.OpRerank} }, true},
	} {
		l := base
		tt.change(&l)
		_, err := s.Reserve(t.Context(), holdOf(name, c, l))
		if tt.fits != (err == nil) || err != nil && rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			ok(t, "give back", s.Settle(t.Context(), name, nil))
		}
	}
	free := spent("k1", "m", 0, 0)
	_, err := s.Reserve(t.Context(), holdOf("free", free, everyone("b", "USD", 10)))
	ok(t, "what costs nothing needs nothing left", err)
}

func lastOfABudget(t *testing.T, s Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for i := range 16 {
		wg.Go(func() {
			_, err := s.Reserve(t.Context(), holdOf(fmt.Sprint(i), spent("k", "m", 1, 30), everyone("b", "USD", 100)))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				got++
			case rag.KindOf(err) != rag.KindExhausted:
				t.Errorf("reserve: %v", err)
			}
		})
	}
	wg.Wait()
	equal(t, "calls that were let through", got, 3)
}

func expiredHolds(t *testing.T, s Store) {
	l := everyone("b", "USD", 100)
	for i, expires := range []time.Time{time.Now().Add(-time.Second), time.Now().Add(-time.Minute), time.Now().Add(time.Hour)} {
		h := holdOf(fmt.Sprint(i), spent("k", "m", 5, 10), l)
		h.Expires = expires
		_, err := s.Reserve(t.Context(), h)
		ok(t, "reserve", err)
	}
	got := usage(t, s, rag.UsageQuery{})
	equal(t, "charged in full", got.Rows[0].Spent, rag.Consumption{Calls: 2, Failed: 2, Estimated: 2, Input: 10, Cost: 20})
	equal(t, "open", got.Open[0].Spent.Cost, 10)
	n, err := s.Lapse(t.Context())
	ok(t, "lapse again", err)
	equal(t, "lapsed again", n, 0)

	ok(t, "who comes back late", s.Settle(t.Context(), "0", []rag.Charge{spent("k", "m", 2, 3)}))
	got = usage(t, s, rag.UsageQuery{})
	equal(t, "is charged what it took", got.Rows[0].Spent, rag.Consumption{Calls: 2, Failed: 1, Estimated: 1, Input: 7, Cost: 13})
	st, err := s.Standings(t.Context(), []rag.Limit{l})
	ok(t, "standings", err)
	equal(t, "standing", fmt.Sprint(st[0].Spent, st[0].Held), "13 10")
}

func chargesThatAreNone(t *testing.T, s Store) {
	for name, change := range map[string]func(*rag.Charge){
		"negative":     func(c *rag.Charge) { c.Spent.Cost = -1 },
		"huge":         func(c *rag.Charge) { c.Saved.Input = math.MaxInt64 },
		"no day":       func(c *rag.Charge) { c.Day = "today" },
		"no tenant":    func(c *rag.Charge) { c.Tenant = "" },
		"no operation": func(c *rag.Charge) { c.Operation = "" },
		"long name":    func(c *rag.Charge) { c.Model = strings.Repeat("m", 4096) },
	} {
		c := spent("k", "m", 1, 1)
		change(&c)
		wantKind(t, name, s.Charge(t.Context(), []rag.Charge{spent("k", "m", 1, 1), c}), rag.KindInvalid)
		_, err := s.Reserve(t.Context(), holdOf("x", c))
		wantKind(t, name+", reserved", err, rag.KindInvalid)
		wantKind(t, name+", settled", s.Settle(t.Context(), "x", []rag.Charge{c}), rag.KindInvalid)
	}
	equal(t, "nothing was charged", len(usage(t, s, rag.UsageQuery{}).Rows), 0)
}
