// Package compatible scores passages with a reranker on a server that speaks the
// form of Cohere and Jina (POST /rerank): vLLM, llama.cpp, Infinity, Xinference and
// others. The request has the fields that all of them know, and no others.
package compatible

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
)

// Config says which model is called and how.
type Config = rerank.Config

// Reranker scores passages with one model of one server.
type Reranker = rerank.Client

// New returns a reranker; see rerank.New. The address is up to and with /v1.
func New(cfg Config) (*Reranker, error) {
	return rerank.New(rerank.Provider{Name: "compatible", Protocol: protocol{cfg.Model}}, cfg)
}

type request struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
}

type protocol struct{ model string }

// Request implements rerank.Protocol.
func (p protocol) Request(question string, texts []string) rerank.Request {
	return rerank.Request{Path: "/rerank", Body: request{p.model, question, texts}}
}

// Answer implements rerank.Protocol.
func (p protocol) Answer(body []byte) (rerank.Answer, error) { return rerank.ReadResults(body) }

// Check implements rerank.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error { return s.Check(ctx) }
