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
	ix, err := memory.Load(f.path(keyOf(v.collection)), f.cfg.Index(v.collection), v.identity(f.cfg.StoreID))
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
	if err := memory.Remove(f.path(keyOf(v.collection))); err != nil {
		return err
	}
	v.with(func(s *state) { s.filed = false })
	return nil
}

// settle brings a view up to date and saves it, if it has changed since it was
// saved. Trouble is logged: nothing is lost but time at the next start. A view whose
// generation is not live is not saved, as that may be dropped any time. The caller
// holds the view's lock.
func (f *Follower) settle(ctx context.Context, v *view) {
	if f.cfg.Dir == "" || v.isClosed() || !v.unsaved() || !f.current(v) {
		return
	}
	if c, err := f.cfg.Feed.CollectionByID(ctx, v.collection.ID); err == nil && !v.serves(c) {
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
	_, err := v.index.Load().Save(f.path(keyOf(v.collection)), v.identity(f.cfg.StoreID))
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

// Purge sees to it that no deleted chunk of a collection is left in its views or
// in their snapshot files: the open view of the live generation catches up; other
// views are closed, and their files removed.
func (f *Follower) Purge(ctx context.Context, collectionID int64) error {
	kept := ""
	for _, v := range f.ofCollection(collectionID) {
		file, err := f.purgeView(ctx, v)
		if err != nil {
			return err
		}
		if file != "" {
			kept = file
		}
	}
	return f.removeFiles(collectionID, kept)
}

// purgeView returns the view's file if it has caught up, and "" if it is closed.
func (f *Follower) purgeView(ctx context.Context, v *view) (file string, err error) {
	if err := v.lock(ctx); err != nil {
		return "", err
	}
	defer v.unlock()
	switch {
	case v.isClosed() || v.index.Load() == nil:
		return "", nil
	case !f.current(v) || f.moved(ctx, v):
		f.remove(v)
		return "", nil
	}
	return f.path(keyOf(v.collection)), f.catchUp(ctx, v)
}

// removeFiles removes a collection's snapshot files but one.
func (f *Follower) removeFiles(collectionID int64, but string) error {
	var errs []error
	for _, path := range f.files(collectionID) {
		if path != but {
			errs = append(errs, memory.Remove(path))
		}
	}
	return errors.Join(errs...)
}

// Drop closes the views of a collection that is to go, and removes its files.
func (f *Follower) Drop(ctx context.Context, collectionID int64) error {
	f.mu.Lock()
	delete(f.known, collectionID)
	f.mu.Unlock()
	for _, v := range f.ofCollection(collectionID) {
		if err := f.close(ctx, v); err != nil {
			return err
		}
	}
	return f.removeFiles(collectionID, "")
}

// DropGeneration closes the view of one generation of a collection, and removes its
// file.
func (f *Follower) DropGeneration(ctx context.Context, collectionID int64, generation int) error {
	k := viewKey{collectionID, generation}
	f.mu.Lock()
	v := f.views[k]
	f.mu.Unlock()
	if v != nil {
		if err := f.close(ctx, v); err != nil {
			return err
		}
	}
	if f.cfg.Dir == "" {
		return nil
	}
	return memory.Remove(f.path(k))
}

// close takes a view out of use once nobody holds its lock.
func (f *Follower) close(ctx context.Context, v *view) error {
	if err := v.lock(ctx); err != nil {
		return err
	}
	defer v.unlock()
	f.remove(v)
	return nil
}
