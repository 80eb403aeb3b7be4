//go:build servers

package postgres_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
)

// BenchmarkReserveSettle is what a budget costs a call of a model, in a deployment with 20
// keys in its first month. The server of the tests does not wait for the disk.
func BenchmarkReserveSettle(b *testing.B) {
	s := open(b, postgres.Config{})
	charge := rag.Charge{
		ChargeKey: rag.ChargeKey{Tenant: "t", Key: "k", Day: "2026-03-04", Operation: rag.OpChat, Provider: "p", Model: "m", Currency: "USD"},
		Spent:     rag.Consumption{Calls: 1, Input: 1, Cost: 1},
	}
	var month []rag.Charge
	for key := range 20 {
		for day := range 30 {
			c := charge
			c.Key, c.Day = fmt.Sprint(key), fmt.Sprintf("2026-03-%02d", day+1)
			month = append(month, c)
		}
	}
	if err := s.Charge(b.Context(), month); err != nil {
		b.Fatal(err)
	}
	limits := []rag.Limit{
		{Budget: "day", AnyTenant: true, AnyKey: true, From: "2026-03-04", To: "2026-03-04", Currency: "USD", Most: 1 << 60},
		{Budget: "month", Tenant: "t", AnyKey: true, From: "2026-03-01", To: "2026-03-31", Most: 1 << 60},
	}
	var n atomic.Int64
	call := func() {
		id := fmt.Sprint(n.Add(1))
		if _, err := s.Reserve(b.Context(), rag.Hold{ID: id, Charge: charge, Limits: limits, Expires: time.Now().Add(time.Hour)}); err != nil {
			b.Error(err)
		}
		if err := s.Settle(b.Context(), id, []rag.Charge{charge}); err != nil {
			b.Error(err)
		}
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			call()
		}
	})
	b.Run("many", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				call()
			}
		})
	})
}
