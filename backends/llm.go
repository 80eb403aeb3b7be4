package backends

import (
	"context"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	answerllm "github.com/smartretriever/smartretriever/answer/llm"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// openLLM makes the generator of answers. Without a language model there is none,
// and the Retriever quotes.
func openLLM(cfg config.Config, deps Deps, c *root.Config) error {
	l := cfg.LLM
	switch l.Name {
	case "none":
		return nil
	case "openai":
	default:
		return unknown("llm.name", l.Name)
	}
	window, err := contextWindow(cfg, deps)
	if err != nil {
		return err
	}
	client, err := openai.New(openai.Config{
		BaseURL: l.BaseURL, Model: l.Model, Key: l.APIKey.Reveal(), Proxy: l.Proxy,
		ConnectTimeout: l.ConnectTimeout, FirstTokenTimeout: l.FirstTokenTimeout, Timeout: l.Timeout,
		Limit:   remote.LimitConfig{Concurrency: l.Concurrency, RequestsPerMinute: l.RequestsPerMinute, TokensPerMinute: l.TokensPerMinute},
		Observe: deps.Observer,
	})
	if err != nil {
		return err
	}
	var model llm.Model = llm.Retry(client, llm.RetryConfig{Tries: l.Retries + 1})
	model = llm.Breaker(model, llm.BreakerConfig{OnChange: func(open bool) {
		if deps.Logger != nil {
			deps.Logger.Warn("language model", "left_alone", open)
		}
	}})
	c.Generator = &generator{
		Generator: answerllm.New(answerllm.Config{
			Model: model, Name: l.Model, Budget: cfg.Answer.ContextTokens, MaxTokens: l.MaxTokens, Temperature: l.Temperature,
			Price:  llm.Price{Input: l.PriceInput, Output: l.PriceOutput, Currency: l.Currency},
			Window: window,
		}),
		client: client, model: l.Model, address: l.BaseURL,
	}
	return nil
}

// contextWindow returns how many tokens the model takes at once. One that is not
// known is taken to be small, which is said where it costs passages.
func contextWindow(cfg config.Config, deps Deps) (int, error) {
	l := cfg.LLM
	window, known := l.ContextWindow, true
	if window == 0 {
		window, known = token.Window(l.Model)
	}
	if window < l.MaxTokens+answerllm.LeastPrompt {
		return 0, rag.Errorf(rag.KindInvalid, "llm.max_tokens: %d leaves too little of the model's window of %d tokens for a prompt; lower it, or set llm.context_window if the window is larger", l.MaxTokens, window)
	}
	if !known && deps.Logger != nil && window < l.MaxTokens+answerllm.LeastPrompt+cfg.Answer.ContextTokens {
		deps.Logger.Warn("the language model's window is not known; answers have less than answer.context_tokens to rest on, unless llm.context_window is set", "window", window)
	}
	return window, nil
}

var _ answer.Fitter = (*generator)(nil)

// generator is the answering generator with a check of the server behind it.
type generator struct {
	*answerllm.Generator
	client         *openai.Client
	model, address string

	health remote.Health
}

// Health reports whether the language model's server answers. It is not needed:
// without it answers are quoted.
func (g *generator) Health(ctx context.Context) rag.Health {
	return g.health.Get(ctx, "llm", g.model+" at "+g.address, g.client.Check)
}

// Close drops idle connections.
func (g *generator) Close() error { return g.client.Close() }
