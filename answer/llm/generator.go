package llm

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// ChatModel is what the generator calls; llm.Model says what it promises.
type ChatModel interface {
	Chat(ctx context.Context, r llm.Request, onDelta func(text string) error) (llm.Result, error)
}

// Config holds the generator's part and settings.
type Config struct {
	Model       ChatModel
	Name        string        // of the model; for Usage where the server does not name it
	Budget      int           // most tokens of all sources together; 0 is 3000
	MaxTokens   int           // most tokens of an answer; 0 is 1024
	Window      int           // most tokens of prompt and answer together; 0 is what is known of Name (token.Window)
	Temperature float64       // 0 is the likeliest text
	Price       llm.Price     // zero costs nothing
	Counter     token.Counter // of the model; nil is that of Name (token.For)
}

// LeastPrompt is what a window must have room for beside an answer, in tokens: the
// rules, a question and one passage.
const LeastPrompt = 1024

// Generator is an answer.Generator over a chat model. It is goroutine-safe if
// its model is.
type Generator struct {
	cfg Config
	// bare returns the tokens of a prompt without question, history and sources. They
	// are counted at the first call: a search needs no vocabulary.
	bare func() int
}

var (
	_ answer.Generator = (*Generator)(nil)
	_ answer.Fitter    = (*Generator)(nil)
)

// New returns a generator. It panics without a model, which is a mistake in the
// program.
func New(cfg Config) *Generator {
	if cfg.Model == nil {
		panic("answer/llm: no model")
	}
	if cfg.Budget == 0 {
		cfg.Budget = 3000
	}
	if cfg.MaxTokens == 0 {
		cfg.MaxTokens = 1024
	}
	if cfg.Window == 0 {
		cfg.Window, _ = token.Window(cfg.Name)
	}
	if cfg.Counter == nil {
		cfg.Counter = token.For(cfg.Name)
	}
	return &Generator{cfg: cfg, bare: sync.OnceValue(func() int { return token.Messages(cfg.Counter, messages(answer.Prompt{})) })}
}

// Budget implements answer.Generator. It is what is configured, or what the model's
// window leaves where that is less. Hits are weighed by the embedding model's
// tokens; Fit counts by this model's.
func (g *Generator) Budget() int { return max(1, min(g.cfg.Budget, g.room()-g.bare())) }

// room returns how many tokens a prompt may have.
func (g *Generator) room() int { return g.cfg.Window - g.cfg.MaxTokens }

// errRefused ends a call whose answer has turned out to be the refusal: what a
// model adds to it ("However, ...") does not come from the sources.
var errRefused = errors.New("the answer is a refusal")

// Generate implements answer.Generator. A model that writes nothing is
// KindUnavailable; other errors are those of the model.
func (g *Generator) Generate(ctx context.Context, p answer.Prompt, emit func(string) error) (answer.Draft, error) {
	req := llm.Request{Messages: messages(p), MaxTokens: g.cfg.MaxTokens, Temperature: g.cfg.Temperature}
	var text strings.Builder
	m := markers{emit: func(s string) error {
		text.WriteString(s)
		return emit(s)
	}}
	h := head{next: m.write}
	var read strings.Builder // what the model wrote, thoughts and all: that is paid for
	res, err := g.cfg.Model.Chat(ctx, req, func(s string) error {
		read.WriteString(s)
		return h.write(s)
	})
	if err == nil {
		err = h.close()
	}
	if err == nil {
		err = m.close()
	}
	draft := answer.Draft{Text: strings.TrimSpace(text.String()), Confidence: -1, Usage: g.usage(req, res, read.String())}
	for _, name := range res.Skipped {
		draft.Degraded = append(draft.Degraded, "llm:"+name)
	}
	switch {
	case errors.Is(err, errRefused):
		draft.Text, draft.Refused = rag.Refusal, true
		return draft, nil
	case err != nil:
		return draft, err
	case draft.Text == "":
		return draft, rag.Errorf(rag.KindUnavailable, "llm: the language model wrote nothing")
	}
	return draft, nil
}

// usage counts what the call took. A call that was ended early, and a server that
// counts nothing, are counted here.
func (g *Generator) usage(req llm.Request, res llm.Result, read string) rag.Usage {
	u := res.Usage
	if u.PromptTokens == 0 {
		u.PromptTokens = token.Messages(g.cfg.Counter, req.Messages)
	}
	if u.CompletionTokens == 0 {
		u.CompletionTokens = g.cfg.Counter.Count(read)
	}
	name := cmp.Or(res.Model, res.Answered, g.cfg.Name)
	return rag.Usage{
		PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens,
		Cost: g.cfg.Price.Cost(u), Currency: g.cfg.Price.Currency, Model: name,
	}
}
