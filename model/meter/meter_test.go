package meter

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/rag"
)

// ledger is a Ledger in memory that can be told to fail.
type ledger struct {
	mu      sync.Mutex
	charges []rag.Charge
	holds   map[string]rag.Hold
	writes  int
	fail    error
}

func (l *ledger) enter() (func(), error) {
	l.mu.Lock()
	if l.fail != nil {
		defer l.mu.Unlock()
		return nil, l.fail
	}
	l.writes++
	return l.mu.Unlock, nil
}

func (l *ledger) Charge(_ context.Context, charges []rag.Charge) error {
	leave, err := l.enter()
	if err != nil {
		return err
	}
	defer leave()
	l.charges = append(l.charges, charges...)
	return nil
}

func (l *ledger) Standings(_ context.Context, limits []rag.Limit) ([]rag.Standing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.standings(limits), l.fail
}

func (l *ledger) standings(limits []rag.Limit) []rag.Standing {
	out := make([]rag.Standing, len(limits))
	for i, limit := range limits {
		out[i].Limit = limit
		for _, c := range l.charges {
			if limit.Applies(c.ChargeKey) {
				out[i].Spent += limit.Amount(c.Spent)
			}
		}
		for _, h := range l.holds {
			if limit.Applies(h.Charge.ChargeKey) {
				out[i].Held += limit.Amount(h.Charge.Spent)
			}
		}
	}
	return out
}

func (l *ledger) Reserve(_ context.Context, h rag.Hold) ([]rag.Standing, error) {
	leave, err := l.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	st := l.standings(h.Limits)
	for _, s := range st {
		if want := s.Amount(h.Charge.Spent); want > s.Left() {
			return st, rag.Wrap(rag.KindExhausted, &rag.Exceeded{Standing: s, Wanted: want}, "")
		}
	}
	if l.holds == nil {
		l.holds = map[string]rag.Hold{}
	}
	l.holds[h.ID] = h
	return l.standings(h.Limits), nil
}

func (l *ledger) Settle(_ context.Context, id string, charges []rag.Charge) error {
	leave, err := l.enter()
	if err != nil {
		return err
	}
	defer leave()
	if _, there := l.holds[id]; !there {
		return rag.ErrNotFound
	}
	delete(l.holds, id)
	l.charges = append(l.charges, charges...)
	return nil
}

func (l *ledger) sum() (c rag.Consumption) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range l.charges {
		c = c.Plus(ch.Spent)
	}
	return c
}

func (l *ledger) wrote() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

var (
	free = &Target{Provider: "local", Model: "m", Price: price.Price{Embedding: 0, Input: 0, Output: 0, Currency: "USD"}}
	dear = &Target{Provider: "p", Model: "m", Price: price.Price{Embedding: 1_000_000, Input: 1_000_000, CachedInput: price.Unset, Output: 2_000_000, Currency: "USD"}}
)

func open(t *testing.T, l Ledger, cfg Config) *Meter {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.Open(l)
	t.Cleanup(func() { _ = m.Close() }) // what fails is looked at by the tests themselves
	return m
}

// call makes a call that takes what it was expected to.
func call(ctx context.Context, m *Meter, t *Target, c rag.Consumption) error {
	running, err := m.Begin(ctx, t, rag.OpChat, c)
	if err == nil {
		running.End(c, false)
	}
	return err
}

func TestWhatIsWrittenWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{}
		m := open(t, l, Config{})
		for range 100 {
			if err := call(t.Context(), m, free, rag.Consumption{Input: 10}); err != nil {
				t.Fatal(err)
			}
		}
		if l.wrote() != 0 {
			t.Errorf("%d writes for calls that cost nothing", l.wrote())
		}
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if got := l.sum(); l.wrote() != 1 || got.Calls != 100 || got.Input != 1000 {
			t.Errorf("after a second: %d writes, %+v", l.wrote(), got)
		}
		if err := call(t.Context(), m, dear, rag.Consumption{Input: 3, Output: 1}); err != nil {
			t.Fatal(err)
		}
		if got := l.sum(); l.wrote() != 3 || got.Cost != 5000 {
			t.Errorf("a call that is paid for: %d writes, %+v", l.wrote(), got)
		}
		_ = call(t.Context(), m, free, rag.Consumption{Input: 10})
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got := l.sum(); got.Calls != 102 {
			t.Errorf("after a clean stop: %+v", got)
		}
	})
}

