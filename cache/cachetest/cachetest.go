// Package cachetest is the suite that every cache passes.
package cachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/cache"
	"github.com/smartretriever/smartretriever/rag"
)

// Cache is what a backend provides.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) error
	DeletePrefix(ctx context.Context, prefix string) (removed int, err error)
	Stats() cache.Stats
	Close() error
}

// Config is what the suite asks of a cache that it is given.
type Config struct {
	MaxBytes int64
}

// Fixture is an empty cache and a way to let time pass for it.
type Fixture struct {
	Cache   Cache
	Advance func(time.Duration)
	// Server says why the cache does not keep its bound itself and counts what others have
	// put there, too: "" where it is in this process. What it holds is then not compared
	// with Config.MaxBytes, which bounds a single value only, and counts of entries may be
	// larger.
	Server string
	// Spaces says why the cache forgets by prefix only the spaces of its keys, what they
	// begin with up to their first slash, and does not count them: "" where it takes any
	// prefix.
	Spaces string
}

// Run runs the suite. open makes an empty cache, closed by the test's end.
func Run(t *testing.T, open func(t *testing.T, cfg Config) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, func(*testing.T, Config) Fixture)
	}{
		{"set and get", setAndGet},
		{"values are copies", valuesAreCopies},
		{"time to live", timeToLive},
		{"delete", deleted},
		{"delete by prefix", deletedByPrefix},
		{"delete by space", deletedBySpace},
		{"bounded", bounded},
		{"too large", tooLarge},
		{"invalid", invalid},
		{"stats", stats},
		{"many at once", manyAtOnce},
		{"done context", doneContext},
		{"closed", closed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

const megabyte = 1 << 20

func setAndGet(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	absent(t, c, "a")
	for _, value := range []string{"one", "", "two\x00\xff", "three"} {
		set(t, c, "a", value, time.Hour)
		present(t, c, "a", value)
	}
	set(t, c, "", "the empty key is a key", time.Hour)
	present(t, c, "", "the empty key is a key")
	absent(t, c, "A")
}

func valuesAreCopies(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	value := []byte("before")
	if err := c.Set(t.Context(), "k", value, time.Hour); err != nil {
		t.Fatal(err)
	}
	copy(value, "behind")
	present(t, c, "k", "before")
}

func timeToLive(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: megabyte})
	set(t, f.Cache, "short", "s", time.Minute)
	set(t, f.Cache, "long", "l", time.Hour)
	set(t, f.Cache, "ever", "e", 0)
	f.Advance(59 * time.Second)
	present(t, f.Cache, "short", "s")
	f.Advance(2 * time.Second)
	absent(t, f.Cache, "short")
	present(t, f.Cache, "long", "l")

	// Reading does not lengthen a life, setting again does.
	f.Advance(50 * time.Minute)
	set(t, f.Cache, "long", "again", time.Hour)
	f.Advance(50 * time.Minute)
	present(t, f.Cache, "long", "again")
	f.Advance(11 * time.Minute)
	absent(t, f.Cache, "long")
	present(t, f.Cache, "ever", "e")
}

func deleted(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	set(t, c, "a", "1", time.Hour)
	set(t, c, "b", "2", time.Hour)
	for range 2 {
		if err := c.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	absent(t, c, "a")
	present(t, c, "b", "2")
}

func deletedByPrefix(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: megabyte})
	if f.Spaces != "" {
		t.Log("not promised: " + f.Spaces)
		return
	}
	c := f.Cache
	for _, k := range []string{"t1/a", "t1/b", "t10/a", "t2/a", "t1*/a", "t[1]/a"} {
		set(t, c, k, k, time.Hour)
	}
	for _, test := range []struct {
		prefix string
		want   int
	}{{"t1/", 2}, {"t1/", 0}, {"t1*", 1}, {"t[1]", 1}, {"none", 0}, {"", 2}} {
		n, err := c.DeletePrefix(t.Context(), test.prefix)
		if err != nil || n != test.want {
			t.Fatalf("DeletePrefix(%q) = %d, %v; want %d", test.prefix, n, err, test.want)
		}
	}
	absent(t, c, "t10/a")
}

