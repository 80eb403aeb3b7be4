package smartretriever

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/folder"
	"github.com/smartretriever/smartretriever/source/syncer"
)

// openSource makes what reads a source. Folders are built in.
func (r *Retriever) openSource(ctx context.Context, src rag.Source) (source.Source, error) {
	if src.Kind == folder.Kind {
		var settings folder.Settings
		if err := source.DecodeSettings(src.Kind, src.Settings, &settings); err != nil {
			return nil, err
		}
		return folder.New(folder.Config{Settings: settings, MaxBytes: r.cfg.MaxFileBytes, Logger: r.cfg.Logger})
	}
	if r.cfg.OpenSource == nil {
		return nil, rag.Errorf(rag.KindInvalid, "sources of kind %q are not known here", src.Kind)
	}
	return r.cfg.OpenSource(ctx, src)
}

func closeSource(s source.Source) {
	if c, ok := s.(io.Closer); ok {
		c.Close() // only read from
	}
}

// checkSource reports what keeps a source from being read, as far as that can be
// told from its settings.
func (r *Retriever) checkSource(ctx context.Context, src rag.Source) error {
	opened, err := r.openSource(ctx, src)
	if err == nil {
		closeSource(opened)
	}
	return err
}

// AddSource remembers a source, spec, in scope's collection, which is made if it does
// not exist. Only Name, Kind, Settings, Metadata and ACL of spec are looked at. A
// source of that name takes the settings over; all its items are then looked at
// anew. KindConflict says that the one of that name is of another kind, KindInvalid
// that the settings are wrong. Nothing is read yet.
func (r *Retriever) AddSource(ctx context.Context, scope rag.Scope, spec rag.Source) (rag.Source, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Source{}, err
	}
	defer leave()
	if err := r.checkSource(ctx, spec); err != nil {
		return rag.Source{}, err
	}
	col, err := r.ensure(ctx, scope.WithDefaults())
	if err != nil {
		return rag.Source{}, err
	}
	spec.CollectionID = col.ID
	made, err := r.store.CreateSource(ctx, spec)
	if !errors.Is(err, rag.ErrConflict) {
		return made, err
	}
	old, err := r.store.Source(ctx, col.ID, spec.Name)
	if err == nil && sameSource(old, spec) {
		return old, nil
	}
	return r.store.ChangeSource(ctx, spec)
}

// RememberSource is AddSource for a source that nobody has named: if the collection
// has an equal one, that is returned. Otherwise spec.Name is made into a name that is
// not in use.
func (r *Retriever) RememberSource(ctx context.Context, scope rag.Scope, spec rag.Source) (rag.Source, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Source{}, err
	}
	defer leave()
	if err := r.checkSource(ctx, spec); err != nil {
		return rag.Source{}, err
	}
	col, err := r.ensure(ctx, scope.WithDefaults())
	if err != nil {
		return rag.Source{}, err
	}
	spec.CollectionID = col.ID
	name := sourceName(spec)
	for n := 1; ; n++ {
		if found, err := r.equalSource(ctx, col, spec); err != nil || found.ID != 0 {
			return found, err
		}
		spec.Name = name
		if n > 1 {
			spec.Name = fmt.Sprintf("%s-%d", name, n)
		}
		made, err := r.store.CreateSource(ctx, spec)
		if !errors.Is(err, rag.ErrConflict) {
			return made, err
		}
	}
}

// equalSource returns the collection's source that reads the same in the same way,
// the zero Source if it has none.
func (r *Retriever) equalSource(ctx context.Context, col rag.Collection, spec rag.Source) (rag.Source, error) {
	list, err := r.store.Sources(ctx, col.ID)
	if err != nil {
		return rag.Source{}, err
	}
	for _, s := range list {
		if sameSource(s, spec) {
			return s, nil
		}
	}
	return rag.Source{}, nil
}

// sameSource reports whether two sources read the same, whatever their names.
func sameSource(a, b rag.Source) bool {
	if a.Kind != b.Kind || !slices.Equal(a.ACL, b.ACL) || len(a.Metadata) != len(b.Metadata) {
		return false
	}
	for k, v := range a.Metadata {
		if w, ok := b.Metadata[k]; !ok || !v.Equal(w) {
			return false
		}
	}
	return canonical(a.Settings) == canonical(b.Settings)
}

// canonical is JSON with its members in order of name.
func canonical(settings json.RawMessage) string {
	var v any
	if json.Unmarshal(settings, &v) != nil {
		return string(settings)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return string(settings)
	}
	return string(data)
}

