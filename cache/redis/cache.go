package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/cache"
	"github.com/smartretriever/smartretriever/rag"
)

// Cache is the cache of package cache in Redis. It is goroutine-safe. It does not close
// its client, whose Close ends it.
type Cache struct {
	*Client
	hits, misses atomic.Int64
}

// Cache returns the cache. Its counts of hits and misses are its own.
func (c *Client) Cache() *Cache { return &Cache{Client: c} }

//go:embed lua/set.lua
var setSource string

var setScript = goredis.NewScript(setSource)

// Get returns what was set under key, and false if nothing is there any more. What is
// damaged, or was written by a version of this program that wrote otherwise, is not there.
// Errors: KindUnavailable while the server is away or slow, KindUnauthorized, that of ctx.
func (c *Cache) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	value, _, ok, err = c.Lookup(ctx, key)
	return value, ok, err
}

// Lookup is Get with the time that the value has left to live.
func (c *Cache) Lookup(ctx context.Context, key string) (value []byte, left time.Duration, ok bool, err error) {
	at := c.place(key)
	var found *goredis.SliceCmd
	var lives *goredis.DurationCmd
	err = c.do(ctx, at.value, "get", func(ctx context.Context, db goredis.Cmdable) error {
		_, err := db.Pipelined(ctx, func(p goredis.Pipeliner) error {
			found = p.MGet(ctx, at.epoch, at.value)
			lives = p.PTTL(ctx, at.value)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, 0, false, err
	}
	value, ok = c.read(key, found.Val())
	if left = lives.Val(); left <= 0 { // it went between the two
		ok = false
	}
	if !ok {
		c.misses.Add(1)
		return nil, 0, false, nil
	}
	c.hits.Add(1)
	return value, left, true, nil
}

// read returns the value of a key from the pair of its epoch and what lies there.
func (c *Cache) read(key string, pair []any) (value []byte, ok bool) {
	if len(pair) != 2 {
		return nil, false
	}
	epoch, known := pair[0].(string)
	stored, there := pair[1].(string)
	if !known || !there || len(epoch) != epochBytes || len(stored) < epochBytes || stored[:epochBytes] != epoch {
		return nil, false
	}
	value, err := decode(key, []byte(stored[epochBytes:]), c.cfg.MaxValue)
	if err != nil {
		c.cfg.Observe.CacheFault("damaged")
		return nil, false
	}
	return value, true
}

// Set keeps a copy of value under key for ttl, but for no longer than Config.MaxTTL, which
// is also what 0 stands for. A negative ttl is KindInvalid. A value larger than
// Config.MaxValue is not kept, and what was under its key is gone. Other errors are those of
// Get, and KindExhausted when the server's memory is full.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if ttl < 0 {
		return rag.Errorf(rag.KindInvalid, "cache: the time to live %v is negative", ttl)
	}
	if len(value) > c.cfg.MaxValue {
		return c.Delete(ctx, key)
	}
	if ttl == 0 || ttl > c.cfg.MaxTTL {
		ttl = c.cfg.MaxTTL
	}
	at := c.place(key)
	body := encode(key, value)
	fresh := make([]byte, epochBytes)
	rand.Read(fresh) // never fails (crypto/rand)
	return c.do(ctx, at.value, "set", func(ctx context.Context, db goredis.Cmdable) error {
		return setScript.Run(ctx, db, []string{at.epoch, at.value, at.list}, body, max(1, ttl.Milliseconds()), c.cfg.MaxTTL.Milliseconds()+1, fresh).Err()
	})
}

// Delete forgets key; none there is no error. Errors are those of Get.
func (c *Cache) Delete(ctx context.Context, key string) error {
	at := c.place(key)
	return c.do(ctx, at.value, "delete", func(ctx context.Context, db goredis.Cmdable) error {
		return db.Unlink(ctx, at.value).Err()
	})
}

//go:embed lua/forget.lua
var forgetSource string

var forgetScript = goredis.NewScript(forgetSource)

// forgetAtOnce is how many values one run of the script removes.
const forgetAtOnce = 1000

// DeletePrefix forgets the keys of one space, and removes what lies under them: prefix is
// what they begin with up to their first slash, and with it; another is KindInvalid. removed
// counts those that had not gone by themselves, and may count some that had. After an
// error some of them may be forgotten; it may be called again. Other errors are those of Get.
func (c *Cache) DeletePrefix(ctx context.Context, prefix string) (removed int, err error) {
	space, rest := spaceOf(prefix)
	if space == "" || rest != "" {
		return 0, rag.Errorf(rag.KindInvalid, "redis: keys are forgotten by what they begin with up to their first slash, and %q is not that", prefix)
	}
	for bucket := range buckets {
		tag := tagOf(space, bucket)
		keys := []string{c.epoch(tag), c.list(tag)}
		for n := forgetAtOnce; n == forgetAtOnce; {
			err := c.do(ctx, keys[0], "delete by prefix", func(ctx context.Context, db goredis.Cmdable) (err error) {
				n, err = forgetScript.Run(ctx, db, keys).Int()
				return err
			})
			if err != nil {
				return removed, err
			}
			removed += n
		}
	}
	return removed, nil
}

// Stats counts the hits and misses of this cache since it was made, and says what its
// servers hold and have dropped, by anybody, as of now or, if they do not answer, as of
// when they last did.
func (c *Cache) Stats() cache.Stats {
	ctx, cancel := context.WithTimeout(c.living, c.cfg.Timeout)
	defer cancel()
	m, _ := c.readMemory(ctx) // what is known stays if the servers do not answer
	return cache.Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Evictions: m.Evicted + m.Expired, Entries: m.Keys, Bytes: m.Used}
}
