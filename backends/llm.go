package backends

import (
	"context"
	"errors"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	answerllm "github.com/smartretriever/smartretriever/answer/llm"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/metered"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// openLLM makes the generator of answers. Without a language model there is none,
// and the Retriever quotes.
func openLLM(cfg config.Config, table price.Table, deps Deps, c *root.Config) error {
	l := cfg.LLM
	switch l.Name {
	case "none":
		return nil
	case "openai":
	default:
		return unknown("llm.name", l.Name)
	}
	g := &generator{model: l.Model, address: l.BaseURL}
	usual, client, err := g.open(cfg, table, deps, c, l.BaseURL, l.APIKey, l.Model)
	if err != nil {
		return err
	}
	g.client = client
	usual, err = thrifty(cfg, table, c, usual, func(name string) (llm.Model, error) {
		m, _, err := g.open(cfg, table, deps, c, l.BaseURL, l.APIKey, name)
		return m, err
	})
	if err != nil {
		return err
	}
	g.Generator, err = routed(cfg, writer(cfg, c, usual, l.Model), func() (*answerllm.Generator, error) {
		key := l.APIKey
		if cfg.Routing.BaseURL != "" {
			key = cfg.Routing.APIKey // a key goes to the address that it was given for
		}
		m, _, err := g.open(cfg, table, deps, c, routeAddress(cfg), key, cfg.Routing.Model)
		return writer(cfg, c, m, cfg.Routing.Model), err
	})
	c.Generator = g
	return err
}

// writer makes answers with a model.
func writer(cfg config.Config, c *root.Config, m llm.Model, name string) *answerllm.Generator {
	if m == nil {
		return nil
	}
	return answerllm.New(answerllm.Config{
		Model: m, Name: name, Budget: cfg.Answer.ContextTokens, MaxTokens: cfg.LLM.MaxTokens, Temperature: cfg.LLM.Temperature,
		CountTokens: c.Embedder.CountTokens,
	})
}

// generator is the answering generator with a check of the server behind it.
type generator struct {
	answer.Generator
	client         *openai.Client // of the usual model
	opened         []*openai.Client
	model, address string

	health remote.Health
}

// open makes a metered model of a server, which Close closes.
func (g *generator) open(cfg config.Config, table price.Table, deps Deps, c *root.Config, address string, key config.Secret, name string) (llm.Model, *openai.Client, error) {
	l := cfg.LLM
	client, err := openai.New(openai.Config{
		BaseURL: address, Model: name, Key: key.Reveal(), Proxy: l.Proxy,
		ConnectTimeout: l.ConnectTimeout, FirstTokenTimeout: l.FirstTokenTimeout, Timeout: l.Timeout,
	})
	if err != nil {
		return nil, nil, err
	}
	g.opened = append(g.opened, client)
	target, err := chatTarget(cfg, table, address, name)
	if err != nil {
		return nil, nil, err
	}
	var model llm.Model = metered.New(client, c.Meter, target, c.Embedder.CountTokens)
	model = llm.Retry(model, llm.RetryConfig{Tries: l.Retries + 1})
	return llm.Breaker(model, llm.BreakerConfig{OnChange: func(open bool) {
		if deps.Logger != nil {
			deps.Logger.Warn("language model", "model", name, "left_alone", open)
		}
	}}), client, nil
}

// Health reports whether the language model's server answers. It is not needed:
// without it answers are quoted.
func (g *generator) Health(ctx context.Context) rag.Health {
	return g.health.Get(ctx, "llm", g.model+" at "+g.address, g.client.Check)
}

// Close drops idle connections.
func (g *generator) Close() error {
	var errs []error
	for _, c := range g.opened {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