// sourceName makes a name out of what is suggested.
func sourceName(spec rag.Source) string {
	name := spec.Name
	if spec.Kind == folder.Kind && name == "" {
		var s folder.Settings
		if json.Unmarshal(spec.Settings, &s) == nil {
			name = filepath.Base(s.Path)
		}
	}
	name = strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) || strings.ContainsRune("._-", c) {
			return c
		}
		return '-'
	}, strings.ToValidUTF8(name, "-"))
	name = strings.Trim(name, ".-")
	const most = 60
	for i := range name {
		if i > most {
			name = name[:i]
			break
		}
	}
	return cmp.Or(name, spec.Kind)
}

// Sources lists the sources of scope's collection by name. KindNotFound says that
// there is no such collection.
func (r *Retriever) Sources(ctx context.Context, scope rag.Scope) ([]rag.Source, error) {
	col, leave, err := r.enterCollection(ctx, scope)
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.Sources(ctx, col.ID)
}

// Source returns a source of scope's collection, KindNotFound if there is none.
func (r *Retriever) Source(ctx context.Context, scope rag.Scope, name string) (rag.Source, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Source{}, err
	}
	defer leave()
	_, src, err := r.source(ctx, scope, name)
	return src, err
}

func (r *Retriever) source(ctx context.Context, scope rag.Scope, name string) (rag.Collection, rag.Source, error) {
	scope = scope.WithDefaults()
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	if err != nil {
		return col, rag.Source{}, err
	}
	src, err := r.store.Source(ctx, col.ID, name)
	return col, src, err
}

// SourceItems lists items of a source in the order of their ids, those after the
// given one, at most limit of them (0: 100, at most 1,000). failing takes only those
// that could not be read.
func (r *Retriever) SourceItems(ctx context.Context, scope rag.Scope, name, after string, failing bool, limit int) ([]rag.SourceItem, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	_, src, err := r.source(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 100
	}
	return r.store.SourceItems(ctx, src, after, failing, min(limit, 1000))
}

// RemoveSource forgets a source. With documents, it deletes those that came from it
// and that no other source has; otherwise they stay and belong to nobody. It returns
// how many it deleted. KindConflict says that the source is being read.
func (r *Retriever) RemoveSource(ctx context.Context, scope rag.Scope, name string, documents bool) (int, error) {
	leave, err := r.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	col, src, err := r.source(ctx, scope, name)
	if err != nil {
		return 0, err
	}
	return r.syncer.Remove(ctx, src, documents, r.deletedFrom(ctx, col))
}

// deletedFrom returns what tells the index and the janitor that documents of a
// collection were deleted.
func (r *Retriever) deletedFrom(ctx context.Context, col rag.Collection) func([]string) {
	return func([]string) {
		r.changed(ctx, rag.Scope{Tenant: col.Tenant, Collection: col.Name})
		r.janitor.wake(col.ID)
	}
}

// Sync brings scope's collection in step with one of its sources: what is new or has
// changed there is added or updated, what is gone is deleted. report is told of every
// item, one call at a time; it may be nil. The faults of single items are in the
// report and are no error. The error is that of the whole (the place cannot be
// reached, the store is down): what was stored before it stays, nothing was taken to
// be gone, and the next Sync goes on. It is tried three times while the place is
// merely unavailable.
//
// KindConflict says that the source is being read, here or by another process;
// KindRefused that it is empty all at once (see rag.SyncOptions.AllowEmpty).
//
// A document of the source that was deleted by hand comes back when its item has
// other content, or with opt.Again.
func (r *Retriever) Sync(ctx context.Context, scope rag.Scope, name string, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.SyncReport{}, err
	}
	defer leave()
	col, src, err := r.source(ctx, scope, name)
	if err != nil {
		return rag.SyncReport{}, err
	}
	from, err := r.openSource(ctx, src)
	if err != nil {
		return rag.SyncReport{}, rag.Errorf(rag.KindOf(err), "source %s: %w", name, err)
	}
	defer closeSource(from)
	return r.sync(ctx, col, src, from, syncer.Options{SyncOptions: opt, Report: report})
}

// sync reads a source, or a part of it.
func (r *Retriever) sync(ctx context.Context, col rag.Collection, src rag.Source, from source.Source, opt syncer.Options) (rag.SyncReport, error) {
	ctx = rag.ChargedTo(ctx, col.Tenant)
	opt.Deleted = r.deletedFrom(ctx, col)
	sum, err := r.syncer.Sync(ctx, src, from, &feeding{r: r, col: col}, opt)
	if err != nil {
		err = rag.Errorf(rag.KindOf(err), "source %s: %w", src.Name, err)
	}
	if opt.DryRun || errors.Is(err, rag.ErrConflict) {
		return sum, err
	}
	r.cfg.Observer.Source(src.Kind, sum, err)
	log := r.cfg.Logger.With("tenant", src.Tenant, "collection", src.Collection, "source", src.Name, "kind", src.Kind, "added", sum.Added, "updated", sum.Updated,
		"unchanged", sum.Unchanged, "deleted", sum.Deleted, "failed", sum.Failed, "bytes", sum.Bytes, "took", sum.Took)
	switch {
	case err == nil:
		log.Info("source was read")
	case ctx.Err() != nil:
		log.Info("reading a source was stopped")
	default:
		log.Warn("source could not be read", "error", err)
	}
	return sum, err
}

