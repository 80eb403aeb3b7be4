package llm

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// RetryConfig says how often and how patiently to try again.
type RetryConfig struct {
	Tries   int           // in all; 0 is 3, 1 never tries again
	Base    time.Duration // wait before the second try is between 0 and this, and doubles; 0 is 500 ms
	MaxWait time.Duration // longest wait before a try; a server that asks for more is not waited for; 0 is 20 s
}

// WithDefaults fills in the zero fields.
func (c RetryConfig) WithDefaults() RetryConfig {
	if c.Tries == 0 {
		c.Tries = 3
	}
	if c.Base == 0 {
		c.Base = 500 * time.Millisecond
	}
	if c.MaxWait == 0 {
		c.MaxWait = 20 * time.Second
	}
	return c
}

// Retry returns a Model that tries next again after a Temporary error, as long
// as no text has been handed out. The wait is what the server asked for, or a
// random part of an exponentially growing span ("full jitter"), so that clients
// that failed together do not come back together.
func Retry(next Model, cfg RetryConfig) Model {
	return &retry{next, cfg.WithDefaults()}
}

type retry struct {
	next Model
	cfg  RetryConfig
}

// Chat implements Model.
func (r *retry) Chat(ctx context.Context, req Request, onDelta func(string) error) (Result, error) {
	for try := 1; ; try++ {
		begun := false
		res, err := r.next.Chat(ctx, req, func(s string) error {
			begun = true
			return onDelta(s)
		})
		temporary, again := errors.AsType[*Temporary](err)
		if err == nil || !again || begun || try >= r.cfg.Tries || ctx.Err() != nil {
			return res, err
		}
		wait := r.wait(try, temporary.After)
		if wait > r.cfg.MaxWait || !sleep(ctx, wait) {
			return res, err
		}
	}
}

// wait returns the pause after the given try.
func (r *retry) wait(try int, asked time.Duration) time.Duration {
	span := min(r.cfg.MaxWait, r.cfg.Base<<min(try-1, 16))
	jitter := time.Duration(rand.Int64N(int64(span) + 1))
	if asked > 0 {
		// A little later than asked, for the same reason.
		return asked + jitter/10
	}
	return jitter
}

// sleep waits and reports whether ctx lived through it. When its deadline comes
// before the wait is over there is no point in beginning.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
