// Package tiered puts a cache in this process in front of one that processes share: what
// was asked for lately comes without a call over the network. It is again a cache, and
// knows neither of the two by name.
//
// The near cache keeps a copy for Config.NearTTL, and never beyond the time that the value
// has left in the shared one. What this process deletes is gone from both at once; what
// another deletes is found here until the copy's time is over. Keys of results hold the
// change number of what they depend on, so that a copy cannot be stale.
//
// While the shared cache is away, the near one goes on.
package tiered

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/cache"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Near is a cache in this process.
type Near interface {
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) error
	DeletePrefix(ctx context.Context, prefix string) (removed int, err error)
	Close() error
}

// Shared is a cache that processes share.
type Shared interface {
	// Lookup is Get of a cache, with the time that the value has left to live.
	Lookup(ctx context.Context, key string) (value []byte, left time.Duration, ok bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) error
	DeletePrefix(ctx context.Context, prefix string) (removed int, err error)
	Stats() cache.Stats
	Close() error
}

// Config holds the two caches. Close closes both.
type Config struct {
	Near    Near
	Shared  Shared
	NearTTL time.Duration     // longest life of a copy; 0 is 1 min
	Observe *observe.Observer // counts looks into the near cache as layer "near"; nil counts nothing
}

// Cache is both caches as one. It is goroutine-safe.
type Cache struct {
	cfg          Config
	seed         maphash.Seed
	locks        [256]lock
	hits, misses atomic.Int64
}

// lock orders what happens to some of the keys in the near cache.
type lock struct {
	sync.Mutex
	changes uint64 // so far
}

// New returns the two caches as one. It panics without one of them.
func New(cfg Config) *Cache {
	if cfg.Near == nil || cfg.Shared == nil {
		panic("tiered: a cache is missing")
	}
	if cfg.NearTTL <= 0 {
		cfg.NearTTL = time.Minute
	}
	return &Cache{cfg: cfg, seed: maphash.MakeSeed()}
}

func (c *Cache) lockOf(key string) *lock {
	return &c.locks[maphash.String(c.seed, key)%uint64(len(c.locks))]
}

// Get returns what was set under key, and false if nothing is there any more. The value
// must not be changed. Errors are those of the shared cache, if the near one has no copy.
func (c *Cache) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	value, ok, err = c.cfg.Near.Get(ctx, key)
	c.cfg.Observe.Cache("near", ok)
	if ok || err != nil {
		c.count(ok)
		return value, ok, err
	}
	l := c.lockOf(key)
	l.Lock()
	before := l.changes
	l.Unlock()
	value, left, ok, err := c.cfg.Shared.Lookup(ctx, key)
	if err != nil {
		return nil, false, err
	}
	c.count(ok)
	if !ok {
		return nil, false, nil
	}
	l.Lock()
	defer l.Unlock()
	if l.changes == before { // else this may be what was before the change
		_ = c.cfg.Near.Set(ctx, key, value, min(left, c.cfg.NearTTL)) // it is there the next time, or not
	}
	return value, true, nil
}

func (c *Cache) count(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

// Set keeps value under key in both. Errors are those of the shared cache; the near one
// has a copy all the same, unless the value was refused as invalid.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	near := c.cfg.NearTTL
	if ttl != 0 {
		near = min(near, ttl)
	}
	l := c.lockOf(key)
	l.Lock()
	l.changes++
	err := c.cfg.Near.Set(ctx, key, value, near)
	l.Unlock()
	if rag.KindOf(err) == rag.KindInvalid {
		return err
	}
	return c.cfg.Shared.Set(ctx, key, value, ttl)
}

// Delete forgets key in both; none there is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	err := c.cfg.Shared.Delete(ctx, key)
	l := c.lockOf(key)
	l.Lock()
	defer l.Unlock()
	l.changes++
	if near := c.cfg.Near.Delete(ctx, key); err == nil {
		err = near
	}
	return err
}

// DeletePrefix forgets the keys that begin with prefix in both, as far as the shared one
// can, and returns what that does.
func (c *Cache) DeletePrefix(ctx context.Context, prefix string) (removed int, err error) {
	removed, err = c.cfg.Shared.DeletePrefix(ctx, prefix)
	if rag.KindOf(err) == rag.KindInvalid {
		return removed, err
	}
	for i := range c.locks {
		c.locks[i].Lock()
		c.locks[i].changes++
		defer c.locks[i].Unlock()
	}
	if _, near := c.cfg.Near.DeletePrefix(ctx, prefix); err == nil {
		err = near
	}
	return removed, err
}

// Stats counts the hits and misses of both together; the rest is that of the shared one.
func (c *Cache) Stats() cache.Stats {
	s := c.cfg.Shared.Stats()
	s.Hits, s.Misses = c.hits.Load(), c.misses.Load()
	return s
}

// Health is that of the shared cache, if it can say.
func (c *Cache) Health(ctx context.Context) rag.Health {
	if s, ok := c.cfg.Shared.(interface {
		Health(context.Context) rag.Health
	}); ok {
		return s.Health(ctx)
	}
	return rag.Health{Name: "cache", OK: true}
}

// Close closes both.
func (c *Cache) Close() error {
	err := c.cfg.Shared.Close()
	if near := c.cfg.Near.Close(); err == nil {
		err = near
	}
	return err
}
