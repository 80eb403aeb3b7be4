// Package openai embeds texts with a model behind the embeddings protocol of
// OpenAI's API (POST /embeddings), which many servers speak: OpenAI itself,
// Ollama, vLLM, llama.cpp, LM Studio, Text Embeddings Inference and others.
package openai

import (
	"context"
	"net/http"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is the address of OpenAI's own API.
const BaseURL = "https://api.openai.com/v1"

// limits are those of OpenAI's models: 2,048 texts and 300,000 tokens in a request.
var limits = map[string]embed.Limits{
	"text-embedding-3-small": {Dimensions: 1536, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
	"text-embedding-3-large": {Dimensions: 3072, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
	"text-embedding-ada-002": {Dimensions: 1536, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
}

// Config says which model is called and how.
type Config = embed.Config

// Embedder embeds texts with one model of one server.
type Embedder = embed.Client

// New returns an embedder; see embed.New. The address is up to and with /v1.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	return embed.New(ctx, embed.Provider{
		Name: "openai", Protocol: protocol{cfg}, Limits: limits[cfg.Model], Shortens: true,
	}, cfg)
}

// request is the body of a call. The form of the vectors is left to the server:
// some refuse encoding_format, and both forms are read.
type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions,omitempty"`
}

type protocol struct{ cfg Config }

// Request implements embed.Protocol.
func (p protocol) Request(_ rag.EmbedKind, texts []string) embed.Request {
	body := request{Model: p.cfg.Model, Input: texts}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	return embed.Request{Path: "/embeddings", Body: body}
}

// Answer implements embed.Protocol.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	return embed.ReadData(body)
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error { return s.Check(ctx) }
