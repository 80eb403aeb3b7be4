//go:build faiss

package faiss

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Index is the index of one collection. Goroutine-safe.
type Index struct {
	cfg   Config
	words *engine.Index

	rebuilding chan struct{} // holding it is the right to rebuild; before applying
	applying   sync.Mutex    // held by what changes the index, or needs it unchanged; before mu

	mu      sync.RWMutex // searches share it
	v       *vectors
	changed map[rag.ChunkID]struct{} // since the rebuilding that runs has begun; nil if none runs
	version uint64                   // goes up with every change of v
	broken  error                    // why v cannot be used any more
	closed  bool

	filed     uint64 // version that the newest file is of; what changes these three holds applying as well
	filedAt   int64  // its sequence number, -1 if there is none
	filedSize int64

	ctx        context.Context // ends with Close
	stop       context.CancelFunc
	wg         sync.WaitGroup // of rebuilding in the background
	background atomic.Bool    // it runs
}

// Create returns an empty index at sequence number 0. What its folder holds of another is removed.
func Create(cfg Config) (*Index, error) {
	ix, err := prepare(cfg, engine.Create)
	if err != nil {
		return nil, err
	}
	if ix.v, err = newVectors(&ix.cfg, 0); err == nil && ix.Owner() {
		err = sweep(ix.cfg.Engine.FS, ix.cfg.Engine.Dir, "")
	}
	if err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	return ix, nil
}

// Open returns the index that its folder holds, as of the last Commit: both sides of it as they were then. KindNotFound says that there is
// none, KindConflict that what is there is of another collection, generation or store, or was made with other settings, KindInvalid that it is damaged:
// in each case Create begins anew.
func Open(cfg Config) (*Index, error) {
	const tries = 5 // the process that owns the folder may replace both files between our opening the one and the other
	for try := 1; ; try++ {
		ix, err := prepare(cfg, engine.Open)
		if err != nil {
			return nil, err
		}
		if ix.v, ix.filedSize, err = read(&ix.cfg, ix.words.Seq()); err == nil {
			ix.filedAt = ix.words.Seq()
			if ix.Owner() {
				if err := sweep(ix.cfg.Engine.FS, ix.cfg.Engine.Dir, fileName(ix.filedAt)); err != nil {
					ix.cfg.Engine.Logger.Warn("faiss: files that nobody needs stay", "err", err)
				}
			}
			ix.tidy()
			return ix, nil
		}
		again := rag.KindOf(err) == rag.KindNotFound && !ix.Owner() && try < tries
		if rag.KindOf(err) == rag.KindNotFound {
			err = rag.Wrap(rag.KindInvalid, err, "faiss: the vectors of the index's state are not there")
		}
		if e := ix.Close(); e != nil || !again {
			return nil, errors.Join(err, e)
		}
	}
}

// prepare opens the side with words. Both have their files in one folder, under the engine's lock, so that a folder can be taken over, and removed, by an
// engine without FAISS.
func prepare(cfg Config, open func(engine.Config) (*engine.Index, error)) (*Index, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	words := cfg.Engine
	words.VectorsIn = "faiss"
	ix := &Index{cfg: cfg, rebuilding: make(chan struct{}, 1), filedAt: -1}
	var err error
	if ix.words, err = open(words); err != nil {
		return nil, err
	}
	ix.ctx, ix.stop = context.WithCancel(context.Background())
	return ix, nil
}

// Owner reports whether the index writes the files of its folder; see engine.Index.Owner.
func (ix *Index) Owner() bool { return ix.words.Owner() }

// Seq returns the number of the last change that searches see: the engine has it a moment before FAISS does, but a search waits for both.
func (ix *Index) Seq() int64 { return ix.words.Seq() }

// Orphaned reports whether the index could be the Owner if it were opened again; see engine.Index.Orphaned.
func (ix *Index) Orphaned() bool { return ix.words.Orphaned() }

