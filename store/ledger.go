package store

import (
	"math"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// maxLedgerText bounds each name that a charge carries, in bytes.
const maxLedgerText = 512

// LapsedFor is how long a lapsed hold waits for its caller to come back.
const LapsedFor = 24 * time.Hour

// CheckCharges refuses, as KindInvalid, what would spoil sums for good: no figure of a
// call is negative or beyond what one call can be.
func CheckCharges(charges ...rag.Charge) error {
	for _, ch := range charges {
		for _, text := range []string{ch.Tenant, ch.Key, ch.Provider, ch.Model, ch.Currency} {
			if len(text) > maxLedgerText {
				return rag.Errorf(rag.KindInvalid, "a name in a charge has %d bytes; at most %d are kept", len(text), maxLedgerText)
			}
		}
		if _, err := time.Parse(time.DateOnly, ch.Day); err != nil || ch.Tenant == "" || ch.Operation == "" {
			return rag.Errorf(rag.KindInvalid, "a charge needs a tenant, a day and an operation; it has %q, %q and %q", ch.Tenant, ch.Day, ch.Operation)
		}
		for _, c := range []rag.Consumption{ch.Spent, ch.Saved} {
			for _, n := range []int64{c.Calls, c.Failed, c.Estimated, c.Unpriced, c.Input, c.Cached, c.Output, c.Searches, int64(c.Cost)} {
				if n < 0 || n > math.MaxInt64/1024 {
					return rag.Errorf(rag.KindInvalid, "a figure of a charge is out of range: %d", n)
				}
			}
		}
	}
	return nil
}

// Sums is what a limit counts: of the ledger, or of holds.
type Sums struct{ Cost, Tokens int64 }

// NewStanding tells how a limit stands by what is spent and held of it.
func NewStanding(l rag.Limit, spent, held Sums) rag.Standing {
	if l.Currency != "" {
		return rag.Standing{Limit: l, Spent: spent.Cost, Held: held.Cost}
	}
	return rag.Standing{Limit: l, Spent: spent.Tokens, Held: held.Tokens}
}

// Reserve adds to standings what a hold would take of them. If one that applies has no
// room for it, standings stay as they are, and the error is KindExhausted with a
// *rag.Exceeded as cause.
func Reserve(standings []rag.Standing, hold rag.Charge) error {
	for i := range standings {
		l := &standings[i]
		if !l.Applies(hold.ChargeKey) {
			continue
		}
		if want := l.Amount(hold.Spent); want > 0 && want > l.Left() {
			return rag.Wrap(rag.KindExhausted, &rag.Exceeded{Standing: *l, Wanted: want}, "")
		}
	}
	for i := range standings {
		if l := &standings[i]; l.Applies(hold.ChargeKey) {
			l.Held += l.Amount(hold.Spent)
		}
	}
	return nil
}

// NoHold says, as KindNotFound, that a hold cannot be settled.
func NoHold(id string) error {
	return rag.Errorf(rag.KindNotFound, "no hold %q: it was settled, or expired long ago", id)
}

// Lapsed marks what a hold set aside as a charge whose figures nobody has reported, of
// a call that was not seen to end well.
func Lapsed(c rag.Consumption) rag.Consumption {
	c.Estimated, c.Failed = c.Calls, c.Calls
	return c
}

// Refund is what takes back the charge of a hold that had lapsed.
func Refund(held rag.Consumption) rag.Consumption {
	c := Lapsed(held)
	return rag.Consumption{
		Calls: -c.Calls, Failed: -c.Failed, Estimated: -c.Estimated, Unpriced: -c.Unpriced,
		Input: -c.Input, Cached: -c.Cached, Output: -c.Output, Searches: -c.Searches, Cost: -c.Cost,
	}
}

// Grouping says which columns the rows of a usage report are made for.
type Grouping struct{ Day, Model, Key, Operation bool }

// CheckUsage returns q with its defaults, and by what it groups. KindInvalid says what
// is wrong with it.
func CheckUsage(q rag.UsageQuery) (rag.UsageQuery, Grouping, error) {
	if err := q.Validate(); err != nil {
		return q, Grouping{}, err
	}
	if q.Tenant == "" {
		q.Tenant = rag.DefaultTenant
	}
	if q.Until == "" {
		q.Until = "9999-12-31"
	}
	by := func(column string) bool { return slices.Contains(q.GroupBy, column) }
	return q, Grouping{by("day"), by("model"), by("key"), by("operation")}, nil
}
