// Package memory is the cache in this process: bounded in bytes, with a time to
// live for each entry. When it is full it forgets what is asked for least often
// and longest ago (W-TinyLFU, by otter), so that a scan over many keys does not
// wash out those that are in use.
package memory

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/smartretriever/smartretriever/cache"
	"github.com/smartretriever/smartretriever/rag"
)

// Config bounds a Cache. The zero value is usable.
type Config struct {
	// MaxBytes bounds keys and values together with what keeping them costs, 160
	// bytes an entry; 0 is 64 MiB.
	MaxBytes int64
	// Clock tells the time; nil is the system's. With a clock of its own a cache
	// drops expired entries when it is used, otherwise every second as well.
	Clock func() time.Time
	// Logger takes what the cache finds wrong with itself; nil discards it.
	Logger *slog.Logger
}

const defaultMaxBytes = 64 << 20

// entryCost is what an entry takes beside its key and value: a node with its
// places in the eviction queues and the timer wheel, a slot of the hash table,
// and two headers. Measured by TestEntryCost.
const entryCost = 160

// entry is a value with its time to live; 0 is for ever.
type entry struct {
	value []byte
	ttl   time.Duration
}

// Cache is an in-process cache. Safe for concurrent use.
type Cache struct {
	max     int64
	entries *otter.Cache[string, entry]
	counter *stats.Counter
	closed  atomic.Bool
}

// New makes an empty cache. It panics on a negative size.
func New(cfg Config) *Cache {
	if cfg.MaxBytes < 0 {
		panic("memory: a cache cannot have a negative size")
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	opt := &otter.Options[string, entry]{
		MaximumWeight:    uint64(cfg.MaxBytes),
		Weigher:          func(key string, e entry) uint32 { return uint32(min(cost(key, e.value), math.MaxUint32)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(lifetime),
		// Maintenance runs in the call that makes it necessary: no goroutine is
		// left to itself, and the bound holds when Set returns.
		Executor: func(fn func()) { fn() },
		Logger:   log{cfg.Logger},
	}
	if cfg.Clock != nil {
		opt.Clock = clock{cfg.Clock}
	}
	counter := stats.NewCounter()
	opt.StatsRecorder = counter
	return &Cache{max: cfg.MaxBytes, entries: otter.Must(opt), counter: counter}
}

func cost(key string, value []byte) int64 { return entryCost + int64(len(key)) + int64(len(value)) }

func lifetime(e otter.Entry[string, entry]) time.Duration {
	if e.Value.ttl == 0 {
		return 100 * 365 * 24 * time.Hour
	}
	return e.Value.ttl
}

// Get returns what was set under key, and false if nothing is there any more. The
// value is shared: it must not be changed. After Close it is KindUnavailable.
func (c *Cache) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	if err := c.usable(ctx); err != nil {
		return nil, false, err
	}
	e, ok := c.entries.GetIfPresent(key)
	return e.value, ok, nil
}

// Set keeps a copy of value under key for ttl; 0 is until there is no room for
// it. A negative ttl is KindInvalid. A value that is larger than the whole cache
// is not kept, and what was under its key is gone.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	if ttl < 0 {
		return rag.Errorf(rag.KindInvalid, "cache: the time to live %v is negative", ttl)
	}
	if cost(key, value) > c.max {
		c.entries.Invalidate(key)
		return nil
	}
	// The key may be a part of a larger string: a clone does not keep that alive.
	c.entries.Set(strings.Clone(key), entry{value: append(make([]byte, 0, len(value)), value...), ttl: ttl})
	return nil
}

// Delete forgets key; none there is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	c.entries.Invalidate(key)
	return nil
}

// DeletePrefix forgets all keys that begin with prefix and says how many there
// were. It looks at every key. The empty prefix forgets everything.
func (c *Cache) DeletePrefix(ctx context.Context, prefix string) (removed int, err error) {
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	for key := range c.entries.Keys() {
		if strings.HasPrefix(key, prefix) {
			if _, was := c.entries.Invalidate(key); was {
				removed++
			}
		}
	}
	return removed, nil
}

// Stats counts hits, misses, evictions and what is kept now.
func (c *Cache) Stats() cache.Stats {
	c.entries.CleanUp()
	s := c.counter.Snapshot()
	return cache.Stats{
		Hits:      int64(s.Hits),
		Misses:    int64(s.Misses),
		Evictions: int64(s.Evictions),
		Entries:   int64(c.entries.EstimatedSize()),
		Bytes:     int64(c.entries.WeightedSize()),
	}
}

// Close forgets everything and ends the cache's goroutine. Closing twice is no
// error.
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.entries.StopAllGoroutines()
	c.entries.InvalidateAll()
	return nil
}

func (c *Cache) usable(ctx context.Context) error {
	if c.closed.Load() {
		return rag.Errorf(rag.KindUnavailable, "the cache is closed")
	}
	if err := ctx.Err(); err != nil {
		return rag.Wrap(rag.KindOf(err), err, "cache")
	}
	return nil
}

// clock is a Config.Clock as otter wants one: without ticks.
type clock struct{ now func() time.Time }

func (c clock) NowNano() int64                      { return c.now().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }

// log passes otter's complaints on.
type log struct{ to *slog.Logger }

func (l log) Warn(ctx context.Context, msg string, err error) {
	l.to.WarnContext(ctx, "cache: "+msg, "err", err)
}
func (l log) Error(ctx context.Context, msg string, err error) {
	l.to.ErrorContext(ctx, "cache: "+msg, "err", err)
}
