//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// where counts what is sent to each server.
type where struct {
	replica        uint16 // its port
	there, primary atomic.Int64
}

func newWhere(t *testing.T) *where {
	t.Helper()
	cc, err := pgx.ParseConfig(need(t, "PG_REPLICA_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return &where{replica: cc.Port}
}

func (w *where) count(conn *pgx.Conn) {
	if conn.Config().Port == w.replica {
		w.there.Add(1)
	} else {
		w.primary.Add(1)
	}
}

func (w *where) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	w.count(conn)
	return ctx
}

func (w *where) TraceBatchStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	w.count(conn)
	return ctx
}

func (w *where) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (w *where) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (w *where) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// during says which servers fn has something sent to.
func (w *where) during(fn func()) string {
	w.there.Store(0)
	w.primary.Store(0)
	fn()
	var all []string
	if w.primary.Load() > 0 {
		all = append(all, "primary")
	}
	if w.there.Load() > 0 {
		all = append(all, "replica")
	}
	return strings.Join(all, " and ")
}

// withReplica is a store with one document.
func withReplica(t *testing.T) (*postgres.Store, *where, rag.Collection, rag.Document) {
	t.Helper()
	w := newWhere(t)
	s := open(t, postgres.Config{Replicas: []string{need(t, "PG_REPLICA_URL")}, Tracer: w})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	return s, w, c, putText(t, s, c, "first", "First.")
}

func putText(t *testing.T, s *postgres.Store, c rag.Collection, name, text string) rag.Document {
	t.Helper()
	results, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, name, text)})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	return results[0].Document
}

// readAll reads all that a replica may be asked for, and returns the texts of the chunks.
func readAll(t *testing.T, s *postgres.Store, c rag.Collection) string {
	t.Helper()
	var texts []string
	var ids []rag.ChunkID
	if _, err := s.Snapshot(t.Context(), c.ID, 0, func(r rag.Record) error { ids = append(ids, r.ChunkID); return nil }); err != nil {
		t.Fatal(err)
	}
	chunks, docs, err := s.Chunks(t.Context(), c.ID, ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range chunks {
		quote, err := s.Quote(t.Context(), c.ID, k.DocumentID, docs[k.DocumentID].Version, k.Span)
		if err != nil || quote != k.Text {
			t.Fatalf("%q, %q, %v", k.Text, quote, err)
		}
		texts = append(texts, k.Text)
	}
	changes, err := s.Changes(t.Context(), c.ID, 0, 0)
	if err != nil || len(changes) < len(chunks) {
		t.Fatalf("%d changes, %d chunks, %v", len(changes), len(chunks), err)
	}
	records, err := s.Records(t.Context(), c.ID, 0, ids)
	if err != nil || len(records) != len(ids) {
		t.Fatalf("%d records of %d, %v", len(records), len(ids), err)
	}
	return strings.Join(texts, " ")
}

func TestReplicaIsRead(t *testing.T) {
	s, w, c, _ := withReplica(t)
	caughtUp(t)
	var got string
	if at := w.during(func() { got = readAll(t, s, c) }); at != "replica" || got != "First." {
		t.Errorf("read from the %s: %q", at, got)
	}
	if at := w.during(func() { putText(t, s, c, "second", "Second.") }); at != "primary" {
		t.Errorf("written to the %s", at)
	}
}

// While the replica stands still, everything that this process has written is read at
// once: from the primary. The same goes for a process that was told of it.
func TestReadYourWrites(t *testing.T) {
	s, w, c, first := withReplica(t)
	other := open(t, postgres.Config{Schema: s.Schema(), Replicas: []string{need(t, "PG_REPLICA_URL")}})
	caughtUp(t)
	resume := pauseReplay(t)
	want := "First."
	for i := range 5 {
		text := fmt.Sprintf("Text %d.", i)
		putText(t, s, c, fmt.Sprint("d", i), text)
		want += " " + text
		var got string
		if at := w.during(func() { got = readAll(t, s, c) }); !strings.HasPrefix(at, "primary") || got != want {
			t.Fatalf("after write %d: read %q from the %s", i, got, at)
		}
	}
	if err := s.DeleteDocument(t.Context(), rag.Scope{Collection: "c", Admin: true}, first.ID); err != nil {
		t.Fatal(err)
	}
	want = strings.TrimPrefix(want, "First. ")
	if got := readAll(t, s, c); got != want {
		t.Errorf("after a delete: %q", got)
	}
	eventually(t, "the other process has seen the writes", func() bool { return readAll(t, other, c) == want })
	if _, err := other.Collection(t.Context(), "", "c"); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, other, c); got != want {
		t.Errorf("another process, after it has looked at the collection: %q", got)
	}

	states, err := s.Replication(t.Context())
	if err != nil || len(states) != 1 || states[0].Err != nil || states[0].Bytes <= 0 || states[0].Delay <= 0 {
		t.Errorf("the lag of a replica that stands still: %+v, %v", states, err)
	}
	resume()
	caughtUp(t)
	eventually(t, "the replica is read again", func() bool {
		var got string
		at := w.during(func() { got = readAll(t, s, c) })
		if got != want {
			t.Fatalf("after the replica has caught up: %q from the %s", got, at)
		}
		return at == "replica"
	})
	eventually(t, "the lag is gone", func() bool {
		states, err := s.Replication(t.Context())
		return err == nil && states[0].Err == nil && states[0].Bytes == 0 && states[0].Delay == 0 && !states[0].Aside
	})
}

