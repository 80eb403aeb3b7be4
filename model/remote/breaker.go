package remote

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

// Breaker fails at once with KindUnavailable after several failures in a row,
// instead of letting every call wait for a server that is down. Only failures of
// the server count: a refused text, a caller that went away or an error of the
// caller's own (CallerError) say nothing about it. It is goroutine-safe.
type Breaker[T any] struct {
	what string
	cb   *gobreaker.CircuitBreaker[T]
}

// NewBreaker returns a closed breaker before what, which is named in its error
// ("the language model").
func NewBreaker[T any](what string, cfg BreakerConfig) *Breaker[T] {
	cfg = cfg.WithDefaults()
	return &Breaker[T]{what: what, cb: gobreaker.NewCircuitBreaker[T](gobreaker.Settings{
		Name:        what,
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

// Do calls do unless the breaker is open.
func (b *Breaker[T]) Do(ctx context.Context, do func() (T, error)) (T, error) {
	res, err := b.cb.Execute(func() (T, error) {
		res, err := do()
		if err != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			err = CallerError(err)
		}
		return res, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		var none T
		return none, &Temporary{Err: rag.Errorf(rag.KindUnavailable, "%s failed several times in a row and is left alone for a moment", b.what)}
	}
	if ours, ok := errors.AsType[*callerError](err); ok {
		err = ours.error
	}
	return res, err
}

// failure reports whether err speaks against the server.
func failure(err error) bool {
	if _, ours := errors.AsType[*callerError](err); ours {
		return false
	}
	if _, unmade := errors.AsType[*Limited](err); unmade {
		return false
	}
	kind := rag.KindOf(err)
	return kind == rag.KindUnavailable || kind == rag.KindExhausted
}

// callerError marks an error that came from the caller's side.
type callerError struct{ error }

func (e *callerError) Unwrap() error { return e.error }

// CallerError marks err as one that a Breaker does not hold against the server.
// Do returns err itself.
func CallerError(err error) error { return &callerError{err} }
