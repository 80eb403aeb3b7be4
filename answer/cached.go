package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// CachePrefix returns what the keys of all results of a tenant's collection in the Cache begin
// with, up to and with their first slash, so that they can be forgotten together.
func CachePrefix(tenant string, collectionID int64) string {
	return url.PathEscape(tenant) + "." + strconv.FormatInt(collectionID, 10) + "/"
}

// key names a cached value by everything that it depends on: who asks and for
// whom, the collection as of its last change, the model, the settings, and the
// request. So a value can be neither stale nor foreign; it just stops being
// found when one of these changes. A request that cannot be encoded has no key, and
// neither has one for changes that are newer than the collection as it was read.
func (p *Pipeline) key(layer string, scope rag.Scope, col rag.Collection, minSeq int64, request any) string {
	sum := sha256.New()
	err := json.NewEncoder(sum).Encode([]any{
		scope.Tenant, scope.Principals, scope.Admin,
		col.ID, col.Seq, col.Generation, p.cfg.Settings, request,
	})
	if err != nil || minSeq > col.Seq {
		return "" // cannot be named, so it is not cached
	}
	return CachePrefix(scope.Tenant, col.ID) + layer + "/" + hex.EncodeToString(sum.Sum(nil))
}

// together returns under which name calls for the value of a cache key are joined, "" for
// none: those on one account, since a call is charged to one account and held to its budget.
func together(ctx context.Context, key string, alone bool) string {
	if key == "" || alone {
		return ""
	}
	account := rag.AccountOf(ctx)
	return key + "\x00" + account.Tenant + "\x00" + account.Key
}

// kept is a cached value with what it had cost to make.
type kept[T any] struct {
	Value   T            `json:"value"`
	Charges []rag.Charge `json:"charges,omitempty"`
}

// made is a result as it was made, or as it was found.
type made[T any] struct {
	kept[T]
	found bool // in the cache
}

// lookup reads a cached value. Any fault of the cache is a miss.
func lookup[T any](ctx context.Context, p *Pipeline, layer, key string, skip bool) (made[T], bool) {
	if p.cfg.Cache == nil || skip || key == "" {
		return made[T]{}, false
	}
	v, found, err := read[T](ctx, p, key)
	if err != nil {
		return made[T]{}, false
	}
	p.cfg.Observe.Cache(layer, found)
	return v, found
}

// read is lookup that does not count misses.
func read[T any](ctx context.Context, p *Pipeline, key string) (made[T], bool, error) {
	v := made[T]{found: true}
	data, found, err := p.cfg.Cache.Get(ctx, key)
	if err != nil {
		p.cfg.Observe.Error(rag.KindOf(err), "cache")
		return made[T]{}, false, err
	}
	if !found || json.Unmarshal(data, &v.kept) != nil {
		return made[T]{}, false, nil
	}
	p.cfg.Meter.Saved(ctx, v.Charges)
	return v, true, nil
}

// lasts reports whether what was made of a collection as of the change seq is worth keeping.
// It is not when the collection has changed since it was read, or is gone: nobody would find it,
// and it may hold what was deleted meanwhile and cleaned up already.
func (p *Pipeline) lasts(col rag.Collection, seq int64) bool {
	if f, ok := p.cfg.Index.(follower); ok {
		if newest, known := f.Seq(col.ID); !known || newest > col.Seq {
			return false
		}
	}
	return seq >= col.Seq
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
		p.cfg.Logger.Debug("not cached", "layer", layer, "error", err) // a cache that is away would fill the log, and says so itself
	}
}

// claim keeps other processes from making the value of key while this one does. When
// another one is at it, it waits for that, but for no longer than a quarter of the time
// there is, so that enough is left to make it here, and returns what came of it. release is to be called when the value is kept. No fault
// of claims keeps anybody from making it.
func claim[T any](ctx context.Context, p *Pipeline, layer, key string, alone bool) (v made[T], found bool, release func()) {
	release = func() {}
	if p.cfg.Claims == nil || p.cfg.Cache == nil || alone || key == "" {
		return v, false, release
	}
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if end, ok := ctx.Deadline(); ok {
		waiting, cancel = context.WithTimeout(ctx, time.Until(end)/4)
	}
	defer cancel()
	for range maxClaims {
		end, err := p.cfg.Claims.Claim(waiting, key)
		if err != nil {
			if waiting.Err() == nil {
				p.cfg.Observe.Error(rag.KindOf(err), "claim")
			}
			return v, false, release
		}
		// It may have been made since it was looked for, if by a process that is done now.
		if v, found, _ = read[T](ctx, p, key); found {
			p.cfg.Observe.Cache(layer, true)
		}
		switch {
		case found && end != nil:
			end()
			return v, true, release
		case found:
			return v, true, release
		case end != nil:
			return v, false, end
		}
	}
	return v, false, release
}

// maxClaims is how many others' failures to make a value are waited for.
const maxClaims = 3
