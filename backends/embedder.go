package backends

import (
	"context"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/hedged"
	"github.com/smartretriever/smartretriever/model/embed/openai"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// openEmbeddingAPI makes the embedder of a model behind an API. It calls the
// server, for no longer than a request may take, only where the number of
// dimensions is not configured.
func openEmbeddingAPI(cfg config.Embedder, deps Deps, c *root.Config) error {
	retries := cfg.Retries
	if retries == 0 {
		retries = -1 // in the library 0 is the default
	}
	hedge, after, err := cfg.Hedge()
	if err != nil {
		return rag.Errorf(rag.KindInvalid, "embedder.hedge_after: %w", err)
	}
	e, err := openai.New(context.Background(), openai.Config{
		BaseURL: cfg.BaseURL, Model: cfg.Model, APIKey: cfg.APIKey.Reveal(), Proxy: cfg.Proxy,
		Dimensions: cfg.Dimensions, SendDimensions: cfg.SendDimensions, MaxTokens: cfg.MaxTokens,
		QueryPrefix: cfg.QueryPrefix, PassagePrefix: cfg.PassagePrefix, BatchTexts: cfg.Batch, Timeout: cfg.Timeout, QueryTimeout: cfg.QueryTimeout, Retries: retries,
		Concurrency: cfg.Concurrency, Limit: remote.LimitConfig{RequestsPerMinute: cfg.RequestsPerMinute, TokensPerMinute: cfg.TokensPerMinute}, Observe: deps.Observer,
		Breaker: remote.BreakerConfig{OnChange: func(open bool) {
			if deps.Logger != nil {
				deps.Logger.Warn("embedding model", "left_alone", open)
			}
		}},
	})
	if err != nil && cfg.Dimensions == 0 {
		return rag.Errorf(rag.KindOf(err), "%w; with embedder.dimensions set, searches by keyword work without the server", err)
	}
	if err != nil {
		return err
	}
	c.Embedder = e
	if hedge {
		held := func() bool { l := e.Limits(); return l.Waiting > 0 || l.Paused > 0 }
		c.Embedder = hedged.New(e, hedged.Config{After: after, Held: held, Observe: deps.Observer})
	}
	return nil
}
