package follow

import (
	"context"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
)

// Never is a Config.CompactAt that leaves indexes as they are.
const Never = time.Duration(-1)

// nightly has indexes that keep what is deleted made anew once a day. It ends with the follower.
func (f *Follower) nightly() {
	for {
		timer := time.NewTimer(until(f.cfg.Now(), f.cfg.CompactAt))
		select {
		case <-f.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		for _, v := range f.open() {
			f.compact(f.ctx, v)
		}
	}
}

// until returns the time from now to the next time of day, which is counted from midnight where the clock is.
func until(now time.Time, ofDay time.Duration) time.Duration {
	y, m, d := now.Date()
	for { // a clock that is set back may show the same time twice, and one that is set forward never
		next := time.Date(y, m, d, 0, int(ofDay/time.Minute), 0, 0, now.Location())
		if wait := next.Sub(now); wait > 0 {
			return wait
		}
		d++
	}
}

// compact makes a view's index anew, if it is one for which that is of use, and saves it. Searches and changes go on meanwhile: the view's lock is only
// taken to save. Trouble is logged; the index goes on with what it has, and is tried again the next night.
func (f *Follower) compact(ctx context.Context, v *view) {
	ix, ok := v.held().(compacter)
	if !ok || !f.current(v) {
		return
	}
	start := f.cfg.Now()
	dead := v.held().Stats().Dead
	if err := ix.Compact(ctx); err != nil {
		if ctx.Err() == nil && !errors.Is(err, engine.ErrClosed) {
			f.cfg.Logger.Warn("index: not made anew", "collection", v.collection.Name, "err", err)
		}
		return
	}
	if dead > 0 {
		f.cfg.Logger.Info("index: made anew without what is deleted", "collection", v.collection.Name, "dead", dead, "took", f.cfg.Now().Sub(start))
	}
	if v.lock(ctx) != nil {
		return
	}
	defer v.unlock()
	f.settle(ctx, v)
}
