package smartretriever

import (
	"context"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// background is the readings of sources that nobody waits for: one at a time.
type background struct {
	running chan struct{} // holds one while a source is read
	ctx     context.Context
	cancel  context.CancelFunc

	mu    sync.Mutex
	taken map[int64]bool // sources that are read or wait to be
}

func newBackground() *background {
	b := &background{running: make(chan struct{}, 1), taken: map[int64]bool{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// take notes that a source is to be read, KindConflict if it is already.
func (b *background) take(src rag.Source) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken[src.ID] {
		return rag.Errorf(rag.KindConflict, "source %s is being read already, or about to be", src.Name)
	}
	b.taken[src.ID] = true
	return nil
}

func (b *background) give(src rag.Source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.taken, src.ID)
}

// turn waits until no other source is read; next lets the next one in.
func (b *background) turn(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case b.running <- struct{}{}:
		return nil
	}
}

func (b *background) next() { <-b.running }

// context returns ctx, which also ends with stop or close.
func (b *background) context(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(b.ctx, cancel)
	return ctx, func() { forget(); cancel() }
}

// close stops what is being read.
func (b *background) close() { b.cancel() }
