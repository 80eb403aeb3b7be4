package backends

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/anthropic"
	"github.com/smartretriever/smartretriever/model/llm/cohere"
	"github.com/smartretriever/smartretriever/model/llm/gemini"
	"github.com/smartretriever/smartretriever/model/llm/ollama"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/llm/openai/azure"
	"github.com/smartretriever/smartretriever/model/remote"
)

// chatClient is a language model behind a server.
type chatClient interface {
	llm.Model
	Check(ctx context.Context) error
	Close() error
}

// openChat makes a client of a language model. It does not call.
func openChat(m config.ChatModel) (chatClient, error) {
	key := m.APIKey.Reveal()
	switch m.Name {
	case "openai":
		return openai.New(openai.Config{
			BaseURL: m.BaseURL, Model: m.Model, Key: key, Proxy: m.Proxy,
			ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		})
	case "azure":
		return openAzure(m)
	case "anthropic":
		return anthropic.New(anthropic.Config{
			BaseURL: m.BaseURL, Model: m.Model, Key: key, Proxy: m.Proxy,
			ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		})
	case "gemini":
		return gemini.New(gemini.Config{
			BaseURL: m.BaseURL, Model: m.Model, Key: key, Proxy: m.Proxy,
			ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		})
	case "cohere":
		return cohere.New(cohere.Config{
			BaseURL: m.BaseURL, Model: m.Model, Key: key, Proxy: m.Proxy,
			ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		})
	case "ollama":
		return ollama.New(ollama.Config{
			BaseURL: m.BaseURL, Model: m.Model, Key: key, Proxy: m.Proxy, KeepAlive: m.KeepAlive, NumCtx: m.NumCtx,
			ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
		})
	}
	return nil, unknown("llm.name", m.Name)
}

// openAzure makes a client of a deployment, with the source of its tokens where
// those are fetched.
func openAzure(m config.ChatModel) (chatClient, error) {
	cfg := azure.Config{
		BaseURL: m.BaseURL, Deployment: m.Model, APIVersion: m.APIVersion, Proxy: m.Proxy,
		ConnectTimeout: m.ConnectTimeout, FirstTokenTimeout: m.FirstTokenTimeout, Timeout: m.Timeout,
	}
	switch m.Auth {
	case "key":
		cfg.Key = m.APIKey.Reveal()
	case "token":
		cfg.Tokens = remote.StaticToken(m.APIKey.Reveal())
	case "entra":
		tokens, err := remote.NewEntraToken(remote.EntraConfig{
			Part: "llm", Tenant: m.EntraTenant, ClientID: m.EntraClientID, Secret: m.EntraSecret.Reveal(),
			Scope: m.EntraScope, Authority: m.EntraAuthority, Proxy: m.Proxy, Timeout: m.ConnectTimeout,
		})
		if err != nil {
			return nil, err
		}
		cfg.Tokens = tokens
		client, err := azure.New(cfg)
		return withTokens{client, tokens}, err
	default:
		return nil, unknown("llm.auth", m.Auth)
	}
	return azure.New(cfg)
}

// withTokens closes the source of tokens with its client.
type withTokens struct {
	*azure.Client
	tokens *remote.EntraToken
}

func (w withTokens) Close() error { return errors.Join(w.Client.Close(), w.tokens.Close()) }

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
