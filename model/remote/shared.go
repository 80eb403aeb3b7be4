package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Booker counts calls together with the other processes that use a model with the same key.
type Booker interface {
	// Book counts a call of subject, with so many tokens, at the first moment that keeps all
	// calls booked by any process within requests and tokens a minute, 0 for no bound. in is
	// how long it is until then; calls are booked in the order in which they ask. If that is
	// not within the time given, nothing is booked, and in is when to ask again. An error
	// comes soon and means that nothing can be counted together now. Goroutine-safe.
	Book(ctx context.Context, subject string, requests, perMinute, tokens int, within time.Duration) (in time.Duration, booked bool, err error)
}

// book books a call with the other processes, before its turn in this one, and waits until
// it may go. leave is to be called when it has had its turn.
//
// What nobody waits for is booked one after the other, not further ahead than bookAhead, and
// the next when the one before has gone: else a bulk load would book the next minutes, and
// a question would have to wait for them.
//
// When nothing can be counted together, this process's own count holds: all processes
// together may then be refused by the server, which holds them back as well.
func (l *Limiter) book(ctx context.Context, tokens int, deadline time.Time) (leave func(), err error) {
	leave = func() {}
	if l.cfg.Shared == nil || l.cfg.RequestsPerMinute == 0 && l.cfg.TokensPerMinute == 0 {
		return leave, nil
	}
	if !urgent(ctx) {
		if leave, err = l.lane.enter(ctx, deadline); err != nil {
			return nil, err
		} else if leave == nil {
			return nil, l.limited(time.Second, "too many calls are before this one")
		}
	}
	if err := l.bookUntil(ctx, tokens, deadline); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// bookAhead is how far ahead a call is booked that nobody waits for.
const bookAhead = burstSeconds * time.Second

func (l *Limiter) bookUntil(ctx context.Context, tokens int, deadline time.Time) error {
	for {
		within := time.Until(deadline)
		if !urgent(ctx) {
			within = min(within, bookAhead)
		}
		in, booked, err := l.cfg.Shared.Book(ctx, l.subject, l.cfg.RequestsPerMinute, l.cfg.TokensPerMinute, tokens, max(0, within))
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			l.observe.ModelLimited(l.part, "unshared")
			return nil
		case !booked && in+within > time.Until(deadline):
			return l.limited(in+within, l.allowed())
		}
		if !wait(ctx, in) {
			return ctx.Err()
		}
		if booked {
			return nil
		}
	}
}

// allowed says in words what all processes may send together.
func (l *Limiter) allowed() string {
	var rates []string
	if n := l.cfg.RequestsPerMinute; n > 0 {
		rates = append(rates, fmt.Sprintf("%d requests", n))
	}
	if n := l.cfg.TokensPerMinute; n > 0 {
		rates = append(rates, fmt.Sprintf("%d tokens", n))
	}
	return strings.Join(rates, " and ") + " a minute are allowed to all processes together"
}

// wait waits for d and reports whether ctx lived through it.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
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

// lane lets one call through at a time, in the order in which they came.
type lane struct {
	free    chan struct{} // holds one while nobody is in it
	most    int64         // calls that wait
	waiting *atomic.Int64
}

func newLane(most int) lane {
	l := lane{free: make(chan struct{}, 1), most: int64(most), waiting: new(atomic.Int64)}
	l.free <- struct{}{}
	return l
}

// enter waits for the lane. leave is nil if too many wait, or the deadline came first.
func (l lane) enter(ctx context.Context, deadline time.Time) (leave func(), err error) {
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > l.most {
		return nil, nil
	}
	patience := time.NewTimer(time.Until(deadline))
	defer patience.Stop()
	select {
	case <-l.free:
		return func() { l.free <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, ctx.Err()
	}
}

// subject names what the rates of cfg are of: vendors count for each key and model. The key
// cannot be read out of it.
func subject(cfg Config) string {
	key := sha256.Sum256([]byte(cfg.Key))
	all := sha256.Sum256([]byte(cfg.BaseURL + "\x00" + cfg.Model + "\x00" + hex.EncodeToString(key[:])))
	return hex.EncodeToString(all[:])
}
