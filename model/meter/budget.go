package meter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Each, as the tenant or key of a Budget, gives every one of them the budget by
// itself.
const Each = "*"

// Budget bounds what a tenant or a key may spend.
type Budget struct {
	Name       string
	Tenant     string          // a tenant; Each; "" is all together
	Key        string          // name of an API key; Each; "" is all together
	Operations []rag.Operation // that count; empty: all
	Month      bool            // per calendar month instead of day, both in UTC
	Money      rag.Money       // 0: not bounded
	Currency   string          // of Money
	Tokens     int64           // read and written together; 0: not bounded

	WarnAt       float64 // share of the budget, from which answers carry a warning; 0 is .8
	CheaperAt    float64 // share from which CheaperModel writes the answers; 0 is .9
	CheaperModel string  // "" goes on with the same model to the end
}

// Validate reports what is wrong, as KindInvalid.
func (b *Budget) Validate() error {
	fault := func(format string, args ...any) error {
		return rag.Errorf(rag.KindInvalid, "budget %q: %s", b.Name, fmt.Sprintf(format, args...))
	}
	share := func(f float64) bool { return f >= 0 && f <= 1 }
	switch {
	case b.Name == "":
		return rag.Errorf(rag.KindInvalid, "a budget has no name")
	case b.Money < 0 || b.Tokens < 0:
		return fault("a limit is negative")
	case b.Money == 0 && b.Tokens == 0:
		return fault("bounds neither money nor tokens")
	case b.Money > 0 && b.Currency == "":
		return fault("money needs a currency")
	case !share(b.WarnAt) || !share(b.CheaperAt):
		return fault("warn_at and cheaper_at are shares from 0 to 1")
	}
	for _, op := range b.Operations {
		if !slices.Contains(rag.Operations(), op) {
			return fault("operation %q is not known", op)
		}
	}
	return nil
}

// bound is one limit of a budget as it concerns an account at a time.
type bound struct {
	budget *Budget
	limit  rag.Limit
}

// bounds lists the limits that a charge counts towards.
func (m *Meter) bounds(k rag.ChargeKey) []bound {
	var out []bound
	for i := range m.cfg.Budgets {
		b := &m.cfg.Budgets[i]
		l := rag.Limit{
			Budget: b.Name, AnyTenant: b.Tenant == "", Tenant: b.Tenant, AnyKey: b.Key == "", Key: b.Key, Operations: b.Operations,
			From: k.Day, To: k.Day,
		}
		if b.Tenant == Each {
			l.Tenant = k.Tenant
		}
		if b.Key == Each {
			l.Key = k.Key
		}
		if b.Month {
			l.From, l.To = month(k.Day)
		}
		for _, kind := range []struct {
			currency string
			most     int64
		}{{b.Currency, int64(b.Money)}, {"", b.Tokens}} {
			if l.Currency, l.Most = kind.currency, kind.most; l.Most > 0 && l.Applies(k) {
				out = append(out, bound{b, l})
			}
		}
	}
	return out
}

// month returns the first and the last day of a day's month.
func month(day string) (from, to string) {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day, day
	}
	first := t.AddDate(0, 0, 1-t.Day())
	return first.Format(time.DateOnly), first.AddDate(0, 1, -1).Format(time.DateOnly)
}

// share is how much of a limit is taken, by what runs too.
func share(s *rag.Standing) float64 {
	if s.Most <= 0 {
		return 1
	}
	return (float64(s.Spent) + float64(s.Held)) / float64(s.Most)
}

func or(f, standard float64) float64 {
	if f == 0 {
		return standard
	}
	return f
}

// maxTold bounds the warnings that are remembered as said.
const maxTold = 10_000

// warn tells who asks that a budget is nearly used up, and the log once for each
// day or month.
func (m *Meter) warn(ctx context.Context, b *Budget, s *rag.Standing) {
	if share(s) < or(b.WarnAt, .8) {
		return
	}
	amount := func(n int64) string { return rag.Money(n).String() + " " + s.Currency }
	if s.Currency == "" {
		amount = func(n int64) string { return fmt.Sprint(n, " tokens") }
	}
	text := fmt.Sprintf("budget %q: %.0f %% of %s are taken; it begins anew at %s", b.Name, 100*share(s), amount(s.Most), s.Resets().Format(time.RFC3339))
	BillOf(ctx).warn(text)
	at := fmt.Sprint(b.Name, " ", s.Tenant, " ", s.Key, " ", s.Currency, " ", s.To)
	m.mu.Lock()
	if len(m.told) > maxTold {
		clear(m.told)
	}
	said := m.told[at]
	m.told[at] = true
	m.mu.Unlock()
	if !said {
		a := rag.AccountOf(ctx)
		m.cfg.Logger.Warn("a budget is nearly used up", "budget", b.Name, "tenant", a.Tenant, "key", a.Key, "share", share(s), "resets", s.Resets())
	}
}

// refused counts a call that a budget had no room for.
func (m *Meter) refused(ctx context.Context, over *rag.Exceeded) {
	BillOf(ctx).warn(over.Error()) // a search may go on without what was refused
	a := rag.AccountOf(ctx)
	m.cfg.Observe.BudgetRefused(over.Standing.Budget)
	m.cfg.Logger.Warn("a budget is used up", "budget", over.Standing.Budget, "tenant", a.Tenant, "key", a.Key, "resets", over.RetryAt())
}

// Cheaper returns the model that is to write the answer instead of t, since a
// budget nears its end, and why; "" where none is to. It asks the ledger only
// where a budget names such a model.
func (m *Meter) Cheaper(ctx context.Context, t *Target) (model, why string, err error) {
	if m == nil || !slices.ContainsFunc(m.cfg.Budgets, func(b Budget) bool { return b.CheaperModel != "" }) {
		return "", "", nil
	}
	var near []bound
	var limits []rag.Limit
	for _, b := range m.bounds(m.charge(ctx, t, rag.ChatOperation(ctx), rag.Consumption{}).ChargeKey) {
		if b.budget.CheaperModel != "" {
			near, limits = append(near, b), append(limits, b.limit)
		}
	}
	m.mu.Lock()
	ledger := m.ledger
	m.mu.Unlock()
	if ledger == nil || len(limits) == 0 {
		return "", "", nil
	}
	standings, err := ledger.Standings(ctx, limits)
	if err != nil {
		return "", "", rag.Wrap(rag.KindOf(err), err, "ledger")
	}
	for i := range standings {
		if b := near[i].budget; share(&standings[i]) >= or(b.CheaperAt, .9) {
			return b.CheaperModel, fmt.Sprintf("budget %q: %.0f %% are taken", b.Name, 100*share(&standings[i])), nil
		}
	}
	return "", "", nil
}

// CheaperThan returns the model that may still fit where a call had no room, by
// the error of Begin; "" where there is none.
func (m *Meter) CheaperThan(err error) (model, why string) {
	over, is := errors.AsType[*rag.Exceeded](err)
	if m == nil || !is {
		return "", ""
	}
	for i := range m.cfg.Budgets {
		if b := &m.cfg.Budgets[i]; b.Name == over.Standing.Budget && b.CheaperModel != "" {
			return b.CheaperModel, fmt.Sprintf("budget %q has no room for the usual model", b.Name)
		}
	}
	return "", ""
}
