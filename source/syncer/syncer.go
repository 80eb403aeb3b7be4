package syncer

import (
	"context"
	"iter"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// Store is what keeps sources and their items. See package store/sqlite for what
// each method promises.
type Store interface {
	Source(ctx context.Context, collectionID int64, name string) (rag.Source, error)
	LeaseSource(ctx context.Context, collectionID int64, name, holder, dead string, ttl time.Duration) (rag.Source, error)
	RenewLease(ctx context.Context, id, reading int64, ttl time.Duration) error
	EndReading(ctx context.Context, id, reading int64, cursor []byte, failure string, report rag.SyncReport) error
	DeleteSource(ctx context.Context, id, reading int64) error
	SourceItem(ctx context.Context, src rag.Source, id string) (rag.SourceItem, error)
	SourceItems(ctx context.Context, src rag.Source, after string, failing bool, limit int) ([]rag.SourceItem, error)
	StaleItems(ctx context.Context, src rag.Source, reading int64, limit int) ([]rag.SourceItem, error)
	PutItems(ctx context.Context, src rag.Source, items []rag.SourceItem) error
	SeenItems(ctx context.Context, src rag.Source, ids []string) error
	DropItems(ctx context.Context, src rag.Source, ids []string) (deleted []string, err error)
	PruneDocuments(ctx context.Context, src rag.Source, externalID string, keep []string) (deleted []string, err error)
}

// Ingester stores documents, and says what storing them would come to. Results carry
// the external id of their input, or, of documents within it, one that begins with
// it and rag.MemberMark; an input has one result or several, all but the last with
// More set.
type Ingester interface {
	Run(ctx context.Context, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error
	Estimate(ctx context.Context, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) error
}

// Config holds the parts and limits of a Syncer.
type Config struct {
	Store    Store
	Lease    time.Duration // how long a process that stands still keeps a source; 0 is a minute
	Tries    int           // readings of the whole while it is unavailable; 0 is 3
	MaxBytes int64         // of a document that is compared with a deleted one; 0 is 100 MiB
	Clock    func() time.Time
	// Settings identifies how documents are read: what a document depends on beside
	// its bytes. When it has changed since a source was read, everything in it is
	// handed to ingestion once more, which knows what the change concerns. nil is that
	// it never does.
	Settings func(ctx context.Context) string
	// Wait stands still for a time, or until ctx is done, whose error it returns; nil
	// waits.
	Wait func(ctx context.Context, d time.Duration) error
}

// WithDefaults returns the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	if c.Lease <= 0 {
		c.Lease = time.Minute
	}
	if c.Tries <= 0 {
		c.Tries = 3
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 100 << 20
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Settings == nil {
		c.Settings = func(context.Context) string { return "" }
	}
	if c.Wait == nil {
		c.Wait = func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		}
	}
	return c
}

// Syncer reads sources. It is goroutine-safe.
type Syncer struct{ cfg Config }

// New returns a Syncer over the parts in cfg.
func New(cfg Config) *Syncer { return &Syncer{cfg.WithDefaults()} }

// Sync reads a source, from, that src names: the whole of it, or a part. report is
// told of every item, one call at a time. The error is that of the whole: what was
// stored before it stays, and nothing was taken to be gone. KindConflict says that
// another process or call is reading the source, KindRefused that the source is
// empty all at once.
func (s *Syncer) Sync(ctx context.Context, src rag.Source, from source.Source, ingest Ingester, opt Options) (rag.SyncReport, error) {
	opt = opt.withDefaults()
	if opt.DryRun {
		return s.preview(ctx, src, from, ingest, opt)
	}
	begun := s.cfg.Clock()
	src, err := s.lease(ctx, src)
	if err != nil {
		return rag.SyncReport{}, err
	}
	held, release := s.hold(ctx, src)
	r := &reading{s: s, src: src, opt: opt, known: map[string]rag.SourceItem{}, work: map[int]*work{}}
	settings := r.compareSettings(ctx)
	res, err := r.tries(held, from, ingest)
	if err == nil && res.Complete {
		err = r.dropStale(held, res.Unseen)
	}
	if lost := release(); lost != nil && ctx.Err() == nil {
		err = lost
	}
	r.sum.Complete = err == nil && res.Complete
	r.sum.Took = s.cfg.Clock().Sub(begun)
	r.sum.Settings = src.LastReport.Settings
	if err == nil && !opt.Part {
		r.sum.Settings = settings
	}
	cursor := res.Cursor
	if r.again || opt.Part {
		cursor = src.Cursor // from there what failed is told of again
	}
	return r.sum, s.end(ctx, src, cursor, err, r.sum)
}

// Options say how a source is read.
type Options struct {
	rag.SyncOptions
	// Part says that what is read is a part of the source: the cursor stays.
	Part bool
	// Report is told of items; Deleted, of documents that were deleted. Both may be nil.
	Report  func(rag.SyncEvent)
	Deleted func(externalIDs []string)
}

func (o Options) withDefaults() Options {
	if o.Report == nil {
		o.Report = func(rag.SyncEvent) {}
	}
	if o.Deleted == nil {
		o.Deleted = func([]string) {}
	}
	return o
}

// Remove forgets a source; with documents, it deletes those that no other source
// has. It returns how many it deleted. After an error the same call goes on where it
// stopped.
func (s *Syncer) Remove(ctx context.Context, src rag.Source, documents bool, deleted func([]string)) (int, error) {
	src, err := s.lease(ctx, src)
	if err != nil {
		return 0, err
	}
	held, release := s.hold(ctx, src)
	r := &reading{s: s, src: src, opt: Options{Deleted: deleted}.withDefaults()}
	if documents {
		err = r.dropStale(held, nil)
	}
	if lost := release(); lost != nil && ctx.Err() == nil {
		err = lost
	}
	if err == nil {
		err = s.cfg.Store.DeleteSource(ctx, src.ID, src.Reading)
	}
	if err != nil {
		return r.sum.Deleted, s.end(ctx, src, nil, err, r.sum)
	}
	return r.sum.Deleted, nil
}

// url is the beginning of an id that is an address.
var url = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// ExternalID is the external id of the document of an item: the id itself where it is
// an absolute path or an address, which people know the document by and which is the
// same whatever source finds it; elsewhere SOURCE:ID.
func ExternalID(src rag.Source, id string) string {
	if filepath.IsAbs(id) || strings.HasPrefix(id, "/") || url.MatchString(id) {
		return id
	}
	return src.Name + ":" + id
}
