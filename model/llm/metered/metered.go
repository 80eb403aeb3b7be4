// Package metered wraps a chat model so that what it reads and writes is charged
// to who asks and held to budgets; see package meter.
//
// The meter stands next to the client, below what tries again, so that each try
// that the provider charges for is counted:
//
//	Thrifty( Breaker( Retry( metered.New( client ) ) ), the same of a cheaper model )
package metered

import (
	"context"
	"errors"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// What a request is on top of its messages' texts: the frame that a chat template
// puts around each. It is set aside, not charged.
const (
	frameTokens  = 16
	turnTokens   = 8
	unboundedOut = 4096 // where a request leaves the length of the answer to the server
)

// Model is a chat model whose calls are metered.
type Model struct {
	next   llm.Model
	meter  *meter.Meter
	target *meter.Target
	count  func(string) int
}

var _ llm.Model = (*Model)(nil)

// New returns next metered as target. count counts tokens where the server does
// not report them; nil takes four bytes for a token.
func New(next llm.Model, m *meter.Meter, target meter.Target, count func(string) int) *Model {
	if count == nil {
		count = func(s string) int { return (len(s) + 3) / 4 }
	}
	return &Model{next, m, &target, count}
}

// Chat implements llm.Model. Beside next's errors it has KindExhausted, with a
// *rag.Exceeded as cause, where a budget has no room; next is not called then.
func (m *Model) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	prompt := int64(0)
	for _, msg := range r.Messages {
		prompt += int64(m.count(msg.Content))
	}
	most := rag.Consumption{Input: prompt + frameTokens + turnTokens*int64(len(r.Messages)), Output: int64(r.MaxTokens)}
	if most.Output <= 0 {
		most.Output = unboundedOut
	}
	call, err := m.meter.Begin(ctx, m.target, rag.ChatOperation(ctx), most)
	if err != nil {
		return llm.Result{}, remote.CallerError(err) // says nothing about the server
	}
	var text strings.Builder
	inner, receipt := remote.WithReceipt(ctx)
	res, err := m.next.Chat(inner, r, func(s string) error {
		text.WriteString(s)
		return onDelta(s)
	})
	call.End(m.took(res, prompt, text.String(), err, receipt), err != nil)
	if res.Model == "" {
		res.Model = m.target.Model
	}
	return res, err
}

// took is what a call will be on the bill for: what the server reports, and else
// what was sent and what came back. Where a call was cut short, what came counts
// also if the report, which was made before the end, is less.
func (m *Model) took(res llm.Result, prompt int64, text string, err error, receipt *remote.Receipt) rag.Consumption {
	u := res.Usage.Clamped()
	c := rag.Consumption{Input: int64(u.PromptTokens), Cached: int64(u.CachedTokens), Output: int64(u.CompletionTokens)}
	if c.Tokens() == 0 && err != nil && text == "" && receipt.Taken() == 0 {
		return c // nobody has worked for it
	}
	if c.Input == 0 && prompt > 0 {
		c.Input, c.Estimated = prompt, 1
	}
	if text != "" && (c.Output == 0 || err != nil) {
		if n := int64(m.count(text)); n > c.Output {
			c.Output, c.Estimated = n, 1
		}
	}
	return c
}

// Thrifty returns a Model that has a cheaper one write where a budget nears its end
// or has no room for the usual one. cheaper holds the models that budgets name.
func Thrifty(usual llm.Model, m *meter.Meter, target meter.Target, cheaper map[string]llm.Model) llm.Model {
	if m == nil || len(cheaper) == 0 {
		return usual
	}
	return &thrifty{usual, m, &target, cheaper}
}

type thrifty struct {
	usual   llm.Model
	meter   *meter.Meter
	target  *meter.Target
	cheaper map[string]llm.Model
}

// Chat implements llm.Model.
func (t *thrifty) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	name, why, err := t.meter.Cheaper(ctx, t.target)
	if err != nil {
		return llm.Result{}, err
	}
	if next := t.cheaper[name]; next != nil {
		meter.BillOf(ctx).Swap(name + ": " + why)
		return next.Chat(ctx, r, onDelta)
	}
	res, err := t.usual.Chat(ctx, r, onDelta)
	if _, full := errors.AsType[*rag.Exceeded](err); !full {
		return res, err
	}
	name, why = t.meter.CheaperThan(err)
	next := t.cheaper[name]
	if next == nil {
		return res, err
	}
	meter.BillOf(ctx).Swap(name + ": " + why)
	return next.Chat(ctx, r, onDelta)
}
