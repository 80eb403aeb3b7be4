package backends

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	answerllm "github.com/smartretriever/smartretriever/answer/llm"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/metered"
	"github.com/smartretriever/smartretriever/model/price"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// openLLM makes the generator of answers. Without a language model there is none,
// and the Retriever quotes.
func openLLM(cfg config.Config, table price.Table, deps Deps, c *root.Config) error {
	if cfg.LLM.Name == "none" {
		return nil
	}
	window, err := contextWindow(cfg, deps)
	if err != nil {
		return err
	}
	g := &generator{}
	if err := g.open(&llmParts{cfg: cfg, table: table, deps: deps, root: c, window: window}); err != nil {
		return errors.Join(err, g.Close())
	}
	c.Generator = g
	return nil
}

// llmParts are what language models are made with.
type llmParts struct {
	cfg   config.Config
	table price.Table
	deps  Deps
	root  *root.Config

	window int // of the usual model
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

// open makes the models: the usual one with its fallbacks, and the cheaper one of
// the settings routing.
func (g *generator) open(p *llmParts) error {
	usual, err := g.chain(p)
	if err != nil {
		return err
	}
	if p.cfg.WritesEnrichment() {
		p.root.Enrich.Writer.Writer = writer{usual, p.cfg.LLM.Label()}
	}
	g.Generator, err = routed(p.cfg, p.writer(usual, p.cfg.LLM.Model, p.window), func() (*answerllm.Generator, error) {
		m := cheapModel(p.cfg)
		cheap, err := g.link(p, m, llm.RetryConfig{Tries: m.Retries + 1})
		if err != nil {
			return nil, err
		}
		return p.writer(cheap.Model, m.Model, p.cfg.LLM.ContextWindow), nil
	})
	return err
}

// writer makes answers with a model whose window is so large; 0 is what is known of
// it.
func (p *llmParts) writer(m llm.Model, name string, window int) *answerllm.Generator {
	l := p.cfg.LLM
	return answerllm.New(answerllm.Config{
		Model: m, Name: name, Budget: p.cfg.Answer.ContextTokens, MaxTokens: l.MaxTokens, Temperature: l.Temperature,
		Window: window,
	})
}

// generator is the answering generator with a check of the servers behind it.
type generator struct {
	answer.Generator
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

// chain opens the usual model and its fallbacks. Where there are several, the next
// one answers while those before it are down.
func (g *generator) chain(p *llmParts) (llm.Model, error) {
	models := append([]config.ChatModel{p.cfg.LLM.ChatModel}, p.cfg.LLM.Fallbacks...)
	cfg := llm.ChainConfig{OnSkip: func(name string, err error) {
		if p.deps.Logger != nil {
			p.deps.Logger.Warn("language model done without", "model", name, "kind", rag.KindOf(err), "error", err)
		}
	}}
	for i, m := range models {
		retry := llm.RetryConfig{Tries: m.Retries + 1}
		if i < len(models)-1 {
			retry.MaxWait = fallbackWait
		}
		link, err := g.link(p, m, retry)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			link.Model = tuned{link.Model, m.MaxTokens, m.Temperature}
		} else if link.Model, err = g.thrifty(p, link.Model, retry); err != nil {
			return nil, err
		}
		cfg.Links = append(cfg.Links, link)
	}
	if len(cfg.Links) == 1 {
		return cfg.Links[0].Model, nil
	}
	return llm.Chain(cfg), nil
}

// link opens a model: metered, tried again, and left alone while it is down.
func (g *generator) link(p *llmParts, m config.ChatModel, retry llm.RetryConfig) (llm.Link, error) {
	client, err := openChat(m, p.deps)
	if err != nil {
		return llm.Link{}, err
	}
	link := &chatLink{name: g.unique(m.Label()), where: m.BaseURL, client: client}
	if link.where == "" {
		link.where = m.Name
	}
	g.links = append(g.links, link)
	target, err := chatTarget(p.cfg, p.table, m)
	if err != nil {
		return llm.Link{}, err
	}
	charged := metered.New(client, p.root.Meter, target, token.For(m.Model).Count)
	return llm.Link{Name: link.name, Model: guarded(charged, link.name, retry, p.deps)}, nil
}

// thrifty has the cheaper models that budgets name, of the same server, write in
// usual's place when they are due.
func (g *generator) thrifty(p *llmParts, usual llm.Model, retry llm.RetryConfig) (llm.Model, error) {
	cheaper := map[string]llm.Model{}
	for _, name := range cheaperModels(p.cfg) {
		m := p.cfg.LLM.ChatModel
		m.Model = name
		link, err := g.link(p, m, retry)
		if err != nil {
			return nil, err
		}
		cheaper[name] = link.Model
	}
	target, err := chatTarget(p.cfg, p.table, p.cfg.LLM.ChatModel)
	if err != nil {
		return nil, err
	}
	return metered.Thrifty(usual, p.root.Meter, target, cheaper), nil
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

var _ answer.Fitter = (*generator)(nil)

// Fit implements answer.Fitter.
func (g *generator) Fit(p answer.Prompt) (answer.Prompt, string, error) {
	if f, ok := g.Generator.(answer.Fitter); ok {
		return f.Fit(p)
	}
	return p, "", nil
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
