// Package hedged wraps an embedding model behind a server so that one slow answer
// does not make a question slow: if a question's vector is not there after a while,
// it is asked for a second time, and the first answer counts ("hedged requests",
// Dean and Barroso, The Tail at Scale, 2013). Passages, which nobody waits for, are
// passed through.
//
// What that costs is bounded: a second request is sent for at most a set part of
// all questions, and none while calls wait for the server's rate limit, where one
// more makes all of them later.
package hedged

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the embedder that is wrapped. It is goroutine-safe, and ends a call soon
// after its context does.
type Inner interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
	Health(ctx context.Context) rag.Health
	Close() error
}

// Config says when a second request is sent.
type Config struct {
	// After is how long the first answer is waited for. 0 is the time within which 95
	// of the last 100 answers came, once there have been 20.
	After time.Duration
	// MaxExtra is the most second requests, as a part of all; 0 is .05.
	MaxExtra float64
	// Held reports that calls wait for a limit; nil never does.
	Held    func() bool
	Observe *observe.Observer // may be nil
}

// WithDefaults fills in the zero fields that are not a rule of their own.
func (c Config) WithDefaults() Config {
	if c.MaxExtra == 0 {
		c.MaxExtra = .05
	}
	if c.Held == nil {
		c.Held = func() bool { return false }
	}
	return c
}

// Embedder is an Inner that asks twice. It is goroutine-safe.
type Embedder struct {
	Inner
	cfg Config

	mu     sync.Mutex
	credit float64 // second requests that may be sent; each answer earns MaxExtra
	times  []time.Duration
	next   int // place in times that is written next
}

const (
	maxCredit = 5 // most second requests in a row, after a time without
	samples   = 100
	enough    = 20
	quantile  = .95
)

// New returns inner with second requests.
func New(inner Inner, cfg Config) *Embedder {
	return &Embedder{Inner: inner, cfg: cfg.WithDefaults(), credit: 1}
}

// answer is what became of a request.
type answer struct {
	vectors [][]float32
	err     error
	hedge   bool // of the second request
}

// Embed embeds questions by at most two requests, and returns when both have
// ended. The error is that of the first request where no request succeeds.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if kind != rag.QuestionText {
		return e.Inner.Embed(ctx, kind, texts)
	}
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, 2)
	ask := func(hedge bool) {
		vectors, err := e.Inner.Embed(both, kind, texts)
		answers <- answer{vectors, err, hedge}
	}
	begun := time.Now()
	go ask(false)
	patience, stop := e.patience()
	defer stop()
	var first answer
	select {
	case first = <-answers: // one that failed is the inner embedder's to repeat
		e.took(first, begun)
		return first.vectors, first.err
	case <-patience:
	}
	if !e.spend() {
		first = <-answers
		e.took(first, begun)
		return first.vectors, first.err
	}
	go ask(true)
	first = <-answers
	if first.err == nil {
		cancel() // the other is of no use any more
	}
	e.took(first, begun)
	second := <-answers
	switch {
	case first.err == nil:
		e.cfg.Observe.Hedged(winner(first))
		return first.vectors, nil
	case second.err == nil:
		e.took(second, begun)
		e.cfg.Observe.Hedged(winner(second))
		return second.vectors, nil
	}
	e.cfg.Observe.Hedged("none")
	if first.hedge {
		return nil, second.err
	}
	return nil, first.err
}

func winner(a answer) string {
	if a.hedge {
		return "hedge"
	}
	return "original"
}

// patience returns a channel that tells when the first answer has been waited for
// long enough, never while that is not known, and what ends it.
func (e *Embedder) patience() (<-chan time.Time, func() bool) {
	after := e.cfg.After
	if after == 0 {
		after = e.usual()
	}
	if after == 0 {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(after)
	return t.C, t.Stop
}

// usual returns the time in which nearly all of the last answers came, 0 while
// there were few.
func (e *Embedder) usual() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.times) < enough {
		return 0
	}
	sorted := slices.Sorted(slices.Values(e.times))
	return sorted[int(quantile*float64(len(sorted)-1))]
}

// took notes how long an answer took, and earns its part of a second request. The
// time of a second one counts from the beginning of the first: that is how long at
// least the first would have taken.
func (e *Embedder) took(a answer, begun time.Time) {
	if a.err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.credit = min(maxCredit, e.credit+e.cfg.MaxExtra)
	if len(e.times) < samples {
		e.times = append(e.times, time.Since(begun))
		return
	}
	e.times[e.next] = time.Since(begun)
	e.next = (e.next + 1) % samples
}

// spend reports whether a second request may be sent, and counts it.
func (e *Embedder) spend() bool {
	if e.cfg.Held() {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.credit < 1 {
		return false
	}
	e.credit--
	return true
}
