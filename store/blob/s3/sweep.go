package s3

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

const (
	sweeping   = "sweep original file"
	sweepBatch = 500 // digests that are asked about at a time
	sweepWide  = 8   // objects that are looked at and deleted at a time

	// takeTries is how often an object is tried that another clean-up is at, and
	// takePause the longest wait in between.
	takeTries = 8
	takePause = 200 * time.Millisecond
	// takeTime is the longest that may pass from announcing a deletion to asking for
	// it. A request that is signed is refused by the server after 15 minutes. So
	// nothing is deleted on the word of an announcement that is older than settleAfter.
	takeTime = time.Minute
	// giveBackTimeout bounds putting back, and throwing away, what was put aside.
	giveBackTimeout = 2 * time.Minute
)

// unreferencedFunc returns those of digests that no document refers to.
type unreferencedFunc = func(context.Context, []string) ([]string, error)

// Sweep deletes files that nobody needs. unreferenced is given digests and
// returns those of them that no document refers to, by what is committed when it is
// asked: it is asked about each file that goes before and after it has been taken
// away. Files stored or stored again at or after olderThan, which may be now, are
// spared. Uploads that were not completed go after a day. What went wrong with one file
// does not keep others; ErrLocked among the errors says that object lock does not let
// a file go.
func (s *Store) Sweep(ctx context.Context, unreferenced func(context.Context, []string) ([]string, error), olderThan time.Time) (blob.Swept, error) {
	if err := s.mine(ctx); err != nil {
		return blob.Swept{}, err
	}
	w := &sweeper{s: s, unreferenced: unreferenced}
	w.renewed = func(ctx context.Context, sha string) (bool, error) {
		for o, err := range s.list(ctx, sweeping, minio.ListObjectsOptions{Prefix: s.claimsOf(sha)}) {
			if err != nil || !o.LastModified.Before(olderThan) {
				return err == nil, err
			}
		}
		return false, nil
	}
	if err := w.leftovers(ctx, olderThan); err != nil {
		return w.swept, err
	}
	young, err := w.claims(ctx, olderThan)
	if err != nil {
		return w.swept, err
	}
	var batch []string
	err = w.old(ctx, olderThan, func(sha string) error {
		if young[sha] {
			return nil
		}
		if batch = append(batch, sha); len(batch) < sweepBatch {
			return nil
		}
		err := w.sweep(ctx, batch)
		batch = nil
		return err
	})
	if err == nil {
		err = w.sweep(ctx, batch)
	}
	return w.swept, w.result(err)
}

// SweepThese is Sweep for some files only, and spares none for its age but those
// that are stored again while it runs.
func (s *Store) SweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error)) (blob.Swept, error) {
	if err := s.mine(ctx); err != nil {
		return blob.Swept{}, err
	}
	w := &sweeper{s: s, unreferenced: unreferenced}
	var err error
	for batch := range slices.Chunk(shas, sweepBatch) {
		w.known = make(map[string][]string)
		var mu sync.Mutex
		err = each(ctx, batch, func(ctx context.Context, sha string) error {
			if err := blob.CheckDigest(sha); err != nil {
				return err
			}
			keys, err := s.keys(ctx, sweeping, s.claimsOf(sha))
			mu.Lock()
			defer mu.Unlock()
			w.known[sha] = keys
			return err
		})
		w.renewed = func(ctx context.Context, sha string) (bool, error) {
			keys, err := s.keys(ctx, sweeping, s.claimsOf(sha))
			return slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(w.known[sha], key) }), err
		}
		if err == nil {
			err = w.sweep(ctx, batch)
		}
		if err != nil {
			break
		}
	}
	return w.swept, w.result(err)
}

// each calls do for all items, several at a time.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sweepWide)
	for _, item := range items {
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}

// pause waits for a part of a time that chance gives, at most for all of it.
func pause(ctx context.Context, most time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(most/10 + rand.N(most*9/10)):
		return nil
	}
}

