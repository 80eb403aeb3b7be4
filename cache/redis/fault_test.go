//go:build servers

package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Faults are met with the timeouts that users have.
func openWithDefaults(t testing.TB, cfg redis.Config) *redis.Client {
	t.Helper()
	cfg.Timeout = 250 * time.Millisecond
	return open(t, cfg)
}

// faults returns how many operations were done without, by what kept them.
func faults(t *testing.T, o *observe.Observer, what string) int {
	t.Helper()
	return int(metric(t, o, fmt.Sprintf("smartretriever_cache_faults_total{what=%q}", what)))
}

// TestAway: nobody listens, or somebody who never answers. Some requests wait for a timeout,
// all others do not ask.
func TestAway(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	for name, addresses := range map[string][]string{
		"nobody":              {nobody.Addr().String()},
		"silence":             {silent.Addr().String()},
		"nobody's cluster":    {nobody.Addr().String(), nobody.Addr().String()},
		"a cluster's silence": {silent.Addr().String(), silent.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			o := observe.New(observe.Config{})
			c := openWithDefaults(t, redis.Config{Addresses: addresses, Observe: o, Failures: 3, Watch: -1})
			w := &world{}
			p := w.pipeline(c.Cache(), c.Claims(), o)
			begun := time.Now()
			const n = 500
			for i := range n {
				if _, err := ask(t.Context(), p, i); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d answers in %v", n, time.Since(begun).Round(time.Millisecond))
			if asked, without := faults(t, o, "failed"), faults(t, o, "away"); asked != 3 || without < 4*n {
				t.Errorf("%d operations were tried and failed, %d were not tried; three should have been tried", asked, without)
			}
			if h := c.Health(t.Context()); h.OK || h.Needed {
				t.Errorf("health: %+v", h)
			}
			if s := c.Cache().Stats(); s.Entries != 0 {
				t.Errorf("stats: %+v", s)
			}
		})
	}
}

// TestKilled: the server goes in the middle, and comes back with nothing in it, not even the
// scripts.
func TestKilled(t *testing.T) {
	cfg := single(t)
	s := serverAt(t, cfg.Addresses[0])
	c := openWithDefaults(t, cfg)
	w := &world{}
	p := w.pipeline(c.Cache(), c.Claims(), nil)
	cached(t, p)
	hammer(t, p, func() {
		s.kill()
		eventually(t, func() bool { _, _, err := c.Cache().Get(t.Context(), "t/k"); return err != nil })
	})
	hammer(t, p, s.start)
	cached(t, p)
}

// TestAnswersUnasked: a node that is left alone and that nobody asks for is looked at all the same,
// so that what is said of it does not stay wrong.
func TestAnswersUnasked(t *testing.T) {
	cfg := single(t)
	s := serverAt(t, cfg.Addresses[0])
	o := observe.New(observe.Config{})
	cfg.Observe, cfg.Watch = o, 20*time.Millisecond
	c := openWithDefaults(t, cfg)
	up := fmt.Sprintf("smartretriever_cache_node_up{node=%q}", cfg.Addresses[0])
	if shows(o, up) {
		t.Error("something is said of a node that never failed")
	}
	s.kill()
	eventually(t, func() bool { _, _, err := c.Cache().Get(t.Context(), "t/k"); return err != nil && shows(o, up+" 0") })
	s.start()
	eventually(t, func() bool { return shows(o, up+" 1") })
}

// TestStopped: the server is there and does nothing.
func TestStopped(t *testing.T) {
	cfg := single(t)
	s := serverAt(t, cfg.Addresses[0])
	c := openWithDefaults(t, cfg)
	w := &world{}
	p := w.pipeline(c.Cache(), c.Claims(), nil)
	cached(t, p)
	var goOn func()
	hammer(t, p, func() {
		goOn = s.stop()
		eventually(t, func() bool { _, _, err := c.Cache().Get(t.Context(), "t/k"); return err != nil })
	})
	hammer(t, p, goOn)
	cached(t, p)
}

