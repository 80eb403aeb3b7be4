package smartretriever_test

import (
	"testing"

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
