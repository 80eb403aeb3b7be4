// Package single wraps an embedder so that a question which many ask at the same
// moment is embedded once ("single flight"): the first caller's call serves those
// that come while it is under way. Passages are passed through.
//
// A call belongs to all who wait for it. One who goes leaves it to the others; the
// last one to go ends it.
package single

import (
	"context"
	"slices"
	"sync"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the embedder that is wrapped. It is goroutine-safe, and ends a call soon
// after its context does.
type Inner interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Embedder is an Inner that does the same thing once. It is goroutine-safe.
type Embedder struct {
	Inner
	observe *observe.Observer

	mu     sync.Mutex
	flying map[string]seat // by text
}

// New returns inner with calls for the same question joined. o counts them as a
// cache layer, "in_flight"; it may be nil.
func New(inner Inner, o *observe.Observer) *Embedder {
	return &Embedder{Inner: inner, observe: o, flying: map[string]seat{}}
}

// flight is one call under way.
type flight struct {
	texts   []string
	users   int // callers that wait for it
	cancel  context.CancelFunc
	done    chan struct{} // closed when vectors and err are set
	vectors [][]float32
	err     error
}

// seat is the place of a text in a flight.
type seat struct {
	*flight
	at int
}

// Embed embeds questions, each once at a time. The error is that of the call which
// a text was in, or that of ctx.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	if kind != rag.QuestionText || len(texts) == 0 {
		return e.Inner.Embed(ctx, kind, texts)
	}
	seats, flights := e.board(ctx, texts)
	for i, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			e.leave(flights[i:])
			return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embed: the call was given up")
		}
	}
	out := make([][]float32, len(texts))
	for i, s := range seats {
		if s.err != nil {
			return nil, s.err
		}
		if len(s.vectors) != len(s.texts) {
			return nil, rag.Errorf(rag.KindInternal, "the embedder returned %d vectors for %d texts", len(s.vectors), len(s.texts))
		}
		out[i] = slices.Clone(s.vectors[s.at]) // others hold it, too
	}
	return out, nil
}

// board finds the flight of each text, starting one for those that are in none, and
// returns the different flights, too.
func (e *Embedder) board(ctx context.Context, texts []string) (seats []seat, flights []*flight) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seats = make([]seat, len(texts))
	own := &flight{done: make(chan struct{})}
	for i, text := range texts {
		s, joined := e.flying[text]
		if !joined {
			s = seat{own, len(own.texts)}
			own.texts = append(own.texts, text)
			e.flying[text] = s
		}
		seats[i] = s
		e.observe.Cache("in_flight", joined)
		if !slices.Contains(flights, s.flight) {
			flights = append(flights, s.flight)
			s.users++
		}
	}
	if len(own.texts) > 0 {
		// The call outlives its first caller as long as others wait.
		call, cancel := context.WithCancel(context.WithoutCancel(ctx))
		own.cancel = cancel
		go e.fly(call, own)
	}
	return seats, flights
}

// fly makes the call.
func (e *Embedder) fly(ctx context.Context, f *flight) {
	defer f.cancel()
	vectors, err := e.Inner.Embed(ctx, rag.QuestionText, f.texts)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.land(f)
	f.vectors, f.err = vectors, err
	close(f.done)
}

// land lets nobody board any more.
func (e *Embedder) land(f *flight) {
	for _, text := range f.texts {
		if e.flying[text].flight == f {
			delete(e.flying, text)
		}
	}
}

// leave ends a caller's wait for flights. Those that nobody waits for are ended,
// and waited for: they are this caller's to clean up.
func (e *Embedder) leave(flights []*flight) {
	e.mu.Lock()
	var deserted []*flight
	for _, f := range flights {
		if f.users--; f.users == 0 {
			e.land(f)
			f.cancel()
			deserted = append(deserted, f)
		}
	}
	e.mu.Unlock()
	for _, f := range deserted {
		<-f.done
	}
}
