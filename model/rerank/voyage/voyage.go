// Package voyage scores passages with a reranker of Voyage AI (POST /rerank).
package voyage

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.voyageai.com/v1"

// limits of question and passage together, and of all of them in a request.
var limits = map[string]rerank.Limits{
	"rerank-2.5":      {MaxTokens: 32_000, Tokens: 600_000},
	"rerank-2.5-lite": {MaxTokens: 32_000, Tokens: 600_000},
	"rerank-2":        {MaxTokens: 16_000, Tokens: 600_000},
	"rerank-2-lite":   {MaxTokens: 8000, Tokens: 600_000},
	"rerank-1":        {MaxTokens: 8000, Tokens: 300_000},
	"rerank-lite-1":   {MaxTokens: 4000, Tokens: 300_000},
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
		known = limits["rerank-lite-1"]
	}
	known.Texts = 1000
	return rerank.New(rerank.Provider{Name: "voyage", Protocol: protocol{cfg.Model}, Limits: known}, cfg)
}

type request struct {
	Model      string   `json:"model"`
	Query      string   `json:"query"`
	Documents  []string `json:"documents"`
	Return     bool     `json:"return_documents"`
	Truncation bool     `json:"truncation"`
}

type protocol struct{ model string }

// Request implements rerank.Protocol.
func (p protocol) Request(question string, texts []string) rerank.Request {
	return rerank.Request{Path: "/rerank", Body: request{Model: p.model, Query: question, Documents: texts}}
}

// Answer implements rerank.Protocol.
func (p protocol) Answer(body []byte) (rerank.Answer, error) {
	var from struct {
		Data  []rerank.Score `json:"data"`
		Usage struct {
			Total int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := rerank.Decode(body, &from); err != nil {
		return rerank.Answer{}, err
	}
	return rerank.Answer{Scores: from.Data, Tokens: from.Usage.Total}, nil
}

// Check implements rerank.Protocol. The API has no list of models.
func (p protocol) Check(ctx context.Context, s *remote.Server) error { return s.Reach(ctx, "") }
