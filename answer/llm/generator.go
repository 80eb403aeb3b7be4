package llm

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// ChatModel is what the generator calls; llm.Model says what it promises.
type ChatModel interface {
	Chat(ctx context.Context, r llm.Request, onDelta func(text string) error) (llm.Result, error)
}

// Config holds the generator's part and settings.
type Config struct {
	Model       ChatModel
	Name        string                // of the model, for Usage, where the server does not name it
	Budget      int                   // most tokens of all sources together; 0 is 3000
	MaxTokens   int                   // most tokens of an answer; 0 is 1024
	Temperature float64               // 0 is the likeliest text
	Price       llm.Price             // zero costs nothing
	CountTokens func(text string) int // estimates the usage where the server reports none; nil leaves it 0
}

// Generator is an answer.Generator over a chat model. It is goroutine-safe if
// its model is.
type Generator struct{ cfg Config }

var _ answer.Generator = (*Generator)(nil)

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
	return &Generator{cfg}
}

// Budget implements answer.Generator.
func (g *Generator) Budget() int { return g.cfg.Budget }

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
	res, err := g.cfg.Model.Chat(ctx, req, h.write)
	if err == nil {
		err = h.close()
	}
	if err == nil {
		err = m.close()
	}
	draft := answer.Draft{Text: strings.TrimSpace(text.String()), Confidence: -1, Usage: g.usage(req, res, h.read)}
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
// counts nothing, are estimated.
func (g *Generator) usage(req llm.Request, res llm.Result, read int) rag.Usage {
	u := res.Usage
	if u.PromptTokens == 0 && g.cfg.CountTokens != nil {
		for _, m := range req.Messages {
			u.PromptTokens += g.cfg.CountTokens(m.Content)
		}
	}
	if u.CompletionTokens == 0 {
		u.CompletionTokens = (read + 3) / 4 // the usual four bytes a token
	}
	name := cmp.Or(res.Model, res.Answered, g.cfg.Name)
	return rag.Usage{
		PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens,
		Cost: g.cfg.Price.Cost(u), Currency: g.cfg.Price.Currency, Model: name,
	}
}
