package remote

import (
	"context"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// healthAge is how long a check of a server counts: readiness is asked for every
// few seconds, and each check is a call over the network.
const healthAge = 15 * time.Second

// Health keeps the outcome of the last check of a server for a while. The zero
// value has none. It is goroutine-safe.
type Health struct {
	mu   sync.Mutex
	last rag.Health
	at   time.Time
}

// Get returns the last outcome, or that of check where there is none or it is
// old. The part is one that is not needed: the service works without it, worse.
func (h *Health) Get(ctx context.Context, name, detail string, check func(context.Context) error) rag.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.at.IsZero() && time.Since(h.at) < healthAge {
		return h.last
	}
	begun := time.Now()
	err := check(ctx)
	h.last = rag.Health{Name: name, OK: err == nil, Detail: detail, Took: time.Since(begun)}
	if err != nil {
		h.last.Detail = err.Error()
	}
	h.at = time.Now()
	return h.last
}