// deletedBySpace forgets what keys begin with up to their first slash, which every cache
// can: the tenant.
func deletedBySpace(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: megabyte})
	c := f.Cache
	long := strings.Repeat("long ", 50)
	spaces := []string{"t1/", "t10/", "t2/", "T1/", "t1*/", "t[1]/", "{t1}/", "}/", "{}/", "/", "ü\x00/", long + "/"}
	each := func(do func(space, key string)) {
		for _, space := range spaces {
			for i := range 40 {
				do(space, fmt.Sprint(space, "a/", i))
			}
		}
	}
	each(func(_, key string) { set(t, c, key, key, time.Hour) })
	set(t, c, "t1", "no space", time.Hour)
	for i, gone := range spaces {
		n, err := c.DeletePrefix(t.Context(), gone)
		if err != nil || n != 40 {
			t.Fatalf("DeletePrefix(%q) = %d, %v", gone, n, err)
		}
		each(func(space, key string) {
			if slices.Index(spaces, space) <= i {
				absent(t, c, key)
			} else {
				present(t, c, key, key)
			}
		})
	}
	present(t, c, "t1", "no space")
	// What is set afterwards is there, and what was before stays away.
	set(t, c, "t1/a/0", "again", time.Hour)
	present(t, c, "t1/a/0", "again")
	for i := 1; i < 40; i++ {
		absent(t, c, fmt.Sprint("t1/a/", i))
	}
	if f.Spaces == "" {
		return
	}
	for _, prefix := range []string{"", "t1", "t1/a", "t1/a/"} {
		if _, err := c.DeletePrefix(t.Context(), prefix); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("DeletePrefix(%q): %v; it cannot be done, and that has to be said", prefix, err)
		}
	}
	present(t, c, "t1/a/0", "again")
}

func bounded(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: megabyte})
	if f.Server != "" {
		t.Log("not promised: " + f.Server)
		return
	}
	c := f.Cache
	value := bytes.Repeat([]byte("x"), 10_000)
	for i := range 1000 {
		set(t, c, fmt.Sprint("key ", i), string(value), time.Hour)
		if i%50 == 0 {
			if s := c.Stats(); s.Bytes > megabyte {
				t.Fatalf("after %d entries the cache holds %d bytes of %d", i+1, s.Bytes, megabyte)
			}
		}
	}
	s := c.Stats()
	if s.Bytes > megabyte || s.Bytes < megabyte/2 {
		t.Errorf("the full cache holds %d bytes of %d", s.Bytes, megabyte)
	}
	if s.Evictions == 0 || s.Entries == 0 {
		t.Errorf("stats of the full cache: %+v", s)
	}
}

func tooLarge(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	set(t, c, "small", "s", time.Hour)
	set(t, c, "k", "old", time.Hour)
	set(t, c, "k", string(make([]byte, 2*megabyte)), time.Hour)
	absent(t, c, "k")
	present(t, c, "small", "s")
}

func invalid(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	if err := c.Set(t.Context(), "k", []byte("v"), -time.Second); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a negative time to live: %v", err)
	}
	absent(t, c, "k")
}

func stats(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: megabyte})
	c := f.Cache
	set(t, c, "a", "1", time.Hour)
	present(t, c, "a", "1")
	present(t, c, "a", "1")
	absent(t, c, "b")
	s := c.Stats()
	if s.Hits != 2 || s.Misses != 1 || s.Entries < 1 || s.Entries > 1 && f.Server == "" || s.Bytes < 2 {
		t.Errorf("two hits, a miss, an entry: %+v", s)
	}
}

func manyAtOnce(t *testing.T, open func(*testing.T, Config) Fixture) {
	f := open(t, Config{MaxBytes: 64 << 10})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				key := fmt.Sprint("key ", i%50)
				want := []byte(key + key)
				switch (g + i) % 5 {
				case 0, 1:
					if err := f.Cache.Set(t.Context(), key, want, time.Hour); err != nil {
						t.Error(err)
					}
				case 2, 3:
					got, ok, err := f.Cache.Get(t.Context(), key)
					if err != nil || (ok && !bytes.Equal(got, want)) {
						t.Errorf("%s: %q, %v", key, got, err)
					}
				case 4:
					if err := f.Cache.Delete(t.Context(), key); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func doneContext(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	set(t, c, "a", "1", time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := c.Get(ctx, "a"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Get with a done context: %v, %v", ok, err)
	}
	if err := c.Set(ctx, "a", nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Set with a done context: %v", err)
	}
}

func closed(t *testing.T, open func(*testing.T, Config) Fixture) {
	c := open(t, Config{MaxBytes: megabyte}).Cache
	set(t, c, "a", "1", time.Hour)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := c.Get(t.Context(), "a"); ok || !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("Get after Close: %v, %v", ok, err)
	}
	if err := c.Set(t.Context(), "a", nil, 0); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("Set after Close: %v", err)
	}
}

func set(t *testing.T, c Cache, key, value string, ttl time.Duration) {
	t.Helper()
	if err := c.Set(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatalf("set %q: %v", key, err)
	}
}

func present(t *testing.T, c Cache, key, want string) {
	t.Helper()
	got, ok, err := c.Get(t.Context(), key)
	if err != nil || !ok || string(got) != want {
		t.Fatalf("%q holds %q, %v, %v; want %q", key, got, ok, err, want)
	}
}

func absent(t *testing.T, c Cache, key string) {
	t.Helper()
	if got, ok, err := c.Get(t.Context(), key); err != nil || ok {
		t.Fatalf("%q holds %q, %v, %v; want nothing", key, got, ok, err)
	}
}
