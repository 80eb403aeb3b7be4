package follow

import (
	"context"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/index/memory"
	"github.com/smartretriever/smartretriever/rag"
)

// load returns the index in the view's snapshot file, nil if that is of no use.
func (f *Follower) load(v *view) *memory.Index {
	if f.cfg.Dir == "" {
		return nil
	}
	ix, err := memory.Load(f.path(v.collection.ID), f.cfg.Index(v.collection), v.identity(f.cfg.StoreID))
	switch {
	case errors.Is(err, rag.ErrNotFound):
		return nil
	case err != nil:
		f.cfg.Logger.Warn("index: a snapshot is ignored", "collection", v.collection.Name, "err", err)
		return nil
	}
	return ix
}

// unfile removes the view's snapshot file.
func (f *Follower) unfile(v *view) error {
	if f.cfg.Dir == "" {
		return nil
	}
	if err := memory.Remove(f.path(v.collection.ID)); err != nil {
		return err
	}
	v.with(func(s *state) { s.filed = false })
	return nil
}

// settle brings a view up to date and saves it, if it has changed since it was
// saved. Trouble is logged: nothing is lost but time at the next start. The
// caller holds the view's lock.
func (f *Follower) settle(ctx context.Context, v *view) {
	if f.cfg.Dir == "" || v.isClosed() || !v.unsaved() {
		return
	}
	if err := f.catchUp(ctx, v); err != nil {
		f.cfg.Logger.Warn("index: no snapshot is written", "collection", v.collection.Name, "err", err)
		return
	}
	f.save(v)
}

// unsaved reports whether the file, if any, is behind the index.
func (v *view) unsaved() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.state.changed.IsZero() || !v.state.filed
}

// save writes the snapshot file. Saving is repeated at most so often that it
// takes a twentieth of the time.
func (f *Follower) save(v *view) {
	start := f.cfg.Now()
	_, err := v.index.Load().Save(f.path(v.collection.ID), v.identity(f.cfg.StoreID))
	now := f.cfg.Now()
	v.with(func(s *state) {
		s.nextSave = now.Add(20 * now.Sub(start))
		if err != nil {
			s.nextSave = now.Add(time.Minute)
			return
		}
		s.filed, s.changed = true, time.Time{}
	})
	if err != nil {
		f.cfg.Logger.Warn("index: no snapshot was written", "collection", v.collection.Name, "err", err)
	}
}

// dueForSaving reports whether the view's changes have waited long enough.
func (f *Follower) dueForSaving(v *view) bool {
	if f.cfg.Dir == "" {
		return false
	}
	now := f.cfg.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := &v.state
	return !s.changed.IsZero() && now.Sub(s.changed) >= f.cfg.SaveAfter && !now.Before(s.nextSave)
}

// Purge sees to it that no deleted chunk of a collection is left in its view or
// in its snapshot file: an open view catches up, the file of another is removed.
func (f *Follower) Purge(ctx context.Context, collectionID int64) error {
	f.mu.Lock()
	v := f.views[collectionID]
	f.mu.Unlock()
	if v != nil {
		if err := v.lock(ctx); err != nil {
			return err
		}
		defer v.unlock()
		if !v.isClosed() && v.index.Load() != nil {
			return f.catchUp(ctx, v)
		}
	}
	if f.cfg.Dir == "" {
		return nil
	}
	return memory.Remove(f.path(collectionID))
}

// Drop closes the view of a collection that is to go, and removes its file.
func (f *Follower) Drop(ctx context.Context, collectionID int64) error {
	f.mu.Lock()
	v := f.views[collectionID]
	delete(f.known, collectionID)
	f.mu.Unlock()
	if v != nil {
		if err := v.lock(ctx); err != nil {
			return err
		}
		defer v.unlock()
		f.remove(v)
	}
	if f.cfg.Dir == "" {
		return nil
	}
	return memory.Remove(f.path(collectionID))
}
