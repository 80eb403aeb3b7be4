//go:build servers

package redis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/rag"
)

// tlsOf is what the server with TLS wants to see.
func tlsOf(t testing.TB) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(env(t, "REDIS_TLS_CA"))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(env(t, "REDIS_TLS_CERT"), env(t, "REDIS_TLS_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}
}

// TestRefused: what a server refuses is an error that says why, and never with the password.
func TestRefused(t *testing.T) {
	const secret = "not-the-pa55word"
	for _, test := range []struct {
		name   string
		config func() redis.Config
		change func(*redis.Config)
		want   error
		says   string
	}{
		{"wrong password", func() redis.Config { return single(t) }, func(c *redis.Config) { c.Password = secret }, rag.ErrUnauthorized, "refuses this user"},
		{"no password", func() redis.Config { return single(t) }, func(c *redis.Config) { c.Password = "" }, rag.ErrUnauthorized, "refuses this user"},
		{"unknown user", func() redis.Config { return single(t) }, func(c *redis.Config) { c.Username, c.Password = "nobody", secret }, rag.ErrUnauthorized, "refuses this user"},
		{"wrong password of a cluster", func() redis.Config { return cluster(t) }, func(c *redis.Config) { c.Password = secret }, rag.ErrUnauthorized, "refuses this user"},
		{"unknown authority", func() redis.Config { return encrypted(t) }, func(c *redis.Config) { c.TLS.RootCAs = nil }, rag.ErrUnavailable, "certificate"},
		{"no client certificate", func() redis.Config { return encrypted(t) }, func(c *redis.Config) { c.TLS.Certificates = nil }, rag.ErrUnavailable, ""},
		{"another name", func() redis.Config { return encrypted(t) }, func(c *redis.Config) { c.TLS.ServerName = "redis.example.com" }, rag.ErrUnavailable, "redis.example.com"},
		{"not encrypted", func() redis.Config { return encrypted(t) }, func(c *redis.Config) { c.TLS = nil }, rag.ErrUnavailable, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log journal
			cfg := test.config()
			test.change(&cfg)
			cfg.Logger = log.logger()
			client := open(t, cfg)
			c := client.Cache()
			for range 5 { // the circuit opens on the way
				_, ok, err := c.Get(t.Context(), "t/k")
				if ok || err == nil {
					t.Fatal("it was not refused")
				}
				if cfg.Password != "" && strings.Contains(err.Error(), cfg.Password) {
					t.Errorf("the error holds the password: %v", err)
				}
			}
			fresh := open(t, cfg).Cache()
			_, _, err := fresh.Get(t.Context(), "t/k")
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v; want %v, saying %q", err, test.want, test.says)
			}
			health := client.Health(t.Context())
			if health.OK || health.Needed || health.Detail == "" {
				t.Errorf("health: %+v", health)
			}
			if said := log.String(); cfg.Password != "" && strings.Contains(said+health.Detail, cfg.Password) || !strings.Contains(said, "done without") {
				t.Errorf("the log: %s; health: %s", said, health.Detail)
			}
		})
	}
}

// TestUser: a user who may touch its own keys only, and administer nothing, is enough.
func TestUser(t *testing.T) {
	for _, s := range []setting{{"single", single(t)}, {"cluster", cluster(t)}} {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-user"
			as := s.config
			as.Username, as.Password = "app", "an-app's-pa55word"
			var mu sync.Mutex
			for _, address := range s.config.Addresses { // replicas, too: they may have to be asked who is master
				node := s.config
				node.Addresses = []string{address}
				admin(t, node)(func(ctx context.Context, db *goredis.Client) error {
					mu.Lock()
					defer mu.Unlock()
					return db.Do(ctx, "ACL", "SETUSER", "app", "reset", "on", ">"+as.Password, "~test-user:*", "&test-user:*", "-@all",
						"+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time", "+info", "+dbsize", "+cluster|slots").Err()
				})
			}
			c := open(t, as)
			if err := c.Cache().Set(t.Context(), "t/k", []byte("v"), time.Minute); err != nil {
				t.Error(err)
			}
			if v, ok, err := c.Cache().Get(t.Context(), "t/k"); !ok || err != nil || string(v) != "v" {
				t.Error(string(v), ok, err)
			}
			if _, err := c.Cache().DeletePrefix(t.Context(), "t/"); err != nil {
				t.Error(err)
			}
			if release := claim(t, c.Claims(), "work"); release != nil {
				release()
			}
			if _, _, err := c.Rates().Book(t.Context(), "m", 10, 10, 1, time.Minute); err != nil {
				t.Error(err)
			}
			if h := c.Health(t.Context()); !h.OK {
				t.Errorf("health: %+v", h)
			}
			news := c.News("jobs")
			changed, end := news.Listen("x")
			defer end()
			eventually(t, func() bool {
				news.Tell(t.Context(), "x")
				select {
				case <-changed:
					return true
				case <-time.After(50 * time.Millisecond):
					return false
				}
			})
			as.Prefix = "elsewhere"
			if err := open(t, as).Cache().Set(t.Context(), "t/k", nil, time.Minute); !errors.Is(err, rag.ErrUnauthorized) || strings.Contains(err.Error(), as.Password) {
				t.Errorf("another's keys: %v", err)
			}
		})
	}
}
