package follow

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// openIndex opens the index in the view's folder, or makes an empty one, which is fresh, if what is there is of no use. Where
// the folder cannot be used at all, the index is kept in memory.
func (f *Follower) openIndex(v *view) (ix Index, fresh bool, err error) {
	cfg := f.cfg.Index(v.collection)
	cfg.Logger = f.cfg.Logger.With("collection", v.collection.Name)
	if f.cfg.Dir == "" {
		ix, err = f.cfg.Backend.Create(cfg)
		return ix, true, err
	}
	cfg.Dir, cfg.Identity = f.path(keyOf(v.collection)), v.identity(f.cfg.StoreID)
	ix, err = f.cfg.Backend.Open(cfg)
	switch rag.KindOf(err) {
	case "":
		return ix, false, nil
	case rag.KindNotFound:
	default:
		f.cfg.Logger.Warn("index: the files are ignored", "collection", v.collection.Name, "err", err)
	}
	if ix, err = f.cfg.Backend.Create(cfg); rag.KindOf(err) == rag.KindUnavailable {
		f.cfg.Logger.Warn("index: kept in memory", "collection", v.collection.Name, "err", err)
		cfg.Dir = ""
		ix, err = f.cfg.Backend.Create(cfg)
	}
	return ix, true, err
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
	if v.held().Orphaned() {
		f.cfg.Logger.Info("index: taken over from a process that has ended", "collection", v.collection.Name)
		f.remove(v) // the next to use it opens it, and writes its files
		return
	}
	if err := f.catchUp(ctx, v); err != nil {
		f.cfg.Logger.Warn("index: the files stay behind", "collection", v.collection.Name, "err", err)
		return
	}
	if err := f.save(ctx, v); err != nil && ctx.Err() == nil {
		f.cfg.Logger.Warn("index: the files stay behind", "collection", v.collection.Name, "err", err)
	}
}

// unsaved reports whether the files are behind the index.
func (v *view) unsaved() bool {
	v.mu.Lock()
	changed := !v.state.changed.IsZero()
	v.mu.Unlock()
	return changed || v.held().Unfiled()
}

// save makes the view durable, without what is deleted. It is repeated at most so often that it
// takes a twentieth of the time.
func (f *Follower) save(ctx context.Context, v *view) error {
	start := f.cfg.Now()
	err := v.held().Purge(ctx)
	now := f.cfg.Now()
	v.with(func(s *state) {
		s.nextSave = now.Add(20 * now.Sub(start))
		if err != nil {
			s.nextSave = now.Add(time.Minute)
			return
		}
		s.changed, s.gone = time.Time{}, time.Time{}
	})
	return err
}

// purgeAfter is how long a deletion may stay in the files: many of them share one writing. What this process deletes is purged by the
// janitor before; this is for what others delete.
const purgeAfter = time.Second

// dueForSaving reports whether the view's changes have waited long enough.
func (f *Follower) dueForSaving(v *view) bool {
	if f.cfg.Dir == "" {
		return false
	}
	now := f.cfg.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := &v.state
	due := !s.changed.IsZero() && now.Sub(s.changed) >= f.cfg.SaveAfter || !s.gone.IsZero() && now.Sub(s.gone) >= purgeAfter
	return due && !now.Before(s.nextSave)
}

// Purge sees to it that no deleted chunk of a collection is left in its views or
// in their files: the open view of the live generation catches up and is written again without them; other
// views are closed, and their folders removed. Files that another process has open are left to it: it does the same as soon as it
// has seen the deletion.
func (f *Follower) Purge(ctx context.Context, collectionID int64) error {
	kept := ""
	for _, v := range f.ofCollection(collectionID) {
		folder, err := f.purgeView(ctx, v)
		if err != nil {
			return err
		}
		if folder != "" {
			kept = folder
		}
	}
	return f.removeFolders(collectionID, kept)
}

// PurgeAll is Purge of every collection that has a folder.
func (f *Follower) PurgeAll(ctx context.Context) error {
	if f.cfg.Dir == "" {
		return nil
	}
	all, err := filepath.Glob(filepath.Join(f.cfg.Dir, "*-*"))
	seen := map[int64]bool{}
	for _, folder := range all {
		number, _, _ := strings.Cut(filepath.Base(folder), "-")
		id, parseErr := strconv.ParseInt(number, 10, 64)
		if parseErr == nil && !seen[id] {
			seen[id] = true
			err = errors.Join(err, f.Purge(ctx, id))
		}
	}
	return err
}

// purgeView returns the view's folder if it holds nothing that is deleted, and "" if the view is closed.
func (f *Follower) purgeView(ctx context.Context, v *view) (folder string, err error) {
	if err := v.lock(ctx); err != nil {
		return "", err
	}
	defer v.unlock()
	switch {
	case v.isClosed() || v.held() == nil:
		return "", nil
	case !f.current(v) || f.moved(ctx, v):
		f.remove(v)
		return "", nil
	}
	if err := f.catchUp(ctx, v); err != nil {
		return "", err
	}
	return f.path(keyOf(v.collection)), f.save(ctx, v)
}

// removeFolders removes a collection's folders but one.
func (f *Follower) removeFolders(collectionID int64, but string) error {
	var errs []error
	for _, folder := range f.folders(collectionID) {
		if folder != but {
			errs = append(errs, f.removeFolder(folder))
		}
	}
	return errors.Join(errs...)
}

// removeFolder removes the folder of an index that is not open here, unless it is open in another process.
func (f *Follower) removeFolder(folder string) error {
	if f.cfg.Dir == "" {
		return nil
	}
	return engine.Remove(nil, folder)
}

// Drop closes the views of a collection that is to go, and removes its folders.
func (f *Follower) Drop(ctx context.Context, collectionID int64) error {
	f.mu.Lock()
	delete(f.known, collectionID)
	f.mu.Unlock()
	for _, v := range f.ofCollection(collectionID) {
		if err := f.close(ctx, v); err != nil {
			return err
		}
	}
	return f.removeFolders(collectionID, "")
}

// DropGeneration closes the view of one generation of a collection, and removes its
// folder.
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
	return f.removeFolder(f.path(k))
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
