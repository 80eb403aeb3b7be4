package backends_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// databaseSettings are the defaults with a data folder, changed.
func databaseSettings(t *testing.T, change func(*config.Config)) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	change(&c)
	return c
}

// TestVectorDatabases makes each that can be named, which asks no server for anything, with every setting that is its own.
func TestVectorDatabases(t *testing.T) {
	const secret = "password-that-nobody-sees"
	for kind, change := range map[string]func(*config.VectorDatabase){
		"qdrant":   func(d *config.VectorDatabase) { d.URL, d.APIKey = "127.0.0.1:1", config.NewSecret(secret) },
		"weaviate": func(d *config.VectorDatabase) { d.URL, d.GRPCURL = "http://127.0.0.1:1", "127.0.0.1:2" },
		"milvus": func(d *config.VectorDatabase) {
			d.URL, d.Username, d.Password = "127.0.0.1:1", "root", config.NewSecret(secret)
		},
		"chroma": func(d *config.VectorDatabase) { d.URL, d.Tenant, d.Name = "http://127.0.0.1:1", "acme", "vectors" },
		"pinecone": func(d *config.VectorDatabase) {
			d.APIKey, d.Cloud, d.Region = config.NewSecret(secret), "gcp", "europe-west4"
		},
		"opensearch": func(d *config.VectorDatabase) { d.URL, d.Words = "https://127.0.0.1:1", true },
		"pgvector": func(d *config.VectorDatabase) {
			d.URL, d.Password, d.Ef = "postgres://app@127.0.0.1:1/db", config.NewSecret(secret), 200
		},
	} {
		t.Run(kind, func(t *testing.T) {
			c := databaseSettings(t, func(c *config.Config) {
				c.Index.Vectors = kind
				change(&c.Index.Database)
			})
			made, err := backends.Open(c, backends.Deps{})
			if err != nil {
				t.Fatal(err)
			}
			db := made.Index.Database
			if db == nil || made.Index.Vectors != kind || made.Index.DatabaseTimeout != c.Index.Database.Timeout || made.Index.DatabaseWords != c.Index.Database.Words {
				t.Errorf("made %+v", made.Index)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	// Without an address of its own pgvector is where the documents are.
	c := databaseSettings(t, func(c *config.Config) {
		c.Store.Name, c.Index.Vectors = "postgres", "pgvector"
		c.Store.Postgres.URL = config.NewSecret("postgres://app:" + secret + "@127.0.0.1:1/db")
	})
	made, err := backends.Open(c, backends.Deps{})
	if err != nil || made.Index.Database == nil || made.OpenStore == nil {
		t.Fatalf("pgvector beside the documents: %v", err)
	}
	if err := made.Index.Database.Close(); err != nil {
		t.Error(err)
	}
}

// TestDatabaseFaults names the setting that is wrong, and repeats no password.
func TestDatabaseFaults(t *testing.T) {
	const secret = "password-that-nobody-sees"
	noCertificate := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noCertificate, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Config){
		"store.postgres": func(c *config.Config) {
			c.Store.Name, c.Store.Postgres.URL = "postgres", config.NewSecret("postgres://app:"+secret+"@127.0.0.1:port/db")
		},
		"store.postgres.tls.ca_file": func(c *config.Config) {
			c.Store.Name, c.Store.Postgres.URL, c.Store.Postgres.TLS.CAFile = "postgres", config.NewSecret("postgres://app:"+secret+"@127.0.0.1:1/db"), noCertificate
		},
		"store.name":                   func(c *config.Config) { c.Store.Name = "paper" },
		"index.vectors":                func(c *config.Config) { c.Index.Vectors = "paper" },
		"index.database":               func(c *config.Config) { c.Index.Vectors, c.Index.Database.URL = "chroma", "not an address" },
		"index.database.tls.cert_file": func(c *config.Config) { c.Index.Vectors, c.Index.Database.TLS.CertFile = "chroma", noCertificate },
		"cache.name":                   func(c *config.Config) { c.Cache.Name = "paper" },
		"cache.redis.tls.ca_file": func(c *config.Config) {
			c.Cache.Name, c.Cache.Redis.Addresses, c.Cache.Redis.TLS.CAFile = "redis", []string{"127.0.0.1:1"}, noCertificate
		},
		"cache.redis.tls.cert_file": func(c *config.Config) {
			c.Cache.Name, c.Cache.Redis.Addresses, c.Cache.Redis.TLS.CertFile, c.Cache.Redis.TLS.KeyFile = "redis", []string{"127.0.0.1:1"}, noCertificate, noCertificate
		},
		"cache.redis": func(c *config.Config) { c.Cache.Name, c.Cache.Redis.Password = "redis", config.NewSecret(secret) },
	} {
		made, err := backends.Open(databaseSettings(t, change), backends.Deps{})
		if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: %v", want, err)
		}
		if c, ok := made.Cache.(io.Closer); ok {
			_ = c.Close()
		}
	}
}
