// Package cohere embeds texts with a model of Cohere (POST /v2/embed). Questions
// and passages are told apart by input_type.
package cohere

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is the address of the API.
const BaseURL = "https://api.cohere.com"

// maxTexts is the most texts of a call, for any model.
const maxTexts = 96

var limits = map[string]embed.Limits{
	"embed-v4.0":                    {Dimensions: 1536, MaxTokens: 128_000},
	"embed-english-v3.0":            {Dimensions: 1024, MaxTokens: 512},
	"embed-english-light-v3.0":      {Dimensions: 384, MaxTokens: 512},
	"embed-multilingual-v3.0":       {Dimensions: 1024, MaxTokens: 512},
	"embed-multilingual-light-v3.0": {Dimensions: 384, MaxTokens: 512},
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
	return embed.New(ctx, embed.Provider{Name: "cohere", Protocol: protocol{cfg}, Limits: known, Shortens: true}, cfg)
}

type request struct {
	Model      string   `json:"model"`
	Texts      []string `json:"texts"`
	InputType  string   `json:"input_type"`
	Types      []string `json:"embedding_types"`
	Truncate   string   `json:"truncate"`
	Dimensions int      `json:"output_dimension,omitempty"`
}

type protocol struct{ cfg Config }

// Request implements embed.Protocol.
func (p protocol) Request(kind rag.EmbedKind, texts []string) embed.Request {
	body := request{Model: p.cfg.Model, Texts: texts, InputType: "search_document", Types: []string{"float"}, Truncate: "NONE"}
	if kind == rag.QuestionText {
		body.InputType = "search_query"
	}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	return embed.Request{Path: "/v2/embed", Body: body}
}

// Answer implements embed.Protocol.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	var from struct {
		Embeddings struct {
			Float []json.RawMessage `json:"float"`
		} `json:"embeddings"`
		Meta struct {
			Billed struct {
				Tokens float64 `json:"input_tokens"`
			} `json:"billed_units"`
		} `json:"meta"`
		Message string `json:"message"`
	}
	if err := embed.Decode(body, &from); err != nil {
		return embed.Answer{}, err
	}
	if from.Message != "" && from.Embeddings.Float == nil {
		return embed.Answer{}, embed.Failed(from.Message)
	}
	return embed.InOrder(from.Embeddings.Float, int64(from.Meta.Billed.Tokens)), nil
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var model struct{}
	return s.Get(ctx, "/v1/models/"+url.PathEscape(p.cfg.Model), &model)
}

// Refused implements embed.Refuser: 498 is a key that is not accepted.
func (p protocol) Refused(r remote.Refusal) error {
	if r.Status == 498 {
		r.Status = http.StatusUnauthorized
	}
	return r.Err()
}
