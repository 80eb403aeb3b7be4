//go:build servers

package redis_test

import (
	"crypto/rand"
	"strconv"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/cache/redis"
	"github.com/smartretriever/smartretriever/model/remote"
)

var _ remote.Booker = (*redis.Rates)(nil)

// TestRates: two processes with sixteen callers each book more than a minute has. What the server has noted is looked at:
// no minute, wherever it begins, and no tenth of one has more calls or tokens than all of them may start.
func TestRates(t *testing.T) {
	for _, s := range []setting{{"single", single(t)}, {"cluster", cluster(t)}} {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			const limit, perMinute, callers, calls = 40, 4000, 16, 3
			var wg sync.WaitGroup
			for range 2 {
				rates := open(t, s.config).Rates()
				for i := range callers {
					wg.Go(func() {
						for j := range calls {
							in, booked, err := rates.Book(t.Context(), "a model", limit, perMinute, 20+15*((i+j)%8), time.Hour)
							if err != nil || !booked || in < 0 {
								t.Error(in, booked, err)
								return
							}
						}
					})
				}
			}
			wg.Wait()
			requests, tokens := noted(t, s.config)
			for _, test := range []struct {
				what          string
				of            map[int]int
				span, allowed int
			}{
				{"calls of a minute", requests, 61, limit}, {"calls of its tenth", requests, 7, limit / 10},
				{"tokens of a minute", tokens, 61, perMinute}, {"tokens of its tenth", tokens, 7, perMinute / 10},
			} {
				most := 0
				for from := range test.of {
					sum := 0
					for slot, n := range test.of {
						if slot >= from && slot < from+test.span {
							sum += n
						}
					}
					most = max(most, sum)
				}
				if most > test.allowed || most < test.allowed/2 {
					t.Errorf("%d %s, of which there may be %d", most, test.what, test.allowed)
				}
			}
			all := 0
			for _, n := range requests {
				all += n
			}
			if all != 2*callers*calls {
				t.Errorf("%d calls are noted", all)
			}
		})
	}
}

// noted returns the requests and tokens that are booked, by the number of their second.
func noted(t *testing.T, cfg redis.Config) (requests, tokens map[int]int) {
	t.Helper()
	requests, tokens = map[int]int{}, map[int]int{}
	keys(t, cfg, cfg.Prefix+":rate:", func(db *goredis.Client, key string) {
		for field, value := range db.HGetAll(t.Context(), key).Val() {
			slot, err := strconv.Atoi(field[1:])
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			map[byte]map[int]int{'r': requests, 't': tokens}[field[0]][slot] = n
		}
	})
	return requests, tokens
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
	// A tenth of ten goes in six seconds: one. What has gone by since is no longer waited for.
	begun := time.Now()
	since := func(d time.Duration) time.Duration { return d - time.Since(begun) }
	if in, booked := book("a", 10, 0, 5, 0); !booked || in != 0 {
		t.Errorf("the first: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, 3*time.Second); booked || in <= 0 || in > 7*time.Second {
		t.Errorf("the second, in three seconds: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, time.Minute); !booked || in < since(6*time.Second) || in > 7*time.Second {
		t.Errorf("the second, in a minute: %v, %v", in, booked)
	}
	if in, booked := book("a", 10, 0, 5, time.Minute); !booked || in < since(13*time.Second) || in > 14*time.Second {
		t.Errorf("the third: %v, %v", in, booked)
	}
	if in, booked := book("b", 10, 0, 5, 0); !booked || in != 0 {
		t.Errorf("another model: %v, %v", in, booked)
	}
	if in, booked := book("b", 0, 0, 1e6, 0); !booked || in != 0 {
		t.Errorf("without a bound: %v, %v", in, booked)
	}
	// More tokens than a minute may have go when there was nothing else.
	begun = time.Now()
	if in, booked := book("c", 0, 100, 500, 0); !booked || in != 0 {
		t.Errorf("more than a minute's tokens: %v, %v", in, booked)
	}
	if in, booked := book("c", 0, 100, 1, time.Hour); !booked || in < since(60*time.Second) || in > 62*time.Second {
		t.Errorf("after it: %v, %v", in, booked)
	}
	pass(t, cfg, cfg.Prefix, 10*time.Minute)
	if in, booked := book("c", 0, 100, 1, 0); !booked || in != 0 {
		t.Errorf("after ten minutes: %v, %v", in, booked)
	}
}
