package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
)

// times are how long requests took.
type times []time.Duration

// ms returns a percentile in milliseconds.
func (t times) ms(percent int) float64 {
	s := slices.Sorted(slices.Values(t))
	return s[min(len(s)-1, len(s)*percent/100)].Seconds() * 1000
}

// both opens the embedded set-up and the one with PostgreSQL and Redis, filled with the same.
func (b *bench) both(ctx context.Context, in schema, edit func(*root.Config) error) (shared, embedded *setup, err error) {
	for _, name := range []string{"PG_URL", "REDIS_ADDR"} {
		if _, err := server(name); err != nil {
			return nil, nil, err
		}
	}
	if embedded, err = b.open(ctx, nil, nil); err != nil {
		return nil, nil, err
	}
	shared, err = b.open(ctx, func(c *config.Config) { in.onPostgres(c); onRedis(c) }, edit)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range []*setup{embedded, shared} {
		if err := s.fill(ctx, b.corpus, b.rows); err != nil {
			return nil, nil, err
		}
		if err := s.Warm(ctx, scope); err != nil {
			return nil, nil, err
		}
	}
	return shared, embedded, nil
}

// searches measures a search that nobody has made before, hybrid, by the built-in index.
func (b *bench) searches(ctx context.Context) error {
	in := newSchema()
	defer in.drop()
	shared, embedded, err := b.both(ctx, in, nil)
	if err != nil {
		return err
	}
	defer shared.Close()
	defer embedded.Close()
	const first = 50 // to warm up
	setups := [2]*setup{shared, embedded}
	var took [2]times
	for n, question := range b.corpus.questions[:min(len(b.corpus.questions), first+b.questions)] {
		for i := range setups {
			i = (i + n) % 2 // each is the first one half of the time
			began := time.Now()
			res, err := setups[i].Search(ctx, scope, rag.Query{Text: question})
			if err != nil || len(res.Hits) == 0 || res.Cached || len(res.Degraded) > 0 {
				return fmt.Errorf("%d hits, cached %t, degraded %v: %w", len(res.Hits), res.Cached, res.Degraded, err)
			}
			if n >= first {
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	name := fmt.Sprintf("hybrid search of %d chunks, PostgreSQL + Redis", b.rows)
	b.report.now.Note = "nothing cached; the question's embedding is known and takes no time; requests in turn"
	b.report.note(name, "ms p50", took[0].ms(50)).beside("SQLite + cache in process", took[1].ms(50), true)
	b.report.note(name, "ms p99", took[0].ms(99)).beside("SQLite + cache in process", took[1].ms(99), true)
	b.report.note(name, "ms more at p50", took[0].ms(50)-took[1].ms(50)).atMost(3)
	b.report.note(name, "ms more at p10", took[0].ms(10)-took[1].ms(10)).say("the fastest tenth is what others on the machine disturb least")
	return nil
}

// statements counts what a search reads from PostgreSQL.
func (b *bench) statements(ctx context.Context) error {
	if _, err := server("PG_URL"); err != nil {
		return err
	}
	in := newSchema()
	defer in.drop()
	if _, err := b.filled(ctx, in, b.rows); err != nil {
		return err
	}
	name := fmt.Sprintf("hybrid search of %d chunks, PostgreSQL", b.rows)
	var n counter
	s, err := b.open(ctx, func(c *config.Config) { in.onPostgres(c); c.Cache.Name = "none"; c.QueryLog.Enabled = false }, func(parts *root.Config) error {
		parts.OpenStore = func(ctx context.Context) (root.Store, error) {
			return postgres.Open(ctx, postgres.Config{URL: os.Getenv("PG_URL"), MigrateURL: os.Getenv("PG_OWNER_URL"), Schema: string(in), Tracer: &n})
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Warm(ctx, scope); err != nil {
		return err
	}
	const begins = "beside the begin of each transaction, which names the tenant and asks for the time in the same step"
	for _, keep := range []bool{true, false} {
		var reads []int64
		for _, question := range b.corpus.questions[:50] {
			n.reads.Store(0)
			if _, err := s.Search(context.WithValue(ctx, counted{}, true), scope, rag.Query{Text: question, KeepDuplicates: keep}); err != nil {
				return err
			}
			reads = append(reads, n.reads.Load())
		}
		slices.Sort(reads)
		if reads[0] == 0 {
			return errors.New("no statement of a search was seen")
		}
		of, note := ", keep_duplicates", begins
		if !keep {
			of, note = "", begins+"; where passages that say the same stand behind one hit, further ones are read in their place, two statements each time; passages of this corpus overlap"
		}
		b.report.note(name+of, "statements a search, median of 50", float64(reads[len(reads)/2])).atMost(3).say("%s", note)
		b.report.note(name+of, "statements a search, most of 50", float64(reads[len(reads)-1])).atMost(3).say("%s", note)
	}
	return nil
}

// counted marks the context of calls whose statements are counted, and not those of what goes on in the background.
type counted struct{}

// counter counts statements that read.
type counter struct{ reads atomic.Int64 }

func (c *counter) note(ctx context.Context, sql string) {
	if first := strings.Fields(sql)[0]; ctx.Value(counted{}) != nil && (first == "SELECT" || first == "WITH") && !strings.Contains(sql, "clock_timestamp") && !strings.Contains(sql, "set_config") {
		c.reads.Add(1)
	}
}

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	c.note(ctx, d.SQL)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (c *counter) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	c.note(ctx, d.SQL)
}
func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// cached measures an answer that is in the cache.
func (b *bench) cached(ctx context.Context) error {
	in := newSchema()
	defer in.drop()
	shared, embedded, err := b.both(ctx, in, nil)
	if err != nil {
		return err
	}
	defer shared.Close()
	defer embedded.Close()
	remote, err := b.open(ctx, func(c *config.Config) { in.onPostgres(c) }, redisAlone)
	if err != nil {
		return err
	}
	defer remote.Close()
	if err := remote.Warm(ctx, scope); err != nil {
		return err
	}
	const questions, rounds = 40, 25
	setups := []*setup{embedded, shared, remote}
	took := make([]times, len(setups))
	for round := range rounds + 1 { // the first one makes the answers
		for _, question := range b.corpus.questions[:questions] {
			for i, s := range setups {
				began := time.Now()
				a, err := s.Query(ctx, scope, rag.Question{Text: question})
				if err != nil || a.Cached != (round > 0) {
					return fmt.Errorf("round %d, cached %t: %w", round, a.Cached, err)
				}
				if round > 0 {
					took[i] = append(took[i], time.Since(began))
				}
			}
		}
	}
	b.report.now.Note = "the whole call, which reads the collection from the store; answers quote"
	for i, of := range []struct {
		name string
		bar  float64
	}{{"cached answer, SQLite + cache in process", 1}, {"cached answer, PostgreSQL + cache in process before Redis", 2}, {"cached answer, PostgreSQL + Redis alone", 2}} {
		b.report.note(of.name, "ms p50", took[i].ms(50)).atMost(of.bar)
		b.report.note(of.name, "ms p99", took[i].ms(99))
	}
	return nil
}

// redisAlone takes away the cache in process that is before Redis.
func redisAlone(parts *root.Config) error {
	client, err := redis.Open(redis.Config{Addresses: []string{os.Getenv("REDIS_ADDR")}, Password: os.Getenv("REDIS_PASSWORD"), Prefix: "alone", Timeout: time.Second})
	if err != nil {
		return err
	}
	if c, ok := parts.Cache.(io.Closer); ok {
		_ = c.Close()
	}
	parts.Cache = client.Cache()
	return nil
}

// together measures many searches at once on few connections.
func (b *bench) together(ctx context.Context) error {
	in := newSchema()
	defer in.drop()
	shared, embedded, err := b.both(ctx, in, nil)
	if err != nil {
		return err
	}
	defer shared.Close()
	defer embedded.Close()
	const callers, pool = 200, 20
	pools := config.Default().Store.Postgres.Connections
	if pools != pool {
		return fmt.Errorf("the pool is %d connections by default", pools)
	}
	name := fmt.Sprintf("%d searches at once, pool of %d connections", callers, pool)
	var took [2]times
	var rate [2]float64
	var failed, connections int
	for round := range 4 {
		i := round % 2
		s := []*setup{shared, embedded}[i]
		watch, done := context.WithCancel(ctx)
		var watching sync.WaitGroup
		if i == 0 {
			watching.Go(func() { connections = max(connections, mostConnections(watch)) })
		}
		t, wrong, all := b.crowd(ctx, s, callers, 10)
		done()
		watching.Wait()
		took[i] = append(took[i], t...)
		rate[i] += float64(len(t)) / all.Seconds() / 2
		failed += wrong
	}
	b.report.now.Note = "2,000 hybrid searches a round, two rounds each in turn; cache and embedding are left out"
	b.report.note(name, "searches that failed", float64(failed)).atMost(0)
	b.report.note(name, "most connections seen", float64(connections)).atMost(pool + 1).say("one more is for notifications")
	b.report.note(name, "searches/s", rate[0]).beside("SQLite + cache in process", rate[1], false)
	b.report.note(name, "ms p50", took[0].ms(50)).beside("SQLite + cache in process", took[1].ms(50), true)
	b.report.note(name, "ms p99", took[0].ms(99)).beside("SQLite + cache in process", took[1].ms(99), true)
	return nil
}

// crowd has callers search, each as soon as its search before has ended.
func (b *bench) crowd(ctx context.Context, s *setup, callers, each int) (all times, failed int, took time.Duration) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for n := range each {
				begun := time.Now()
				res, err := s.Search(ctx, scope, rag.Query{Text: b.corpus.questions[(caller*each+n)%len(b.corpus.questions)], NoCache: true})
				mu.Lock()
				if all = append(all, time.Since(begun)); err != nil || len(res.Hits) == 0 || len(res.Degraded) > 0 {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all, failed, time.Since(began)
}

// mostConnections looks at how many connections the program has, until ctx ends.
func mostConnections(ctx context.Context) (most int) {
	for ctx.Err() == nil {
		if n, err := superuser(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sr_app' AND backend_type = 'client backend'"); err == nil {
			most = max(most, n)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return most
}
