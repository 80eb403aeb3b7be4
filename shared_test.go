package smartretriever_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/rag"
)

// TestWhoSharesACache: installations whose collections and numbers of changes are the same,
// and one with other settings, never find each other's results; a process of the same
// installation does.
func TestWhoSharesACache(t *testing.T) {
	cache := memory.New(memory.Config{})
	defer cache.Close()
	at := func(dir, settings, text string) *smartretriever.Retriever {
		r := open(t, dir, func(c *smartretriever.Config) { c.Cache, c.CacheSettings = cache, settings })
		if text != "" {
			if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "doc", Title: "Doc", Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	find := func(r *smartretriever.Retriever) (text string, cached bool) {
		t.Helper()
		res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "when was it completed?", K: 1})
		if err != nil || len(res.Hits) != 1 {
			t.Fatal(len(res.Hits), err)
		}
		return res.Hits[0].Text, res.Cached
	}
	home := t.TempDir()
	for _, test := range []struct {
		name string
		r    *smartretriever.Retriever
		text string
		hit  bool
	}{
		{"the first", at(home, "v1", towerText), towerText, false},
		{"another store", at(t.TempDir(), "v1", bridgeText), bridgeText, false},
		{"other settings", at(home, "v2", ""), towerText, false},
		{"the same", at(home, "v1", ""), towerText, true},
	} {
		text, cached := find(test.r)
		if cached != test.hit || text != test.text {
			t.Errorf("%s: cached %v, %q", test.name, cached, text)
		}
	}
}

// lifetimes is a cache that remembers for how long what of each layer is kept.
type lifetimes struct {
	*memory.Cache
	mu  sync.Mutex
	ttl map[string]time.Duration
}

func (l *lifetimes) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	layers := strings.Split(key, "/")
	l.mu.Lock()
	l.ttl[layers[max(0, len(layers)-2)]] = ttl
	l.mu.Unlock()
	return l.Cache.Set(ctx, key, value, ttl)
}

// TestLifetimes: each layer of the cache has its own, and one that is switched off keeps nothing.
func TestLifetimes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*smartretriever.Config)
		want   map[string]time.Duration
	}{
		"by default": {func(*smartretriever.Config) {}, map[string]time.Duration{"embedding": 24 * time.Hour, "retrieval": time.Hour, "answer": 30 * time.Minute}},
		"as configured": {func(c *smartretriever.Config) {
			c.EmbeddingTTL, c.RetrievalTTL, c.AnswerTTL = time.Minute, -1, 2*time.Minute
		}, map[string]time.Duration{"embedding": time.Minute, "answer": 2 * time.Minute}},
	} {
		cache := &lifetimes{Cache: memory.New(memory.Config{}), ttl: map[string]time.Duration{}}
		r := open(t, t.TempDir(), func(c *smartretriever.Config) {
			c.Cache = cache
			test.change(c)
		})
		hand(t, r, "tower", towerText)
		if _, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"}); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(cache.ttl, test.want) {
			t.Errorf("%s: %v, want %v", name, cache.ttl, test.want)
		}
	}
}
