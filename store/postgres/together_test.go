//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// Sixteen writers in four processes' stores, and in a fifth one a reader that tails the feed:
// it misses no row, and sees numbers only ascend.
func TestOrderOfNumbersIsOrderOfCommit(t *testing.T) {
	const writers, rounds = 16, 12
	cfg := configure(t, postgres.Config{})
	reader := open(t, cfg)
	var stores []*postgres.Store
	for range 4 {
		stores = append(stores, open(t, cfg))
	}
	c, err := reader.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for round := range rounds {
					put := storetest.Put(c.ID, fmt.Sprintf("%d of %d", round%4, w), fmt.Sprintf("By %d in %d.", w, round), "Common.")
					results, err := stores[w%len(stores)].PutDocuments(t.Context(), []rag.Put{put})
					if err != nil || results[0].Err != nil {
						t.Errorf("writer %d: %v, %+v", w, err, results)
						return
					}
				}
			})
		}
		all.Wait()
	})
	var tailed []rag.Change
	seq := int64(0)
	for {
		last := done.Load()
		changes, err := reader.Changes(t.Context(), c.ID, seq, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range changes {
			if change.Seq != seq+1 {
				t.Fatalf("after %d comes %d: a row was not there yet", seq, change.Seq)
			}
			seq = change.Seq
		}
		tailed = append(tailed, changes...)
		if last && len(changes) == 0 {
			break
		}
	}
	wg.Wait()
	want := writers * (rounds*2 + (rounds-4)*2) // puts, and deletes of what they replaced
	if len(tailed) != want {
		t.Errorf("%d rows were read, %d written", len(tailed), want)
	}
	storetest.Sound(t, reader)
}

