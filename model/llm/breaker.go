package llm

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/smartretriever/smartretriever/rag"
)

// BreakerConfig says when a failing model is left alone, and for how long.
type BreakerConfig struct {
	Failures int           // in a row that open the breaker; 0 is 5
	Pause    time.Duration // how long it stays open before one call is let through to try; 0 is 15 s
	OnChange func(open bool)
}

// WithDefaults fills in the zero fields.
func (c BreakerConfig) WithDefaults() BreakerConfig {
	if c.Failures == 0 {
		c.Failures = 5
	}
	if c.Pause == 0 {
		c.Pause = 15 * time.Second
	}
	return c
}

// Breaker returns a Model that, after several failures of next in a row, fails at
// once with KindUnavailable instead of letting every question wait for a server
// that is down. Only failures of the server count: a refused text, a caller that
// went away or an error of onDelta say nothing about it.
func Breaker(next Model, cfg BreakerConfig) Model {
	cfg = cfg.WithDefaults()
	return &breaker{next: next, cb: gobreaker.NewCircuitBreaker[Result](gobreaker.Settings{
		Name:        "llm",
		MaxRequests: 1,
		Timeout:     cfg.Pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= cfg.Failures },
		IsExcluded:  func(err error) bool { return err != nil && !failure(err) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if cfg.OnChange != nil && to != gobreaker.StateHalfOpen {
				cfg.OnChange(to == gobreaker.StateOpen)
			}
		},
	})}
}

type breaker struct {
	next Model
	cb   *gobreaker.CircuitBreaker[Result]
}

// failure reports whether err speaks against the server.
func failure(err error) bool {
	if _, ours := errors.AsType[*callerError](err); ours {
		return false
	}
	kind := rag.KindOf(err)
	return kind == rag.KindUnavailable || kind == rag.KindExhausted
}

// callerError marks an error that came from the caller's side.
type callerError struct{ error }

func (e *callerError) Unwrap() error { return e.error }

// Chat implements Model.
func (b *breaker) Chat(ctx context.Context, req Request, onDelta func(string) error) (Result, error) {
	res, err := b.cb.Execute(func() (Result, error) {
		res, err := b.next.Chat(ctx, req, func(s string) error {
			if err := onDelta(s); err != nil {
				return &callerError{err}
			}
			return nil
		})
		if err != nil && ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = &callerError{err}
		}
		return res, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return Result{}, rag.Errorf(rag.KindUnavailable, "the language model failed several times in a row and is left alone for a moment")
	}
	if ours, ok := errors.AsType[*callerError](err); ok {
		err = ours.error
	}
	return res, err
}
