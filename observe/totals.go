package observe

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartretriever/smartretriever/rag"
)

// totalsTimeout bounds the reading of totals for one scrape.
const totalsTimeout = 2 * time.Second

// Totals registers where the gauges of documents, chunks, collections and bytes
// are read from, once a scrape. An error leaves them out of that scrape and is
// counted. A later call replaces the source; nil removes it (a closed store must
// not be read).
func (o *Observer) Totals(read func(ctx context.Context) (rag.Stats, error)) {
	if o == nil {
		return
	}
	o.metrics.totals.set(read)
}

// totals is a collector that asks for all totals at once, so that one scrape
// shows numbers of one moment.
type totals struct {
	mu     sync.RWMutex
	read   func(ctx context.Context) (rag.Stats, error)
	failed func() // counts a failed reading

	collections, documents, chunks, embeddings, bytes, storeBytes *prometheus.Desc
}

func newTotals(failed func()) *totals {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, nil, nil)
	}
	return &totals{
		failed:      failed,
		collections: desc("collections", "Collections in the store."),
		documents:   desc("documents", "Documents in the store."),
		chunks:      desc("chunks", "Chunks in the store."),
		embeddings:  desc("embeddings", "Embeddings in the store."),
		bytes:       desc("original_bytes", "Bytes of the original files."),
		storeBytes:  desc("store_bytes", "Bytes of the database."),
	}
}

func (t *totals) set(read func(ctx context.Context) (rag.Stats, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read = read
}

// Describe implements prometheus.Collector.
func (t *totals) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{t.collections, t.documents, t.chunks, t.embeddings, t.bytes, t.storeBytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. The lock is held while reading, so
// that Totals(nil) returns only when no reading is under way.
func (t *totals) Collect(ch chan<- prometheus.Metric) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.read == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), totalsTimeout)
	defer cancel()
	s, err := t.read(ctx)
	if err != nil {
		t.failed()
		return
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(t.collections, float64(s.Collections))
	gauge(t.documents, float64(s.Documents))
	gauge(t.chunks, float64(s.Chunks))
	gauge(t.embeddings, float64(s.Embeddings))
	gauge(t.bytes, float64(s.Bytes))
	gauge(t.storeBytes, float64(s.StoreBytes))
}
