package llm

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
)

// BreakerConfig says when a failing model is left alone, and for how long.
type BreakerConfig = remote.BreakerConfig

// Breaker returns a Model that, after several failures of next in a row, fails at
// once with KindUnavailable instead of letting every question wait for a server
// that is down. Only failures of the server count: a refused text, a caller that
// went away or an error of onDelta say nothing about it.
func Breaker(next Model, cfg BreakerConfig) Model {
	return &breaker{next, remote.NewBreaker[Result]("the language model", cfg)}
}

type breaker struct {
	next Model
	b    *remote.Breaker[Result]
}

// Chat implements Model.
func (b *breaker) Chat(ctx context.Context, req Request, onDelta func(string) error) (Result, error) {
	return b.b.Do(ctx, func() (Result, error) {
		return b.next.Chat(ctx, req, func(s string) error {
			if err := onDelta(s); err != nil {
				return remote.CallerError(err)
			}
			return nil
		})
	})
}
