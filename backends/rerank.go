package backends

import (
	"context"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/rerank"
	"github.com/smartretriever/smartretriever/model/rerank/cohere"
	"github.com/smartretriever/smartretriever/model/rerank/compatible"
	"github.com/smartretriever/smartretriever/model/rerank/jina"
	"github.com/smartretriever/smartretriever/model/rerank/tei"
	"github.com/smartretriever/smartretriever/model/rerank/voyage"
)

var _ answer.Reranker = (*rerank.Client)(nil)

// openRerankAPI makes the reranker of a model behind an API. It calls the server
// for its limits only where there is such a call (tei), and goes on without an
// answer. A name that is none of an API is KindInvalid.
func openRerankAPI(cfg config.Rerank, deps Deps) (*rerank.Client, error) {
	r := rerank.Config{
		BaseURL: cfg.BaseURL, Model: cfg.Model, APIKey: cfg.APIKey.Reveal(), Proxy: cfg.Proxy,
		MaxTokens: cfg.MaxTokens, BatchTexts: cfg.Batch, Timeout: cfg.Timeout, Retries: tries(cfg.Retries),
		Breaker: breaker(deps, "reranker"),
	}
	switch cfg.Name {
	case "cohere":
		return cohere.New(r)
	case "jina":
		return jina.New(r)
	case "voyage":
		return voyage.New(r)
	case "tei":
		return tei.New(context.Background(), r)
	case "compatible":
		return compatible.New(r)
	}
	return nil, unknown("rerank.name", cfg.Name)
}