// TestPaused: the server takes commands and answers them late.
func TestPaused(t *testing.T) {
	cfg := single(t)
	c := openWithDefaults(t, cfg)
	w := &world{}
	p := w.pipeline(c.Cache(), c.Claims(), nil)
	cached(t, p)
	hammer(t, p, func() {
		admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error { return db.ClientPause(ctx, time.Second).Err() })
		eventually(t, func() bool { _, _, err := c.Cache().Get(t.Context(), "t/k"); return err != nil })
	})
	cached(t, p)
}

// TestFull: what is there can be read, what is new is not kept, and it is told once that
// there is no room.
func TestFull(t *testing.T) {
	cfg := single(t)
	set := func(name, value string) {
		t.Helper()
		admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error { return db.ConfigSet(ctx, name, value).Err() })
	}
	admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error { return db.FlushAll(ctx).Err() })
	t.Cleanup(func() { set("maxmemory", "0") })
	var log journal
	o := observe.New(observe.Config{})
	opt := cfg
	opt.Logger, opt.Observe, opt.Watch = log.logger(), o, 5*time.Millisecond
	client := openWithDefaults(t, opt)
	c := client.Cache()
	p := (&world{}).pipeline(c, client.Claims(), o)
	if _, err := ask(t.Context(), p, 1); err != nil {
		t.Fatal(err)
	}
	if h := client.Health(t.Context()); !h.OK || strings.Contains(h.Detail, "full") {
		t.Errorf("health of the empty server: %+v", h)
	}

	for turn := range 2 {
		admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error {
			return db.Set(ctx, "other", make([]byte, 8<<20), time.Hour).Err()
		})
		set("maxmemory-policy", "noeviction")
		set("maxmemory", "6mb")
		if err := c.Set(t.Context(), "t/k", []byte("v"), time.Hour); !errors.Is(err, rag.ErrExhausted) || !strings.Contains(err.Error(), "full") {
			t.Errorf("Set: %v", err)
		}
		if a, err := ask(t.Context(), p, 1); err != nil || !a.Cached {
			t.Errorf("what was there: cached %v, %v", a.Cached, err)
		}
		for range 2 {
			if a, err := ask(t.Context(), p, 1000+turn); err != nil || a.Cached {
				t.Errorf("what is new: cached %v, %v", a.Cached, err)
			}
		}
		eventually(t, func() bool { return strings.Count(log.String(), "nearly full") == turn+1 })
		if h := client.Health(t.Context()); !h.OK || !strings.Contains(h.Detail, "nearly full") || !strings.Contains(h.Detail, "6.0 MiB") || !strings.Contains(h.Detail, "noeviction") {
			t.Errorf("health: %+v", h)
		}
		if full := metric(t, o, "smartretriever_cache_server_full_ratio"); full < .8 || metric(t, o, "smartretriever_cache_server_memory_max_bytes") != 6<<20 {
			t.Errorf("the metrics say that %v is used", full)
		}
		// With room again it is kept, and the next time is told again.
		set("maxmemory", "0")
		eventually(t, func() bool { return metric(t, o, "smartretriever_cache_server_full_ratio") == 0 })
		if err := c.Set(t.Context(), "t/k", []byte("v"), time.Hour); err != nil {
			t.Error(err)
		}
	}
	if n := faults(t, o, "full"); n < 4 {
		t.Errorf("%d refusals were counted", n)
	}
	if strings.Contains(log.String(), "done without") {
		t.Error("a full server was left alone, though it can be read")
	}
}

