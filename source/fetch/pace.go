package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

// errIdle ends a request whose answer has stopped coming, errSlow one that takes
// too long in all.
var (
	errIdle = errors.New("the answer stopped coming (idle_timeout)")
	errSlow = errors.New("the answer took too long (timeout, min_rate)")
)

// paced cancels a request when a read of its answer takes longer than idle, or all of them
// together longer than left. That grows with what comes, by the time it takes at the least
// rate: a large answer that comes at that rate may take as long as it needs, and one that
// drips ends. Time in which nobody reads does not count.
type paced struct {
	r      io.Reader
	idle   time.Duration
	left   time.Duration
	rate   int64 // bytes a second
	cancel context.CancelCauseFunc
}

func (p *paced) Read(b []byte) (int, error) {
	wait, why := p.idle, errIdle
	if p.left < wait {
		wait, why = max(0, p.left), errSlow
	}
	timer := time.AfterFunc(wait, func() { p.cancel(why) })
	begun := time.Now()
	n, err := p.r.Read(b)
	timer.Stop()
	p.left += time.Duration(float64(n)/float64(p.rate)*float64(time.Second)) - time.Since(begun)
	return n, err
}

// paced returns the body of an answer that is waited for since begun.
func (c *Client) paced(body io.Reader, begun time.Time, cancel context.CancelCauseFunc) *paced {
	return &paced{r: body, idle: time.Duration(c.set.IdleTimeout), left: time.Duration(c.set.Timeout) - time.Since(begun), rate: c.set.MinRate, cancel: cancel}
}
