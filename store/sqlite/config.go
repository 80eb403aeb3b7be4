package sqlite

import (
	"database/sql/driver"
	"errors"
	"log/slog"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says which file to open and how. Only Path is needed.
type Config struct {
	// Path is the database file. It and its folder are made, readable by the
	// owner only, where they do not exist. SQLite keeps two more files beside it
	// while it is open: Path-wal and Path-shm.
	Path string
	// Logger takes the few lines the store has to say; nil discards them.
	Logger *slog.Logger
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// BusyTimeout bounds the wait for another process that writes; 0 is 15 s.
	BusyTimeout time.Duration
	// Readers is the number of connections for reading, opened as they are
	// needed; 0 is 4.
	Readers int
	// CacheKiB is the page cache of the writing connection; a reading one has a
	// quarter of it. 0 is 16 MiB.
	CacheKiB int
	// KeepVersions is how many versions of a document's text are kept, the
	// current one included; 0 is 1. Chunks exist of the current version only.
	KeepVersions int
	// FeedRetention is how long the change feed keeps saying that a chunk was
	// deleted; 0 is 24 hours. A follower that is further behind is told to begin
	// again with a snapshot. Puts of live chunks are kept for ever.
	FeedRetention time.Duration
	// Receiving opens a store into which another is being copied as well: for what
	// copies it.
	Receiving bool
	// Wrap, if set, wraps what makes the writing connections: for tracing, and
	// for tests that make statements fail.
	Wrap func(driver.Connector) driver.Connector
}

// WithDefaults fills in the fields that are zero.
func (c Config) WithDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 15 * time.Second
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.CacheKiB == 0 {
		c.CacheKiB = 16 << 10
	}
	if c.KeepVersions == 0 {
		c.KeepVersions = 1
	}
	if c.FeedRetention == 0 {
		c.FeedRetention = 24 * time.Hour
	}
	if c.Wrap == nil {
		c.Wrap = func(inner driver.Connector) driver.Connector { return inner }
	}
	return c
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, rag.Errorf(rag.KindInvalid, format, args...))
		}
	}
	fault(c.Path == "", "the store needs a path")
	fault(c.BusyTimeout < 0, "the store's busy timeout %v is negative", c.BusyTimeout)
	fault(c.Readers < 0 || c.Readers > 64, "the store's readers are %d; 1 to 64 are allowed", c.Readers)
	fault(c.CacheKiB < 0, "the store's cache of %d KiB is negative", c.CacheKiB)
	fault(c.KeepVersions < 0, "the number of kept versions %d is negative", c.KeepVersions)
	fault(c.FeedRetention < 0, "the feed's retention %v is negative", c.FeedRetention)
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "store configuration")
}
