// Package tei embeds texts with a model of Text Embeddings Inference by its own
// protocol (POST /embed). The server says in /info how long a text and how large a
// request may be.
package tei

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// maxTexts is the most texts of a request where the server does not say: its own
// default.
const maxTexts = 32

// Config says which server is called and how. A server has one model; Config.Model
// is the name that vectors are kept under.
type Config = embed.Config

// Embedder embeds texts with one server.
type Embedder = embed.Client

// New returns an embedder; see embed.New. It asks the server for its limits. One
// that does not answer is an error only where Dimensions has to be asked for, too.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	known := embed.Limits{Texts: maxTexts}
	if said, err := ask(ctx, cfg); err == nil {
		known.Texts, known.MaxTokens = said.MaxTexts, said.MaxTokens
	} else if rag.KindOf(err) == rag.KindInvalid {
		return nil, err
	}
	return embed.New(ctx, embed.Provider{Name: "tei", Protocol: protocol{cfg}, Limits: known, Shortens: true}, cfg)
}

// info is what the server says of itself.
type info struct {
	Model     string `json:"model_id"`
	MaxTokens int    `json:"max_input_length"`
	MaxTexts  int    `json:"max_client_batch_size"`
}

// ask reads the server's limits.
func ask(ctx context.Context, cfg Config) (info, error) {
	cfg = cfg.WithDefaults()
	s, err := remote.NewServer(remote.Config{
		Part: "embedder", Noun: "embedding model", BaseURL: cfg.BaseURL, Model: cfg.Model, Key: cfg.APIKey, Tokens: cfg.Tokens,
		Proxy: cfg.Proxy, ConnectTimeout: cfg.ConnectTimeout, Transport: cfg.Transport,
	})
	if err != nil {
		return info{}, err
	}
	defer s.Close()
	var said info
	err = s.Get(ctx, "/info", &said)
	said.MaxTokens, said.MaxTexts = max(0, said.MaxTokens), max(0, said.MaxTexts)
	return said, err
}

type request struct {
	Inputs     []string `json:"inputs"`
	Normalize  bool     `json:"normalize"`
	Truncate   bool     `json:"truncate"`
	Dimensions int      `json:"dimensions,omitempty"`
}

type protocol struct{ cfg Config }

// Request implements embed.Protocol.
func (p protocol) Request(_ rag.EmbedKind, texts []string) embed.Request {
	body := request{Inputs: texts, Normalize: true}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	return embed.Request{Path: "/embed", Body: body}
}

// Answer implements embed.Protocol. The body has no count of tokens.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	var list []json.RawMessage
	if err := embed.Decode(body, &list); err != nil {
		return embed.Answer{}, err
	}
	return embed.InOrder(list, 0), nil
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var said info
	return s.Get(ctx, "/info", &said)
}