func TestCallsBeforeTheLedger(t *testing.T) {
	m, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = call(t.Context(), m, dear, rag.Consumption{Input: 1})
	l := &ledger{}
	m.Open(l)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got := l.sum(); got.Calls != 1 || got.Cost != 1000 {
		t.Errorf("%+v", got)
	}
}

// A ledger that cannot be written to loses nothing, and lets nothing pass that has
// to be held to it.
func TestLedgerThatFails(t *testing.T) {
	l := &ledger{}
	m := open(t, l, Config{Every: time.Hour})
	running, err := m.Begin(t.Context(), dear, rag.OpChat, rag.Consumption{Input: 10})
	if err != nil {
		t.Fatal(err)
	}
	down := rag.Errorf(rag.KindUnavailable, "down")
	l.mu.Lock()
	l.fail = down
	l.mu.Unlock()
	running.End(rag.Consumption{Input: 7}, false)
	if err := call(t.Context(), m, dear, rag.Consumption{Input: 1}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a call without a ledger: %v", err)
	}
	_ = call(t.Context(), m, free, rag.Consumption{Input: 5})
	if err := m.Flush(t.Context()); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("flush: %v", err)
	}
	l.mu.Lock()
	l.fail = nil
	l.mu.Unlock()
	for range 2 {
		if err := m.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.sum(); got.Calls != 2 || got.Input != 12 || len(l.holds) != 0 {
		t.Errorf("%+v, %d holds", got, len(l.holds))
	}
}

func TestWhatACallTook(t *testing.T) {
	l := &ledger{}
	m := open(t, l, Config{})
	ctx, bill := Track(rag.WithAccount(t.Context(), rag.Account{Tenant: "t", Key: "k"}))
	inner, part := Track(ctx)
	end := func(ctx context.Context, took rag.Consumption, failed bool) {
		t.Helper()
		running, err := m.Begin(ctx, dear, rag.OpChat, rag.Consumption{Input: 100, Output: 100})
		if err != nil {
			t.Fatal(err)
		}
		running.End(took, failed)
	}
	end(ctx, rag.Consumption{}, true)                          // not reached: not on the bill
	end(ctx, rag.Consumption{Input: 5, Estimated: 1}, true)    // failed, and on it
	end(inner, rag.Consumption{Input: 1000, Output: 1}, false) // more than was expected
	if got, currency := bill.Sum(""); got != (rag.Consumption{Calls: 2, Failed: 1, Estimated: 1, Input: 1005, Output: 1, Cost: 1_007_000}) || currency != "USD" {
		t.Errorf("bill %+v %s", got, currency)
	}
	if got, _ := part.Sum(rag.OpChat); got.Calls != 1 {
		t.Errorf("part %+v", got)
	}
	if got, _ := bill.Sum(rag.OpRerank); got.Calls != 0 {
		t.Errorf("of another operation %+v", got)
	}
	for _, c := range l.charges {
		if c.Tenant != "t" || c.Key != "k" || c.Provider != "p" || c.Currency != "USD" {
			t.Errorf("charge %+v", c)
		}
	}
	// What was spared counts for who is spared it.
	m.Saved(rag.WithAccount(t.Context(), rag.Account{Tenant: "u"}), bill.Charges())
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := l.charges[len(l.charges)-1]
	if last.Tenant != "u" || last.Key != "" || last.Spent != (rag.Consumption{}) || last.Saved.Cost != 1_007_000 || last.Saved.Failed != 0 {
		t.Errorf("saved %+v", last)
	}
	unknown := &Target{Provider: "p", Model: "new", Price: price.Unknown("p", "new")}
	_ = call(ctx, m, unknown, rag.Consumption{Input: 9})
	if got, _ := bill.Sum(""); got.Unpriced != 1 || got.Cost != 1_007_000 {
		t.Errorf("a model without a price: %+v", got)
	}
}

