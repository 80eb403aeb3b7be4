// Package jina scores passages with a reranker of Jina AI (POST /rerank).
package jina

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.jina.ai/v1"

// limits of question and passage together.
var limits = map[string]rerank.Limits{
	"jina-reranker-v3":                   {MaxTokens: 8192},
	"jina-reranker-m0":                   {MaxTokens: 8192},
	"jina-reranker-v2-base-multilingual": {MaxTokens: 1024},
	"jina-reranker-v1-base-en":           {MaxTokens: 8192},
	"jina-colbert-v2":                    {MaxTokens: 8192},
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
	known := limits[cfg.Model]
	known.Texts = 1000
	return rerank.New(rerank.Provider{Name: "jina", Protocol: protocol{cfg.Model}, Limits: known}, cfg)
}

type request struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	Return    bool     `json:"return_documents"`
}

type protocol struct{ model string }

// Request implements rerank.Protocol.
func (p protocol) Request(question string, texts []string) rerank.Request {
	return rerank.Request{Path: "/rerank", Body: request{Model: p.model, Query: question, Documents: texts}}
}

// Answer implements rerank.Protocol.
func (p protocol) Answer(body []byte) (rerank.Answer, error) { return rerank.ReadResults(body) }

// Check implements rerank.Protocol. The API has no list of models.
func (p protocol) Check(ctx context.Context, s *remote.Server) error { return s.Reach(ctx, "") }
