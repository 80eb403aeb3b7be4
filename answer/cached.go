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

// lookup reads a cached value. Any fault of the cache is a miss.
func lookup[T any](ctx context.Context, p *Pipeline, layer, key string, skip bool) (T, bool) {
	var v T
	if p.cfg.Cache == nil || skip || key == "" {
		return v, false
	}
	data, found, err := p.cfg.Cache.Get(ctx, key)
	if err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "cache")
		return v, false
	}
	if found {
		found = json.Unmarshal(data, &v) == nil
	}
	p.cfg.Observe.Cache(layer, found)
	return v, found
}

// keep stores a value. A fault of the cache is counted and forgotten.
func (p *Pipeline) keep(ctx context.Context, layer, key string, v any, ttl time.Duration) {
	if p.cfg.Cache == nil || ttl < 0 || key == "" {
		return
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = p.cfg.Cache.Set(ctx, key, data, ttl)
	}
	if err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "cache")
		p.cfg.Logger.Warn("not cached", "layer", layer, "error", err)
	}
}
