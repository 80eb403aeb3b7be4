//go:build servers

package redis_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/cache/cachetest"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/cache/tiered"
	"github.com/smartretriever/smartretriever/observe"
)

// The servers are those of scripts/redis-server.sh.

// setting is one way to run Redis.
type setting struct {
	name   string
	config redis.Config
}

func env(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run scripts/test-redis.sh", name)
	}
	return v
}

func single(t testing.TB) redis.Config {
	u, err := url.Parse(env(t, "REDIS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return redis.Config{Addresses: []string{u.Host}, Password: password}
}

func encrypted(t testing.TB) redis.Config {
	u, err := url.Parse(env(t, "REDIS_TLS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return redis.Config{Addresses: []string{u.Host}, Password: password, TLS: tlsOf(t)}
}

func cluster(t testing.TB) redis.Config {
	return redis.Config{Addresses: strings.Split(env(t, "REDIS_CLUSTER"), ","), Password: env(t, "REDIS_PASSWORD")}
}

func settings(t *testing.T) []setting {
	return []setting{{"single", single(t)}, {"tls", encrypted(t)}, {"cluster", cluster(t)}}
}

// open returns a client with a prefix of its own, unless cfg has one. The machine of the
// tests may be busy: operations have more time than they have by default, unless cfg says.
func open(t testing.TB, cfg redis.Config) *redis.Client {
	t.Helper()
	if cfg.Prefix == "" {
		cfg.Prefix = "test-" + rand.Text()
	}
	if cfg.Timeout == 0 {
		cfg.DialTimeout, cfg.ReadTimeout, cfg.WriteTimeout, cfg.Timeout = 2*time.Second, 2*time.Second, 2*time.Second, 5*time.Second
	}
	c, err := redis.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// admin is a driver of the tests' own for the servers of cfg, all masters of a cluster.
func admin(t testing.TB, cfg redis.Config) (each func(do func(ctx context.Context, db *goredis.Client) error)) {
	t.Helper()
	ctx := context.Background()
	if len(cfg.Addresses) > 1 {
		db := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: cfg.Addresses, Password: cfg.Password})
		t.Cleanup(func() { _ = db.Close() })
		return func(do func(context.Context, *goredis.Client) error) {
			t.Helper()
			if err := db.ForEachMaster(ctx, do); err != nil {
				t.Fatal(err)
			}
		}
	}
	db := goredis.NewClient(&goredis.Options{Addr: cfg.Addresses[0], Password: cfg.Password, TLSConfig: cfg.TLS})
	t.Cleanup(func() { _ = db.Close() })
	return func(do func(context.Context, *goredis.Client) error) {
		t.Helper()
		if err := do(ctx, db); err != nil {
			t.Fatal(err)
		}
	}
}

// keys calls do for each key on the servers of cfg that begins with prefix.
func keys(t testing.TB, cfg redis.Config, prefix string, do func(db *goredis.Client, key string)) {
	t.Helper()
	var mu sync.Mutex
	admin(t, cfg)(func(ctx context.Context, db *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all := db.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for all.Next(ctx) {
			do(db, all.Val())
		}
		return all.Err()
	})
}

// pass makes every key under prefix older by d, as if that time had gone by: the server's
// clock cannot be moved, lifetimes can.
func pass(t testing.TB, cfg redis.Config, prefix string, d time.Duration) {
	t.Helper()
	ctx := context.Background()
	keys(t, cfg, prefix, func(db *goredis.Client, key string) {
		left, err := db.PTTL(ctx, key).Result()
		if err != nil || left == -2 { // gone by itself
			return
		}
		if left <= 0 {
			t.Errorf("%q has no lifetime", key)
		}
		if left > d {
			err = db.PExpire(ctx, key, left-d).Err()
		} else {
			err = db.Del(ctx, key).Err()
		}
		if err != nil {
			t.Error(err)
		}
	})
}

const onServer = "the server keeps its own bound, maxmemory, which TestFull sets"

func TestCache(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			cachetest.Run(t, func(t *testing.T, cfg cachetest.Config) cachetest.Fixture {
				s.config.MaxValue, s.config.Prefix = int(cfg.MaxBytes), "test-"+rand.Text()
				return cachetest.Fixture{
					Cache: open(t, s.config).Cache(), Advance: func(d time.Duration) { pass(t, s.config, s.config.Prefix, d) },
					Server: onServer, Spaces: "keys of Redis are forgotten by space, without looking at each",
				}
			})
		})
	}
}

// TestTiered is the suite on a cache in process before Redis: time has to pass in both.
func TestTiered(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			cachetest.Run(t, func(t *testing.T, cfg cachetest.Config) cachetest.Fixture {
				s.config.MaxValue, s.config.Prefix = int(cfg.MaxBytes), "test-"+rand.Text()
				var mu sync.Mutex
				now := time.Now()
				near := memory.New(memory.Config{MaxBytes: cfg.MaxBytes, Clock: func() time.Time {
					mu.Lock()
					defer mu.Unlock()
					return now
				}})
				return cachetest.Fixture{
					Cache: tiered.New(tiered.Config{Near: near, Shared: open(t, s.config).Cache()}),
					Advance: func(d time.Duration) {
						pass(t, s.config, s.config.Prefix, d)
						mu.Lock()
						defer mu.Unlock()
						now = now.Add(d)
					},
					Server: onServer, Spaces: "keys of Redis are forgotten by space, without looking at each",
				}
			})
		})
	}
}

