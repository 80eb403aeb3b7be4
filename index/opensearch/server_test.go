//go:build servers

package opensearch_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/opensearchtest"
	"github.com/smartretriever/smartretriever/index/opensearch"
	"github.com/smartretriever/smartretriever/rag"
)

// serverURL returns where scripts/opensearch-server.sh has started a server.
func serverURL(t testing.TB) string {
	t.Helper()
	address := os.Getenv("OPENSEARCH_URL")
	if address == "" {
		t.Fatal("OPENSEARCH_URL is not set; scripts/test-vectors.sh starts a server")
	}
	return address
}

func openReal(t testing.TB, address string) *opensearch.Database {
	t.Helper()
	db, err := opensearch.New(opensearch.Config{Address: address, Replicas: -1, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestServer runs the suite on the real server, with a double of its k-NN plugin alone.
func TestServer(t *testing.T) {
	address := serverURL(t)
	indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
		gate := indextest.NewGate(t, strings.TrimPrefix(address, "http://"))
		plugin := opensearchtest.NewPlugin(t, "http://"+gate.Address())
		another := func(t testing.TB) external.Database { return openReal(t, "http://"+plugin.Address()) }
		return indextest.DatabaseFixture{
			DB: another(t), Another: another, Stop: gate.Stop, Start: gate.Start,
			Restart: func(t testing.TB) { indextest.RestartDaemon(t, os.Getenv("OPENSEARCH_SERVER")) },
		}
	})
}

// TestServerWithoutPlugin: it says what is missing.
func TestServerWithoutPlugin(t *testing.T) {
	db := openReal(t, serverURL(t))
	_, err := db.Open(t.Context(), external.Space{Name: "plain", Dimensions: 3})
	if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "unknown setting [index.knn]") {
		t.Errorf("a space on a server without the k-NN plugin: %v", err)
	}
}
