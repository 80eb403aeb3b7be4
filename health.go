package smartretriever

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// checker is a part that can say how it is.
type checker interface {
	Health(ctx context.Context) rag.Health
}

// healthTimeout bounds each check.
const healthTimeout = 2 * time.Second

// Health checks every dependency, one after the other, each within two seconds.
func (r *Retriever) Health(ctx context.Context) []rag.Health {
	check := func(name string, needed bool, do func(ctx context.Context) (string, error)) rag.Health {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		begun := time.Now()
		detail, err := do(ctx)
		h := rag.Health{Name: name, OK: err == nil, Needed: needed, Detail: detail, Took: time.Since(begun)}
		if err != nil {
			h.Detail = err.Error()
		}
		return h
	}
	leave, err := r.enter()
	if err != nil {
		return []rag.Health{{Name: "retriever", Needed: true, Detail: err.Error()}}
	}
	defer leave()
	all := []rag.Health{
		check("store", true, func(ctx context.Context) (string, error) { return "sqlite", r.store.Ping(ctx) }),
		check("originals", true, func(context.Context) (string, error) {
			_, err := os.Stat(r.path(blobsDir))
			return "folder", err
		}),
		check("embedder", true, func(context.Context) (string, error) {
			m := r.embed.Model()
			return fmt.Sprintf("%s, %d dimensions", m.ID, m.Dimensions), nil
		}),
		r.follow.Health(),
	}
	for _, part := range []any{r.cfg.Embedder, r.cfg.Generator, r.cfg.Cache} {
		if c, ok := part.(checker); ok {
			ctx, cancel := context.WithTimeout(ctx, healthTimeout)
			all = append(all, c.Health(ctx))
			cancel()
		}
	}
	return all
}

// Verify checks the store's invariants and that every original is there, and
// lists what is wrong. It reads everything: minutes for large stores.
func (r *Retriever) Verify(ctx context.Context) ([]string, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.Verify(ctx)
}