// sweeper is one run of Sweep or SweepThese.
type sweeper struct {
	s            *Store
	unreferenced unreferencedFunc
	// renewed reports whether a content has been put again, as far as that counts.
	renewed func(ctx context.Context, sha string) (bool, error)
	known   map[string][]string // claims to digests from before, which go with the files

	mu    sync.Mutex
	swept blob.Swept
	errs  []error // about single files
}

func (w *sweeper) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// result joins what went wrong with single files to what ended the run. An object
// that is locked alone keeps its kind.
func (w *sweeper) result(err error) error {
	if err == nil && len(w.errs) == 0 {
		return nil
	}
	const shown = 5
	if more := len(w.errs) - shown; more > 0 {
		// Those that are no lock tell more.
		slices.SortStableFunc(w.errs, func(a, b error) int { return order(errors.Is(a, ErrLocked)) - order(errors.Is(b, ErrLocked)) })
		kind := rag.KindOf(w.errs[shown])
		w.errs = append(w.errs[:shown:shown], rag.Errorf(kind, "and %d more", more))
	}
	all := append([]error{err}, w.errs...)
	kind := rag.KindUnavailable
	if err == nil && !slices.ContainsFunc(w.errs, func(err error) bool { return rag.KindOf(err) != rag.KindRefused }) {
		kind = rag.KindRefused
	} else if err != nil {
		kind = rag.KindOf(err)
	}
	return rag.Wrap(kind, errors.Join(all...), "sweep original files")
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// candidate is an object that may go.
type candidate struct {
	sha    string
	before object
	hidden bool   // only old versions are left of it, under the mark of a deletion
	aside  string // where it is while it is decided about
	failed error  // of its deletion: it may still be there
}

// sweep deletes those of shas that nobody needs.
func (w *sweeper) sweep(ctx context.Context, shas []string) error {
	there, err := w.look(ctx, shas)
	if err != nil || len(there) == 0 {
		return err
	}
	dead, err := w.ask(ctx, there)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var taken []*candidate
	err = each(ctx, there, func(ctx context.Context, c *candidate) error {
		if !dead[c.sha] {
			return nil
		}
		ok, err := w.take(ctx, c)
		if err != nil {
			w.failed(err)
		}
		if ok {
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, c)
		}
		return ctx.Err()
	})
	return errors.Join(err, w.decide(ctx, taken))
}

