package meter

import (
	"context"
	"slices"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// Bill gathers what the calls of one request came to. It is goroutine-safe; a nil
// Bill gathers nothing.
type Bill struct {
	above *Bill

	mu       sync.Mutex
	charges  []rag.Charge // one for each ChargeKey
	warnings []string
	swaps    []string
}

type billKey struct{}

// Track returns a context whose calls are gathered in the Bill, and in the one that
// ctx carried before.
func Track(ctx context.Context) (context.Context, *Bill) {
	b := &Bill{above: BillOf(ctx)}
	return context.WithValue(ctx, billKey{}, b), b
}

// BillOf returns the bill that ctx carries, nil if none.
func BillOf(ctx context.Context) *Bill {
	b, _ := ctx.Value(billKey{}).(*Bill)
	return b
}

func (b *Bill) add(c rag.Charge) {
	for ; b != nil; b = b.above {
		b.mu.Lock()
		if at := slices.IndexFunc(b.charges, func(d rag.Charge) bool { return d.ChargeKey == c.ChargeKey }); at < 0 {
			b.charges = append(b.charges, c)
		} else {
			b.charges[at].Spent = b.charges[at].Spent.Plus(c.Spent)
		}
		b.mu.Unlock()
	}
}

func (b *Bill) warn(text string) {
	for ; b != nil; b = b.above {
		b.mu.Lock()
		if !slices.Contains(b.warnings, text) {
			b.warnings = append(b.warnings, text)
		}
		b.mu.Unlock()
	}
}

// Swap notes that another model than the usual one was called, and why.
func (b *Bill) Swap(why string) {
	for ; b != nil; b = b.above {
		b.mu.Lock()
		b.swaps = append(b.swaps, why)
		b.mu.Unlock()
	}
}

// Charges returns what was charged so far.
func (b *Bill) Charges() []rag.Charge {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.charges)
}

// Warnings returns what is to be said about budgets.
func (b *Bill) Warnings() []string {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.warnings)
}

// Swaps returns why other models than the usual ones were called.
func (b *Bill) Swaps() []string {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.swaps)
}

// Sum returns the tokens and the money of one operation, or of all for "". Money of
// several currencies is not added: it is that of the currency that was charged
// last, as chat comes after embedding.
func (b *Bill) Sum(op rag.Operation) (c rag.Consumption, currency string) {
	charges := b.Charges()
	for _, ch := range charges {
		if ch.Currency != "" && (op == "" || ch.Operation == op) {
			currency = ch.Currency
		}
	}
	for _, ch := range charges {
		if op != "" && ch.Operation != op {
			continue
		}
		if ch.Currency != currency {
			ch.Spent.Cost = 0
		}
		c = c.Plus(ch.Spent)
	}
	return c, currency
}
