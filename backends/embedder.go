package backends

import (
	"context"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/azure"
	"github.com/smartretriever/smartretriever/model/embed/cohere"
	"github.com/smartretriever/smartretriever/model/embed/gemini"
	"github.com/smartretriever/smartretriever/model/embed/hedged"
	"github.com/smartretriever/smartretriever/model/embed/jina"
	"github.com/smartretriever/smartretriever/model/embed/ollama"
	"github.com/smartretriever/smartretriever/model/embed/openai"
	"github.com/smartretriever/smartretriever/model/embed/tei"
	"github.com/smartretriever/smartretriever/model/embed/triton"
	"github.com/smartretriever/smartretriever/model/embed/voyage"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// openEmbeddingAPI makes the embedder of a model behind an API. It calls the
// server, for no longer than a request may take, only where something that is
// needed is neither configured nor known: the number of dimensions, the limits of a
// server, the names of tensors.
func openEmbeddingAPI(cfg config.Embedder, deps Deps, c *root.Config) error {
	hedge, after, err := cfg.Hedge()
	if err != nil {
		return rag.Errorf(rag.KindInvalid, "embedder.hedge_after: %w", err)
	}
	e, err := newEmbeddingAPI(context.Background(), cfg, embed.Config{
		BaseURL: cfg.BaseURL, Model: cfg.Model, APIKey: cfg.APIKey.Reveal(), Proxy: cfg.Proxy,
		Dimensions: cfg.Dimensions, SendDimensions: cfg.SendDimensions, MaxTokens: cfg.MaxTokens,
		QueryPrefix: cfg.QueryPrefix, PassagePrefix: cfg.PassagePrefix,
		BatchTexts: cfg.Batch, Concurrency: cfg.Concurrency, Timeout: cfg.Timeout, QueryTimeout: cfg.QueryTimeout, Retries: tries(cfg.Retries),
		Breaker: breaker(deps, "embedding model"),
		Limit:   remote.LimitConfig{RequestsPerMinute: cfg.RequestsPerMinute, TokensPerMinute: cfg.TokensPerMinute, Shared: deps.shared},
		Observe: deps.Observer,
	})
	if err != nil && cfg.Dimensions == 0 && rag.KindOf(err) != rag.KindInvalid {
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

func newEmbeddingAPI(ctx context.Context, cfg config.Embedder, e embed.Config) (*embed.Client, error) {
	switch cfg.Name {
	case "openai":
		if e.BaseURL == "" {
			e.BaseURL = openai.BaseURL
		}
		return openai.New(ctx, e)
	case "azure":
		tokens, err := entra("embedder", cfg.Azure, cfg.Proxy)
		if err != nil {
			return nil, err
		}
		e.Tokens = tokens
		return azure.New(ctx, azure.Config{Config: e, APIVersion: cfg.Azure.APIVersion})
	case "ollama":
		return ollama.New(ctx, e)
	case "gemini":
		return gemini.New(ctx, e)
	case "cohere":
		return cohere.New(ctx, e)
	case "voyage":
		return voyage.New(ctx, e)
	case "jina":
		return jina.New(ctx, e)
	case "tei":
		return tei.New(ctx, e)
	case "triton":
		return triton.New(ctx, triton.Config{Config: e, Input: cfg.Triton.Input, Output: cfg.Triton.Output})
	}
	return nil, unknown("embedder.name", cfg.Name)
}

// entra returns the source of tokens that is configured, nil if there is none and a
// key is used.
func entra(part string, a config.Azure, proxy string) (remote.TokenSource, error) {
	switch {
	case a.Token.IsSet():
		return remote.StaticToken(a.Token.Reveal()), nil
	case a.Tenant == "":
		return nil, nil
	}
	return remote.NewEntraToken(remote.EntraConfig{
		Part: part, Tenant: a.Tenant, ClientID: a.ClientID, Secret: a.ClientSecret.Reveal(), Authority: a.Authority, Scope: a.Scope, Proxy: proxy,
	})
}

// tries is the library's form of a number of retries: 0 is the default there.
func tries(retries int) int {
	if retries == 0 {
		return -1
	}
	return retries
}

// breaker returns the settings of a breaker that says in the log when it opens.
func breaker(deps Deps, what string) remote.BreakerConfig {
	return remote.BreakerConfig{OnChange: func(open bool) {
		if deps.Logger != nil {
			deps.Logger.Warn(what, "left_alone", open)
		}
	}}
}
