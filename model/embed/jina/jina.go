// Package jina embeds texts with a model of Jina AI (POST /embeddings). Questions
// and passages are told apart by task; late chunking, which would make a text's
// vector depend on the others in the request, is off.
package jina

import (
	"context"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.jina.ai/v1"

// maxTexts is the most texts of a request that the provider recommends.
const maxTexts = 512

var limits = map[string]embed.Limits{
	"jina-embeddings-v4":         {Dimensions: 2048, MaxTokens: 32_768},
	"jina-embeddings-v3":         {Dimensions: 1024, MaxTokens: 8192},
	"jina-clip-v2":               {Dimensions: 1024, MaxTokens: 8192},
	"jina-embeddings-v2-base-en": {Dimensions: 768, MaxTokens: 8192},
	"jina-embeddings-v2-base-de": {Dimensions: 768, MaxTokens: 8192},
	"jina-embeddings-v2-base-es": {Dimensions: 768, MaxTokens: 8192},
	"jina-embeddings-v2-base-zh": {Dimensions: 768, MaxTokens: 8192},
}

// Config says which model is called and how.
type Config = embed.Config

// Embedder embeds texts with one model.
type Embedder = embed.Client

// New returns an embedder; see embed.New. An empty address is BaseURL.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	known := limits[cfg.Model]
	known.Texts = maxTexts
	return embed.New(ctx, embed.Provider{Name: "jina", Protocol: protocol{cfg}, Limits: known, Shortens: true}, cfg)
}

// request is the body of a call. Older models do not know the fields after Input
// except Dimensions.
type request struct {
	Model        string   `json:"model"`
	Input        []string `json:"input"`
	Task         string   `json:"task,omitempty"`
	LateChunking *bool    `json:"late_chunking,omitempty"`
	Truncate     *bool    `json:"truncate,omitempty"`
	Dimensions   int      `json:"dimensions,omitempty"`
}

type protocol struct{ cfg Config }

// tasks returns what the model calls questions and passages, "" for one that does
// not tell them apart.
func tasks(model string) (question, passage string) {
	switch {
	case strings.HasPrefix(model, "jina-embeddings-v2"), strings.HasPrefix(model, "jina-clip"):
		return "", ""
	case strings.HasPrefix(model, "jina-code-embeddings"):
		return "nl2code.query", "nl2code.passage"
	}
	return "retrieval.query", "retrieval.passage"
}

// Request implements embed.Protocol.
func (p protocol) Request(kind rag.EmbedKind, texts []string) embed.Request {
	body := request{Model: p.cfg.Model, Input: texts}
	question, passage := tasks(p.cfg.Model)
	if passage != "" {
		body.Task, body.LateChunking, body.Truncate = passage, new(bool), new(bool)
		if kind == rag.QuestionText {
			body.Task = question
		}
	}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	return embed.Request{Path: "/embeddings", Body: body}
}

// Answer implements embed.Protocol.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	return embed.ReadData(body)
}

// Check implements embed.Protocol. The API has no list of models.
func (p protocol) Check(ctx context.Context, s *remote.Server) error { return s.Reach(ctx, "") }
