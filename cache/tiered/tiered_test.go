package tiered_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/cache/cachetest"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/cache/tiered"
	"github.com/smartretriever/smartretriever/rag"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// shared is a cache in memory that knows when its values end, and can be away.
type shared struct {
	*memory.Cache
	clock *clock

	mu    sync.Mutex
	ends  map[string]time.Time
	asked int
	away  bool
	found func() // called when a value was found, before it is returned
}

func newShared(c *clock, size int64) *shared {
	return &shared{Cache: memory.New(memory.Config{MaxBytes: size, Clock: c.Now}), clock: c, ends: map[string]time.Time{}}
}

func (s *shared) Lookup(ctx context.Context, key string) ([]byte, time.Duration, bool, error) {
	s.mu.Lock()
	s.asked++
	away, end, found := s.away, s.ends[key], s.found
	s.mu.Unlock()
	if away {
		return nil, 0, false, rag.Errorf(rag.KindUnavailable, "away")
	}
	v, ok, err := s.Get(ctx, key)
	if ok && found != nil {
		found()
	}
	return v, end.Sub(s.clock.Now()), ok, err
}

func (s *shared) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	away := s.away
	life := ttl
	if life == 0 {
		life = 100 * time.Hour
	}
	s.ends[key] = s.clock.Now().Add(life)
	s.mu.Unlock()
	if away {
		return rag.Errorf(rag.KindUnavailable, "away")
	}
	return s.Cache.Set(ctx, key, value, ttl)
}

func (s *shared) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shared) asks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func TestCache(t *testing.T) {
	cachetest.Run(t, func(t *testing.T, cfg cachetest.Config) cachetest.Fixture {
		now := newClock()
		c := tiered.New(tiered.Config{Near: memory.New(memory.Config{MaxBytes: cfg.MaxBytes / 4, Clock: now.Now}), Shared: newShared(now, cfg.MaxBytes)})
		t.Cleanup(func() { _ = c.Close() })
		return cachetest.Fixture{Cache: c, Advance: now.advance}
	})
}

// pair is what two processes have: a shared cache, and a near one each.
func pair(t *testing.T) (a, b *tiered.Cache, far *shared, now *clock) {
	now = newClock()
	far = newShared(now, 1<<20)
	one := func() *tiered.Cache {
		return tiered.New(tiered.Config{Near: memory.New(memory.Config{Clock: now.Now}), Shared: far, NearTTL: time.Minute})
	}
	a, b = one(), one()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b, far, now
}

func want(t *testing.T, c *tiered.Cache, key, value string) {
	t.Helper()
	got, ok, err := c.Get(t.Context(), key)
	if err != nil || ok != (value != "") || string(got) != value {
		t.Fatalf("%q holds %q, %v, %v; want %q", key, got, ok, err, value)
	}
}

func set(t *testing.T, c *tiered.Cache, key, value string, ttl time.Duration) {
	t.Helper()
	if err := c.Set(t.Context(), key, []byte(value), ttl); err != nil {
		t.Fatal(err)
	}
}

func TestCopiesAreNear(t *testing.T) {
	a, b, far, _ := pair(t)
	set(t, a, "k", "v", time.Hour)
	for range 3 {
		want(t, a, "k", "v")
	}
	if n := far.asks(); n != 0 {
		t.Errorf("the shared cache was asked %d times for what was set here", n)
	}
	for range 3 {
		want(t, b, "k", "v")
	}
	if n := far.asks(); n != 1 {
		t.Errorf("the shared cache was asked %d times by the other process; once would do", n)
	}
}

// A copy lives no longer than what it is a copy of.
func TestCopiesEndInTime(t *testing.T) {
	a, b, far, now := pair(t)
	set(t, a, "k", "v", 90*time.Second)
	now.advance(80 * time.Second)
	want(t, b, "k", "v") // ten seconds are left, where a copy may live for sixty
	now.advance(9 * time.Second)
	want(t, b, "k", "v")
	now.advance(2 * time.Second)
	want(t, b, "k", "")
	want(t, a, "k", "")

	// A copy is looked up again when its own time is over.
	set(t, a, "long", "v", time.Hour)
	before := far.asks()
	now.advance(61 * time.Second)
	want(t, a, "long", "v")
	if far.asks() != before+1 {
		t.Error("a copy lives for longer than a copy may")
	}
}

func TestDeletedHereIsGone(t *testing.T) {
	a, b, _, now := pair(t)
	for _, forget := range []func(*tiered.Cache) error{
		func(c *tiered.Cache) error { return c.Delete(t.Context(), "t/k") },
		func(c *tiered.Cache) error { _, err := c.DeletePrefix(t.Context(), "t/"); return err },
	} {
		set(t, a, "t/k", "v", time.Hour)
		want(t, b, "t/k", "v")
		if err := forget(a); err != nil {
			t.Fatal(err)
		}
		want(t, a, "t/k", "")
		now.advance(61 * time.Second) // the other's copy
		want(t, b, "t/k", "")
	}
}

// A deletion that comes while a value is on its way from the shared cache must not be undone
// by the copy of it.
func TestDeletedOnTheWay(t *testing.T) {
	a, _, far, now := pair(t)
	set(t, a, "t/k", "v", time.Hour)
	now.advance(61 * time.Second)
	for _, forget := range []func() error{
		func() error { return a.Delete(t.Context(), "t/k") },
		func() error { _, err := a.DeletePrefix(t.Context(), "t/"); return err },
	} {
		set(t, a, "t/k", "v", time.Hour)
		now.advance(61 * time.Second)
		far.found = func() {
			far.found = nil
			if err := forget(); err != nil {
				t.Error(err)
			}
		}
		want(t, a, "t/k", "v") // it was there when it was asked for
		want(t, a, "t/k", "")
	}
}

func TestSharedAway(t *testing.T) {
	a, _, far, _ := pair(t)
	set(t, a, "k", "v", time.Hour)
	far.setAway(true)
	want(t, a, "k", "v")
	if _, ok, err := a.Get(t.Context(), "other"); ok || !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("without a copy: %v, %v", ok, err)
	}
	if err := a.Set(t.Context(), "new", []byte("n"), time.Hour); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("Set: %v", err)
	}
	want(t, a, "new", "n")
}
