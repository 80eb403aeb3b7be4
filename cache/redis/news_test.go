//go:build servers

package redis_test

import (
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"
)

// TestNews: what one process tells another hears, also after the server was away.
func TestNews(t *testing.T) {
	for _, s := range settings(t) {
		t.Run(s.name, func(t *testing.T) {
			s.config.Prefix = "test-" + rand.Text()
			a, b := open(t, s.config).News("jobs"), open(t, s.config).News("jobs")
			changed, end := b.Listen("job 1")
			others, endOthers := b.Listen("job 2")
			defer endOthers()
			hears := func() {
				t.Helper()
				eventually(t, func() bool { // until it listens
					a.Tell(t.Context(), "job 1")
					select {
					case <-changed:
						return true
					case <-time.After(50 * time.Millisecond):
						return false
					}
				})
			}
			hears()
			if s.name == "single" {
				server := serverAt(t, s.config.Addresses[0])
				server.kill()
				server.start()
				hears()
			}
			select {
			case <-others:
				t.Error("it heard of what it does not listen for")
			default:
			}
			end()
			for range 100 {
				a.Tell(t.Context(), "job 1") // nobody takes it, and nothing waits for that
			}
		})
	}
}

// TestNewsOfManyChanges: one who does not take them is told once, and blocks nobody.
func TestNewsOfManyChanges(t *testing.T) {
	cfg := single(t)
	cfg.Prefix = "test-" + rand.Text()
	c := open(t, cfg)
	news := c.News("jobs")
	slow, endSlow := news.Listen("job")
	defer endSlow()
	last, endLast := news.Listen("last")
	defer endLast()
	var told atomic.Int64
	eventually(t, func() bool {
		for range 50 {
			news.Tell(t.Context(), "job")
			told.Add(1)
		}
		news.Tell(t.Context(), "last")
		select {
		case <-last:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	if n := len(slow); n != 1 {
		t.Errorf("%d changes wait for one who was told of %d", n, told.Load())
	}
}