// What was read once is not older the next time, also where it was read on the primary
// before this process was told of it: another process writes, and this one follows.
func TestReadsDoNotGoBack(t *testing.T) {
	s, _, c, _ := withReplica(t)
	other := open(t, postgres.Config{Schema: s.Schema()})
	const writes = 40
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range writes {
			results, err := other.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, fmt.Sprint("d", i), fmt.Sprintf("Text %d.", i))})
			if err != nil || results[0].Err != nil {
				t.Error(err, results)
				return
			}
		}
	}()
	seq := int64(0)
	for running := true; running || seq < writes+1; {
		select {
		case <-done:
			running = false
		default:
		}
		changes, err := s.Changes(t.Context(), c.ID, seq, 0)
		if err != nil { // one that says that the feed ends before seq has gone back
			t.Fatal(err)
		}
		for _, change := range changes {
			seq = change.Seq
		}
		if t.Failed() {
			return
		}
	}
	<-done
}

// A replica that is gone costs no error: the primary is read until it is back.
func TestReplicaIsGone(t *testing.T) {
	s, w, c, _ := withReplica(t)
	caughtUp(t)
	if at := w.during(func() { readAll(t, s, c) }); at != "replica" {
		t.Fatalf("read from the %s", at)
	}
	replica := theReplica(t)
	restPoint(t)
	replica.stop(t)
	running := false
	defer func() {
		if !running {
			replica.start(t)
		}
	}()
	for range 5 {
		if got := readAll(t, s, c); got != "First." {
			t.Fatalf("without the replica: %q", got)
		}
	}
	putText(t, s, c, "second", "Second.")
	if got := readAll(t, s, c); got != "First. Second." {
		t.Fatalf("without the replica: %q", got)
	}
	states, err := s.Replication(t.Context())
	if err != nil || len(states) != 1 || rag.KindOf(states[0].Err) != rag.KindUnavailable || states[0].Bytes != -1 || !states[0].Aside {
		t.Errorf("a replica that is gone: %+v, %v", states, err)
	}
	replica.start(t)
	running = true
	caughtUp(t)
	eventually(t, "the replica is read again", func() bool {
		var got string
		at := w.during(func() { got = readAll(t, s, c) })
		if got != "First. Second." {
			t.Fatalf("with the replica back: %q", got)
		}
		return at == "replica"
	})
}

// A store opens, and works, while its replica cannot be reached.
func TestOpenWithoutTheReplica(t *testing.T) {
	replica := theReplica(t)
	restPoint(t)
	replica.stop(t)
	defer replica.start(t)
	s, _, c, _ := withReplica(t)
	if got := readAll(t, s, c); got != "First." {
		t.Errorf("%q", got)
	}
}

// The whole suite with a replica, which comes later than what is written.
func TestStoreWithReplica(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Parallel() // they wait for the server more than for this processor
		return open(t, postgres.Config{Replicas: []string{need(t, "PG_REPLICA_URL")}})
	})
}
