package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dustin/go-humanize"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// memory is what the servers said of themselves last.
type memory struct {
	mu     sync.Mutex
	last   observe.CacheServer
	warned bool // that the servers are nearly full, since they last were not
}

// watch looks at the servers' memory, and at nodes that are left alone, again and again.
func (c *Client) watch(ctx context.Context) {
	tick := time.NewTicker(c.cfg.Watch)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		_, _ = c.readMemory(limited) // a server that does not answer is told of by its circuit
		cancel()
		limited, cancel = context.WithTimeout(ctx, c.cfg.Timeout)
		c.lookAround(limited)
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readMemory asks all masters for what they hold, and warns when one of them becomes nearly
// full. With an error it returns what was known before.
func (c *Client) readMemory(ctx context.Context) (observe.CacheServer, error) {
	var mu sync.Mutex
	var sum observe.CacheServer
	one := func(ctx context.Context, db *goredis.Client) error {
		text, err := db.Info(ctx).Result()
		if err != nil {
			return err
		}
		size, err := db.DBSize(ctx).Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		add(&sum, text, size)
		return nil
	}
	var err error
	switch db := c.db.(type) {
	case *goredis.ClusterClient:
		err = db.ForEachMaster(ctx, one)
	case *goredis.Client:
		err = one(ctx, db)
	}
	m := &c.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		return m.last, c.fault(ctx, "look at the memory", err)
	}
	m.last = sum
	c.cfg.Observe.CacheServer(sum)
	switch {
	case sum.Full < c.cfg.WarnAt:
		m.warned = false
	case !m.warned:
		m.warned = true
		c.cfg.Logger.Warn("Redis is nearly full: give it more maxmemory, or shorten the lifetimes of what is cached", "used", sum.Used, "maxmemory", sum.Max,
			"full_percent", int(100*sum.Full), "policy", sum.Policy)
	}
	return sum, nil
}

// add adds what one server says in its INFO, and how many keys it has, to sum.
func add(sum *observe.CacheServer, info string, keys int64) {
	said := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok {
			said[name] = value
		}
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(said[name], 10, 64) // what is not there is 0
		return n
	}
	used, most := number("used_memory"), number("maxmemory")
	sum.Servers++
	sum.Keys += keys
	sum.Used += used
	sum.Max += most
	sum.Evicted += number("evicted_keys")
	sum.Expired += number("expired_keys")
	if most > 0 {
		sum.Full = max(sum.Full, float64(used)/float64(most))
	}
	sum.Version, sum.Policy = said["redis_version"], said["maxmemory_policy"]
}

// Health asks the servers how they are. Redis is not needed: without it all goes on, slower.
func (c *Client) Health(ctx context.Context) rag.Health {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout+c.cfg.Timeout)
	defer cancel()
	h := rag.Health{Name: "cache"}
	if c.isClosed() {
		h.Detail = "closed"
		return h
	}
	s, err := c.readMemory(ctx)
	h.Took = time.Since(begun)
	if err != nil {
		h.Detail = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			h.Detail = "redis: no answer in time"
		}
		return h
	}
	h.OK = true
	h.Detail = fmt.Sprintf("redis %s, %s used", s.Version, humanize.IBytes(uint64(max(0, s.Used))))
	if s.Servers > 1 {
		h.Detail = fmt.Sprintf("redis %s, %d masters, %s used", s.Version, s.Servers, humanize.IBytes(uint64(max(0, s.Used))))
	}
	if s.Max > 0 {
		h.Detail += fmt.Sprintf(" of %s (%d %%), %s", humanize.IBytes(uint64(s.Max)), int(100*s.Full), s.Policy)
	}
	if s.Full >= c.cfg.WarnAt {
		h.Detail += "; nearly full"
	}
	return h
}
