// Package cached wraps an embedder with a cache for questions, which people ask
// again and again. Embeddings of passages are kept in the store by their content
// and are passed through.
package cached

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the embedder that is wrapped.
type Inner interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Cache keeps bytes for a while. A fault of it is a miss.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
}

// saver is an Inner that wants to know what it was spared.
type saver interface {
	Saved(ctx context.Context, kind rag.EmbedKind, tokens int)
}

// Embedder is an Inner with a cache. It is goroutine-safe if both are.
type Embedder struct {
	Inner
	cache   Cache
	ttl     time.Duration
	observe *observe.Observer
}

// New returns inner behind cache; entries live for ttl. A vector depends on the
// model and the text alone, so tenants share entries: what one asks cannot be
// read out of them by another.
func New(inner Inner, cache Cache, ttl time.Duration, o *observe.Observer) *Embedder {
	return &Embedder{inner, cache, ttl, o}
}

// Embed looks each question up and has the missing ones embedded in one call.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if kind != rag.QuestionText {
		return e.Inner.Embed(ctx, kind, texts)
	}
	out := make([][]float32, len(texts))
	var missing []string
	var at []int
	for i, t := range texts {
		if out[i] = e.get(ctx, t); out[i] == nil {
			missing, at = append(missing, t), append(at, i)
		}
		e.observe.Cache("embedding", out[i] != nil)
		if s, ok := e.Inner.(saver); ok && out[i] != nil {
			s.Saved(ctx, kind, e.CountTokens(t))
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	vectors, err := e.Inner.Embed(ctx, kind, missing)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(missing) {
		return nil, rag.Errorf(rag.KindInternal, "the embedder returned %d vectors for %d texts", len(vectors), len(missing))
	}
	for j, v := range vectors {
		out[at[j]] = v
		if err := e.cache.Set(ctx, e.key(missing[j]), encode(v), e.ttl); err != nil {
			e.observe.Error(rag.KindOf(err), "cache")
		}
	}
	return out, nil
}

func (e *Embedder) get(ctx context.Context, text string) []float32 {
	data, found, err := e.cache.Get(ctx, e.key(text))
	if err != nil {
		e.observe.Error(rag.KindOf(err), "cache")
	}
	if !found || len(data) != 4*e.Model().Dimensions {
		return nil
	}
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

func (e *Embedder) key(text string) string {
	sum := sha256.Sum256([]byte(e.Model().ID + "\x00" + text))
	return "embedding/" + hex.EncodeToString(sum[:])
}

func encode(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}
