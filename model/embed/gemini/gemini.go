// Package gemini embeds texts with a model of Google's Gemini API (POST
// models/MODEL:batchEmbedContents). Questions and passages are told apart by
// taskType; the key goes into the header x-goog-api-key, never into the address.
package gemini

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// BaseURL is the address of the API.
const BaseURL = "https://generativelanguage.googleapis.com/v1beta"

// maxTexts is the most requests in a batch, of any model.
const maxTexts = 100

var limits = map[string]embed.Limits{
	"gemini-embedding-001": {Dimensions: 3072, MaxTokens: 2048},
	"text-embedding-004":   {Dimensions: 768, MaxTokens: 2048},
}

// Config says which model is called and how.
type Config = embed.Config

// Embedder embeds texts with one model.
type Embedder = embed.Client

// New returns an embedder; see embed.New. An empty address is BaseURL; the model's
// name is taken with and without "models/" before it.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	cfg.Model = strings.TrimPrefix(cfg.Model, "models/")
	known := limits[cfg.Model]
	known.Texts = maxTexts
	return embed.New(ctx, embed.Provider{
		Name: "gemini", Protocol: protocol{cfg}, Limits: known, KeyHeader: "x-goog-api-key", Shortens: true,
	}, cfg)
}

type request struct {
	Requests []single `json:"requests"`
}

type single struct {
	Model      string  `json:"model"`
	Content    content `json:"content"`
	TaskType   string  `json:"taskType,omitempty"`
	Dimensions int     `json:"outputDimensionality,omitempty"`
}

type content struct {
	Parts []part `json:"parts"`
}

type part struct {
	Text string `json:"text"`
}

type protocol struct{ cfg Config }

// taskType returns what tells questions and passages apart. The second generation
// of models has no such field: it wants prefixes.
func (p protocol) taskType(kind rag.EmbedKind) string {
	switch {
	case strings.HasPrefix(p.cfg.Model, "gemini-embedding-2"):
		return ""
	case kind == rag.QuestionText:
		return "RETRIEVAL_QUERY"
	}
	return "RETRIEVAL_DOCUMENT"
}

func (p protocol) path() string { return "/models/" + url.PathEscape(p.cfg.Model) }

// Request implements embed.Protocol.
func (p protocol) Request(kind rag.EmbedKind, texts []string) embed.Request {
	body := request{Requests: make([]single, len(texts))}
	for i, text := range texts {
		body.Requests[i] = single{Model: "models/" + p.cfg.Model, Content: content{[]part{{text}}}, TaskType: p.taskType(kind)}
		if p.cfg.SendDimensions {
			body.Requests[i].Dimensions = p.cfg.Dimensions
		}
	}
	return embed.Request{Path: p.path() + ":batchEmbedContents", Body: body}
}

// Answer implements embed.Protocol. The API does not count tokens.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	var from struct {
		Embeddings []struct {
			Values json.RawMessage `json:"values"`
		} `json:"embeddings"`
		Error *remote.APIError `json:"error"`
	}
	if err := embed.Decode(body, &from); err != nil {
		return embed.Answer{}, err
	}
	if from.Error != nil {
		return embed.Answer{}, embed.Failed(from.Error.Message)
	}
	list := make([]json.RawMessage, len(from.Embeddings))
	for i, e := range from.Embeddings {
		list[i] = e.Values
	}
	return embed.InOrder(list, 0), nil
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var model struct{}
	return s.Get(ctx, p.path(), &model)
}

// Refused implements embed.Refuser: a wrong key is a 400 among others here, and how
// long to wait stands in the body (google.rpc.RetryInfo).
func (p protocol) Refused(r remote.Refusal) error {
	var body struct {
		Error struct {
			Details []struct {
				Reason string `json:"reason"`
				Delay  string `json:"retryDelay"` // "17s"
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(r.Body, &body) // of another form: the status counts
	invalid := r.Status == http.StatusBadRequest && strings.HasPrefix(r.Message, "API key not valid")
	for _, d := range body.Error.Details {
		if d.Reason == "API_KEY_INVALID" {
			invalid = true
		}
		if wait, err := time.ParseDuration(d.Delay); err == nil && wait > 0 && r.After == 0 {
			r.After = wait
		}
	}
	if invalid {
		r.Status = http.StatusUnauthorized
	}
	return r.Err()
}
