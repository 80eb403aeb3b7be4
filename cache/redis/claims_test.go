//go:build servers

package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/cache/redis"
)

var _ answer.Claims = (*redis.Claims)(nil)

// TestReplicasAnswerOnce: four processes are asked the same by eight at once, and the model
// is called once for each question.
func TestReplicasAnswerOnce(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			w := &world{takes: 50 * time.Millisecond}
			var replicas []*answer.Pipeline
			for range 4 {
				c := open(t, s.config)
				replicas = append(replicas, w.pipeline(c.Cache(), c.Claims(), nil))
			}
			const questions = 5
			for i := range questions {
				var wg sync.WaitGroup
				for range 8 {
					for _, p := range replicas {
						wg.Go(func() {
							if _, err := ask(t.Context(), p, i); err != nil {
								t.Error(err)
							}
						})
					}
				}
				wg.Wait()
			}
			if n := w.calls.Load(); n != questions {
				t.Errorf("%d calls of the model for %d questions", n, questions)
			}
		})
	}
}

// TestClaims: one holds, others wait until it is over, and take nothing away from it.
func TestClaims(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			a, b := open(t, s.config).Claims(), open(t, s.config).Claims()
			release := claim(t, a, "work")
			if release == nil {
				t.Fatal("the first has no claim")
			}
			if other := claim(t, b, "other work"); other == nil {
				t.Fatal("a claim keeps from other work")
			} else {
				other()
			}
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if r, err := b.Claim(short, "work"); r != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("the second: %v", err)
			}
			waited := make(chan func(), 1)
			go func() { waited <- claim(t, b, "work") }()
			select {
			case <-waited:
				t.Fatal("the second did not wait")
			case <-time.After(100 * time.Millisecond):
			}
			release()
			release() // twice is no harm
			if r := <-waited; r != nil {
				t.Error("who waited has the claim, though the result may be there")
			}
			if r := claim(t, b, "work"); r == nil {
				t.Error("the claim is not over")
			} else {
				release() // of another one's claim by now
				if r := claim(t, open(t, s.config).Claims(), "other"); r == nil {
					t.Error("no claim")
				}
				r()
			}
		})
	}
}

func claim(t *testing.T, c *redis.Claims, key string) (release func()) {
	release, err := c.Claim(t.Context(), key)
	if err != nil {
		t.Error(err)
	}
	return release
}

// TestOneHolderInAProcess: of several who ask at the same moment in one process one has the
// claim, however late that one hears of it.
func TestOneHolderInAProcess(t *testing.T) {
	cfg := single(t)
	cfg.Connections = 64
	cl := open(t, cfg).Claims()
	had := 0
	for i := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var releases []func()
		start := make(chan struct{})
		for range 32 {
			wg.Go(func() {
				<-start
				release, _ := cl.Claim(ctx, fmt.Sprint("work ", i)) // all others wait until their time is over
				if release != nil {
					mu.Lock()
					defer mu.Unlock()
					releases = append(releases, release)
				}
			})
		}
		close(start)
		wg.Wait()
		cancel()
		if had += len(releases); len(releases) > 1 {
			t.Errorf("%d have the claim at once", len(releases))
		}
		for _, release := range releases {
			release()
		}
	}
	if had == 0 {
		t.Error("nobody ever had the claim")
	}
}

// TestHolderDies: others wait for the rest of the claim's life.
func TestHolderDies(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	a := open(t, cfg)
	if claim(t, a.Claims(), "work") == nil {
		t.Fatal("no claim")
	}
	// As if it had been killed: nobody renews or releases.
	lives := make(chan time.Duration, 1)
	keys(t, cfg, cfg.Prefix+":claim:", func(db *goredis.Client, key string) {
		if err := db.Set(t.Context(), key, "of a dead process", 2*time.Second).Err(); err != nil {
			t.Error(err)
		}
		lives <- db.PTTL(t.Context(), key).Val()
	})
	if left := <-lives; left <= 0 || left > redis.ClaimLife {
		t.Errorf("a claim lives for %v", left)
	}
	b := open(t, cfg).Claims()
	if claim(t, b, "work") != nil {
		t.Error("the claim was taken away from a living one")
	}
	if claim(t, b, "work") == nil {
		t.Error("the claim of a dead one is not over")
	}
}

// TestLostRelease: a claim whose release did not get there keeps nobody here from the work.
func TestLostRelease(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	a := open(t, cfg).Claims()
	release := claim(t, a, "work")
	name, token := "", ""
	keys(t, cfg, cfg.Prefix+":claim:", func(db *goredis.Client, key string) { name, token = key, db.Get(t.Context(), key).Val() })
	release()
	each := admin(t, cfg)
	each(func(ctx context.Context, db *goredis.Client) error {
		eventually(t, func() bool { return db.Exists(ctx, name).Val() == 0 })
		return db.Set(ctx, name, token, time.Hour).Err()
	})
	if again := claim(t, a, "work"); again == nil {
		t.Error("its own claim, which is over, keeps it from the work")
	} else {
		again()
	}
}

// TestClaimIsRenewed for as long as the work takes.
func TestClaimIsRenewed(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	release := claim(t, open(t, cfg).Claims(), "work")
	defer release()
	keys(t, cfg, cfg.Prefix+":claim:", func(db *goredis.Client, key string) {
		const less = redis.ClaimLife * 4 / 5
		if err := db.PExpire(t.Context(), key, less).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return db.PTTL(t.Context(), key).Val() > less })
	})
}

// TestClosingGivesClaimsUp: a process that ends in order leaves nobody waiting.
func TestClosingGivesClaimsUp(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	a, err := redis.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if claim(t, a.Claims(), "work") == nil {
		t.Fatal("no claim")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if claim(t, open(t, cfg).Claims(), "work") == nil {
		t.Error("the claim of a closed client is still there")
	}
}
