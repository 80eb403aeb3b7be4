package backends

import (
	"context"
	"errors"
	"io"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/anthropic"
	"github.com/smartretriever/smartretriever/model/llm/cohere"
	"github.com/smartretriever/smartretriever/model/llm/gemini"
	"github.com/smartretriever/smartretriever/model/llm/ollama"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/llm/openai/azure"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// chatClient is a language model behind a server.
type chatClient interface {
	llm.Model
	Check(ctx context.Context) error
	Close() error
}

// openChat makes a client of a language model. It does not call.
func openChat(m config.ChatModel, deps Deps) (chatClient, error) {
	cfg := chat.Config{
		BaseURL: m.BaseURL, Model: m.Model, Key: m.APIKey.Reveal(), Proxy: m.Proxy,
		ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		Limit:   remote.LimitConfig{Concurrency: m.Concurrency, RequestsPerMinute: m.RequestsPerMinute, TokensPerMinute: m.TokensPerMinute, Shared: deps.shared},
		Observe: deps.Observer,
	}
	switch m.Name {
	case "openai":
		return openai.New(openai.Config{Config: cfg})
	case "azure":
		return openAzure(cfg, m.Azure)
	case "anthropic":
		return anthropic.New(cfg)
	case "gemini":
		return gemini.New(cfg)
	case "cohere":
		return cohere.New(cfg)
	case "ollama":
		return ollama.New(ollama.Config{Config: cfg, KeepAlive: m.KeepAlive, NumCtx: m.NumCtx})
	}
	return nil, unknown("llm.name", m.Name)
}

// openAzure makes a client of a deployment, with the source of its tokens where no
// key is used.
func openAzure(cfg chat.Config, a config.Azure) (chatClient, error) {
	tokens, err := entra("llm", a, cfg.Proxy)
	if err != nil {
		return nil, err
	}
	client, err := azure.New(azure.Config{Config: cfg, APIVersion: a.APIVersion, Tokens: tokens})
	return withTokens{client, tokens}, err
}

// withTokens closes the source of tokens with its client.
type withTokens struct {
	*azure.Client
	tokens remote.TokenSource
}

// Close drops idle connections.
func (w withTokens) Close() error {
	err := w.Client.Close()
	if c, ok := w.tokens.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// tuned is a fallback that answers within its own settings.
type tuned struct {
	llm.Model
	maxTokens   int
	temperature float64
}

// Chat implements llm.Model.
func (t tuned) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	r.MaxTokens, r.Temperature = t.maxTokens, t.temperature
	return t.Model.Chat(ctx, r, onDelta)
}
