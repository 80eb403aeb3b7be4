package section

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Paced is a file system whose files, all together, are written no faster than at a rate: what is written in the background must not take
// the disk from those who wait for it. Everything else is as FS does it.
type Paced struct {
	FS
	ctx  context.Context
	rate float64 // bytes a second

	hurried atomic.Int32

	mu   sync.Mutex
	free time.Time // when what was written so far is paid for
}

// NewPaced returns fsys at a rate of bytes a second, above 0. Writing ends with ctx.
func NewPaced(ctx context.Context, fsys FS, bytesPerSecond int64) *Paced {
	return &Paced{FS: fsys, ctx: ctx, rate: float64(bytesPerSecond)}
}

// Hurry lifts the rate until done is called: somebody waits for what is being written.
func (p *Paced) Hurry() (done func()) {
	p.hurried.Add(1)
	return func() { p.hurried.Add(-1) }
}

// Create makes a file that is written at the rate.
func (p *Paced) Create(name string) (Output, error) {
	out, err := p.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return pacedOutput{out, p}, nil
}

// wait returns when n bytes may be written.
func (p *Paced) wait(n int) error {
	if p.hurried.Load() > 0 {
		return p.ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	at := p.free
	if at.Before(now) {
		at = now // what was not used in the past is no credit
	}
	p.free = at.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	p.mu.Unlock()
	for at.After(now) && p.hurried.Load() == 0 {
		timer := time.NewTimer(min(at.Sub(now), glance))
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			timer.Stop()
			return p.ctx.Err()
		}
		now = time.Now()
	}
	return p.ctx.Err()
}

// glance is how often a writer that waits looks whether it is to hurry.
const glance = 50 * time.Millisecond

type pacedOutput struct {
	Output
	paced *Paced
}

// pace is how much is written at once: a slow rate must not mean long silence and then a burst.
const pace = 256 << 10

// Write writes p in pieces.
func (o pacedOutput) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:min(n+pace, len(p))]
		if err := o.paced.wait(len(piece)); err != nil {
			return n, err
		}
		m, err := o.Output.Write(piece)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
