// Package tei scores passages with a reranker on Text Embeddings Inference by its
// own protocol (POST /rerank). The server says in /info how long a text and how
// large a request may be.
package tei

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
	"github.com/smartretriever/smartretriever/rag"
)

// maxTexts is the most passages of a request where the server does not say: its own
// default.
const maxTexts = 32

// Config says which server is called and how. A server has one model; Config.Model
// is the name that results are kept under.
type Config = rerank.Config

// Reranker scores passages with one server.
type Reranker = rerank.Client

// New returns a reranker; see rerank.New. It asks the server for its limits, and
// goes without them where it does not answer.
func New(ctx context.Context, cfg Config) (*Reranker, error) {
	known := rerank.Limits{Texts: maxTexts}
	if said, err := ask(ctx, cfg); err == nil {
		known.Texts, known.MaxTokens = max(0, said.MaxTexts), max(0, said.MaxTokens)
	} else if rag.KindOf(err) == rag.KindInvalid {
		return nil, err
	}
	return rerank.New(rerank.Provider{Name: "tei", Protocol: protocol{}, Limits: known}, cfg)
}

// info is what the server says of itself.
type info struct {
	MaxTokens int `json:"max_input_length"`
	MaxTexts  int `json:"max_client_batch_size"`
}

// ask reads the server's limits.
func ask(ctx context.Context, cfg Config) (info, error) {
	s, err := remote.NewServer(cfg.WithDefaults().Server())
	if err != nil {
		return info{}, err
	}
	defer s.Close()
	var said info
	err = s.Get(ctx, "/info", &said)
	return said, err
}

type request struct {
	Query      string   `json:"query"`
	Texts      []string `json:"texts"`
	RawScores  bool     `json:"raw_scores"`
	ReturnText bool     `json:"return_text"`
	Truncate   bool     `json:"truncate"`
}

type protocol struct{}

// Request implements rerank.Protocol.
func (p protocol) Request(question string, texts []string) rerank.Request {
	return rerank.Request{Path: "/rerank", Body: request{Query: question, Texts: texts}}
}

// Answer implements rerank.Protocol. The body has no count of tokens.
func (p protocol) Answer(body []byte) (rerank.Answer, error) {
	var list []struct {
		Index *int     `json:"index"`
		Score *float64 `json:"score"`
	}
	if err := rerank.Decode(body, &list); err != nil {
		return rerank.Answer{}, err
	}
	var a rerank.Answer
	for _, item := range list {
		a.Scores = append(a.Scores, rerank.Score{Index: item.Index, Value: item.Score})
	}
	return a, nil
}

// Check implements rerank.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var said info
	return s.Get(ctx, "/info", &said)
}
