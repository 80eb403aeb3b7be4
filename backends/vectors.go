package backends

import (
	"cmp"
	"crypto/tls"
	"strings"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/index/chroma"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/milvus"
	"github.com/smartretriever/smartretriever/index/opensearch"
	"github.com/smartretriever/smartretriever/index/pgvector"
	"github.com/smartretriever/smartretriever/index/pinecone"
	"github.com/smartretriever/smartretriever/index/qdrant"
	"github.com/smartretriever/smartretriever/index/weaviate"
	"github.com/smartretriever/smartretriever/rag"
)

// openVectors makes the vector database that is named. It is not asked for anything yet.
func openVectors(cfg config.Config, deps Deps, c *root.Config) error {
	kind := cfg.Index.Vectors
	if kind == "builtin" || kind == "faiss" {
		return nil
	}
	secure, err := tlsConfig("index.database.tls", cfg.Index.Database.TLS)
	if err != nil {
		return err
	}
	make, ok := vectorDatabases[kind]
	if !ok {
		return unknown("index.vectors", kind)
	}
	db, err := make(cfg, deps, secure)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "index.database: %w", err)
	}
	c.Index.Database, c.Index.DatabasePrefix, c.Index.DatabaseWords, c.Index.DatabaseTimeout = db, cfg.Index.Database.Prefix, cfg.Index.Database.Words, cfg.Index.Database.Timeout
	return nil
}

// vectorDatabases makes each by its name in index.vectors.
var vectorDatabases = map[string]func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error){
	"pgvector": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		m, ef := graph(cfg)
		c := pgvector.Config{URL: db.URL, Password: password(db.Password), TLS: secure, M: m, EfConstruction: ef, EfSearch: db.Ef, Logger: deps.Logger}
		if db.URL == "" {
			pg, err := postgresConfig(cfg, deps)
			if err != nil {
				return nil, err
			}
			c.URL, c.SetupURL, c.Password, c.TLS, c.PgBouncer = pg.URL, cmp.Or(pg.MigrateURL, pg.DirectURL, pg.URL), pg.Password, pg.TLS, pg.PgBouncer
		}
		return opened(pgvector.New(c))
	},
	"qdrant": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		m, ef := graph(cfg)
		return opened(qdrant.New(qdrant.Config{Address: grpcAddress(db.URL, secure != nil), APIKey: db.APIKey.Reveal(), TLS: secure,
			M: m, EfConstruct: ef, Ef: db.Ef, Shards: db.Shards, Replicas: db.Replicas}))
	},
	"weaviate": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		return opened(weaviate.New(weaviateConfig(cfg, secure)))
	},
	"milvus": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		m, ef := graph(cfg)
		return opened(milvus.New(milvus.Config{Address: grpcAddress(db.URL, secure != nil), Token: db.APIKey.Reveal(), User: db.Username, Password: db.Password.Reveal(), Database: db.Name, TLS: secure,
			M: m, EfConstruction: ef, Ef: db.Ef, Shards: db.Shards, Replicas: db.Replicas}))
	},
	"chroma": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		m, ef := graph(cfg)
		return opened(chroma.New(chroma.Config{Address: db.URL, Token: db.APIKey.Reveal(), TLS: secure, Tenant: db.Tenant, Database: db.Name, Create: true,
			MaxNeighbors: m, EfConstruction: min(ef, 10_000), EfSearch: db.Ef}))
	},
	"pinecone": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		return opened(pinecone.New(pinecone.Config{Key: db.APIKey.Reveal(), Host: db.URL, Index: db.Name, Cloud: db.Cloud, Region: db.Region, TLS: secure}))
	},
	"opensearch": func(cfg config.Config, deps Deps, secure *tls.Config) (external.Database, error) {
		db := cfg.Index.Database
		m, ef := graph(cfg)
		return opened(opensearch.New(opensearch.Config{Address: db.URL, User: db.Username, Password: db.Password.Reveal(), APIKey: db.APIKey.Reveal(), TLS: secure,
			M: m, EfConstruct: min(ef, 4096), Ef: db.Ef, Shards: db.Shards, Replicas: db.Replicas}))
	},
}

func weaviateConfig(cfg config.Config, secure *tls.Config) weaviate.Config {
	db := cfg.Index.Database
	m, ef := graph(cfg)
	c := weaviate.Config{Address: db.URL, APIKey: db.APIKey.Reveal(), TLS: secure,
		M: m, EfConstruction: ef, Ef: db.Ef, Shards: db.Shards, Replicas: db.Replicas}
	if db.GRPCURL != "" { // the key goes to both: what is encrypted here is encrypted there
		c.GRPC = grpcAddress(db.GRPCURL, secure != nil || strings.HasPrefix(db.URL, "https://"))
	}
	return c
}

// graph returns M and efConstruction of graphs as they are set, 0 where they are not: the defaults of the built-in index are not those of every database.
func graph(cfg config.Config) (m, ef int) {
	if cfg.Origin("index.hnsw_m").Layer != config.FromDefault {
		m = cfg.Index.M
	}
	if cfg.Origin("index.hnsw_ef_construction").Layer != config.FromDefault {
		ef = cfg.Index.Ef
	}
	return m, ef
}

// opened returns a database as what it is used as, and not one that holds a nil pointer.
func opened[D external.Database](db D, err error) (external.Database, error) {
	if err != nil {
		return nil, err
	}
	return db, nil
}

// grpcAddress gives HOST:PORT a scheme.
func grpcAddress(address string, secure bool) string {
	switch {
	case strings.Contains(address, "://"):
		return address
	case secure:
		return "grpcs://" + address
	}
	return "grpc://" + address
}
