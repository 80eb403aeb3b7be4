package fetch

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const firstWait = 500 * time.Millisecond // at most, before the second try; doubles from there

// passing is an error that may be gone on the next try.
type passing struct {
	error
	after time.Duration // how long the server asks to wait, 0 if it does not say
}

func (p *passing) Unwrap() error { return p.error }

// patiently calls do until it succeeds, fails for good, or the tries are used up.
// Waits grow exponentially with full jitter, so that clients that failed together
// do not come back together; where the server says how long to wait, that counts.
func patiently(ctx context.Context, set Settings, do func() (*Response, error)) (*Response, error) {
	for try := 1; ; try++ {
		resp, err := do()
		p, may := errors.AsType[*passing](err)
		if !may {
			return resp, err
		}
		wait := backOff(try, p.after, time.Duration(set.MaxWait))
		if try >= set.Tries || wait > time.Duration(set.MaxWait) || !sleep(ctx, wait) {
			return nil, p.error
		}
	}
}

// backOff returns how long to wait after a try.
func backOff(try int, asked, most time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	span := min(most, firstWait<<min(try-1, 20))
	return rand.N(span + 1)
}

// askedWait reads Retry-After (RFC 9110, 10.2.3): seconds, or a date.
func askedWait(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// sleep waits and reports whether it could: not when ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
