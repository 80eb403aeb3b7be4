package llm

import (
	"context"

	"github.com/smartretriever/smartretriever/model/remote"
)

// RetryConfig says how often and how patiently to try again.
type RetryConfig = remote.RetryConfig

// Retry returns a Model that tries next again after a Temporary error, as long
// as no text has been handed out. See remote.Retry for the waiting.
func Retry(next Model, cfg RetryConfig) Model {
	return &retry{next, cfg}
}

type retry struct {
	next Model
	cfg  RetryConfig
}

// Chat implements Model.
func (r *retry) Chat(ctx context.Context, req Request, onDelta func(string) error) (Result, error) {
	return remote.Retry(ctx, r.cfg, func() (Result, bool, error) {
		begun := false
		res, err := r.next.Chat(ctx, req, func(s string) error {
			begun = true
			return onDelta(s)
		})
		return res, !begun, err
	})
}
