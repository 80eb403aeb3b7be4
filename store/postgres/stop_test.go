//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// stop is a tracer that stops before a statement, once: the first that begins with at, and
// comes after one that begins with after.
type stop struct {
	after, at string
	reached   chan struct{} // closed when it stops
	goOn      func()        // lets it go on
	pid       uint32        // of the server's process that waits meanwhile

	mu    sync.Mutex
	armed bool
	once  sync.Once
	wait  chan struct{}
}

func newStop(after, at string) *stop {
	s := &stop{after: after, at: at, reached: make(chan struct{}), wait: make(chan struct{})}
	s.goOn = sync.OnceFunc(func() { close(s.wait) })
	return s
}

func (s *stop) look(conn *pgx.Conn, sql string) {
	s.mu.Lock()
	armed := s.armed
	s.armed = armed || strings.HasPrefix(sql, s.after)
	s.mu.Unlock()
	if armed && strings.HasPrefix(sql, s.at) {
		s.once.Do(func() {
			s.pid = conn.PgConn().PID()
			close(s.reached)
			<-s.wait
		})
	}
}

func (s *stop) TraceQueryStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.look(conn, d.SQL)
	return ctx
}

func (s *stop) TraceBatchStart(ctx context.Context, conn *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		s.look(conn, q.SQL)
	}
	return ctx
}

func (s *stop) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (s *stop) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (s *stop) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// blocks reports whether somebody waits for a lock that a process of the server has.
func blocks(t *testing.T, pid uint32) bool {
	t.Helper()
	var n int
	query(t, need(t, "PG_SUPER_URL"), fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid))", pid), &n)
	return n > 0
}

// Whoever waits for a collection that loses its name meanwhile, to another one, has the
// other one for itself then.
func TestNamesThatMoveWhileWaitedFor(t *testing.T) {
	stop := newStop("BEGIN", "UPDATE documents SET deleted_at")
	s := open(t, postgres.Config{Tracer: stop})
	t.Cleanup(stop.goOn)
	was, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.CreateCollection(t.Context(), storetest.Spec("", "other"))
	if err != nil {
		t.Fatal(err)
	}
	doc := putText(t, s, other, "d", "Text.")
	conn, err := pgx.Connect(t.Context(), need(t, "PG_SUPER_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	do := func(sql string, args ...any) error {
		_, err := conn.Exec(t.Context(), sql, args...)
		return err
	}
	table := pgx.Identifier{s.Schema(), "collections"}.Sanitize()
	for _, sql := range []string{"BEGIN", "UPDATE " + table + " SET name = 'gone' WHERE name = 'c'", "UPDATE " + table + " SET name = 'c' WHERE name = 'other'"} {
		if err := do(sql); err != nil {
			t.Fatal(err)
		}
	}
	var deleting sync.WaitGroup
	deleting.Go(func() {
		if err := s.DeleteDocument(t.Context(), rag.Scope{Collection: "c"}, doc.ID); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the deletion waits", func() bool { return blocks(t, conn.PgConn().PID()) })
	if err := do("COMMIT"); err != nil {
		t.Fatal(err)
	}
	<-stop.reached
	for _, c := range []struct {
		id   int64
		code string
	}{{was.ID, "<nil>"}, {other.ID, "55P03"}} {
		if err := do("SELECT 1 FROM "+table+" WHERE id = $1 FOR NO KEY UPDATE NOWAIT", c.id); code(err) != c.code {
			t.Errorf("locking collection %d: %v", c.id, err)
		}
	}
	stop.goOn()
	deleting.Wait()
	storetest.Sound(t, s)
}
