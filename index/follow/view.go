package follow

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// viewKey names a view.
type viewKey struct {
	collection int64
	generation int
}

func keyOf(c rag.Collection) viewKey { return viewKey{c.ID, c.Generation.Number} }

// view is the index of one generation of a collection.
type view struct {
	collection rag.Collection
	ready      chan struct{}         // closed when opening has ended
	openErr    error                 // why it failed; read after ready
	busy       chan struct{}         // the view's lock: holds a token while it is taken
	index      atomic.Pointer[Index] // nil until it is opened
	used       atomic.Int64          // when it was last searched, Unix nanoseconds
	stale      atomic.Bool           // there may be changes
	served     atomic.Bool           // its generation is live, or was

	mu    sync.Mutex
	state state
}

// state is guarded by view.mu.
type state struct {
	closed   bool      // no longer in the map; use the one that is
	changed  time.Time // when the oldest change came that is not saved
	gone     time.Time // when the oldest deletion came that is not saved
	nextSave time.Time
	inStep   time.Time // when it had everything
	err      error     // of the last try, nil if it went well
	failures int
	retryAt  time.Time
	faults   int // records that could not be held as they are
}

func newView(c rag.Collection) *view {
	return &view{collection: c, ready: make(chan struct{}), busy: make(chan struct{}, 1)}
}

func (v *view) lock(ctx context.Context) error {
	select {
	case v.busy <- struct{}{}:
		return nil
	default:
	}
	select {
	case v.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "index: wait for the change feed")
	}
}

func (v *view) tryLock() bool {
	select {
	case v.busy <- struct{}{}:
		return true
	default:
		return false
	}
}

func (v *view) unlock() { <-v.busy }

func (v *view) isReady() bool {
	select {
	case <-v.ready:
		return v.openErr == nil
	default:
		return false
	}
}

// held returns the index, nil until it is opened.
func (v *view) held() Index {
	if ix := v.index.Load(); ix != nil {
		return *ix
	}
	return nil
}

func (v *view) isClosed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.closed
}

// with runs fn on the state.
func (v *view) with(fn func(s *state)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fn(&v.state)
}

// serves reports whether the view is of the same generation as c.
func (v *view) serves(c rag.Collection) bool {
	a, b := v.collection.Generation, c.Generation
	return a.Number == b.Number && a.Model == b.Model && a.Dimensions == b.Dimensions
}

func (v *view) identity(store string) engine.Identity {
	return engine.Identity{
		Store: store, Collection: v.collection.ID,
		Generation: v.collection.Generation.Number, Model: v.collection.Generation.Model,
	}
}

// view returns the ready view of a collection, opening it if need be. The work
// of opening goes on when ctx ends: the next caller finds it further on. A view that
// is not in the shadow makes c's generation the live one.
func (f *Follower) view(ctx context.Context, c rag.Collection, shadow bool) (*view, error) {
	v, err := f.begin(c, shadow)
	if err != nil {
		return nil, err
	}
	select {
	case <-v.ready:
		return v, v.openErr
	case <-ctx.Done():
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "index: open collection "+c.Name)
	}
}

// begin returns the view of a collection, which may have to be waited for.
func (f *Follower) begin(c rag.Collection, shadow bool) (*view, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, rag.Errorf(rag.KindUnavailable, "index: closed")
	}
	if !shadow {
		f.known[c.ID] = c
	}
	v := f.views[keyOf(c)]
	if v == nil || !v.serves(c) {
		if v != nil {
			v.with(func(s *state) { s.closed = true })
		}
		v = newView(c)
		f.views[keyOf(c)] = v
		f.wg.Go(func() { f.openView(v) })
	}
	v.used.Store(f.cfg.Now().UnixNano())
	if !shadow {
		v.served.Store(true)
	}
	return v, nil
}

// current reports whether a view is of the generation that was live when its
// collection was last seen.
func (f *Follower) current(v *view) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.known[v.collection.ID]
	return ok && v.serves(c)
}

// ofCollection lists a collection's views, ready or not.
func (f *Follower) ofCollection(collectionID int64) []*view {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*view
	for k, v := range f.views {
		if k.collection == collectionID {
			out = append(out, v)
		}
	}
	return out
}

// openView loads or builds the index of a new view. If that fails the view is
// taken out again, for the next caller to try anew.
func (f *Follower) openView(v *view) {
	if err := v.lock(f.ctx); err != nil {
		v.openErr = err
	} else {
		v.openErr = f.fill(f.ctx, v)
		v.unlock()
	}
	if v.openErr != nil {
		f.remove(v)
	}
	close(v.ready)
	if v.openErr == nil {
		f.evict(v)
	}
}

// remove takes a view out of the map, if it is still in it, and closes its index.
func (f *Follower) remove(v *view) {
	v.with(func(s *state) { s.closed = true })
	f.mu.Lock()
	if k := keyOf(v.collection); f.views[k] == v {
		delete(f.views, k)
	}
	f.mu.Unlock()
	if ix := v.held(); ix != nil {
		if err := ix.Close(); err != nil {
			f.cfg.Logger.Warn("index: cannot be closed", "collection", v.collection.Name, "err", err)
		}
	}
}

// fill gives a view its index. The caller holds the view's lock.
func (f *Follower) fill(ctx context.Context, v *view) error {
	ix, fresh, err := f.openIndex(v)
	if err != nil {
		return err
	}
	v.index.Store(&ix)
	if fresh {
		return f.rebuild(ctx, v)
	}
	return f.catchUp(ctx, v)
}

// evict closes the views that were used longest ago, until number and memory of
// the others are within bounds. keep, which was just opened, stays.
func (f *Follower) evict(keep *view) {
	for f.ctx.Err() == nil { // Close saves the rest
		open := f.open()
		var bytes int64
		var oldest *view
		for _, v := range open {
			bytes += v.held().Stats().Memory
			if v != keep && (oldest == nil || v.used.Load() < oldest.used.Load()) {
				oldest = v
			}
		}
		over := len(open) > f.cfg.MaxOpen || (f.cfg.MaxBytes > 0 && bytes > f.cfg.MaxBytes)
		if !over || oldest == nil || !oldest.tryLock() {
			return // a view that is busy is in use
		}
		f.settle(f.ctx, oldest)
		f.remove(oldest)
		oldest.unlock()
	}
}
