package answer

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// flights join calls for the same result that are made at the same moment ("single
// flight"): one makes it, and all get it, with the events on the way.
//
// A flight belongs to all who wait for it. One who goes leaves it to the others; the last
// to go ends it. It has the time of the one who began it: who has more, and has been told
// nothing yet, begins another when it ends for want of that.
type flights[T any] struct {
	mu    sync.Mutex
	byKey map[string]*flight[T]
}

// flight is one call under way.
type flight[T any] struct {
	users  int // guarded by flights.mu
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed after all below is set for good

	mu      sync.Mutex
	events  []rag.Event   // so far
	changed chan struct{} // closed when there are more events

	value T
	err   error
	panic string // that the call ended with, and where
}

// join returns what do returns, from a call of it that is under way for the same key, or
// from one that begins now. Each caller's on, unless it is nil, is told all events of the
// call, by its own goroutine and in order, from the first on; an error of it is returned.
// joined says that the call was begun by another. Under the key "" nothing is joined. The
// error is that of the call, or of ctx.
func (f *flights[T]) join(ctx context.Context, key string, on func(rag.Event) error, do func(ctx context.Context, emit func(rag.Event) error) (T, error)) (value T, joined bool, err error) {
	if on == nil {
		on = func(rag.Event) error { return nil }
	}
	if key == "" {
		value, err = do(ctx, on)
		return value, false, err
	}
	for {
		call, joined := f.board(ctx, key, do)
		told, err := call.follow(ctx, on)
		if err != nil {
			f.leave(key, call)
			return value, joined, err
		}
		if call.panic != "" {
			panic(call.panic) // here somebody may be prepared for it
		}
		if joined && told == 0 && call.err != nil && call.ctx.Err() != nil && ctx.Err() == nil {
			continue
		}
		return call.value, joined, call.err
	}
}

// board finds the call for key, or begins one.
func (f *flights[T]) board(ctx context.Context, key string, do func(context.Context, func(rag.Event) error) (T, error)) (call *flight[T], joined bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call = f.byKey[key]; call != nil && call.ctx.Err() == nil {
		call.users++
		return call, true
	}
	call = &flight[T]{users: 1, done: make(chan struct{}), changed: make(chan struct{})}
	call.ctx, call.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if end, ok := ctx.Deadline(); ok {
		call.ctx, call.cancel = context.WithDeadline(context.WithoutCancel(ctx), end)
	}
	if f.byKey == nil {
		f.byKey = map[string]*flight[T]{}
	}
	f.byKey[key] = call
	go func() {
		defer f.land(key, call)
		defer func() {
			if v := recover(); v != nil {
				call.panic = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
			}
		}()
		call.value, call.err = do(call.ctx, call.emit)
	}()
	return call, false
}

// land ends a call: nobody boards it any more.
func (f *flights[T]) land(key string, call *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byKey[key] == call {
		delete(f.byKey, key)
	}
	close(call.done)
	call.cancel()
}

// leave ends a caller's wait. A call that nobody waits for is ended, and waited for: it is
// this caller's to clean up.
func (f *flights[T]) leave(key string, call *flight[T]) {
	f.mu.Lock()
	call.users--
	last := call.users == 0
	if last && f.byKey[key] == call {
		delete(f.byKey, key)
	}
	f.mu.Unlock()
	if last {
		call.cancel()
		<-call.done
	}
}

// emit keeps an event for all who wait.
func (c *flight[T]) emit(e rag.Event) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// follow tells on all events, those that were before, too, until the call ends, and
// returns how many there were. The error is that of on or of ctx.
func (c *flight[T]) follow(ctx context.Context, on func(rag.Event) error) (told int, err error) {
	for ended := false; ; {
		c.mu.Lock()
		events, changed := c.events[told:], c.changed
		c.mu.Unlock()
		for _, e := range events {
			if err := on(e); err != nil {
				return told, err
			}
			told++
		}
		if ended {
			return told, nil
		}
		select {
		case <-changed:
		case <-c.done:
			ended = true // what came since is told in one more turn
		case <-ctx.Done():
			return told, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "the call was given up")
		}
	}
}