// Check reports why the index could not hold r, as KindInvalid, or nil.
func (ix *Index) Check(r *rag.Record) error { return ix.words.Check(r) }

// Damaged returns why the index must be built anew, nil if nothing is wrong with it.
func (ix *Index) Damaged() error {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return errors.Join(ix.broken, ix.words.Damaged())
}

// Apply changes the index to the state at seq, as engine.Index.Apply does: all of a batch, on both sides, or nothing. Unlike there, a batch that
// changes something needs a higher seq than the one before (KindConflict), as the sequence number is how the files
// of both sides are known to belong together.
func (ix *Index) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	entries, gone, err := ix.entriesOf(puts, deletes)
	if err != nil {
		return err
	}
	ix.applying.Lock()
	defer ix.applying.Unlock()
	err = ix.apply(puts, deletes, seq, entries, gone)
	ix.tidy()
	return err
}

// entriesOf returns the vectors of puts, of each chunk the last, and the chunks whose vectors go.
func (ix *Index) entriesOf(puts []rag.Record, deletes []rag.ChunkID) (es []entry, gone []rag.ChunkID, err error) {
	last := make(map[rag.ChunkID]int, len(puts))
	for i := range puts {
		if err := ix.words.Check(&puts[i]); err != nil {
			return nil, nil, err
		}
		last[puts[i].ChunkID] = i
	}
	gone = append(gone, deletes...)
	for i := range puts {
		r := &puts[i]
		if last[r.ChunkID] != i {
			continue
		}
		gone = append(gone, r.ChunkID)
		if len(r.Vector) > 0 {
			es = append(es, entry{r.ChunkID, r.Document.ID, unit(r.Vector)})
		}
	}
	return es, gone, nil
}

// apply stages the vectors, where they can fail unseen, has the engine apply the batch, and publishes them, which cannot fail.
func (ix *Index) apply(puts []rag.Record, deletes []rag.ChunkID, seq int64, entries []entry, gone []rag.ChunkID) error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if err := errors.Join(ix.closedError(), ix.broken); err != nil {
		return err
	}
	before := ix.words.Seq()
	if seq == before && len(gone) > 0 {
		return rag.Errorf(rag.KindConflict, "faiss: change %d was applied before", seq)
	}
	if seq < before {
		return rag.Errorf(rag.KindConflict, "faiss: change %d comes after change %d", seq, before)
	}
	first, err := ix.v.stage(entries)
	if err != nil {
		if !ix.v.whole() {
			ix.broken = fmt.Errorf("faiss: vectors were added in part: %w", err)
		}
		return err
	}
	bare := make([]rag.Record, len(puts))
	for i, r := range puts {
		r.Vector = nil
		bare[i] = r
	}
	// The engine reports what goes wrong after a batch is in as well: its sequence number says whether it is.
	err = ix.words.Apply(bare, deletes, seq)
	if ix.words.Seq() != seq || seq == before {
		return err
	}
	ix.v.publish(gone, first)
	if ix.changed != nil {
		for _, id := range gone {
			ix.changed[id] = struct{}{}
		}
	}
	ix.version++
	return err
}

// closedError returns engine.ErrClosed if the index is closed. The caller holds mu.
func (ix *Index) closedError() error {
	if ix.closed {
		return engine.ErrClosed
	}
	return nil
}

