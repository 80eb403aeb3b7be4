package backends

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	root "github.com/smartretriever/smartretriever"
	answerllm "github.com/smartretriever/smartretriever/answer/llm"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// openLLM makes the generator of answers. Without a language model there is none,
// and the Retriever quotes.
func openLLM(cfg config.Config, deps Deps, c *root.Config) error {
	l := cfg.LLM
	if l.Name == "none" {
		return nil
	}
	g := &generator{}
	model, err := g.chain(append([]config.ChatModel{l.ChatModel}, l.Fallbacks...), deps)
	if err != nil {
		return errors.Join(err, g.Close())
	}
	g.Generator = answerllm.New(answerllm.Config{
		Model: model, Name: l.Model, Budget: cfg.Answer.ContextTokens, MaxTokens: l.MaxTokens, Temperature: l.Temperature,
		Price:       llm.Price{Input: l.PriceInput, Output: l.PriceOutput, Currency: l.Currency},
		CountTokens: c.Embedder.CountTokens,
	})
	c.Generator = g
	return nil
}

// generator is the answering generator with a check of the servers behind it.
type generator struct {
	*answerllm.Generator
	links []*chatLink
}

// chatLink is one of the language models that may answer.
type chatLink struct {
	name, where string
	client      chatClient
	health      remote.Health
}

// fallbackWait is the longest wait for a busy model behind which there is another:
// the reader is better served by that one.
const fallbackWait = 2 * time.Second

// chain opens the models, each behind its own retries and breaker. Where there are
// several, the next one answers while those before it are down.
func (g *generator) chain(models []config.ChatModel, deps Deps) (llm.Model, error) {
	cfg := llm.ChainConfig{OnSkip: func(name string, err error) {
		if deps.Logger != nil {
			deps.Logger.Warn("language model done without", "model", name, "kind", rag.KindOf(err), "error", err)
		}
	}}
	for i, m := range models {
		client, err := openChat(m)
		if err != nil {
			return nil, err
		}
		link := &chatLink{name: g.unique(m.Label()), where: m.BaseURL, client: client}
		if link.where == "" {
			link.where = m.Name
		}
		g.links = append(g.links, link)
		retry := llm.RetryConfig{Tries: m.Retries + 1}
		if i < len(models)-1 {
			retry.MaxWait = fallbackWait
		}
		model := guarded(client, link.name, retry, deps)
		if i > 0 {
			model = tuned{model, m.MaxTokens, m.Temperature}
		}
		cfg.Links = append(cfg.Links, llm.Link{Name: link.name, Model: model})
	}
	if len(cfg.Links) == 1 {
		return cfg.Links[0].Model, nil
	}
	return llm.Chain(cfg), nil
}

// unique returns name, with a number behind it when another link has it already: one
// model may be had at two addresses.
func (g *generator) unique(name string) string {
	wanted := name
	for n := 2; ; n++ {
		taken := false
		for _, l := range g.links {
			taken = taken || l.name == name
		}
		if !taken {
			return name
		}
		name = fmt.Sprintf("%s#%d", wanted, n)
	}
}

// guarded tries a busy model again and leaves one that is down alone.
func guarded(m llm.Model, name string, retry llm.RetryConfig, deps Deps) llm.Model {
	m = llm.Retry(m, retry)
	return llm.Breaker(m, llm.BreakerConfig{OnChange: func(open bool) {
		if deps.Logger != nil {
			deps.Logger.Warn("language model", "model", name, "left_alone", open)
		}
	}})
}

// Health reports whether the language models' servers answer, all at the same time.
// They are not needed: without them answers are quoted.
func (g *generator) Health(ctx context.Context) rag.Health {
	each := make([]rag.Health, len(g.links))
	var all sync.WaitGroup
	for i, l := range g.links {
		all.Go(func() { each[i] = l.health.Get(ctx, "llm", l.name+" at "+l.where, l.client.Check) })
	}
	all.Wait()
	if len(each) == 1 {
		return each[0]
	}
	sum := rag.Health{Name: "llm", OK: true}
	var details []string
	for i, h := range each {
		sum.OK = sum.OK && h.OK
		sum.Took = max(sum.Took, h.Took)
		if !h.OK {
			h.Detail = g.links[i].name + " is down: " + h.Detail
		}
		details = append(details, h.Detail)
	}
	sum.Detail = strings.Join(details, "; ")
	return sum
}

// Close drops idle connections.
func (g *generator) Close() error {
	var errs []error
	for _, l := range g.links {
		errs = append(errs, l.client.Close())
	}
	return errors.Join(errs...)
}
