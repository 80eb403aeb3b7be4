package backends

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/cache/tiered"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// openCache makes the cache that is named, and returns what counts the calls of models together with other processes, nil where that is none. A Redis that is away does
// not keep anything from starting.
func openCache(cfg config.Config, deps Deps, c *root.Config) (remote.Booker, error) {
	// In the configuration 0s switches a layer off; in the library that is a
	// negative time, because 0 is the default there.
	c.EmbeddingTTL, c.RetrievalTTL, c.AnswerTTL = ttl(cfg.Cache.EmbeddingTTL), ttl(cfg.Cache.RetrievalTTL), ttl(cfg.Cache.AnswerTTL)
	c.CacheSettings = cacheSettings(cfg, deps.Version)
	switch cfg.Cache.Name {
	case "memory":
		c.CacheBytes = int64(cfg.Cache.Size)
	case "none":
		c.CacheBytes = -1
	case "redis":
		return openRedis(cfg.Cache, deps, c)
	default:
		return nil, unknown("cache.name", cfg.Cache.Name)
	}
	return nil, nil
}

func openRedis(cfg config.Cache, deps Deps, c *root.Config) (remote.Booker, error) {
	r := cfg.Redis
	secure, err := tlsConfig("cache.redis.tls", r.TLS)
	if err != nil {
		return nil, err
	}
	client, err := redis.Open(redis.Config{
		Addresses: r.Addresses, Cluster: r.Cluster, Username: r.Username, Password: r.Password.Reveal(), Database: r.Database, Prefix: r.Prefix,
		TLS: secure, Timeout: r.Timeout, Connections: r.Connections, WarnAt: r.WarnAt, MaxTTL: max(cfg.EmbeddingTTL, cfg.RetrievalTTL, cfg.AnswerTTL, time.Minute),
		Observe: deps.Observer, Logger: deps.Logger,
	})
	if err != nil {
		return nil, rag.Errorf(rag.KindOf(err), "cache.redis: %w", err)
	}
	c.Cache = tiered.New(tiered.Config{Near: memory.New(memory.Config{MaxBytes: int64(cfg.Size), Logger: deps.Logger}), Shared: client.Cache(), Observe: deps.Observer})
	c.Claims, c.News = client.Claims(), client.News("jobs")
	return client.Rates(), nil
}

// cacheSettings is a digest of the settings and the program's version, so that processes which share a cache find each other's answers only where they would give the
// same. Secrets are masked, and so differ in nothing.
func cacheSettings(cfg config.Config, version string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %+v %+v %+v %+v %+v %+v %+v", version, cfg.Embedder, cfg.Rerank, cfg.LLM, cfg.Routing, cfg.Answer, cfg.Retrieval, cfg.Index))
	return hex.EncodeToString(sum[:8])
}

func ttl(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
