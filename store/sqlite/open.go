package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"modernc.org/sqlite"

	"github.com/smartretriever/smartretriever/rag"
)

// Store is an open document store. All methods are safe for concurrent use; any
// number of processes may have the same file open.
type Store struct {
	cfg     Config
	id      string
	writer  *pool // of one
	readers *pool
	watcher *pool // of one: see DataVersion

	closing sync.Once
	closed  error
}

// Open opens the store of cfg.Path, and makes it if there is none. A file that a
// newer version of the program made, or that is no store, is KindInvalid; one into
// which another is still being copied is KindUnavailable (see Config.Receiving).
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	doing := "open store " + cfg.Path
	if err := touch(cfg.Path); err != nil {
		return nil, rag.Errorf(rag.KindUnavailable, "%s: %v", doing, err)
	}
	migrator, err := cfg.connector(writerPragmas(cfg))
	if err != nil {
		return nil, translate(ctx, err, doing)
	}
	writer, err := cfg.connector(append(writerPragmas(cfg), "journal_mode=WAL"))
	if err != nil {
		return nil, translate(ctx, err, doing)
	}
	reader, err := cfg.connector(readerPragmas(cfg))
	if err != nil {
		return nil, translate(ctx, err, doing)
	}
	if err := migrateInTurn(ctx, cfg.Wrap(migrator), cfg); err != nil {
		return nil, translate(ctx, err, doing)
	}
	s := &Store{
		cfg:     cfg,
		writer:  newPool(cfg.Wrap(writer), 1, "BEGIN IMMEDIATE"),
		readers: newPool(reader, cfg.Readers, "BEGIN"),
		watcher: newPool(reader, 1, "BEGIN"),
	}
	if s.id, err = s.identify(ctx); err != nil {
		return nil, errors.Join(translate(ctx, err, doing), s.Close())
	}
	if known, _, err := s.Transfer(ctx); err != nil || known.Unfinished() && !cfg.Receiving {
		return nil, errors.Join(cmp.Or(err, known.ErrUnfinished()), s.Close())
	}
	return s, nil
}

// touch makes the file, for its owner only: it holds other people's documents.
// SQLite gives the files beside it the same permissions.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// identify returns the store's id, and gives it one the first time.
func (s *Store) identify(ctx context.Context) (id string, err error) {
	const get = "SELECT value FROM meta WHERE key = 'store_id'"
	read := func(c *conn) error { return c.row(ctx, get, nil, &id) }
	err = s.view(ctx, "read the store's id", read)
	if !errors.Is(err, rag.ErrNotFound) {
		return id, err
	}
	err = s.update(ctx, "give the store an id", func(ctx context.Context, c *conn) error {
		// Another process may have been first.
		if _, err := c.exec(ctx, "INSERT OR IGNORE INTO meta (key, value) VALUES ('store_id', ?)", uuid.NewString()); err != nil {
			return err
		}
		return read(c)
	})
	return id, err
}

// ID returns the store's random UUID. Whatever is derived from a store, such as
// the files of an index, keeps it and is discarded when it differs.
func (s *Store) ID() string { return s.id }

// Path returns the database file.
func (s *Store) Path() string { return s.cfg.Path }

// Close waits for running calls, moves the log into the database file and closes
// it. Later calls are KindUnavailable; closing twice is no error.
func (s *Store) Close() error {
	s.closing.Do(func() {
		readers := errors.Join(s.watcher.close(nil), s.readers.close(nil))
		writer := s.writer.close(func(c *conn) error {
			// Another process may be reading from the log: then it stays, and is
			// moved by whoever closes last.
			_, err := checkpoint(context.Background(), c)
			return err
		})
		s.closed = translate(context.Background(), errors.Join(readers, writer), "close store "+s.cfg.Path)
	})
	return s.closed
}

// checkpointWait bounds how long a checkpoint waits for readers of the log: it
// holds up writers meanwhile.
const checkpointWait = 2 * time.Second

// checkpoint moves the write-ahead log into the database file and empties it.
// done is false where another connection still needs the log.
func checkpoint(ctx context.Context, c *conn) (done bool, err error) {
	brief, cancel := context.WithTimeout(ctx, checkpointWait)
	defer cancel()
	var busy, frames, moved int
	err = c.row(brief, "PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &frames, &moved)
	if brief.Err() != nil {
		c.drop() // an interrupted connection is not used again
		return false, ctx.Err()
	}
	return busy == 0, err
}

// now is the time that is written in rows, of which microseconds are kept.
func (s *Store) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Microsecond) }

// writerPragmas are the settings of the connection that writes. synchronous=FULL
// syncs the log at every commit: what was acknowledged survives a power cut.
// secure_delete overwrites deleted content with zeros.
func writerPragmas(c Config) []string {
	return []string{
		"page_size=8192", // five vectors of 384 dimensions a page, of 4096 bytes only two
		"synchronous=FULL",
		"foreign_keys=1",
		"secure_delete=1",
		"journal_size_limit=67108864",
		"temp_store=MEMORY",
		fmt.Sprintf("cache_size=-%d", c.CacheKiB),
	}
}

func readerPragmas(c Config) []string {
	return []string{
		"query_only=1",
		"temp_store=MEMORY",
		fmt.Sprintf("cache_size=-%d", max(c.CacheKiB/4, 256)),
	}
}

// connector builds what opens connections to the file with these settings. The
// path goes in as a URI, so that a '?' or '%' in it means itself.
func (c Config) connector(pragmas []string) (driver.Connector, error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // a Windows drive
	}
	query := url.Values{
		"_busy_timeout": {fmt.Sprint(c.BusyTimeout.Milliseconds())},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
		"_pragma":       pragmas,
	}
	uri := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return sqlite.NewConnector(uri.String())
}
