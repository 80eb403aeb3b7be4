package remote

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Temporary is an error that may be gone on the next try.
type Temporary struct {
	Err   error
	After time.Duration // how long the server asks to wait, 0 if it does not say
}

// Error returns the message of the cause.
func (t *Temporary) Error() string { return t.Err.Error() }

// Unwrap returns the cause.
func (t *Temporary) Unwrap() error { return t.Err }

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

// Retry calls do, and calls it again after a Temporary error unless do says that
// it must not be repeated. The wait is what the server asked for, or a random
// part of an exponentially growing span ("full jitter"), so that clients that
// failed together do not come back together. The error is that of the last try.
func Retry[T any](ctx context.Context, cfg RetryConfig, do func() (result T, repeatable bool, err error)) (T, error) {
	cfg = cfg.WithDefaults()
	for try := 1; ; try++ {
		res, repeatable, err := do()
		temporary, again := errors.AsType[*Temporary](err)
		if err == nil || !again || !repeatable || try >= cfg.Tries || ctx.Err() != nil {
			return res, err
		}
		wait := cfg.wait(try, temporary.After)
		if wait > cfg.MaxWait || !sleep(ctx, wait) {
			return res, err
		}
	}
}

// wait returns the pause after the given try.
func (c RetryConfig) wait(try int, asked time.Duration) time.Duration {
	span := min(c.MaxWait, c.Base<<min(try-1, 16))
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
	return wait(ctx, d)
}
