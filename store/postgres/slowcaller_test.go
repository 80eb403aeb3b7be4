//go:build servers

package postgres_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// idleFor notes whether a transaction is open, and whether the server was told that it may be
// silent for ever.
type idleFor struct{ open, ever atomic.Bool }

func (i *idleFor) look(sql string) {
	switch {
	case strings.HasPrefix(sql, "BEGIN"):
		i.open.Store(true)
		i.ever.Store(false)
	case sql == "COMMIT" || sql == "ROLLBACK":
		i.open.Store(false)
	case strings.Contains(sql, "'idle_in_transaction_session_timeout', '0'"):
		i.ever.Store(true)
	}
}

func (i *idleFor) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	i.look(d.SQL)
	return ctx
}

func (i *idleFor) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		i.look(q.SQL)
	}
	return ctx
}

func (i *idleFor) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (i *idleFor) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (i *idleFor) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// What is given to callers row by row waits for them, however long they take: copying a
// file, or building a part of an index, takes more than the server lets a transaction be
// silent for.
func TestCallersTakeTheirTime(t *testing.T) {
	var idle idleFor
	s := open(t, postgres.Config{Tracer: &idle})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	put := storetest.Put(c.ID, "a", "One.")
	put.Document.SHA256 = strings.Repeat("a", 64)
	if _, err := s.PutDocuments(t.Context(), []rag.Put{put}); err != nil {
		t.Fatal(err)
	}
	records, files := 0, 0
	_, err = s.Snapshot(t.Context(), c.ID, 0, func(rag.Record) error {
		records++
		if !idle.ever.Load() {
			t.Error("a snapshot ends when its caller takes long")
		}
		return nil
	})
	if err != nil || records != 1 {
		t.Errorf("%d records, %v", records, err)
	}
	err = s.LiveBlobs(t.Context(), func(string) error {
		files++
		if idle.open.Load() {
			t.Error("a transaction waits for who copies a file")
		}
		return nil
	})
	if err != nil || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
}
