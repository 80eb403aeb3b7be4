// Package ollama embeds texts with a model of Ollama by its own protocol (POST
// /api/embed), which, other than its form of OpenAI's, can be told not to cut off
// what is too long.
package ollama

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is where Ollama listens by default.
const BaseURL = "http://127.0.0.1:11434"

// limits are those of the library's embedding models in their default sizes, with
// the context that their model files set.
var limits = map[string]embed.Limits{
	"nomic-embed-text":       {Dimensions: 768, MaxTokens: 2048},
	"mxbai-embed-large":      {Dimensions: 1024, MaxTokens: 512},
	"all-minilm":             {Dimensions: 384, MaxTokens: 256},
	"bge-m3":                 {Dimensions: 1024, MaxTokens: 8192},
	"snowflake-arctic-embed": {Dimensions: 1024, MaxTokens: 512},
	"embeddinggemma":         {Dimensions: 768, MaxTokens: 2048},
}

// Config says which model is called and how.
type Config = embed.Config

// Embedder embeds texts with one model of one server.
type Embedder = embed.Client

// New returns an embedder; see embed.New. An empty address is BaseURL.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	return embed.New(ctx, embed.Provider{
		Name: "ollama", Protocol: protocol{cfg}, Limits: limits[plain(cfg.Model)], Shortens: true,
	}, cfg)
}

// plain returns the name without the tag that stands for the default size.
func plain(model string) string { return strings.TrimSuffix(model, ":latest") }

type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Truncate   bool     `json:"truncate"`
	Dimensions int      `json:"dimensions,omitempty"`
}

type protocol struct{ cfg Config }

// Request implements embed.Protocol.
func (p protocol) Request(_ rag.EmbedKind, texts []string) embed.Request {
	body := request{Model: p.cfg.Model, Input: texts}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	return embed.Request{Path: "/api/embed", Body: body}
}

// Answer implements embed.Protocol.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	var from struct {
		Embeddings []json.RawMessage `json:"embeddings"`
		Tokens     int64             `json:"prompt_eval_count"`
		Error      string            `json:"error"`
	}
	if err := embed.Decode(body, &from); err != nil {
		return embed.Answer{}, err
	}
	if from.Error != "" {
		return embed.Answer{}, embed.Failed(from.Error)
	}
	return embed.InOrder(from.Embeddings, from.Tokens), nil
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var list struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := s.Get(ctx, "/api/tags", &list); err != nil {
		return err
	}
	for _, m := range list.Models {
		if plain(m.Name) == plain(p.cfg.Model) {
			return nil
		}
	}
	return rag.Errorf(rag.KindNotFound, "embedder: the server has no model %q; it is fetched with: ollama pull %s", p.cfg.Model, p.cfg.Model)
}
