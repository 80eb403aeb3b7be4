//go:build servers

package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// bounced goes through PgBouncer, which gives every transaction another connection to the
// server. What needs a session goes to the server itself, or, without direct, does not
// take place.
func bounced(t testing.TB, direct bool) postgres.Config {
	cfg := postgres.Config{URL: need(t, "PG_BOUNCER_URL"), PgBouncer: true}
	if direct {
		cfg.DirectURL = need(t, "PG_URL")
	}
	return cfg
}

func TestStoreThroughPgBouncer(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Parallel() // they wait for the server more than for this processor
		return open(t, bounced(t, true))
	})
}

func TestStoreThroughPgBouncerAlone(t *testing.T) {
	s := open(t, bounced(t, false))
	before, err := s.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.")}); err != nil {
		t.Fatal(err)
	}
	if after, err := s.DataVersion(t.Context()); err != nil || after == before {
		t.Errorf("data version %d, then %d: %v", before, after, err)
	}
	storetest.Sound(t, s)
}

// 400 transactions at once over the few connections that PgBouncer has to the server: each
// is of another tenant, which sees what is its own and no more.
func TestManyTransactionsThroughPgBouncer(t *testing.T) {
	cfg := bounced(t, true)
	cfg.MaxConns, cfg.AcquireTimeout = 100, time.Minute
	s := open(t, cfg)
	const tenants = 400
	var wg sync.WaitGroup
	for i := range tenants {
		wg.Go(func() {
			tenant := fmt.Sprint("tenant ", i)
			if _, err := s.CreateCollection(t.Context(), storetest.Spec(tenant, "c")); err != nil {
				t.Errorf("%s: %v", tenant, err)
				return
			}
			charge := rag.Charge{ChargeKey: rag.ChargeKey{Tenant: tenant, Day: "2026-03-04", Operation: rag.OpChat}, Spent: rag.Consumption{Calls: 1, Input: int64(i)}}
			if err := s.Charge(t.Context(), []rag.Charge{charge}); err != nil {
				t.Errorf("%s: %v", tenant, err)
			}
			page, err := s.Collections(t.Context(), tenant, rag.ListOptions{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Tenant != tenant {
				t.Errorf("%s has %+v, %v", tenant, page.Items, err)
			}
			used, err := s.Usage(t.Context(), rag.UsageQuery{Tenant: tenant})
			if err != nil || len(used.Rows) != 1 || used.Rows[0].Spent.Input != int64(i) {
				t.Errorf("%s used %+v, %v", tenant, used, err)
			}
		})
	}
	wg.Wait()
}
