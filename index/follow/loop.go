package follow

import (
	"context"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// loop lets views catch up when there is reason to, and saves what has changed.
func (f *Follower) loop() {
	ticker := time.NewTicker(f.cfg.Poll)
	defer ticker.Stop()
	var poll poll
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.wake:
		case <-ticker.C:
			f.poll(&poll)
		}
		for _, v := range f.open() {
			f.tend(v)
		}
	}
}

// poll is what the loop remembers of its looks at the data version.
type poll struct {
	version  int64
	known    bool
	failures int
	skip     int // looks left out after a failure
}

// poll marks all views when the store has changed.
func (f *Follower) poll(p *poll) {
	open := f.open()
	if len(open) == 0 {
		p.known = false // a view that is opened meanwhile is up to date when it is ready
		return
	}
	if p.skip > 0 {
		p.skip--
		return
	}
	version, err := f.cfg.Feed.DataVersion(f.ctx)
	if f.ctx.Err() != nil {
		return
	}
	f.noteFeed(err)
	if err != nil {
		p.failures++
		p.skip = 1<<min(p.failures, 5) - 1
		return
	}
	changed := !p.known || version != p.version || p.failures > 0
	*p = poll{version: version, known: true}
	if !changed {
		return
	}
	for _, v := range open {
		v.stale.Store(true)
	}
}

func (f *Follower) noteFeed(err error) {
	f.mu.Lock()
	before := f.feedErr
	f.feedErr = err
	f.mu.Unlock()
	switch {
	case err != nil && before == nil:
		f.cfg.Logger.Warn("index: the store cannot be asked for changes", "err", err)
	case err == nil && before != nil:
		f.cfg.Logger.Info("index: the store can be asked for changes again")
	}
}

// retireAfter is how long a view that is not current stays open without being used.
const retireAfter = time.Minute

// retire closes a view that is not current when nobody uses it any more. It is not
// saved: it is not kept up to date, and its generation may be dropped.
func (f *Follower) retire(v *view) {
	if f.cfg.Now().Sub(time.Unix(0, v.used.Load())) < retireAfter || !v.tryLock() {
		return
	}
	defer v.unlock()
	f.remove(v)
}

// moved reports whether a view's collection has moved to another generation. Its
// view is then being opened, so that the next search finds it ready.
func (f *Follower) moved(ctx context.Context, v *view) bool {
	c, err := f.cfg.Feed.CollectionByID(ctx, v.collection.ID)
	if err != nil || v.serves(c) {
		return false // what is wrong is found by catching up
	}
	f.cfg.Logger.Info("index: the collection has another generation", "collection", c.Name, "generation", c.Generation.Number, "model", c.Generation.Model)
	_, err = f.begin(c, false)
	return err == nil
}

// tend does what is due for one view. A view whose lock is taken is catching up
// or being closed; it stays marked for the next round.
func (f *Follower) tend(v *view) {
	if !f.current(v) {
		f.retire(v)
		return
	}
	behind := v.stale.Load() || serves(v.held()) > v.held().Seq()
	if !behind && !f.dueForSaving(v) || !f.mayTry(v) || !v.tryLock() {
		return
	}
	defer v.unlock()
	if v.isClosed() {
		return
	}
	if behind && (f.moved(f.ctx, v) || f.catchUp(f.ctx, v) != nil) {
		return
	}
	if f.dueForSaving(v) {
		f.settle(f.ctx, v)
	}
}

func (f *Follower) mayTry(v *view) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.state.err == nil || !f.cfg.Now().Before(v.state.retryAt)
}

// Notify says that change seq of a collection has been committed. The view, if it
// is open, catches up soon; Notify does not wait for it. The collection 0 says that
// anything may have changed: all open views look. It may be called after Close.
func (f *Follower) Notify(collectionID, seq int64) {
	if collectionID == 0 {
		for _, v := range f.open() {
			v.stale.Store(true)
		}
		f.wakeUp()
		return
	}
	v := f.live(collectionID)
	if v == nil {
		return
	}
	if ix := v.held(); ix != nil && ix.Seq() >= seq {
		return
	}
	v.stale.Store(true)
	f.wakeUp()
}

// live returns the view of a collection that is searched, nil if it is not open.
func (f *Follower) live(collectionID int64) *view {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.views[keyOf(f.known[collectionID])]
}

// Seq returns the number of the newest change that a collection's view answers by; open is false
// if it is not open, as that of a collection that is gone. It costs nothing: there may be newer
// changes in the store.
func (f *Follower) Seq(collectionID int64) (seq int64, open bool) {
	if v := f.live(collectionID); v != nil {
		if ix := v.held(); ix != nil {
			return serves(ix), true
		}
	}
	return 0, false
}

func (f *Follower) wakeUp() {
	select {
	case f.wake <- struct{}{}:
	default: // the loop will look anyway
	}
}

// Health says whether the views are in step with the store. What is behind still
// answers, so the index is not marked as needed; the store is. Detail names the
// first that is not, with the reason.
func (f *Follower) Health() rag.Health {
	f.mu.Lock()
	err := f.feedErr
	f.mu.Unlock()
	h := rag.Health{Name: "index", OK: err == nil}
	if err != nil {
		h.Detail = err.Error()
	}
	for _, s := range f.Status() {
		if s.Err != nil && !s.Shadow && h.OK {
			h.OK = false
			h.Detail = "collection " + s.Collection.Name + " has been behind for " + s.Lag.Round(time.Second).String() + ": " + s.Err.Error()
		}
	}
	return h
}