// look returns what is there of shas, and could go.
func (w *sweeper) look(ctx context.Context, shas []string) (there []*candidate, err error) {
	versions, err := w.s.keepsVersions(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	err = each(ctx, shas, func(ctx context.Context, sha string) error {
		o, found, err := w.s.head(ctx, sweeping, w.s.key(sha))
		switch {
		case err != nil:
			return err
		case o.locked:
			w.failed(w.s.lockedError(sweeping, w.s.key(sha)))
			return nil
		case !found && !versions:
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		there = append(there, &candidate{sha: sha, before: o, hidden: !found})
		return nil
	})
	return there, err
}

// ask asks which of some objects nobody needs.
func (w *sweeper) ask(ctx context.Context, of []*candidate) (map[string]bool, error) {
	shas := make([]string, len(of))
	for i, c := range of {
		shas[i] = c.sha
	}
	slices.Sort(shas)
	answer, err := w.unreferenced(ctx, shas)
	if err != nil {
		return nil, err
	}
	dead := make(map[string]bool, len(answer))
	for _, sha := range answer {
		if err := blob.CheckDigest(sha); err != nil {
			return nil, err
		}
		dead[sha] = true
	}
	return dead, nil
}

// take puts an object aside, and reports whether it did. It does not if somebody
// stored it again, or if another clean-up is at it, which leaves it to that one.
func (w *sweeper) take(ctx context.Context, c *candidate) (ok bool, err error) {
	if c.hidden {
		return false, w.takeHidden(ctx, c)
	}
	for try := range takeTries {
		if try > 0 {
			if err := pause(ctx, takePause); err != nil {
				return false, nil
			}
		}
		// Not even a copy is made where another is at it, or died at it.
		if announced, err := w.s.keys(ctx, sweeping, w.s.asidesOf(c.sha)); err != nil {
			return false, err
		} else if len(announced) > 0 {
			continue
		}
		begun := w.s.cfg.Clock().Round(0) // by the clock on the wall, which also goes on while the machine sleeps
		aside := unique(w.s.asidesOf(c.sha))
		gone, err := w.s.copy(ctx, sweeping, w.s.key(c.sha), aside, c.before.size)
		if gone {
			return false, nil
		}
		if err != nil {
			// The copy may be there all the same.
			return false, errors.Join(err, w.drop(ctx, aside))
		}
		alone, same, err := w.undisturbed(ctx, c, aside)
		late := w.s.cfg.Clock().Round(0).Sub(begun) > takeTime
		if err != nil || !alone || !same || late {
			if err = errors.Join(err, w.drop(ctx, aside)); err != nil || !same {
				return false, err
			}
			continue
		}
		if c.failed = w.s.erase(ctx, sweeping, w.s.key(c.sha), c.before.versioned); c.failed != nil && !answered(c.failed) {
			// Whether it is gone, or will be, nobody knows: it stays aside until no
			// request can be under way any more, and is found there meanwhile.
			return false, c.failed
		}
		c.aside = aside
		return true, nil
	}
	return false, nil
}

// undisturbed reports whether no other clean-up has announced the same, and whether
// the object is still the one that was judged.
func (w *sweeper) undisturbed(ctx context.Context, c *candidate, aside string) (alone, same bool, err error) {
	announced, err := w.s.keys(ctx, sweeping, w.s.asidesOf(c.sha))
	if err != nil {
		return false, true, err
	}
	now, there, err := w.s.head(ctx, sweeping, w.s.key(c.sha))
	return len(announced) == 1 && announced[0] == aside, err != nil || there && now.same(c.before), err
}

// takeHidden removes the old versions of what has been deleted.
func (w *sweeper) takeHidden(ctx context.Context, c *candidate) error {
	key := w.s.key(c.sha)
	versions, err := w.s.versionsOf(ctx, sweeping, key)
	if err != nil || len(versions) == 0 || !versions[0].IsDeleteMarker {
		return err
	}
	for _, v := range versions {
		if err := w.s.eraseVersion(ctx, sweeping, key, v.VersionID); err != nil {
			return err
		}
		w.mu.Lock()
		w.swept.Bytes += v.Size
		w.mu.Unlock()
	}
	w.mu.Lock()
	w.swept.Stale++
	w.mu.Unlock()
	return nil
}

// decide asks once more about what has been put aside: a document that was committed
// before it went finds its original again, one that is committed afterwards will see
// that there is none. What nobody needs now is thrown away.
func (w *sweeper) decide(ctx context.Context, taken []*candidate) error {
	if len(taken) == 0 {
		return nil
	}
	dead, failed := w.ask(ctx, taken)
	if failed != nil {
		dead = nil // all go back
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	err := each(ctx, taken, func(ctx context.Context, c *candidate) error {
		spare := !dead[c.sha]
		if !spare {
			renewed, err := w.renewed(ctx, c.sha)
			if err != nil {
				w.failed(err)
			}
			spare = renewed || err != nil
		}
		if spare {
			gone, err := w.s.copy(ctx, sweeping, c.aside, w.s.key(c.sha), c.before.size)
			if err != nil {
				w.failed(err) // it stays aside, and is found there
			}
			if err != nil || gone { // gone: leftovers has given it back
				return nil
			}
		}
		gone := []string{c.aside}
		if !spare {
			gone = append(gone, w.known[c.sha]...)
		}
		for _, key := range gone {
			if err := w.drop(ctx, key); err != nil {
				w.failed(err)
			}
		}
		if c.failed != nil {
			w.failed(c.failed)
		} else if !spare {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.swept.Files++
			w.swept.Bytes += c.before.size
		}
		return nil
	})
	return errors.Join(failed, err)
}

// drop throws away what the clean-up needed, also when the caller has gone.
func (w *sweeper) drop(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	return w.s.erase(ctx, sweeping, key, false)
}
