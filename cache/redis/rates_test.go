//go:build servers

package redis_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/model/remote"
)

var _ remote.Booker = (*redis.Rates)(nil)

// TestRates: two processes with sixteen callers each never start more calls in any minute,
// which is two seconds here, than all of them may.
func TestRates(t *testing.T) {
	for _, s := range []setting{{"single", single(t)}, {"cluster", cluster(t)}} {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			const minute, limit, perMinute, callers, calls = 2 * time.Second, 40, 4000, 16, 3
			var mu sync.Mutex
			var starts []start
			var wg sync.WaitGroup
			for range 2 {
				rates := open(t, s.config).RatesOf(minute)
				for i := range callers {
					wg.Go(func() {
						for j := range calls {
							tokens := 20 + 15*((i+j)%8)
							in, booked, err := rates.Book(t.Context(), "a model", limit, perMinute, tokens, time.Hour)
							if err != nil || !booked {
								t.Error(booked, err)
								return
							}
							time.Sleep(in)
							mu.Lock()
							starts = append(starts, start{time.Now(), tokens})
							mu.Unlock()
						}
					})
				}
			}
			wg.Wait()
			check(t, starts, minute, limit, perMinute)
			if len(starts) != 2*callers*calls {
				t.Errorf("%d calls", len(starts))
			}
		})
	}
}

type start struct {
	at     time.Time
	tokens int
}

// check looks at every minute that begins with a call. Callers wake up a little later than
// they are told, each by as much as it happens: the last moments of a minute do not count.
func check(t *testing.T, starts []start, minute time.Duration, limit, perMinute int) {
	t.Helper()
	most, mostTokens := 0, 0
	for _, from := range starts {
		n, tokens := 0, 0
		for _, s := range starts {
			if d := s.at.Sub(from.at); d >= 0 && d < minute-minute/20 {
				n++
				tokens += s.tokens
			}
		}
		most, mostTokens = max(most, n), max(mostTokens, tokens)
	}
	if most > limit || mostTokens > perMinute {
		t.Errorf("%d calls with %d tokens in a minute, of which %d with %d may be", most, mostTokens, limit, perMinute)
	}
	if most < limit/2 {
		t.Errorf("%d calls in the fullest minute; %d would be allowed", most, limit)
	}
	t.Logf("%d calls and %d tokens in the fullest minute, of %d and %d", most, mostTokens, limit, perMinute)
}

func TestRatesOfOthersAndTooLate(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	rates := open(t, cfg).Rates()
	book := func(subject string, limit, perMinute, tokens int, within time.Duration) (time.Duration, bool) {
		t.Helper()
		in, booked, err := rates.Book(t.Context(), subject, limit, perMinute, tokens, within)
		if err != nil {
			t.Fatal(err)
		}
		return in, booked
	}
	// A tenth of ten goes in six seconds: one.
	if in, booked := book("a", 10, 0, 5, 0); !booked || in != 0 {
		t.Errorf("the first: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, 3*time.Second); booked || in <= 0 || in > 7*time.Second {
		t.Errorf("the second, in three seconds: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, time.Minute); !booked || in < 5*time.Second || in > 7*time.Second {
		t.Errorf("the second, in a minute: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, time.Minute); !booked || in < 12*time.Second || in > 14*time.Second {
		t.Errorf("the third: %v, %v", in, booked)
	}
	if in, booked := book("b", 10, 0, 5, 0); !booked || in != 0 {
		t.Errorf("another model: %v, %v", in, booked)
	}
	if in, booked := book("b", 0, 0, 1e6, 0); !booked || in != 0 {
		t.Errorf("without a bound: %v, %v", in, booked)
	}
	// More tokens than a minute may have go when there was nothing else.
	if in, booked := book("c", 0, 100, 500, 0); !booked || in != 0 {
		t.Errorf("more than a minute's tokens: %v, %v", in, booked)
	}
	if in, booked := book("c", 0, 100, 1, time.Hour); !booked || in < 59*time.Second || in > 62*time.Second {
		t.Errorf("after it: %v, %v", in, booked)
	}
	pass(t, cfg, cfg.Prefix, 10*time.Minute)
	if in, booked := book("c", 0, 100, 1, 0); !booked || in != 0 {
		t.Errorf("after ten minutes: %v, %v", in, booked)
	}
}
