//go:build servers

package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// fleet is several copies of the program on one database: directly, through PgBouncer, and
// with a replica.
func fleet(t *testing.T) []*postgres.Store {
	t.Helper()
	cfg := configure(t, postgres.Config{})
	pooled := bounced(t, true)
	pooled.Schema = cfg.Schema
	return []*postgres.Store{
		open(t, cfg),
		open(t, pooled),
		open(t, postgres.Config{Schema: cfg.Schema, Replicas: []string{need(t, "PG_REPLICA_URL")}}),
	}
}

// Copies of the program that reserve, settle and charge at the same time spend exactly what
// the budget has, whichever limits each of them asks for.
func TestBudgetsAreExact(t *testing.T) {
	stores := fleet(t)
	const most, price, workers = 1000, 10, 24
	day := "2026-03-04"
	limit := rag.Limit{Budget: "all", AnyTenant: true, AnyKey: true, From: day, To: day, Currency: "EUR", Most: most}
	own := func(tenant string) rag.Limit {
		return rag.Limit{Budget: "own", Tenant: tenant, AnyKey: true, From: day, To: day, Currency: "EUR", Most: most / 2}
	}
	charge := func(tenant string, cost rag.Money) rag.Charge {
		return rag.Charge{ChargeKey: rag.ChargeKey{Tenant: tenant, Day: day, Operation: rag.OpChat, Model: fmt.Sprint("m", cost), Currency: "EUR"}, Spent: rag.Consumption{Calls: 1, Cost: cost}}
	}
	var spent, over atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		s, tenant, rnd := stores[w%len(stores)], fmt.Sprint("tenant ", w%4), rand.New(rand.NewPCG(uint64(w), 1))
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprint(w, " ", i)
				limits := []rag.Limit{limit, own(tenant)}
				if rnd.IntN(2) == 0 {
					limits[0], limits[1] = limits[1], limits[0]
				}
				standings, err := s.Reserve(t.Context(), rag.Hold{ID: id, Charge: charge(tenant, price), Limits: limits, Expires: time.Now().Add(time.Hour)})
				if rag.KindOf(err) == rag.KindExhausted {
					return
				}
				if err != nil {
					t.Errorf("reserve: %v", err)
					return
				}
				for _, st := range standings {
					if st.Left() < 0 {
						over.Add(1)
					}
				}
				cost := rag.Money(rnd.IntN(price + 1))
				if err := s.Settle(t.Context(), id, []rag.Charge{charge(tenant, cost)}); err != nil {
					t.Errorf("settle: %v", err)
					return
				}
				spent.Add(int64(cost))
			}
		})
	}
	wg.Wait()
	st, err := stores[0].Standings(t.Context(), []rag.Limit{limit, own("tenant 0"), own("tenant 1"), own("tenant 2"), own("tenant 3")})
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, own := range st[1:] {
		sum += own.Spent
	}
	if st[0].Spent != spent.Load() || sum != spent.Load() || st[0].Held != 0 || over.Load() != 0 || st[0].Spent > most || st[0].Spent <= most-price {
		t.Errorf("settled %d, the ledger has %d, of tenants %d, held %d, beyond a limit %d times; the budget is %d", spent.Load(), st[0].Spent, sum, st[0].Held, over.Load(), most)
	}
}

// 16 writers, in three copies of the program, write one collection.
func TestWritersOfOneCollection(t *testing.T) {
	stores := fleet(t)
	c, err := stores[0].CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	const writers = 16
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	scope := rag.Scope{Collection: "c", Admin: true}
	var wg sync.WaitGroup
	for w := range writers {
		s := stores[w%len(stores)]
		wg.Go(func() {
			for round := range rounds {
				own, shared := fmt.Sprintf("own %d %d", w, round), fmt.Sprintf("shared %d", round%3)
				results, err := s.PutDocuments(t.Context(), []rag.Put{
					storetest.Put(c.ID, own, fmt.Sprintf("Text %d %d.", w, round), "Common."), storetest.Put(c.ID, shared, fmt.Sprintf("Shared by %d in %d.", w, round)),
				})
				if err != nil || results[0].Err != nil || results[1].Err != nil {
					t.Errorf("writer %d: %v %+v", w, err, results)
					return
				}
				// What one has written, it reads, from wherever.
				chunks, _, err := s.Chunks(t.Context(), c.ID, chunksOf(t, s, c.ID, results[0].Seq, results[0].Document.ID))
				if err != nil || len(chunks) != 2 {
					t.Errorf("writer %d reads %d chunks of its own: %v", w, len(chunks), err)
				}
				if round%3 == 2 {
					if err := s.DeleteDocument(t.Context(), scope, results[0].Document.ID); err != nil {
						t.Errorf("writer %d: %v", w, err)
					}
				}
			}
		})
	}
	wg.Wait()
	col, err := stores[1].Collection(t.Context(), "", "c")
	if err != nil || col.Documents != writers*(rounds-rounds/3)+min(rounds, 3) {
		t.Errorf("%d documents, %v", col.Documents, err)
	}
	storetest.Sound(t, stores[2])
}

// chunksOf are the chunks of a document by the change feed, which is read up to seq.
func chunksOf(t *testing.T, s *postgres.Store, collectionID, seq int64, id rag.DocumentID) (ids []rag.ChunkID) {
	changes, err := s.Changes(t.Context(), collectionID, max(0, seq-20), 0)
	if err != nil {
		t.Errorf("changes: %v", err)
	}
	for _, c := range changes {
		if c.DocumentID == id && c.Op == rag.ChangePut {
			ids = append(ids, c.ChunkID)
		}
	}
	return ids
}

