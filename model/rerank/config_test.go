package rerank_test

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/rerank"
	"github.com/smartretriever/smartretriever/rag"
)

func TestConfigFaults(t *testing.T) {
	const key = "sk-verysecret-0123"
	good := rerank.Config{BaseURL: "http://host/v1", Model: "m"}
	if _, err := rerank.New(rerank.Provider{Name: "p"}, good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*rerank.Config){
		"no address":       func(c *rerank.Config) { c.BaseURL = "" },
		"other scheme":     func(c *rerank.Config) { c.BaseURL = "ftp://host/v1" },
		"user in address":  func(c *rerank.Config) { c.BaseURL = "http://me:" + key + "@host/v1" },
		"query in address": func(c *rerank.Config) { c.BaseURL = "http://host/v1?key=" + key },
		"no model":         func(c *rerank.Config) { c.Model = "" },
		"proxy":            func(c *rerank.Config) { c.Proxy = "::" },
		"negative":         func(c *rerank.Config) { c.BatchTexts = -1 },
		"few tokens":       func(c *rerank.Config) { c.MaxTokens = 10 },
	} {
		cfg := good
		change(&cfg)
		if _, err := rerank.New(rerank.Provider{Name: "p"}, cfg); rag.KindOf(err) != rag.KindInvalid || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