// Two hundred readers share twenty connections without one being refused, and a
// pool that is used up says so in its own words.
func TestPool(t *testing.T) {
	s := open(t, postgres.Config{MaxConns: 20})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.", "Two.")}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for range 5 {
				if _, err := s.Collection(t.Context(), "", "c"); err != nil {
					t.Error(err)
				}
				if _, err := s.Snapshot(t.Context(), c.ID, 0, func(rag.Record) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()

	small := open(t, postgres.Config{Schema: s.Schema(), MaxConns: 1, AcquireTimeout: briefly})
	held, release := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		_, err := small.Snapshot(t.Context(), c.ID, 0, func(rag.Record) error {
			select {
			case <-held:
			default:
				close(held)
			}
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	_, err = small.Collection(t.Context(), "", "c")
	if rag.KindOf(err) != rag.KindExhausted || !strings.Contains(err.Error(), "1 connections") {
		t.Errorf("a pool that is used up: %q error %v", rag.KindOf(err), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = small.Collection(ctx, "", "c"); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("a caller who has gone: %q error %v", rag.KindOf(err), err)
	}
	close(release)
	wg.Wait()
	if _, err := small.Collection(t.Context(), "", "c"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// The server ends connections again and again while documents are written: nobody
// notices, and each document is stored once. A put gives up when it was hit eight
// times, so there are never that many ends while it runs.
func TestServerEndsConnections(t *testing.T) {
	s := open(t, postgres.Config{})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	super, err := pgx.Connect(t.Context(), need(t, "PG_SUPER_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.Background())
	const writers, rounds, most, enough, patience = 4, 25, 2000, 10, 7
	var done, stored, ended atomic.Int32
	var before [writers]atomic.Int32 // what ended was when the writer's put began
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			defer done.Add(1)
			defer before[w].Store(math.MaxInt32)
			for round := 0; round < rounds || (ended.Load() < enough && round < most); round++ {
				before[w].Store(ended.Load())
				stored.Add(1)
				results, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, fmt.Sprint("d", w), fmt.Sprintf("By %d in %d.", w, round))})
				if err != nil || results[0].Err != nil {
					t.Errorf("writer %d: %v, %+v", w, err, results)
					return
				}
				if results[0].Document.Version != round+1 {
					t.Errorf("writer %d: version %d, want %d", w, results[0].Document.Version, round+1)
					return
				}
			}
		})
	}
	last := int32(0)
	for done.Load() < writers {
		oldest := int32(math.MaxInt32)
		for w := range before {
			oldest = min(oldest, before[w].Load())
		}
		if last == stored.Load() || ended.Load() >= oldest+patience { // at most one for each put that begins
			runtime.Gosched()
			continue
		}
		var n int
		err := super.QueryRow(t.Context(), `
			SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (
				SELECT pid FROM pg_stat_activity WHERE application_name = 'smartretriever' AND query LIKE '%collections%' AND state <> 'idle'
				ORDER BY random() LIMIT 1) one`).Scan(&n)
		if err != nil {
			t.Error(err)
			break
		}
		if ended.Add(int32(n)); n > 0 {
			last = stored.Load()
		}
	}
	wg.Wait()
	if ended.Load() < enough {
		t.Errorf("only %d connections were ended", ended.Load())
	}
	storetest.Sound(t, s)
}

// counter counts what is sent to the server: steps, and statements in them.
type counter struct {
	mu         sync.Mutex
	steps      int
	statements []string
}

func (c *counter) note(sql string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := strings.Fields(sql)[0]; (first == "SELECT" || first == "WITH") && !strings.Contains(sql, "set_config") && !strings.Contains(sql, "clock_timestamp") {
		c.statements = append(c.statements, sql)
	}
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps, c.statements = 0, nil
}

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	c.note(d.SQL)
	c.mu.Lock()
	c.steps++
	c.mu.Unlock()
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.mu.Lock()
	c.steps++
	c.mu.Unlock()
	return ctx
}
func (c *counter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	c.note(d.SQL)
}
func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// What a search reads is three statements in two transactions of two steps each,
// and what a put does takes the same number of steps for one document as for many.
func TestStatements(t *testing.T) {
	var n counter
	s := open(t, postgres.Config{Tracer: &n})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	puts := func(from, to int) (all []rag.Put) {
		for i := from; i < to; i++ {
			all = append(all, storetest.Put(c.ID, fmt.Sprint("d", i), fmt.Sprintf("One %d.", i), fmt.Sprintf("Two %d.", i)))
		}
		return all
	}
	var steps []int
	for _, all := range [][]rag.Put{puts(0, 1), puts(0, 1), puts(1, 201), puts(1, 201)} {
		n.reset()
		if _, err := s.PutDocuments(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, n.steps)
	}
	if slices.Max(steps[1:]) > 7 || steps[1] != steps[3] { // the first looks up the tenant, and makes the model's row
		t.Errorf("steps of one document, the same replaced, 200, and these replaced: %v", steps)
	}
	records, _, err := func() (ids []rag.ChunkID, seq int64, err error) {
		seq, err = s.Snapshot(t.Context(), c.ID, 0, func(r rag.Record) error { ids = append(ids, r.ChunkID); return nil })
		return ids, seq, err
	}()
	if err != nil {
		t.Fatal(err)
	}
	n.reset()
	if _, err := s.Collection(t.Context(), "", "c"); err != nil {
		t.Fatal(err)
	}
	chunks, docs, err := s.Chunks(t.Context(), c.ID, records[:50])
	if err != nil || len(chunks) != 50 || len(docs) == 0 {
		t.Fatalf("%d chunks, %v", len(chunks), err)
	}
	if len(n.statements) != 3 || n.steps != 4 {
		t.Errorf("a search takes %d steps and the statements\n%s", n.steps, strings.Join(n.statements, "\n"))
	}
}

// A write of one process is seen by the next look of another, without asking the
// database each time, also after the connection that listens was ended.
func TestNotifications(t *testing.T) {
	a := open(t, postgres.Config{})
	b := open(t, postgres.Config{Schema: a.Schema()})
	heard := make(chan [2]int64, 100)
	stop := b.Notifications(func(collectionID, seq int64) { heard <- [2]int64{collectionID, seq} })
	defer stop()
	c, err := a.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	wait := func(want [2]int64) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for {
			select {
			case got := <-heard:
				if got == want {
					return
				}
			case <-deadline:
				t.Fatalf("%v was not heard", want)
			}
		}
	}
	wait([2]int64{c.ID, 0})
	before, err := b.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.")})
	if err != nil {
		t.Fatal(err)
	}
	wait([2]int64{c.ID, r[0].Seq})
	if after, err := b.DataVersion(t.Context()); err != nil || after == before {
		t.Errorf("data version %d after %d, %v", after, before, err)
	}
	execute(t, t.Context(), need(t, "PG_SUPER_URL"), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
	wait([2]int64{0, 0}) // anything may have changed
	if _, err = a.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "b", "Two.")}); err != nil {
		t.Fatal(err)
	}
	last := before
	for { // by asking, or listening again
		v, err := b.DataVersion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		changes, err := b.Changes(t.Context(), c.ID, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if v != last && len(changes) == 2 {
			break
		}
		last = v
		if t.Context().Err() != nil {
			t.Fatal("the second write went unnoticed")
		}
	}
}

// While generations become live, calls that wait for the collection still find it.
func TestWritersWaitForASwitch(t *testing.T) {
	s := open(t, postgres.Config{})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a")}) // nothing to embed
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartGeneration(t.Context(), c.ID, "other-4", 4); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			defer cancel()
			for range 50 {
				title := fmt.Sprint("Title ", w)
				if _, err := s.UpdateDocument(t.Context(), rag.Scope{Collection: "c"}, r[0].Document.ID, rag.DocumentChange{Title: &title}); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	switches := 0
	for number := 2; ctx.Err() == nil; number = 3 - number {
		if _, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil); err != nil {
			t.Errorf("switch to %d: %v", number, err)
			break
		}
		switches++
	}
	wg.Wait()
	if switches < 5 {
		t.Errorf("only %d switches", switches)
	}
}
