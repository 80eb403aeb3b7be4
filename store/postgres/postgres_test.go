//go:build servers

package postgres_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

var (
	_ storetest.Store = (*postgres.Store)(nil)
	_ ingest.Store    = (*postgres.Store)(nil)
	_ answer.Chunks   = (*postgres.Store)(nil)
	_ answer.Recorder = (*postgres.Store)(nil)
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Parallel() // they wait for the server more than for this processor
		return open(t, postgres.Config{})
	})
}

// need returns a variable that scripts/postgres-server.sh sets.
func need(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run scripts/test-postgres.sh", name)
	}
	return value
}

// configure fills in what cfg does not say: the servers' roles, and a schema of the
// test's own, which goes at its end.
func configure(t testing.TB, cfg postgres.Config) postgres.Config {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = need(t, "PG_URL")
	}
	if cfg.MigrateURL == "" {
		cfg.MigrateURL = need(t, "PG_OWNER_URL")
	}
	if cfg.Schema == "" {
		var random [8]byte
		rand.Read(random[:])
		cfg.Schema = "Test " + hex.EncodeToString(random[:]) // a name that has to be quoted
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			execute(t, ctx, need(t, "PG_OWNER_URL"), "DROP SCHEMA IF EXISTS "+pgx.Identifier{cfg.Schema}.Sanitize()+" CASCADE")
		})
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = time.Minute // of a busy machine
	}
	return cfg
}

// open opens a store, by default on a new schema, until the test's end.
func open(t testing.TB, cfg postgres.Config) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), configure(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// execute runs a statement on a connection of its own.
func execute(t testing.TB, ctx context.Context, url, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%.60s: %v", sql, err)
	}
}
