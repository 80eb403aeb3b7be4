package backends

import (
	"testing"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
)

// TestWhoSharesACache: processes with one set of settings and of one version do; what results do not depend on is no matter.
func TestWhoSharesACache(t *testing.T) {
	settings := func(version string, change func(*config.Config)) string {
		t.Helper()
		c := config.Default()
		change(&c)
		var made root.Config
		if _, err := openCache(c, Deps{Version: version}, &made); err != nil || made.CacheSettings == "" {
			t.Fatalf("%q, %v", made.CacheSettings, err)
		}
		return made.CacheSettings
	}
	same := settings("v1", func(*config.Config) {})
	for what, change := range map[string]func(*config.Config){
		"nothing":         func(*config.Config) {},
		"the data folder": func(c *config.Config) { c.Data = "/elsewhere" },
		"the address":     func(c *config.Config) { c.Server.Addr = "0.0.0.0:1" },
		"lifetimes":       func(c *config.Config) { c.Cache.AnswerTTL = time.Second },
	} {
		if settings("v1", change) != same {
			t.Errorf("%s keeps processes from finding each other's results", what)
		}
	}
	key := settings("v1", func(c *config.Config) { c.LLM.APIKey = config.NewSecret("one") })
	if key != settings("v1", func(c *config.Config) { c.LLM.APIKey = config.NewSecret("another") }) {
		t.Error("a key that was exchanged keeps processes from finding each other's results")
	}
	seen := map[string]string{same: "nothing"}
	for what, other := range map[string]string{
		"the version":   settings("v2", func(*config.Config) {}),
		"the model":     settings("v1", func(c *config.Config) { c.LLM.Model = "m" }),
		"the embedder":  settings("v1", func(c *config.Config) { c.Embedder.Dimensions = 128 }),
		"the reranker":  settings("v1", func(c *config.Config) { c.Rerank.Name = "late" }),
		"the routing":   settings("v1", func(c *config.Config) { c.Routing.Model = "small" }),
		"the fusion":    settings("v1", func(c *config.Config) { c.Retrieval.Fusion = "rrf" }),
		"the answers":   settings("v1", func(c *config.Config) { c.Answer.MinEvidence = .9 }),
		"the index":     settings("v1", func(c *config.Config) { c.Index.Title = 7 }),
		"the databases": settings("v1", func(c *config.Config) { c.Index.Database.Ef = 99 }),
	} {
		if twin, taken := seen[other]; taken {
			t.Errorf("%s and %s make no difference", what, twin)
		}
		seen[other] = what
	}
}
