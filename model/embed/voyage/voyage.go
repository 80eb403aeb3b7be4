// Package voyage embeds texts with a model of Voyage AI (POST /embeddings).
// Questions and passages are told apart by input_type.
package voyage

import (
	"context"
	"net/http"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.voyageai.com/v1"

// Limits of any model: the most texts of a request, and what the least of them
// takes in tokens.
const (
	maxTexts  = 1000
	minTokens = 120_000
)

var limits = map[string]embed.Limits{
	"voyage-3-large":          {Dimensions: 1024, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-3.5":              {Dimensions: 1024, MaxTokens: 32_000, Tokens: 320_000},
	"voyage-3.5-lite":         {Dimensions: 1024, MaxTokens: 32_000, Tokens: 1_000_000},
	"voyage-code-3":           {Dimensions: 1024, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-3":                {Dimensions: 1024, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-3-lite":           {Dimensions: 512, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-finance-2":        {Dimensions: 1024, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-law-2":            {Dimensions: 1024, MaxTokens: 16_000, Tokens: 120_000},
	"voyage-code-2":           {Dimensions: 1536, MaxTokens: 16_000, Tokens: 120_000},
	"voyage-multilingual-2":   {Dimensions: 1024, MaxTokens: 32_000, Tokens: 120_000},
	"voyage-large-2":          {Dimensions: 1536, MaxTokens: 16_000, Tokens: 120_000},
	"voyage-large-2-instruct": {Dimensions: 1024, MaxTokens: 16_000, Tokens: 120_000},
	"voyage-2":                {Dimensions: 1024, MaxTokens: 4000, Tokens: 320_000},
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
	known, ok := limits[cfg.Model]
	if !ok {
		known.Tokens = minTokens
	}
	known.Texts = maxTexts
	return embed.New(ctx, embed.Provider{Name: "voyage", Protocol: protocol{cfg}, Limits: known, Shortens: true}, cfg)
}

type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	InputType  string   `json:"input_type"`
	Truncation bool     `json:"truncation"`
	Dimensions int      `json:"output_dimension,omitempty"`
}

type protocol struct{ cfg Config }

// Request implements embed.Protocol.
func (p protocol) Request(kind rag.EmbedKind, texts []string) embed.Request {
	body := request{Model: p.cfg.Model, Input: texts, InputType: "document"}
	if kind == rag.QuestionText {
		body.InputType = "query"
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
