package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Index is the index of one generation of a collection: an engine.Index without vectors, and a space of the database. Goroutine-safe.
type Index struct {
	conn  *Connection
	cfg   engine.Config
	space external.Space
	kept  string // name of the space among Spaces
	words *engine.Index

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	tidying sync.WaitGroup // of what runs in the background

	// applying is held by what changes the index or its space.
	applying sync.Mutex
	fresh    bool // nothing was applied yet, nor read from files
	alone    bool // the words were made anew without the space, which another process was writing to, and no change has reached that since

	reached atomic.Int64         // change up to which the space is known to be filled, -1 if it is not
	emptied atomic.Bool          // a search has found the space gone since changes were last sent there
	failing atomic.Pointer[note] // why changes do not reach the database, nil if they do

	opening chan struct{} // holds a token while the table is being opened

	mu     sync.Mutex
	table  external.Table // nil before it is first needed
	closed bool
}

type note struct{ err error }

// Create returns an empty index at sequence number 0; see engine.Create. The database is not asked yet.
func (c *Connection) Create(e engine.Config) (*Index, error) { return c.prepare(e, engine.Create) }

// Open returns the index of which its folder holds the words; see engine.Open. KindConflict also says that the database holds no vectors of it.
func (c *Connection) Open(e engine.Config) (*Index, error) {
	ix, err := c.prepare(e, engine.Open)
	if err != nil {
		return nil, err
	}
	if ix.reached.Load() < 0 {
		return nil, errors.Join(rag.Errorf(rag.KindConflict, "index: %s holds no vectors of this collection yet", c.cfg.Name), ix.Close())
	}
	ix.fresh = false
	return ix, nil
}

func (c *Connection) prepare(e engine.Config, open func(engine.Config) (*engine.Index, error)) (*Index, error) {
	ix := &Index{conn: c, cfg: e, fresh: true, opening: make(chan struct{}, 1)}
	ix.space, ix.kept = c.spaceOf(e)
	ix.ctx, ix.stop = context.WithCancel(context.Background())
	ix.reached.Store(-1)
	ctx, cancel := context.WithTimeout(ix.ctx, c.cfg.SearchTimeout)
	defer cancel()
	p, err := c.cfg.Spaces.Space(ctx, ix.kept)
	switch rag.KindOf(err) {
	case "":
		ix.reached.Store(p.Seq)
	case rag.KindNotFound:
	default:
		ix.stop()
		return nil, err
	}
	e.VectorsIn = "external"
	if ix.words, err = open(e); err != nil {
		ix.stop()
		return nil, err
	}
	return ix, nil
}

// Seq returns the number of the change after which the index is to be told of all others: what one side is told again changes nothing there. Of a
// space that is not filled that is 0, from where the feed is whole.
func (ix *Index) Seq() int64 { return max(0, min(ix.words.Seq(), ix.reached.Load())) }

// Serves returns the number of the last change that searches see. While the database cannot be told of changes, that is what the words hold.
func (ix *Index) Serves() int64 {
	if ix.failing.Load() != nil {
		return ix.words.Seq()
	}
	return ix.Seq()
}

// Check reports why the index could not hold r, as KindInvalid, or nil.
func (ix *Index) Check(r *rag.Record) error { return ix.words.Check(r) }

// Damaged returns why the words must be built anew, nil if nothing is wrong with them.
func (ix *Index) Damaged() error { return ix.words.Damaged() }

// Owner, Orphaned and Unfiled speak of the files of the words; see engine.Index.
func (ix *Index) Owner() bool    { return ix.words.Owner() }
func (ix *Index) Orphaned() bool { return ix.words.Orphaned() }
func (ix *Index) Unfiled() bool  { return ix.words.Unfiled() }

// Purge takes what was deleted before the call out of the files of the words for good. The database was told when the deletion was applied.
func (ix *Index) Purge(ctx context.Context) error { return ix.words.Purge(ctx) }

// Optimize puts the words into one segment.
func (ix *Index) Optimize(ctx context.Context) error { return ix.words.Optimize(ctx) }

// Close lets go of the index. What the database holds stays there.
func (ix *Index) Close() error {
	ix.mu.Lock()
	already := ix.closed
	ix.closed = true
	ix.mu.Unlock()
	if already {
		return nil
	}
	ix.stop()
	ix.tidying.Wait()
	ix.applying.Lock() // what is on its way ends
	defer ix.applying.Unlock()
	return ix.words.Close()
}

// openTimeout bounds one try of making or finding a space.
const openTimeout = 15 * time.Second

// open returns the table of the space, which is made if it may be. Otherwise KindNotFound says that it is not there. Who comes while it is being opened waits, but no
// longer than ctx lets him.
func (ix *Index) open(ctx context.Context, may bool) (external.Table, error) {
	if table, err := ix.opened(); table != nil || err != nil {
		return table, err
	}
	select {
	case ix.opening <- struct{}{}:
		defer func() { <-ix.opening }()
	case <-ctx.Done():
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "open space "+ix.space.Name)
	}
	if table, err := ix.opened(); table != nil || err != nil {
		return table, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ix.ctx, cancel)() // Close ends it, too
	var table external.Table
	err := ix.conn.try(ctx, openTimeout, func(ctx context.Context) (err error) {
		if !may {
			if err := ix.there(ctx); err != nil {
				return err
			}
		}
		table, err = ix.conn.cfg.Database.Open(ctx, ix.space)
		return err
	})
	switch {
	case ix.ctx.Err() != nil:
		return nil, engine.ErrClosed
	case err != nil:
		return nil, fmt.Errorf("open space %s: %w", ix.space.Name, err)
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.table = table
	return table, nil
}

// opened returns the table if it is open, nil if it is not.
func (ix *Index) opened() (external.Table, error) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return nil, engine.ErrClosed
	}
	return ix.table, nil
}

// there reports, as KindNotFound, that the database does not have the space. Opening it would make an empty one.
func (ix *Index) there(ctx context.Context) error {
	names, err := ix.conn.cfg.Database.Spaces(ctx)
	if err == nil && !slices.Contains(names, ix.space.Name) {
		err = rag.Errorf(rag.KindNotFound, "the database has no space %s", ix.space.Name)
	}
	return err
}

// forget has the table opened again by the next who needs it.
func (ix *Index) forget() {
	ix.mu.Lock()
	ix.table = nil
	ix.mu.Unlock()
}

// lost has the space filled again from the beginning of the feed, if err says that the database does not have it any more.
func (ix *Index) lost(err error) {
	if rag.KindOf(err) != rag.KindNotFound {
		return
	}
	ix.forget()
	ctx, cancel := context.WithTimeout(ix.ctx, ix.conn.cfg.SearchTimeout)
	defer cancel()
	l, busy := ix.turn(ctx)
	if busy != nil {
		return // somebody else is at it, or the next search finds it again
	}
	ix.conn.cfg.Logger.Warn("index: the vectors are gone from the database and are put there again", "database", ix.conn.cfg.Name, "space", ix.space.Name)
	ix.failing.Store(&note{err})
	l.space.Seq = -1
	if ix.conn.cfg.Spaces.AdvanceSpace(ctx, l.space, 0) == nil {
		ix.emptied.Store(true) // before Seq goes back, so that Apply is not misled
		ix.reached.Store(-1)
	}
}

// unit returns v with length 1.
func unit(v []float32) []float32 {
	u := append([]float32(nil), v...)
	vector.Normalize(u)
	return u
}