// TestRealTime sees a value end by the server's own clock.
func TestRealTime(t *testing.T) {
	c := open(t, single(t)).Cache()
	if err := c.Set(t.Context(), "t/k", []byte("v"), 80*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	_, left, ok, err := c.Lookup(t.Context(), "t/k")
	if err != nil || ok && (left < 0 || left > 80*time.Millisecond) {
		t.Fatalf("%v is left of 80 ms, %v", left, err)
	}
	eventually(t, func() bool {
		_, ok, err := c.Get(t.Context(), "t/k")
		return err == nil && !ok
	})
}

// TestEveryKeyHasALifetime uses everything that writes keys.
func TestEveryKeyHasALifetime(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix, s.config.MaxTTL = "test-"+rand.Text(), time.Hour
			c := open(t, s.config)
			for _, ttl := range []time.Duration{0, time.Microsecond, time.Minute, 99 * time.Hour} {
				if err := c.Cache().Set(t.Context(), "t/"+ttl.String(), []byte("v"), ttl); err != nil {
					t.Fatal(err)
				}
			}
			release, err := c.Claims().Claim(t.Context(), "work")
			if err != nil || release == nil {
				t.Fatal(err)
			}
			defer release()
			if _, booked, err := c.Rates().Book(t.Context(), "model", 10, 1000, 50, 0); !booked || err != nil {
				t.Fatal(booked, err)
			}
			n := 0
			keys(t, s.config, s.config.Prefix, func(db *goredis.Client, key string) {
				n++
				// 0 is a key in its last millisecond, -1 one that stays for good, -2 one that is gone.
				if left := db.PTTL(t.Context(), key).Val(); left == -1 || left > time.Hour+time.Second {
					t.Errorf("%s lives for %v", key, left)
				}
			})
			if n < 5 {
				t.Errorf("%d keys were looked at", n)
			}
		})
	}
}

// TestForgottenIsRemoved looks at the servers themselves after a space was forgotten, among them one of more values than a script removes at once.
func TestForgottenIsRemoved(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			c := open(t, s.config).Cache()
			const gone, stays = 20_000, 10
			for i := range gone + stays {
				key := fmt.Sprintf("t.1/%d", i)
				if i >= gone {
					key = fmt.Sprintf("t.2/%d", i)
				}
				if err := c.Set(t.Context(), key, []byte("the secret"), time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := c.DeletePrefix(t.Context(), "t.1/"); n != gone || err != nil {
				t.Errorf("%d of %d values removed, %v", n, gone, err)
			}
			left := 0
			keys(t, s.config, s.config.Prefix+":c:", func(_ *goredis.Client, key string) {
				left++
				if strings.Contains(key, "t.1") {
					t.Errorf("%s is there", key)
				}
			})
			if left != stays {
				t.Errorf("%d values are left of %d", left, stays)
			}
		})
	}
}

// eventually waits for what a server does in its own time.
func eventually(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come about in 30 s")
		}
	}
}

// server is a node that can be killed and started again.
type server struct {
	t       testing.TB
	address string
	folder  string
}

func serverAt(t testing.TB, address string) *server {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return &server{t, address, filepath.Join(env(t, "REDIS_NODES"), port)}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, "pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// answers reports whether something listens.
func (s *server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// kill ends the server at once, and has it started again by the test's end.
func (s *server) kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	eventually(s.t, func() bool { return !s.answers() })
	s.t.Cleanup(s.start)
}

// stop leaves the server there, but it does nothing any more until it is let go on, by the
// test's end at the latest.
func (s *server) stop() (goOn func()) {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	goOn = sync.OnceFunc(func() { s.signal(syscall.SIGCONT) })
	s.t.Cleanup(goOn)
	return goOn
}

// start starts the server, empty, unless it runs.
func (s *server) start() {
	s.t.Helper()
	if s.answers() {
		return
	}
	if err := os.Remove(filepath.Join(s.folder, "pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	if out, err := exec.Command("redis-server", filepath.Join(s.folder, "redis.conf")).CombinedOutput(); err != nil {
		s.t.Fatal(err, string(out))
	}
	eventually(s.t, func() bool {
		_, err := os.Stat(filepath.Join(s.folder, "pid"))
		return err == nil && s.answers()
	})
}

// journal takes what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func metrics(o *observe.Observer) string {
	w := httptest.NewRecorder()
	o.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// shows reports whether a line of the metrics begins with text.
func shows(o *observe.Observer, text string) bool { return strings.Contains(metrics(o), "\n"+text) }

// metric returns the value of a metric, 0 if it is not there.
func metric(t testing.TB, o *observe.Observer, name string) float64 {
	t.Helper()
	for line := range strings.Lines(metrics(o)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}
