package postgres

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// A transaction that changes a collection raises its revision and tells so, as it
// commits, on a channel of the schema. Every open store listens, and so knows how
// far the primary has come with each collection: what DataVersion says, what wakes
// followers, and what a replica must have before it is read.

// touched says that a transaction changes what is in collections. Their rows are
// locked by the caller.
func (s *Store) touched(ctx context.Context, tx pgx.Tx, collectionIDs ...int64) error {
	rows, err := tx.Query(ctx, `
		WITH changed AS (UPDATE collections SET revision = revision + 1 WHERE id = ANY($1::bigint[]) RETURNING id, seq, revision)
		SELECT id, revision, pg_notify($2::text, concat_ws(' ', id, seq, revision, $3::text))::text FROM changed`,
		collectionIDs, s.channel(), s.instance)
	if err != nil {
		return err
	}
	t := tx.(*txn)
	if t.revisions == nil {
		t.revisions = map[int64]int64{}
	}
	var id, revision int64
	_, err = pgx.ForEachRow(rows, []any{&id, &revision, nil}, func() error {
		t.revisions[id] = revision
		return nil
	})
	return err
}

// channel is what notifications of the schema go by. Names of channels are those
// of the whole database.
func (s *Store) channel() string {
	return fmt.Sprintf("smartretriever_%016x", uint64(s.cfg.lockKey("changes")))
}

// progress is what is known of how far the primary has come.
type progress struct {
	version   atomic.Int64 // counts what was noticed
	listening atomic.Bool  // nothing goes unnoticed

	mu        sync.Mutex
	revisions map[int64]int64 // by collection
	snapshot  string          // the last one that DataVersion has seen, where it asks
	followers map[int]func(collectionID, seq int64)
	next      int
}

// advance takes note of what a transaction of this process has committed.
func (s *Store) advance(revisions map[int64]int64) {
	for id, revision := range revisions {
		s.seen(id, revision)
	}
	if len(revisions) > 0 {
		s.progress.version.Add(1)
	}
}

// seen notes how far the primary is known to be with a collection.
func (s *Store) seen(collectionID, revision int64) {
	p := &s.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.revisions == nil {
		p.revisions = map[int64]int64{}
	}
	p.revisions[collectionID] = max(p.revisions[collectionID], revision)
}

// known is how far the primary is known to be with a collection.
func (s *Store) known(collectionID int64) int64 {
	p := &s.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.revisions[collectionID]
}

// DataVersion returns a number that differs from that of the call before if any
// process has changed a collection in between. While this process listens for
// notifications it costs nothing, and what another process committed is seen when
// the notification has come, a moment later; otherwise it is one small query, and
// other databases of the same server make it differ too.
func (s *Store) DataVersion(ctx context.Context) (int64, error) {
	p := &s.progress
	if p.listening.Load() {
		return p.version.Load(), s.stillOpen()
	}
	var snapshot string
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&snapshot)
	})
	if err != nil {
		return 0, wrap(err, "look for changes")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if snapshot != p.snapshot {
		p.snapshot = snapshot
		p.version.Add(1)
	}
	return p.version.Load(), nil
}

// Notifications calls fn when another process has changed a collection, until stop
// is called: it wakes whoever follows the change feed. seq is the number of the
// collection's last change. Notifications are lost while the connection is; then
// one with the collection 0 says that anything may have changed. fn is called by one
// goroutine, must not block, and may be running when stop returns.
func (s *Store) Notifications(fn func(collectionID, seq int64)) (stop func()) {
	p := &s.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.followers == nil {
		p.followers = map[int]func(int64, int64){}
	}
	n := p.next
	p.next++
	p.followers[n] = fn
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.followers, n)
	}
}

// noticed says that something has changed.
func (s *Store) noticed(collectionID, seq int64) {
	p := &s.progress
	p.version.Add(1)
	p.mu.Lock()
	followers := slices.Collect(maps.Values(p.followers))
	p.mu.Unlock()
	for _, fn := range followers {
		fn(collectionID, seq)
	}
}

// How long the listening connection may be silent before it is tried, and the
// longest wait before it is made again.
const (
	silence    = 15 * time.Second
	relistened = 10 * time.Second
)

// listener is the goroutine that listens.
type listener struct {
	stop  context.CancelFunc
	done  chan struct{}
	tried func() // says that it has tried once
}

// startListening begins to listen, and waits for the first try: from then on
// nothing goes unnoticed, or it is known that something may.
func (s *Store) startListening() {
	ctx, stop := context.WithCancel(context.Background())
	first := make(chan struct{})
	s.listener = listener{stop: stop, done: make(chan struct{}), tried: sync.OnceFunc(func() { close(first) })}
	go func() {
		defer close(s.listener.done)
		s.listen(ctx)
	}()
	<-first
}

// close ends the goroutine and waits for it.
func (l *listener) close() {
	if l.stop != nil {
		l.stop()
		<-l.done
	}
}

// listen keeps a connection that listens, until ctx ends. It runs in a goroutine
// of its own, which Close waits for.
func (s *Store) listen(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		begun := time.Now()
		err := s.listenOnce(ctx)
		s.listener.tried()
		if s.progress.listening.Swap(false) {
			s.noticed(0, 0)
		}
		if ctx.Err() != nil {
			return
		}
		s.cfg.Logger.Warn("store: the connection that listens for changes failed; until it is back the database is asked", "err", wrap(err, "listen"))
		if time.Since(begun) > relistened {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, relistened)
	}
}

// listenOnce listens until the connection fails or ctx ends.
func (s *Store) listenOnce(ctx context.Context) error {
	u := s.cfg.URL
	if s.cfg.DirectURL != "" {
		u = s.cfg.DirectURL
	}
	brief, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	cc, err := s.cfg.sessionConfig(brief, u)
	if err != nil {
		return err
	}
	cc.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()} // a wait that ends leaves the connection as it was
	}
	conn, err := pgx.ConnectConfig(brief, cc)
	if err != nil {
		return err
	}
	defer func() {
		brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(brief)
	}()
	if _, err := conn.Exec(brief, "LISTEN "+s.channel()); err != nil {
		return err
	}
	s.progress.listening.Store(true)
	s.noticed(0, 0) // what came before was not heard
	s.listener.tried()
	for {
		quiet, cancel := context.WithTimeout(ctx, silence)
		n, err := conn.WaitForNotification(quiet)
		silent := quiet.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			s.heard(n.Payload)
		case silent && !conn.IsClosed():
			// A connection that a firewall has forgotten looks just like this.
			brief, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
			_, err = conn.Exec(brief, "SELECT 1")
			cancel()
			if err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// heard takes a notification. Those of this store itself say nothing new.
func (s *Store) heard(payload string) {
	var id, seq, revision int64
	var instance string
	if _, err := fmt.Fscan(strings.NewReader(payload), &id, &seq, &revision, &instance); err != nil {
		s.noticed(0, 0) // of another version of this program
		return
	}
	s.seen(id, revision)
	if instance != s.instance {
		s.noticed(id, seq)
	}
}