func TestNilMeter(t *testing.T) {
	var m *Meter
	m.Open(nil)
	if err := call(t.Context(), m, dear, rag.Consumption{Input: 1}); err != nil {
		t.Error(err)
	}
	m.Saved(t.Context(), []rag.Charge{{}})
	if name, _, err := m.Cheaper(t.Context(), dear); name != "" || err != nil {
		t.Error(name, err)
	}
	if err := errors.Join(m.Flush(t.Context()), m.Close()); err != nil {
		t.Error(err)
	}
	if got, _ := BillOf(t.Context()).Sum(""); got.Calls != 0 || BillOf(t.Context()).Warnings() != nil {
		t.Error("a bill that nobody keeps holds something")
	}
}

func TestBounds(t *testing.T) {
	m, err := New(Config{Budgets: []Budget{
		{Name: "all", Money: 5, Currency: "USD", Tokens: 7},
		{Name: "each tenant", Tenant: Each, Tokens: 1, Month: true},
		{Name: "north", Tenant: "north", Tokens: 1},
		{Name: "anna", Key: "anna", Tokens: 1},
		{Name: "each key", Tenant: "north", Key: Each, Tokens: 1, Operations: []rag.Operation{rag.OpChat}},
		{Name: "euro", Money: 5, Currency: "EUR"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tenant, key string
		op          rag.Operation
		want        string
	}{
		{"north", "anna", rag.OpChat, "all/USD all each tenant(north,*,2026-02-01..2026-02-28) north anna each key(north,anna,2026-02-11..2026-02-11)"},
		{"south", "", rag.OpChat, "all/USD all each tenant(south,*,2026-02-01..2026-02-28)"},
		{"north", "", rag.OpRerank, "all/USD all each tenant(north,*,2026-02-01..2026-02-28) north"},
	} {
		var got []string
		for _, b := range m.bounds(rag.ChargeKey{Tenant: tt.tenant, Key: tt.key, Operation: tt.op, Day: "2026-02-11", Currency: "USD"}) {
			text := b.limit.Budget
			if b.limit.Currency != "" {
				text += "/" + b.limit.Currency
			}
			if strings.HasPrefix(text, "each") {
				key := "*"
				if !b.limit.AnyKey {
					key = b.limit.Key
				}
				text += "(" + b.limit.Tenant + "," + key + "," + b.limit.From + ".." + b.limit.To + ")"
			}
			got = append(got, text)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt, s, tt.want)
		}
	}
	for _, b := range []Budget{{}, {Name: "n"}, {Name: "n", Money: 1}, {Name: "n", Tokens: -1}, {Name: "n", Tokens: 1, WarnAt: 2}, {Name: "n", Tokens: 1, Operations: []rag.Operation{"x"}}} {
		if _, err := New(Config{Budgets: []Budget{b}}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%+v: %v", b, err)
		}
	}
}

// TestWarnings says once in the log, and with every call, that a budget ends.
func TestWarnings(t *testing.T) {
	l := &ledger{}
	m := open(t, l, Config{Budgets: []Budget{{Name: "b", Tokens: 100}}})
	for i, want := range []int{0, 0, 1, 1} { // 30, 60, 90 and 99 of 100 tokens
		ctx, bill := Track(t.Context())
		if err := call(ctx, m, free, rag.Consumption{Input: []int64{30, 30, 30, 9}[i]}); err != nil {
			t.Fatal(err)
		}
		if got := bill.Warnings(); len(got) != want || want > 0 && !strings.Contains(got[0], `budget "b"`) {
			t.Errorf("call %d: warnings %q", i, got)
		}
	}
	if len(m.told) != 1 {
		t.Errorf("the log was told %d times", len(m.told))
	}
	err := call(t.Context(), m, free, rag.Consumption{Input: 2})
	if over, is := errors.AsType[*rag.Exceeded](err); !is || over.Standing.Spent != 99 {
		t.Errorf("%v", err)
	}
	if err := call(t.Context(), m, free, rag.Consumption{Input: 1}); err != nil {
		t.Errorf("the last token: %v", err)
	}
}