// TestEvicted: a server that makes room by itself takes epochs as well; what depended on one
// is gone then, and nothing that was forgotten comes back.
func TestEvicted(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-evicted"
	c := open(t, cfg).Cache()
	for i := range 100 {
		if err := c.Set(t.Context(), fmt.Sprintf("t/%d", i), []byte("before"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DeletePrefix(t.Context(), "t/"); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "t/1", []byte("after"), time.Hour); err != nil {
		t.Fatal(err)
	}
	keys(t, cfg, cfg.Prefix+":e:", func(db *goredis.Client, key string) {
		if err := db.Del(t.Context(), key).Err(); err != nil {
			t.Error(err)
		}
	})
	for i := range 100 {
		if v, ok, err := c.Get(t.Context(), fmt.Sprintf("t/%d", i)); ok || err != nil {
			t.Errorf("%d: %q, %v", i, v, err)
		}
	}
}

// TestEvicting: a server that has to make room takes what it likes, epochs and lists as well. What is left is right, and the
// metrics tell how much went.
func TestEvicting(t *testing.T) {
	cfg := single(t)
	set := func(name, value string) {
		t.Helper()
		admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error { return db.ConfigSet(ctx, name, value).Err() })
	}
	admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error { return db.FlushAll(ctx).Err() })
	t.Cleanup(func() {
		set("maxmemory", "0")
		set("maxmemory-policy", "noeviction")
	})
	set("maxmemory-policy", "allkeys-random")
	set("maxmemory", "6mb")
	o := observe.New(observe.Config{})
	opt := cfg
	opt.Observe, opt.Watch = o, 20*time.Millisecond
	c := open(t, opt).Cache()
	const n, size = 600, 20_000
	noise := make([]byte, size)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	value := func(i int) string { return fmt.Sprint(i) + string(noise[i:]) }
	for i := range n {
		if err := c.Set(t.Context(), fmt.Sprintf("t.%d/%d", i%3, i), []byte(value(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	there := 0
	for i := range n {
		v, ok, err := c.Get(t.Context(), fmt.Sprintf("t.%d/%d", i%3, i))
		if err != nil || ok && string(v) != value(i) {
			t.Fatalf("%d: %d bytes, %v", i, len(v), err)
		}
		if ok {
			there++
		}
	}
	if there == 0 || there == n {
		t.Errorf("%d of %d values are left", there, n)
	}
	eventually(t, func() bool { return metric(t, o, "smartretriever_cache_server_evicted_keys") > 0 })
}

// TestDamaged: whatever bytes lie under a key, they are never taken for a value that was set.
func TestDamaged(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-damaged"
	o := observe.New(observe.Config{})
	cfg.Observe = o
	c := open(t, cfg).Cache()
	value := strings.Repeat("what was set ", 100)
	if err := c.Set(t.Context(), "t/k", []byte(value), time.Hour); err != nil {
		t.Fatal(err)
	}
	n := 0
	keys(t, cfg, cfg.Prefix+":c:", func(db *goredis.Client, key string) {
		stored := db.Get(t.Context(), key).Val()
		for i := 8; i < len(stored); i++ { // after the epoch
			for _, bad := range []string{stored[:i], stored[:i] + string(stored[i]^0x10) + stored[i+1:]} {
				if err := db.Set(t.Context(), key, bad, time.Hour).Err(); err != nil {
					t.Fatal(err)
				}
				if v, ok, err := c.Get(t.Context(), "t/k"); ok || err != nil {
					t.Fatalf("damaged at %d: %d bytes, %v, %v", i, len(v), ok, err)
				}
				n++
			}
		}
		// A value of another key is none of this one. Both lie in one bucket.
		if err := db.Set(t.Context(), strings.Replace(key, "t/k", "t/r", 1), stored, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := c.Get(t.Context(), "t/r"); ok || err != nil {
			t.Errorf("the value of one key was found under another, %v", err)
		}
	})
	if got := faults(t, o, "damaged"); got != n+1 || n < 50 {
		t.Errorf("%d damaged values, %d counted", n+1, got)
	}
}

// TestFailover: a cluster's master dies. Keys of the others are there all the time, its own
// within seconds.
func TestFailover(t *testing.T) {
	cfg := cluster(t)
	healed(t, cfg)
	var log journal
	o := observe.New(observe.Config{})
	cfg.Logger, cfg.Observe, cfg.Watch = log.logger(), o, 50*time.Millisecond
	client := openWithDefaults(t, cfg)
	c := client.Cache()
	w := &world{}
	p := w.pipeline(c, client.Claims(), nil)
	key := func(i int) string { return fmt.Sprintf("t/%d", i) }
	const n = 100
	for i := range n {
		if err := c.Set(t.Context(), key(i), []byte(key(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var once sync.Once
	var victim string
	admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error {
		once.Do(func() { victim = db.Options().Addr })
		// The replicas have what was set: it is asked for after the failover.
		return db.Wait(ctx, 1, 10*time.Second).Err()
	})
	s := serverAt(t, victim)
	var away atomic.Int64
	works := func() bool {
		missing := 0
		for i := range n {
			v, ok, err := c.Get(t.Context(), key(i))
			if ok && string(v) != key(i) {
				t.Fatalf("%s holds %q", key(i), v)
			}
			if err == nil {
				err = c.Set(t.Context(), key(i), []byte(key(i)), time.Hour)
			}
			if err != nil || !ok {
				missing++
			}
		}
		away.Store(int64(missing))
		return missing == 0
	}
	if !works() {
		t.Fatal("the cluster does not work to begin with")
	}
	hammer(t, p, func() {
		begun := time.Now()
		s.kill()
		eventually(t, func() bool { return !works() })
		lost := away.Load()
		eventually(t, works)
		t.Logf("%d of %d keys were away; all could be read and written again %v after the kill", lost, n, time.Since(begun).Round(100*time.Millisecond))
	})
	s.start()
	healed(t, cfg)
	// It has come back as a replica, which nobody asks for.
	eventually(t, func() bool { return !shows(o, fmt.Sprintf("smartretriever_cache_node_up{node=%q} 0", victim)) })
	if said := log.String(); strings.Contains(said, "CROSSSLOT") || !strings.Contains(said, victim) {
		t.Errorf("the log: %s", said)
	}
}

// TestStoppedMaster: a cluster's master hangs, and is replaced as if it were dead.
func TestStoppedMaster(t *testing.T) {
	cfg := cluster(t)
	healed(t, cfg)
	client := openWithDefaults(t, cfg)
	p := (&world{}).pipeline(client.Cache(), client.Claims(), nil)
	cached(t, p)
	var once sync.Once
	var victim string
	admin(t, cfg)(func(_ context.Context, db *goredis.Client) error {
		once.Do(func() { victim = db.Options().Addr })
		return nil
	})
	s := serverAt(t, victim)
	var goOn func()
	hammer(t, p, func() {
		begun := time.Now()
		goOn = s.stop()
		for i := range 32 { // keys of all nodes
			eventually(t, func() bool { return client.Cache().Set(t.Context(), fmt.Sprintf("t/%d", i), nil, time.Hour) == nil })
		}
		t.Logf("all keys could be written again after %v", time.Since(begun).Round(100*time.Millisecond))
	})
	goOn()
	healed(t, cfg)
}

// healed waits until every node of the cluster knows of three replicas, and each of these
// has what its master has: else it could not take its place.
func healed(t *testing.T, cfg redis.Config) {
	t.Helper()
	for _, address := range cfg.Addresses {
		db := goredis.NewClient(&goredis.Options{Addr: address, Password: cfg.Password})
		t.Cleanup(func() { _ = db.Close() })
		eventually(t, func() bool {
			info, nodes := db.ClusterInfo(t.Context()).Val(), db.ClusterNodes(t.Context()).Val()
			connected := 0
			for line := range strings.Lines(nodes) {
				if strings.Contains(line, "slave") && !strings.Contains(line, "fail") && strings.Contains(line, " connected") {
					connected++
				}
			}
			replication := db.Info(t.Context(), "replication").Val()
			return strings.Contains(info, "cluster_state:ok") && connected == 3 &&
				(strings.Contains(replication, "role:master") || strings.Contains(replication, "master_link_status:up"))
		})
	}
}
