//go:build servers

package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// said is what a writer was told.
type said struct {
	mu      sync.Mutex
	stored  map[string]string // external id to text
	charged int64
	unknown int64 // charges of which nobody knows
	failed  []error
}

// TestServerKilled kills the server with SIGKILL in the middle of writing, several times.
// What was acknowledged is there afterwards, once, and stores that were open all the time,
// directly and through PgBouncer, go on by themselves.
func TestServerKilled(t *testing.T) {
	direct := open(t, postgres.Config{})
	cfg := bounced(t, true)
	cfg.Schema = direct.Schema()
	pooled := open(t, cfg)
	c, err := direct.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	var told [2]said
	var acknowledged [2]atomic.Int64
	var stop atomic.Bool
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop.Store(true)
	for w := range 8 {
		s, n := []*postgres.Store{direct, pooled}[w%2], w%2
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if told[n].write(t, s, c, fmt.Sprintf("d%d-%d", w, i)) {
					acknowledged[n].Add(1)
				}
			}
		})
	}
	progress := func(what string) {
		was := [2]int64{acknowledged[0].Load(), acknowledged[1].Load()}
		eventually(t, what, func() bool { return acknowledged[0].Load() > was[0]+5 && acknowledged[1].Load() > was[1]+5 })
	}
	server := primary(t)
	for range 3 {
		progress("both stores write")
		server.kill(t)
		server.start(t)
	}
	progress("both stores write after the last start")
	stop.Store(true)
	writers.Wait()

	var charged, unknown int64
	for n, s := range []*postgres.Store{direct, pooled} {
		charged, unknown = charged+told[n].charged, unknown+told[n].unknown
		for id, text := range told[n].stored {
			d, err := s.FindDocument(t.Context(), c.ID, id)
			if err != nil || d.Version != 1 {
				t.Errorf("%s was acknowledged: version %d, %v", id, d.Version, err)
				continue
			}
			if got, err := s.Quote(t.Context(), c.ID, d.ID, 1, rag.Span{End: len(text)}); err != nil || got != text {
				t.Errorf("%s holds %q, %v; want %q", id, got, err, text)
			}
		}
		for _, err := range told[n].failed {
			if kind := rag.KindOf(err); kind != rag.KindUnavailable && kind != rag.KindExhausted {
				t.Errorf("a writer was told %s: %v", kind, err)
			}
		}
		t.Logf("%d documents acknowledged, %d calls failed", len(told[n].stored), len(told[n].failed))
	}
	spent, err := direct.Usage(t.Context(), rag.UsageQuery{})
	if err != nil || len(spent.Rows) != 1 {
		t.Fatal(spent, err)
	}
	if calls := spent.Rows[0].Spent.Calls; calls < charged || calls > charged+unknown {
		t.Errorf("%d charges were acknowledged, %d are uncertain, and the ledger has %d", charged, unknown, calls)
	}
	storetest.Sound(t, direct)
}

// write stores a document and charges a call, and reports whether both were acknowledged.
func (s *said) write(t *testing.T, store *postgres.Store, c rag.Collection, id string) bool {
	text := "Text of " + id + "."
	results, err := store.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, id, text, "Common.")})
	if err == nil {
		err = results[0].Err
	}
	charge := rag.Charge{ChargeKey: rag.ChargeKey{Tenant: rag.DefaultTenant, Day: "2026-03-04", Operation: rag.OpChat}, Spent: rag.Consumption{Calls: 1}}
	cost := store.Charge(t.Context(), []rag.Charge{charge})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		s.stored = map[string]string{}
	}
	if err == nil {
		s.stored[id] = text
	} else {
		s.failed = append(s.failed, err)
	}
	switch {
	case cost == nil:
		s.charged++
	case strings.Contains(cost.Error(), "not known"):
		s.unknown++
		fallthrough
	default:
		s.failed = append(s.failed, cost)
	}
	return err == nil && cost == nil
}
