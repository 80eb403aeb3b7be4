//go:build servers

package redis_test

import (
	"slices"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/cache/tiered"
)

// BenchmarkCachedAnswer is the time of a whole answer with eight sources that is in the
// cache.
func BenchmarkCachedAnswer(b *testing.B) {
	with := func(name string, c func(b *testing.B) answer.Cache) {
		b.Run(name, func(b *testing.B) {
			p := (&world{passages: 8}).pipeline(c(b), nil, nil)
			if _, err := ask(b.Context(), p, 1); err != nil {
				b.Fatal(err)
			}
			if a, err := ask(b.Context(), p, 1); err != nil || len(a.Hits) != 8 {
				b.Fatal(len(a.Hits), err)
			}
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if a, err := ask(b.Context(), p, 1); err != nil || !a.Cached {
					b.Fatal(a.Cached, err)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
	with("in process", func(*testing.B) answer.Cache { return memory.New(memory.Config{}) })
	for name, cfg := range map[string]func(testing.TB) (c answer.Cache){
		"redis":   func(t testing.TB) answer.Cache { return open(t, single(t)).Cache() },
		"tls":     func(t testing.TB) answer.Cache { return open(t, encrypted(t)).Cache() },
		"cluster": func(t testing.TB) answer.Cache { return open(t, cluster(t)).Cache() },
		"tiered": func(t testing.TB) answer.Cache {
			return tiered.New(tiered.Config{Near: memory.New(memory.Config{}), Shared: open(t, single(t)).Cache()})
		},
	} {
		with(name, func(b *testing.B) answer.Cache { return cfg(b) })
	}
}
