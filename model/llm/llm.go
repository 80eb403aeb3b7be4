package llm

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Model is a chat model. Chat sends the messages and hands each piece of text to
// onDelta as it comes; an error of onDelta ends the call and is returned as it
// is. The result holds the whole text. Goroutine-safe.
//
// Errors have the kind that tells what can be done: KindUnavailable (the server
// is down, wrongly configured or not reachable), KindExhausted (rate, quota, time
// or length), KindRefused (the provider declines the content), KindInvalid (there is
// no message to answer), KindInternal (the request was malformed). Those that may
// pass by themselves are a *Temporary. The result beside an error holds what was
// written and counted until then.
type Model interface {
	Chat(ctx context.Context, r Request, onDelta func(text string) error) (Result, error)
}

// Request is one call.
type Request struct {
	Messages    []rag.Message
	MaxTokens   int      // most tokens to write; 0 leaves it to the server
	Temperature float64  // 0 is the likeliest text
	Stop        []string // ends the text before any of these
}

// FinishReason says why a text ended.
type FinishReason string

const (
	FinishStop   FinishReason = "stop"   // the model was done
	FinishLength FinishReason = "length" // MaxTokens was met: the text is cut off
	FinishOther  FinishReason = "other"
)

// Result is a finished call.
type Result struct {
	Text     string
	Finish   FinishReason
	Usage    Usage
	Model    string   // as the server names it, "" if it does not
	Provider string   // name of the protocol: "openai", "ollama"
	Answered string   // name of the link of a Chain that answered, "" without a Chain
	Skipped  []string // names of the links that were tried before it in vain
}

// Usage counts tokens as the server reports them; all are 0 when it does not.
type Usage struct {
	PromptTokens     int // all that was read, with CachedTokens
	CachedTokens     int // the part of PromptTokens that the provider had kept from an earlier call and charges less for
	CompletionTokens int // all that was written, with thoughts that are not shown
}

// Clamped returns u with what cannot be taken out: numbers below zero, and more
// tokens from a cache than were read.
func (u Usage) Clamped() Usage {
	u.PromptTokens = max(0, u.PromptTokens)
	u.CachedTokens = min(max(0, u.CachedTokens), u.PromptTokens)
	u.CompletionTokens = max(0, u.CompletionTokens)
	return u
}

// Price is what a million tokens cost.
type Price struct {
	Input    float64
	Output   float64
	Currency string
}

// Cost returns the price of u.
func (p Price) Cost(u Usage) float64 {
	return (p.Input*float64(u.PromptTokens) + p.Output*float64(u.CompletionTokens)) / 1e6
}

// Temporary is an error that may be gone on the next try.
type Temporary = remote.Temporary
