package observe

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartretriever/smartretriever/rag"
)

// Replicas registers where the gauges of the store's read replicas are read from, once
// a scrape, as Totals does for its gauges: an error leaves them out and is counted, a
// later call replaces the source, nil removes it.
func (o *Observer) Replicas(read func(ctx context.Context) ([]rag.ReplicaState, error)) {
	if o == nil {
		return
	}
	o.metrics.replicas.set(read)
}

// replicas is a collector that asks how replicas do. Their names are those of the
// configuration: there are few.
type replicas struct {
	mu     sync.RWMutex
	read   func(ctx context.Context) ([]rag.ReplicaState, error)
	failed func() // counts a failed reading

	up, lagSeconds, lagBytes *prometheus.Desc
}

func newReplicas(failed func()) *replicas {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "store_replica", name), help, []string{"replica"}, nil)
	}
	return &replicas{
		failed:     failed,
		up:         desc("up", "1 for a read replica of the store that is read, 0 for one that failed and is put aside."),
		lagSeconds: desc("lag_seconds", "Age of the last transaction that a read replica has replayed, 0 where it has replayed all."),
		lagBytes:   desc("lag_bytes", "Bytes of the primary's log that a read replica has not replayed."),
	}
}

func (r *replicas) set(read func(ctx context.Context) ([]rag.ReplicaState, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = read
}

// Describe implements prometheus.Collector.
func (r *replicas) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.up, r.lagSeconds, r.lagBytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. The lock is held while reading, so that
// Replicas(nil) returns only when no reading is under way.
func (r *replicas) Collect(ch chan<- prometheus.Metric) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.read == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), totalsTimeout)
	defer cancel()
	states, err := r.read(ctx)
	if err != nil {
		r.failed()
		return
	}
	seen := map[string]bool{}
	for _, s := range states {
		if seen[s.Name] {
			continue // configured twice; a scrape with the same metric twice is none
		}
		seen[s.Name] = true
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Name)
		}
		if s.Err != nil || s.Aside {
			gauge(r.up, 0)
		} else {
			gauge(r.up, 1)
		}
		if s.Err == nil {
			gauge(r.lagSeconds, s.Delay.Seconds())
			gauge(r.lagBytes, float64(s.Bytes))
		}
	}
}
