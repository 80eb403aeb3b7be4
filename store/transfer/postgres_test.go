//go:build servers

package transfer_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// database opens a store in a schema of its own, which goes at the test's end. The role
// that it works as owns nothing.
func database(t testing.TB, receiving bool) *postgres.Store {
	t.Helper()
	cfg := postgres.Config{URL: os.Getenv("PG_URL"), MigrateURL: os.Getenv("PG_OWNER_URL"), MaxConns: 8, Receiving: receiving}
	if cfg.URL == "" || cfg.MigrateURL == "" {
		t.Fatal("PG_URL and PG_OWNER_URL are not set: run scripts/test-postgres.sh")
	}
	var random [8]byte
	rand.Read(random[:])
	cfg.Schema = "Copy " + hex.EncodeToString(random[:])
	ctx := context.WithoutCancel(t.Context())
	s, err := postgres.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		conn, err := pgx.Connect(ctx, cfg.MigrateURL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{cfg.Schema}.Sanitize()+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Whatever the suite of all stores leaves in SQLite is the same in PostgreSQL, and in
// SQLite again.
func TestFromSQLiteToPostgresAndBack(t *testing.T) {
	between := database(t, true) // emptied for each: to make one takes longest
	storetest.Run(t, func(t *testing.T) storetest.Store {
		s, back := file(t, false), file(t, true)
		t.Cleanup(func() {
			empty(t, between, s.ID())
			copied(t, s, between, transfer.Options{})
			copied(t, between, back, transfer.Options{})
			same(t, s, back)
			storetest.Sound(t, between)
			storetest.Sound(t, back)
		})
		return s
	})
}

// Whatever the suite leaves in PostgreSQL is the same in SQLite.
func TestFromPostgresToSQLite(t *testing.T) {
	s := database(t, true) // emptied for each, as above
	storetest.Run(t, func(t *testing.T) storetest.Store {
		made := empty(t, s, uuid.NewString())
		made.Done = made.Begun
		if err := s.EndTransfer(t.Context(), made, nil); err != nil { // a store like any other
			t.Fatal(err)
		}
		to := file(t, true)
		t.Cleanup(func() {
			copied(t, s, to, transfer.Options{})
			storetest.Sound(t, to)
		})
		return s
	})
}

// empty makes a store one into which the store with an id is copied.
func empty(t *testing.T, s *postgres.Store, id string) store.Transfer {
	t.Helper()
	begun := store.Transfer{From: id, Begun: time.Now()}
	if err := s.BeginTransfer(context.WithoutCancel(t.Context()), begun); err != nil {
		t.Fatal(err)
	}
	return begun
}

// Stores go on after a copy as if nothing had been: with the next ids and numbers, and
// without asking for an embedding again.
func TestCopyGoesOn(t *testing.T) {
	from, to := filled(t), database(t, true)
	copied(t, from, to, transfer.Options{})
	put := storetest.Put(1, "note later", "A sentence that all share.", "Sentence 7.", "What is new.")
	put.Document.Title = "About note 7" // a passage is embedded with its title
	for _, s := range []storetest.Store{from, to} {
		results, err := s.PutDocuments(t.Context(), []rag.Put{put})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
	a, b := contents(t, from), contents(t, to)
	for _, name := range []string{"documents", "versions", "chunks", "changes"} {
		l, r := a[name][len(a[name])-1], b[name][len(b[name])-1]
		key := 1
		if name == "changes" {
			key = 2
		}
		if len(a[name]) != len(b[name]) || fmt.Sprint(l[:key]) != fmt.Sprint(r[:key]) {
			t.Errorf("%s: %d rows up to %v, and %d up to %v", name, len(a[name]), l[:key], len(b[name]), r[:key])
		}
	}
	storetest.Sound(t, to)
}

// A role that owns no tables can be copied from while nobody else writes.
func TestPostgresIsHeld(t *testing.T) {
	from := database(t, false)
	fill(t, from)
	copied(t, from, file(t, true), transfer.Options{Beside: func(ctx context.Context) error {
		brief, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, err := from.CreateCollection(brief, storetest.Spec("a", "late")); err == nil {
			t.Error("a collection was made meanwhile")
		}
		return nil
	}})
}
