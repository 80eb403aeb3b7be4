package pinecone

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// The headers with the sequence numbers of a namespace: that of a write, and that of the last write that a query has seen.
const (
	writeHeader = "X-Pinecone-Request-Lsn"
	seenHeader  = "X-Pinecone-Max-Indexed-Lsn"
)

// freshness knows the writes of this process to a namespace.
type freshness struct {
	mu   sync.Mutex
	last int64 // sequence number of the last write, 0 for none
	seen int64 // the highest that a query has seen
}

func (d *Database) freshness(space string) *freshness {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.written[space]
	if f == nil {
		f = &freshness{}
		d.written[space] = f
	}
	return f
}

// wrote notes the number of a write.
func (f *freshness) wrote(h http.Header) {
	if n, err := strconv.ParseInt(h.Get(writeHeader), 10, 64); err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.last = max(f.last, n)
	}
}

// wanted returns the number that a read has to have seen, 0 if that is known of all.
func (f *freshness) wanted() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen >= f.last {
		return 0
	}
	return f.last
}

// reached reports whether a query has seen a write. One that tells no number is taken to have.
func (f *freshness) reached(h http.Header, wanted int64) bool {
	n, err := strconv.ParseInt(h.Get(seenHeader), 10, 64)
	if err != nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = max(f.seen, n)
	return n >= wanted
}

// await waits until the writes of this process are seen, by queries for one record.
func (t *table) await(ctx context.Context) error {
	wanted := t.fresh.wanted()
	if wanted == 0 {
		return nil
	}
	axis := make([]float32, t.ix.dimensions)
	axis[0] = 1
	ok, err := poll(ctx, t.db.cfg.Freshness, func() (bool, error) {
		var answer struct{}
		header, err := t.post(ctx, "/query", map[string]any{"namespace": t.namespace, "vector": axis, "topK": 1}, &answer)
		return err == nil && t.fresh.reached(header, wanted), err
	})
	if err == nil && !ok {
		err = rag.Errorf(rag.KindUnavailable, "pinecone: writes are not seen after %s", t.db.cfg.Freshness)
	}
	return err
}