// Search finds the best q.K chunks on each side; see engine.Index.Search, whose errors it has. Both sides answer from the same state.
// A list of vectors is as long as what there is to find allows, whichever the type; with ivf and hnsw it may
// lack some of the nearest.
func (ix *Index) Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error) {
	direction, err := ix.direction(&q)
	if err != nil {
		return rag.IndexResult{}, err
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.closedError(); err != nil {
		return rag.IndexResult{}, err
	}
	if ix.broken != nil {
		return rag.IndexResult{}, fmt.Errorf("%w: %w", engine.ErrDamaged, ix.broken)
	}
	res, err := ix.words.Search(ctx, q)
	if err != nil || direction == nil {
		return res, err
	}
	s, err := ix.visible(q)
	if err != nil {
		return rag.IndexResult{}, err
	}
	began := time.Now()
	hits, err := ix.v.search(ctx, direction, q.K, s)
	if err != nil {
		return rag.IndexResult{}, rag.Wrap(rag.KindOf(err), err, "faiss: search")
	}
	res.Stages = append(res.Stages, rag.Stage{Name: "index: vectors", Took: time.Since(began), In: s.count, Out: len(hits), Note: "FAISS"})
	res.Vector = ix.v.scored(hits)
	return res, nil
}

// direction takes the vector out of a query and returns it with unit length, nil if there is none.
func (ix *Index) direction(q *rag.IndexQuery) ([]float32, error) {
	v := q.Vector
	q.Vector = nil
	if len(v) == 0 {
		return nil, nil
	}
	if err := vector.Check(v, ix.cfg.Engine.Dimensions, vector.Cosine); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "faiss: query: %w", err)
	}
	return unit(v), nil
}

// visible returns the positions that q may see. The caller holds mu.
func (ix *Index) visible(q rag.IndexQuery) (view, error) {
	ids, all, _, err := ix.words.Visible(q)
	if err != nil {
		return view{}, err
	}
	if all {
		return ix.v.everything(), nil
	}
	return ix.v.of(ids), nil
}

// Commit makes the index durable. The file of the vectors is written under its sequence number first, then the engine's manifest, which says which sequence number
// counts, then older files are removed: after a crash at any place, Open finds both sides of one state. Changes wait for it, searches do not.
// It does nothing where the index is not the Owner.
func (ix *Index) Commit(ctx context.Context) error {
	ix.applying.Lock()
	defer ix.applying.Unlock()
	return ix.commit(ctx, ix.words.Commit)
}

// Purge takes what was deleted before the call out of the files for good. Its vectors stay in memory, where no search finds them, until the next Compact.
func (ix *Index) Purge(ctx context.Context) error {
	ix.applying.Lock()
	defer ix.applying.Unlock()
	return ix.commit(ctx, ix.words.Purge)
}

// commit writes the vectors and has the engine write its side. The caller holds applying, so that nobody changes v or the
// sequence number; searches go on.
func (ix *Index) commit(ctx context.Context, words func(context.Context) error) error {
	ix.mu.RLock()
	err := errors.Join(ix.closedError(), ix.broken)
	v, version := ix.v, ix.version
	ix.mu.RUnlock()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !ix.Owner() {
		return words(ctx)
	}
	seq, dir, fsys := ix.words.Seq(), ix.cfg.Engine.Dir, ix.cfg.Engine.FS
	if ix.filedAt != seq || ix.filed != version {
		size, err := v.write(fsys, dir, seq)
		if err != nil {
			return err
		}
		ix.mu.Lock()
		ix.filedAt, ix.filed, ix.filedSize = seq, version, size
		ix.mu.Unlock()
	}
	if err := words(ctx); err != nil {
		return err
	}
	return sweep(fsys, dir, fileName(seq))
}

// Unfiled reports whether the folder holds something else than searches see.
func (ix *Index) Unfiled() bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.Owner() && (ix.filedAt != ix.words.Seq() || ix.filed != ix.version || ix.words.Unfiled())
}

// Close ends what runs in the background and gives the memory back. What was not committed is lost, and comes back from the change feed. Later
// searches return engine.ErrClosed.
func (ix *Index) Close() error {
	ix.mu.Lock()
	already := ix.closed
	ix.closed = true
	ix.mu.Unlock()
	if already {
		return nil
	}
	ix.stop()
	ix.wg.Wait()
	ix.applying.Lock() // what is being written ends
	defer ix.applying.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.v != nil {
		ix.v.native.free()
	}
	return ix.words.Close()
}
