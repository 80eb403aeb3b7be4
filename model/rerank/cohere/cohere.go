// Package cohere scores passages with a reranker of Cohere (POST /v2/rerank).
package cohere

import (
	"context"
	"net/url"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.cohere.com"

// limits of question and passage together. The API would cut off a passage of more
// than 4,096 tokens unless it is told otherwise; none is sent.
var limits = map[string]rerank.Limits{
	"rerank-v3.5":              {MaxTokens: 4096},
	"rerank-english-v3.0":      {MaxTokens: 4096},
	"rerank-multilingual-v3.0": {MaxTokens: 4096},
}

// Config says which model is called and how.
type Config = rerank.Config

// Reranker scores passages with one model.
type Reranker = rerank.Client

// New returns a reranker; see rerank.New. An empty address is BaseURL.
func New(cfg Config) (*Reranker, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	known, ok := limits[cfg.Model]
	if !ok {
		known.MaxTokens = 4096
	}
	known.Texts = 1000
	return rerank.New(rerank.Provider{Name: "cohere", Protocol: protocol{cfg.Model}, Limits: known}, cfg)
}

type request struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
}

type protocol struct{ model string }

// Request implements rerank.Protocol.
func (p protocol) Request(question string, texts []string) rerank.Request {
	return rerank.Request{Path: "/v2/rerank", Body: request{p.model, question, texts}}
}

// Answer implements rerank.Protocol. The API bills searches, not tokens.
func (p protocol) Answer(body []byte) (rerank.Answer, error) { return rerank.ReadResults(body) }

// Check implements rerank.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var model struct{}
	return s.Get(ctx, "/v1/models/"+url.PathEscape(p.model), &model)
}
