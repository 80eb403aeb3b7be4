package opensearch_test

import (
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/opensearchtest"
	"github.com/smartretriever/smartretriever/index/opensearch"
)

const (
	user     = "someone"
	password = "a-password-nobody-guesses"
)

func open(t testing.TB, address string, change func(*opensearch.Config)) *opensearch.Database {
	t.Helper()
	cfg := opensearch.Config{Address: address, User: user, Password: password, Timeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	db, err := opensearch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func double(t testing.TB, product string) *opensearchtest.Server {
	t.Helper()
	return opensearchtest.New(t, opensearchtest.Options{Product: product, User: user, Password: password, APIKey: "QVBJLWtleQ=="})
}

func TestDatabase(t *testing.T) {
	for _, product := range []string{opensearchtest.OpenSearch, opensearchtest.Elasticsearch} {
		t.Run(product, func(t *testing.T) {
			indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
				srv := double(t, product)
				another := func(t testing.TB) external.Database { return open(t, srv.URL(), nil) }
				return indextest.DatabaseFixture{
					DB: open(t, srv.URL(), nil), Another: another,
					Stop: srv.Stop, Start: srv.Start, Restart: srv.Restart,
					Stranger: func(t testing.TB) external.Database {
						return open(t, srv.URL(), func(c *opensearch.Config) { c.Password = "wrong-word-too" })
					},
					Secrets: []string{password, "wrong-word-too", user},
				}
			})
		})
	}
}
