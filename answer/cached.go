package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// key names a cached value by everything that it depends on: who asks and for
// whom, the collection as of its last change, the model, the settings, and the
// request. So a value can be neither stale nor foreign; it just stops being
// found when one of these changes. A request that cannot be encoded has no key.
func (p *Pipeline) key(layer string, scope rag.Scope, col rag.Collection, request any) string {
	sum := sha256.New()
	err := json.NewEncoder(sum).Encode([]any{
		scope.Tenant, scope.Principals, scope.Admin,
		col.ID, col.Seq, col.Generation, p.cfg.Settings, request,
	})
	if err != nil {
		return "" // cannot be named, so it is not cached
	}
	return layer + "/" + hex.EncodeToString(sum.Sum(nil))
}

// kept is a cached value with what it had cost to make.
type kept[T any] struct {
	Value   T            `json:"value"`
	Charges []rag.Charge `json:"charges,omitempty"`
}

// lookup reads a cached value. Any fault of the cache is a miss.
func lookup[T any](ctx context.Context, p *Pipeline, layer, key string, skip bool) (T, bool) {
	var v kept[T]
	if p.cfg.Cache == nil || skip || key == "" {
		return v.Value, false
	}
	data, found, err := p.cfg.Cache.Get(ctx, key)
	if err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "cache")
		return v.Value, false
	}
	if found {
		found = json.Unmarshal(data, &v) == nil
	}
	p.cfg.Observe.Cache(layer, found)
	if found {
		p.cfg.Meter.Saved(ctx, v.Charges)
	}
	return v.Value, found
}

// keep stores a value. A fault of the cache is counted and forgotten.
func keep[T any](ctx context.Context, p *Pipeline, layer, key string, value T, charges []rag.Charge, ttl time.Duration) {
	if p.cfg.Cache == nil || ttl < 0 || key == "" {
		return
	}
	data, err := json.Marshal(kept[T]{value, charges})
	if err == nil {
		err = p.cfg.Cache.Set(ctx, key, data, ttl)
	}
	if err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "cache")
		p.cfg.Logger.Warn("not cached", "layer", layer, "error", err)
	}
}
