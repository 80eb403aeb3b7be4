package sqlite_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// BenchmarkPaidCall is what the ledger adds to a call that is paid for: a hold and
// its settlement, each synced to the disk, with two budgets.
func BenchmarkPaidCall(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: b.TempDir() + "/store.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	charge := rag.Charge{
		ChargeKey: rag.ChargeKey{Tenant: "t", Key: "k", Day: "2026-03-04", Operation: rag.OpChat, Provider: "p", Model: "m", Currency: "USD"},
		Spent:     rag.Consumption{Calls: 1, Input: 1, Cost: 1},
	}
	// A month of a deployment with 20 keys.
	for key := range 20 {
		for day := range 30 {
			c := charge
			c.Key, c.Day = fmt.Sprint(key), fmt.Sprintf("2026-03-%02d", day+1)
			if err := s.Charge(b.Context(), []rag.Charge{c}); err != nil {
				b.Fatal(err)
			}
		}
	}
	day := rag.Limit{Budget: "day", AnyTenant: true, AnyKey: true, From: "2026-03-04", To: "2026-03-04", Currency: "USD", Most: 1 << 60}
	month := rag.Limit{Budget: "month", Tenant: "t", AnyKey: true, From: "2026-03-01", To: "2026-03-31", Most: 1 << 60}
	i := 0
	for b.Loop() {
		i++
		id := fmt.Sprint(i)
		if _, err := s.Reserve(b.Context(), rag.Hold{ID: id, Charge: charge, Limits: []rag.Limit{day, month}, Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
		if err := s.Settle(b.Context(), id, []rag.Charge{charge}); err != nil {
			b.Fatal(err)
		}
	}
}
