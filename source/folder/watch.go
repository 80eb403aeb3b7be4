package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/smartretriever/smartretriever/source"
)

// Watch implements source.Watcher. Changes of files are followed by what the system
// tells of the folders; a change of a folder, or of a link, makes the whole be looked
// through, and so does Rescan, since what the system tells may be lost. Where not all
// folders can be watched (there is a limit for all programs of a user together), the
// whole is looked through every Poll instead.
func (s *Source) Watch(ctx context.Context, sync func(part source.Source) error) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		s.cfg.Logger.Warn("changes of the folder cannot be watched; it is looked through again and again", "folder", s.cfg.Path, "every", s.cfg.Poll, "error", err)
		return s.poll(ctx, sync)
	}
	w := newWatch(s, notify)
	err = w.follow(ctx, sync)
	w.close()
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	return s.poll(ctx, sync) // watches have run out
}

// poll looks through the whole again and again.
func (s *Source) poll(ctx context.Context, sync func(part source.Source) error) error {
	for {
		if err := sync(s); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.cfg.Poll):
		}
	}
}

// maxPaths is from how many changed files on the whole is looked through.
const maxPaths = 1000

var errTooMany = errors.New("there are more folders than are to be watched")

// watch collects what the system tells while a reading is under way.
type watch struct {
	s      *Source
	whole  *Source // s, that watches the folders it comes across
	notify *fsnotify.Watcher
	some   chan struct{} // something has changed; holds one
	done   sync.WaitGroup

	mu      sync.Mutex
	folders map[string]bool // watched
	paths   map[string]bool // changed
	all     bool            // the whole is to be looked through
	full    error           // why no more folders can be watched
}

func newWatch(s *Source, notify *fsnotify.Watcher) *watch {
	w := &watch{s: s, notify: notify, some: make(chan struct{}, 1), folders: map[string]bool{}, paths: map[string]bool{}, all: true}
	w.whole = &Source{cfg: s.cfg, onFolder: w.add}
	w.done.Go(w.collect)
	return w
}

func (w *watch) close() {
	_ = w.notify.Close() // nothing is written
	w.done.Wait()
}

// follow reads the whole and then what changes, until ctx is done, sync fails, or
// watches run out, which is no error.
func (w *watch) follow(ctx context.Context, sync func(part source.Source) error) error {
	for {
		if part := w.take(); part != nil {
			if err := sync(part); err != nil {
				return err
			}
		}
		w.mu.Lock()
		full, rootless := w.full, !w.folders[w.s.cfg.Path]
		w.mu.Unlock()
		if full != nil {
			w.s.cfg.Logger.Warn("not all folders can be watched; they are looked through again and again", "folder", w.s.cfg.Path, "every", w.s.cfg.Poll, "error", full)
			return nil
		}
		rescan := w.s.cfg.Rescan
		if rootless { // it is away: it may come back
			rescan = min(rescan, w.s.cfg.Poll)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rescan):
			w.mark("", true)
		case <-w.some:
			if err := w.settle(ctx); err != nil {
				return err
			}
		}
	}
}

// settle waits until nothing has changed for a while.
func (w *watch) settle(ctx context.Context) error {
	longest := time.After(w.s.cfg.Longest)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-longest:
			return nil
		case <-w.some:
		case <-time.After(w.s.cfg.Quiet):
			return nil
		}
	}
}

// take returns what is to be read, nil if nothing is.
func (w *watch) take() source.Source {
	select {
	case <-w.some:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	paths := make([]string, 0, len(w.paths))
	for p := range w.paths {
		paths = append(paths, p)
	}
	all := w.all || len(paths) > maxPaths
	w.all = false
	clear(w.paths)
	switch {
	case all:
		return w.whole
	case len(paths) == 0:
		return nil
	}
	slices.Sort(paths)
	return some{w.s, paths}
}

// mark notes a change of one file, or of who knows what.
func (w *watch) mark(path string, all bool) {
	w.mu.Lock()
	w.all = w.all || all
	if !all && len(w.paths) <= maxPaths {
		w.paths[path] = true
	}
	w.mu.Unlock()
	select {
	case w.some <- struct{}{}:
	default:
	}
}

// add watches a folder.
func (w *watch) add(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.folders[path] || w.full != nil {
		return
	}
	err := errTooMany
	if most := w.s.cfg.MaxWatches; most == 0 || len(w.folders) < most {
		err = w.notify.Add(path)
	}
	switch {
	case err == nil:
		w.folders[path] = true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		// It went just now, or cannot be read either, which the reading tells.
	default:
		w.full = err
	}
}

// collect takes what the system tells until the watcher is closed.
func (w *watch) collect() {
	for {
		select {
		case e, open := <-w.notify.Events:
			if !open {
				return
			}
			w.event(e)
		case _, open := <-w.notify.Errors:
			if !open {
				return
			}
			w.mark("", true) // more has happened than could be told
		}
	}
}

// event sorts out what a change means.
func (w *watch) event(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod && !regular(e.Name) {
		return // of a folder that can be read now the next look at the whole tells
	}
	w.mu.Lock()
	wasFolder := w.folders[e.Name]
	if wasFolder && e.Op&(fsnotify.Remove|fsnotify.Rename) != 0 {
		below := e.Name + string(filepath.Separator)
		for f := range w.folders {
			if f == e.Name || strings.HasPrefix(f, below) {
				delete(w.folders, f)
				_ = w.notify.Remove(f) // it may be gone already
			}
		}
	}
	w.mu.Unlock()
	if wasFolder {
		w.mark("", true)
		return
	}
	if strings.HasPrefix(filepath.Base(e.Name), ".") && !w.s.cfg.Hidden {
		return
	}
	info, err := os.Lstat(e.Name)
	plain := errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular()
	w.mark(e.Name, !plain)
}

func regular(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}
