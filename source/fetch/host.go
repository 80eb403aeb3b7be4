package fetch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	maxHosts     = 1024                   // kept in the table; a host that nobody asks gives way
	openAfter    = 5                      // requests in a row, each with all its tries, that find a host down
	leaveAlone   = 30 * time.Second       // before one request is let through to see
	lookAgain    = 100 * time.Millisecond // while that request is under way
	longestDelay = time.Minute            // between requests, whatever a robots.txt says
)

// host is what is known of one origin: how fast it may be asked, whether it has
// asked for a pause, and whether it is down.
type host struct {
	slots   chan struct{} // holds one token a running request
	breaker *gobreaker.CircuitBreaker[*Response]
	users   int // of the table, counted under Client.mu

	mu       sync.Mutex
	interval time.Duration // between the beginnings of requests
	next     time.Time     // when the next may begin
	paused   time.Time     // until when none may
}

func newHost(name string, set Settings) *host {
	return &host{
		slots:    make(chan struct{}, set.Concurrency),
		interval: time.Duration(float64(time.Second) / set.RequestsPerSecond),
		breaker: gobreaker.NewCircuitBreaker[*Response](gobreaker.Settings{
			Name:        name,
			Timeout:     leaveAlone,
			ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= openAfter },
			IsSuccessful: func(err error) bool {
				_, down := errors.AsType[*downError](err)
				return !down
			},
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, rag.ErrRefused) },
		}),
	}
}

// downError marks an error that speaks against the whole host and not against what
// was asked for: it cannot be connected to, hangs, or its gateway finds nothing.
type downError struct{ error }

func (e *downError) Unwrap() error { return e.error }

// leftAlone is the error of a request that was not made.
type leftAlone struct{ error }

func (e *leftAlone) Unwrap() error { return e.error }

// LeftAlone reports whether err says that a request was not made because the host
// failed several times in a row, and for how long it is left alone.
func LeftAlone(err error) (time.Duration, bool) {
	_, ok := errors.AsType[*leftAlone](err)
	return leaveAlone + time.Second, ok
}

// use returns the host of an origin; the caller ends the use.
func (c *Client) use(origin string) (h *host, end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h = c.hosts[origin]
	if h == nil {
		if len(c.hosts) >= maxHosts {
			for name, other := range c.hosts {
				if other.users == 0 {
					delete(c.hosts, name)
					break
				}
			}
		}
		h = newHost(origin, c.set)
		c.hosts[origin] = h
	}
	h.users++
	return h, func() {
		c.mu.Lock()
		h.users--
		c.mu.Unlock()
	}
}

// Slow sees to it that requests to an origin (see Origin) are at least so far
// apart, up to a minute.
func (c *Client) Slow(origin string, apart time.Duration) {
	h, end := c.use(origin)
	defer end()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.interval = max(h.interval, min(apart, longestDelay))
}

// admit waits for the turn of a request. release must be called.
func (h *host) admit(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release = func() { <-h.slots }
	for {
		wait := h.turn(time.Now())
		if wait <= 0 {
			return release, nil
		}
		if !sleep(ctx, wait) {
			release()
			return nil, cmpErr(ctx.Err(), context.DeadlineExceeded)
		}
	}
}

// turn takes the next turn, or returns how long to wait before asking again.
func (h *host) turn(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.next
	if h.paused.After(at) {
		at = h.paused
	}
	if at.After(now) {
		return at.Sub(now)
	}
	h.next = now.Add(h.interval)
	return 0
}

// pause holds all requests back, since a host that refuses one as one too many
// would refuse the others, too.
func (h *host) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := time.Now().Add(d); until.After(h.paused) {
		h.paused = until
	}
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
