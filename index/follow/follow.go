package follow

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// Feed is what a follower needs of a store. Goroutine-safe.
type Feed interface {
	// Snapshot calls fn with every live chunk of a collection, in any order and all
	// of one moment, and returns the number of the last change that they include.
	// fn may keep what it is given; its error ends the reading and is returned.
	// KindNotFound says that the collection or its generation is gone, KindConflict
	// that embeddings of a generation that is not live are missing.
	Snapshot(ctx context.Context, collectionID int64, generation int, fn func(rag.Record) error) (seq int64, err error)
	// Changes returns up to limit changes after a sequence number, in order; none
	// when all that was committed before the call is older. KindConflict says that
	// the feed cannot be continued from there (its begin was dropped, or the store
	// is an older copy), KindNotFound that the collection is gone.
	Changes(ctx context.Context, collectionID int64, after int64, limit int) ([]rag.Change, error)
	// Records returns the live chunks among ids, in any order, with the errors of
	// Snapshot.
	Records(ctx context.Context, collectionID int64, generation int, ids []rag.ChunkID) ([]rag.Record, error)
	// CollectionByID returns a collection with the generation that is live now,
	// KindNotFound if it is gone.
	CollectionByID(ctx context.Context, id int64) (rag.Collection, error)
	// DataVersion returns a number that differs from that of the call before if
	// anything was committed in between. It is asked for often.
	DataVersion(ctx context.Context) (int64, error)
}

// Defaults of Config.
const (
	DefaultPoll      = 200 * time.Millisecond
	DefaultSaveAfter = 30 * time.Second
	DefaultMaxOpen   = 256
	DefaultMaxBytes  = 1 << 30
)

// Config says what is followed and how.
type Config struct {
	Feed Feed // needed
	// Index gives the configuration of a collection's index, all but its folder and identity; needed.
	Index     func(rag.Collection) engine.Config
	Backend   Backend          // of the indexes; the zero Backend is Builtin
	Dir       string           // of the indexes' folders, made if absent; "" keeps everything in memory
	StoreID   string           // of the store behind Feed: the files of another one are ignored
	Poll      time.Duration    // between two looks for other processes' writes; 0 is DefaultPoll
	SaveAfter time.Duration    // from a change to the files that hold it; 0 is DefaultSaveAfter
	CompactAt time.Duration    // of the day, when indexes that keep what is deleted are made anew: since midnight, by Now's clock; Never leaves them as they are
	MaxOpen   int              // views kept open; 0 is DefaultMaxOpen
	MaxBytes  int64            // memory of all views, estimated; 0 is DefaultMaxBytes, negative no bound
	Logger    *slog.Logger     // nil logs nothing
	Now       func() time.Time // nil is time.Now
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.Backend.Create == nil || c.Backend.Open == nil {
		c.Backend = Builtin()
	}
	if c.Poll == 0 {
		c.Poll = DefaultPoll
	}
	if c.SaveAfter == 0 {
		c.SaveAfter = DefaultSaveAfter
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = DefaultMaxOpen
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Validate reports what is missing or out of range.
func (c Config) Validate() error {
	switch {
	case c.Feed == nil:
		return rag.Errorf(rag.KindInvalid, "index follower: a feed is needed")
	case c.Index == nil:
		return rag.Errorf(rag.KindInvalid, "index follower: the indexes' configuration is needed")
	case c.CompactAt != Never && (c.CompactAt < 0 || c.CompactAt >= 24*time.Hour):
		return rag.Errorf(rag.KindInvalid, "index follower: %v is no time of day", c.CompactAt)
	case c.Poll < 0 || c.SaveAfter < 0 || c.MaxOpen < 0:
		return rag.Errorf(rag.KindInvalid, "index follower: times and numbers must not be negative")
	}
	return nil
}

// Follower holds the views of a store's collections. Goroutine-safe.
type Follower struct {
	cfg  Config
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // of the loop, of nightly and of views that are being opened
	wake chan struct{}  // holds one token when a view is to catch up

	mu      sync.Mutex
	views   map[viewKey]*view
	known   map[int64]rag.Collection // everything that was ever opened, as it was last seen: its generation is the live one
	feedErr error                    // of the last look at the data version
	closed  bool
}

// New starts following, with no view open yet. Close ends it.
func New(cfg Config) (*Follower, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return nil, rag.Wrap(rag.KindUnavailable, err, "index follower: make the folder of indexes")
		}
		sweep(cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &Follower{
		cfg: cfg, ctx: ctx, stop: stop, wake: make(chan struct{}, 1),
		views: map[viewKey]*view{}, known: map[int64]rag.Collection{},
	}
	f.wg.Go(f.loop)
	if cfg.CompactAt != Never {
		f.wg.Go(f.nightly)
	}
	return f, nil
}

// sweep removes the snapshot files of older versions of this program.
func sweep(cfg Config) {
	old, _ := filepath.Glob(filepath.Join(cfg.Dir, "*.index*")) // the pattern is ours
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			cfg.Logger.Warn("index: a file of an older version stays", "file", path, "err", err)
		}
	}
}

// path returns the folder of a view.
func (f *Follower) path(k viewKey) string {
	return filepath.Join(f.cfg.Dir, fmt.Sprintf("%d-%d", k.collection, k.generation))
}

// folders returns the folders of a collection, of whatever generation.
func (f *Follower) folders(collectionID int64) []string {
	if f.cfg.Dir == "" {
		return nil
	}
	found, _ := filepath.Glob(filepath.Join(f.cfg.Dir, fmt.Sprintf("%d-*", collectionID))) // the pattern is ours
	return found
}

// closeLimit bounds the time that Close gives the store.
const closeLimit = 5 * time.Second

// Close waits for what is going on, brings views that have changed up to date
// once more, saves them, and ends the follower. A view that cannot catch up
// within a few seconds in all is not saved. Searches that are running end on
// their own.
func (f *Follower) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.wg.Wait()

	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for _, v := range f.open() {
		if v.lock(ctx) != nil {
			continue
		}
		f.settle(ctx, v)
		f.remove(v)
		v.unlock()
	}
	return nil
}

// open lists the views that are ready.
func (f *Follower) open() []*view {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*view
	for _, v := range f.views {
		if v.isReady() {
			out = append(out, v)
		}
	}
	return out
}
