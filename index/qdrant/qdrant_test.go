package qdrant_test

import (
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/qdranttest"
	"github.com/smartretriever/smartretriever/index/qdrant"
)

const key = "a-key-nobody-guesses"

func open(t testing.TB, srv *qdranttest.Server, change func(*qdrant.Config)) *qdrant.Database {
	t.Helper()
	cfg := qdrant.Config{Address: "grpc://" + srv.Address(), APIKey: key, Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	db, err := qdrant.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestDatabase(t *testing.T) {
	indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
		srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
		another := func(t testing.TB) external.Database { return open(t, srv, nil) }
		return indextest.DatabaseFixture{
			DB: open(t, srv, nil), Another: another,
			Stop: srv.Stop, Start: srv.Start, Restart: srv.Restart,
			Stranger: func(t testing.TB) external.Database {
				return open(t, srv, func(c *qdrant.Config) { c.APIKey = "wrong-key-too" })
			},
			Secrets: []string{key, "wrong-key-too"},
		}
	})
}