// feeding hands what a source tells to ingestion.
type feeding struct {
	r   *Retriever
	col rag.Collection
	sum rag.Estimate
}

func (f *feeding) Run(ctx context.Context, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
	return f.r.run(ctx, f.col, inputs, report)
}

func (f *feeding) Estimate(ctx context.Context, inputs iter.Seq[rag.Input], report func(int, rag.DocumentEstimate)) (err error) {
	f.sum, err = f.r.estimate(ctx, f.col, inputs, report)
	return err
}

// ImportSource stores everything that is in a source that is not remembered: nothing
// is kept of its items, and nothing is ever deleted. Otherwise it is as Sync.
func (r *Retriever) ImportSource(ctx context.Context, scope rag.Scope, spec rag.Source, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.SyncReport{}, err
	}
	defer leave()
	from, err := r.openSource(ctx, spec)
	if err != nil {
		return rag.SyncReport{}, err
	}
	defer closeSource(from)
	col, err := r.ensure(ctx, scope.WithDefaults())
	if err != nil {
		return rag.SyncReport{}, err
	}
	spec.ID, spec.CollectionID, spec.Name = 0, col.ID, sourceName(spec)
	return r.syncer.Import(rag.ChargedTo(ctx, col.Tenant), spec, from, &feeding{r: r, col: col}, syncer.Options{SyncOptions: opt, Report: report})
}

// EstimateSource reads a source, which need not be remembered, and says what Sync
// would come to. It stores nothing: not the collection either, if there is none.
func (r *Retriever) EstimateSource(ctx context.Context, scope rag.Scope, spec rag.Source, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, rag.Estimate, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.SyncReport{}, rag.Estimate{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	from, err := r.openSource(ctx, spec)
	if err != nil {
		return rag.SyncReport{}, rag.Estimate{}, err
	}
	defer closeSource(from)
	col, err := r.store.Collection(ctx, scope.Tenant, scope.Collection)
	switch {
	case errors.Is(err, rag.ErrNotFound):
		col = r.spec(scope, rag.Collection{})
	case err != nil:
		return rag.SyncReport{}, rag.Estimate{}, err
	default:
		known, err := r.equalSource(ctx, col, spec)
		if err != nil {
			return rag.SyncReport{}, rag.Estimate{}, err
		}
		if known.ID != 0 {
			spec = known
		}
	}
	if spec.ID == 0 {
		// The store knows neither the source nor, perhaps, its collection, but has to know whose it is.
		spec.CollectionID, spec.Tenant, spec.Name = col.ID, col.Tenant, sourceName(spec)
	}
	opt.DryRun = true
	f := &feeding{r: r, col: col}
	sum, err := r.syncer.Sync(rag.ChargedTo(ctx, col.Tenant), spec, from, f, syncer.Options{SyncOptions: opt, Report: report})
	return sum, f.sum, err
}

// FollowSource brings scope's collection in step with a source until ctx is done,
// whose error it returns: with a source that finds out by itself what changes (a
// folder) at once, otherwise every so often. done is told of each reading. A reading
// that fails is tried again at the next occasion; only that the source is removed,
// or cannot be opened, ends it.
func (r *Retriever) FollowSource(ctx context.Context, scope rag.Scope, name string, every time.Duration, opt rag.SyncOptions, report func(rag.SyncEvent), done func(rag.SyncReport, error)) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	if every <= 0 {
		return rag.Errorf(rag.KindInvalid, "the time between two readings must be positive")
	}
	col, src, err := r.source(ctx, scope, name)
	if err != nil {
		return err
	}
	from, err := r.openSource(ctx, src)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "source %s: %w", name, err)
	}
	defer closeSource(from)
	_, watches := from.(source.Watcher)
	read := func(part source.Source) error {
		sum, err := r.sync(ctx, col, src, part, syncer.Options{SyncOptions: opt, Report: report, Part: watches})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(sum, err)
		if _, gone := r.store.Source(ctx, col.ID, name); errors.Is(gone, rag.ErrNotFound) {
			return gone
		}
		return nil
	}
	if w, ok := from.(source.Watcher); ok {
		return w.Watch(ctx, read)
	}
	for {
		if err := read(from); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
