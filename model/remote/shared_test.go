package remote

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// ledger books calls at least a second apart, for all that use it.
type ledger struct {
	mu       sync.Mutex
	next     time.Time
	fail     error
	subjects []string
	within   []time.Duration
}

func (b *ledger) Book(_ context.Context, subject string, _, _, _ int, within time.Duration) (time.Duration, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return 0, false, b.fail
	}
	b.within = append(b.within, within)
	if !slices.Contains(b.subjects, subject) {
		b.subjects = append(b.subjects, subject)
	}
	now := time.Now()
	at := b.next
	if at.Before(now) {
		at = now
	}
	if in := at.Sub(now); in > within {
		return in - within, false, nil
	}
	b.next = at.Add(time.Second)
	return at.Sub(now), true, nil
}

func sharing(b Booker, limit LimitConfig) *Limiter {
	limit.Shared, limit.RequestsPerMinute = b, 10_000
	return limiter(limit)
}

// went runs n calls at once and returns when they started, in seconds.
func went(t *testing.T, l *Limiter, ctx context.Context, n int) (starts []int) {
	begun := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			p, err := l.acquire(ctx, 10)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			starts = append(starts, int(time.Since(begun).Seconds()))
			mu.Unlock()
			p.release()
		})
	}
	wg.Wait()
	slices.Sort(starts)
	return starts
}

func TestRatesAreSharedWithOtherProcesses(t *testing.T) {
	for name, ctx := range map[string]func(context.Context) context.Context{
		"what nobody waits for": func(ctx context.Context) context.Context { return ctx },
		"questions":             Urgent,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &ledger{}
				one, other := sharing(b, LimitConfig{}), sharing(b, LimitConfig{})
				var starts []int
				var wg sync.WaitGroup
				var mu sync.Mutex
				for _, l := range []*Limiter{one, other} {
					wg.Go(func() {
						s := went(t, l, ctx(t.Context()), 5)
						mu.Lock()
						defer mu.Unlock()
						starts = append(starts, s...)
					})
				}
				wg.Wait()
				slices.Sort(starts)
				if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(starts, want) {
					t.Errorf("calls started after %v seconds, want %v", starts, want)
				}
				if len(b.subjects) != 1 {
					t.Errorf("two processes with one key count for %d subjects", len(b.subjects))
				}
			})
		})
	}
}

// A question does not wait for the whole of a bulk load that came before it.
func TestABulkLoadDoesNotBookFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ledger{}
		l := sharing(b, LimitConfig{})
		done := make(chan []int)
		go func() { done <- went(t, l, t.Context(), 60) }()
		time.Sleep(500 * time.Millisecond)
		starts := went(t, l, Urgent(t.Context()), 1)
		if starts[0] > 2 {
			t.Errorf("the question waited for %d seconds", starts[0])
		}
		if bulk := <-done; bulk[59] < 59 {
			t.Errorf("the load took %d seconds", bulk[59])
		}
		for _, d := range b.within {
			if d > bookAhead && d < 10*time.Minute-time.Second {
				t.Errorf("booked %v ahead", d)
			}
		}
	})
}

func TestWithoutOtherProcessesTheOwnLimitHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ledger{fail: rag.Errorf(rag.KindUnavailable, "away")}
		l := limiter(LimitConfig{Shared: b, RequestsPerMinute: 10}) // a tenth of it in six seconds: one
		if starts := went(t, l, t.Context(), 3); starts[0] != 0 || starts[1] < 6 || starts[2] < 12 {
			t.Errorf("calls started after %v seconds", starts)
		}
	})
}

func TestWithoutRatesNothingIsBooked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ledger{}
		went(t, limiter(LimitConfig{Shared: b}), t.Context(), 3)
		if len(b.within) != 0 {
			t.Errorf("booked %d times", len(b.within))
		}
	})
}

func TestBookingsThatComeTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ledger{next: time.Now().Add(30 * time.Second)}
		l := sharing(b, LimitConfig{MaxWait: 20 * time.Second})
		for name, ctx := range map[string]context.Context{"a question": Urgent(t.Context()), "another": t.Context()} {
			begun := time.Now()
			_, err := l.acquire(ctx, 1)
			late, ok := errors.AsType[*Limited](err)
			if !ok || late.After < 29*time.Second || late.After > 31*time.Second || time.Since(begun) != 0 {
				t.Errorf("%s: %v after %v", name, err, time.Since(begun))
			}
		}
		// One who goes while it waits leaves the lane to the next.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		b.next = time.Now().Add(2500 * time.Millisecond)
		gone, goNow := context.WithCancel(ctx)
		time.AfterFunc(time.Second, goNow)
		if _, err := l.acquire(gone, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("who went: %v", err)
		}
		b.next = time.Now()
		p, err := l.acquire(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		p.release()
	})
}

func TestTheLaneIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &ledger{next: time.Now().Add(5 * time.Second)}
		l := sharing(b, LimitConfig{MaxWaiting: 2})
		var wg sync.WaitGroup
		for range 3 { // one in the lane, two that wait
			wg.Go(func() {
				p, err := l.acquire(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				p.release()
			})
			synctest.Wait()
		}
		if _, err := l.acquire(t.Context(), 1); rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("one too many: %v", err)
		}
		wg.Wait()
	})
}

func TestSubjectsTellKeysApartAndHideThem(t *testing.T) {
	seen := map[string]bool{}
	for _, cfg := range []Config{{BaseURL: "u", Model: "m", Key: "k"}, {BaseURL: "u", Model: "m", Key: "l"}, {BaseURL: "u", Model: "n", Key: "k"}, {BaseURL: "v", Model: "m", Key: "k"}} {
		s := subject(cfg)
		if seen[s] || len(s) != 64 {
			t.Errorf("%+v: %s", cfg, s)
		}
		seen[s] = true
	}
}