// Workers in three copies of the program claim jobs, and some of them are lost with a job
// in their hands. Another takes it over, nobody works on a job that another holds, and
// every item gets one verdict.
func TestJobsAreTakenOver(t *testing.T) {
	stores := fleet(t)
	c, err := stores[0].CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	const jobs, items, workers = 30, 4, 12
	for j := range jobs {
		var in []rag.JobItem
		for i := range items {
			in = append(in, rag.JobItem{Input: rag.StoredInput{ExternalID: fmt.Sprint(j, "-", i)}})
		}
		if _, err := stores[j%len(stores)].CreateJob(t.Context(), rag.Job{CollectionID: c.ID, Kind: rag.JobAdd}, in); err != nil {
			t.Fatal(err)
		}
	}
	var ended, lost atomic.Int64
	var mu sync.Mutex
	verdicts := map[string]int{}
	var wg sync.WaitGroup
	for w := range workers {
		s, rnd := stores[w%len(stores)], rand.New(rand.NewPCG(uint64(w), 2))
		wg.Go(func() {
			for turn := 0; ended.Load() < jobs && t.Context().Err() == nil; turn++ {
				holder := fmt.Sprint(w, " ", turn)
				dies := lost.Load() < jobs/2 && rnd.IntN(2) == 0
				lease := time.Hour
				if dies {
					lease = 50 * time.Millisecond
				}
				job, ok, err := s.ClaimJob(t.Context(), holder, lease)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				if !ok {
					continue
				}
				waiting, err := s.WaitingJobItems(t.Context(), job.ID, 0, items)
				if err != nil {
					t.Errorf("items: %v", err)
					return
				}
				if dies && len(waiting) > 1 {
					waiting = waiting[:1+rnd.IntN(len(waiting)-1)]
				}
				for i := range waiting {
					waiting[i].State, waiting[i].DocumentID = rag.Added, rag.DocumentID(holder)
				}
				err = s.PutJobItems(t.Context(), job.ID, holder, waiting)
				if dies && rag.KindOf(err) == rag.KindConflict {
					lost.Add(1)
					continue // its lease was over, and another has the job
				}
				if err != nil {
					t.Errorf("verdicts of who holds the job: %v", err)
					return
				}
				mu.Lock()
				for _, it := range waiting {
					verdicts[it.Input.ExternalID]++
				}
				mu.Unlock()
				if dies {
					lost.Add(1)
					continue
				}
				if err := s.FinishJob(t.Context(), job.ID, holder, rag.JobDone, "", time.Time{}, rag.Progress{Items: items, Done: items, Added: items}); err != nil {
					t.Errorf("finish: %v", err)
					return
				}
				ended.Add(1)
			}
		})
	}
	wg.Wait()
	for id, n := range verdicts {
		if n != 1 {
			t.Errorf("item %s was done %d times", id, n)
		}
	}
	if len(verdicts) != jobs*items || ended.Load() != jobs || lost.Load() == 0 {
		t.Errorf("%d items of %d, %d jobs of %d, %d holders were lost", len(verdicts), jobs*items, ended.Load(), jobs, lost.Load())
	}
	page, err := stores[0].Jobs(t.Context(), rag.Scope{Collection: "c", Admin: true}, rag.JobQuery{States: []rag.JobState{rag.JobDone}, ListOptions: rag.ListOptions{Limit: 100}})
	if err != nil || len(page.Items) != jobs {
		t.Errorf("%d jobs are done, %v", len(page.Items), err)
	}
}

// Many claim sources at once: one is read at a time, whoever reads it.
func TestOneSourceIsReadAtATime(t *testing.T) {
	stores := fleet(t)
	c, err := stores[0].CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	const sources = 12
	for i := range sources {
		var same sync.WaitGroup
		ids := make([]rag.JobID, 4)
		for n := range ids { // asked for at the same time, it is one job
			same.Go(func() {
				name := fmt.Sprint("s", i)
				job, err := stores[n%len(stores)].CreateJob(t.Context(), rag.Job{CollectionID: c.ID, Kind: rag.JobSync, Source: name, Again: n == 3}, nil)
				if err != nil {
					t.Errorf("create: %v", err)
				}
				ids[n] = job.ID
			})
		}
		same.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("a source has the jobs %v", ids)
			}
		}
	}
	var reading, done atomic.Int64
	var wg sync.WaitGroup
	for w := range 9 {
		s := stores[w%len(stores)]
		wg.Go(func() {
			for done.Load() < sources && t.Context().Err() == nil {
				job, ok, err := s.ClaimJob(t.Context(), fmt.Sprint(w), time.Hour)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				if !ok {
					continue
				}
				if n := reading.Add(1); n != 1 {
					t.Errorf("%d sources are read at once", n)
				}
				if _, err := s.HoldJob(t.Context(), job.ID, fmt.Sprint(w), time.Hour, rag.Progress{}); err != nil {
					t.Errorf("hold: %v", err)
				}
				reading.Add(-1)
				if err := s.FinishJob(t.Context(), job.ID, fmt.Sprint(w), rag.JobDone, "", time.Time{}, rag.Progress{}); err != nil {
					t.Errorf("finish: %v", err)
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if done.Load() != sources {
		t.Errorf("%d sources were read", done.Load())
	}
}
