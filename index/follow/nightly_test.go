package follow

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // of TestUntil, wherever it runs

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// lazy is an index that is made anew at night.
type lazy struct {
	*engine.Index
	compact func(ctx context.Context) error
}

func (l *lazy) Compact(ctx context.Context) error { return l.compact(ctx) }

// lazyBackend makes lazy indexes, in memory.
func lazyBackend(compact func(ctx context.Context) error) Backend {
	with := func(open func(engine.Config) (*engine.Index, error)) func(engine.Config) (*lazy, error) {
		return func(cfg engine.Config) (*lazy, error) {
			ix, err := open(cfg)
			return &lazy{ix, compact}, err
		}
	}
	return NewBackend(with(engine.Create), with(engine.Open))
}

// TestNightly: an index that keeps what is deleted is made anew once a day, at the hour that was asked for, and after an error again the next day.
func TestNightly(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		want int // by noon of the third day
	}{{3 * time.Hour, 3}, {0, 2}, {13*time.Hour + 30*time.Minute, 2}, {Never, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := newFeed()
			s.put("a", "apple")
			var at []time.Time
			begun := time.Now()
			midnight := time.Date(begun.Year(), begun.Month(), begun.Day(), 0, 0, 0, 0, begun.Location())
			time.Sleep(time.Minute - begun.Sub(midnight)%time.Minute) // into the first day
			f := start(t, Config{Feed: s, CompactAt: c.at, Poll: time.Hour, Backend: lazyBackend(func(context.Context) error {
				at = append(at, time.Now())
				return errors.New("no")
			})})
			expect(t, "apples", found(t, f, collection(1), "apple", 0), 1)
			time.Sleep(time.Until(midnight.Add(60 * time.Hour)))
			synctest.Wait()
			expect(t, "times that it was made anew", len(at), c.want)
			for _, when := range at {
				if got := time.Duration(when.Hour())*time.Hour + time.Duration(when.Minute())*time.Minute; got != c.at {
					t.Errorf("it was made anew at %v, not at %v", got, c.at)
				}
			}
		})
	}
}

// TestNightlyEndsWithFollower: Close ends a run and waits for it.
func TestNightlyEndsWithFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFeed()
		s.put("a", "apple")
		var running, ended atomic.Bool
		f := start(t, Config{Feed: s, CompactAt: time.Hour, Poll: time.Minute, Backend: lazyBackend(func(ctx context.Context) error {
			running.Store(true)
			<-ctx.Done()
			ended.Store(true)
			return ctx.Err()
		})})
		c := collection(1)
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		time.Sleep(25 * time.Hour)
		if !running.Load() || ended.Load() {
			t.Fatalf("running %v, ended %v", running.Load(), ended.Load())
		}
		// Meanwhile everything goes on.
		expect(t, "apples", found(t, f, c, "apple", s.put("b", "apple pie")), 2)
		if err := f.Close(); err != nil || !ended.Load() {
			t.Errorf("Close did not wait (%v)", err)
		}
	})
}

func TestUntil(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		parsed, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, c := range []struct {
		now  string
		at   time.Duration
		want time.Duration
	}{
		{"2026-07-01 02:59", 3 * time.Hour, time.Minute},
		{"2026-07-01 03:00", 3 * time.Hour, 24 * time.Hour},
		{"2026-12-31 23:59", 0, time.Minute},
		{"2026-03-28 03:00", 3 * time.Hour, 23 * time.Hour}, // the clock is set forward
		{"2026-10-24 03:00", 3 * time.Hour, 25 * time.Hour}, // and back
	} {
		if got := until(at(c.now), c.at); got != c.want {
			t.Errorf("%s until %v: %v, want %v", c.now, c.at, got, c.want)
		}
	}
}

func TestTimeOfDay(t *testing.T) {
	for _, at := range []time.Duration{-2, 24 * time.Hour} {
		if _, err := New(Config{Feed: newFeed(), Index: indexConfig, CompactAt: at}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%v: error %v, want an invalid one", at, err)
		}
	}
}

// TestOnlyWhatCanBeTuned: an index that cannot be tuned says so.
func TestOnlyWhatCanBeTuned(t *testing.T) {
	s := newFeed()
	s.put("a", "apple")
	type bare struct{ Index }
	f := start(t, Config{Feed: s, Poll: time.Hour, Backend: NewBackend(func(cfg engine.Config) (bare, error) {
		ix, err := engine.Create(cfg)
		return bare{ix}, err
	}, nil)})
	if _, err := f.Tune(t.Context(), collection(1), nil, 10, .9, false); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("tune: %v", err)
	}
}
