//go:build faiss

package faiss

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	rebuildBatch = 4096
	// fewChanges is how many changes are taken over while searches wait.
	fewChanges = 256
	// sampled is the number of vectors, for each list, from which the centers of lists are computed.
	sampled = 128
)

// Rebuild puts an index made of records in the place of both sides; see engine.Index.Rebuild. Every vector is compared until lists or a graph have been made,
// which begins in the background.
func (ix *Index) Rebuild(ctx context.Context, read func(add func(rag.Record) error) (seq int64, err error)) error {
	err := ix.rebuild(ctx, read)
	ix.tidy()
	return err
}

func (ix *Index) rebuild(ctx context.Context, read func(add func(rag.Record) error) (seq int64, err error)) error {
	done, err := ix.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	ix.applying.Lock()
	defer ix.applying.Unlock()
	fresh, err := newVectors(&ix.cfg, 0)
	if err != nil {
		return err
	}
	searchable := true
	err = ix.words.Rebuild(ctx, func(add func(rag.Record) error) (int64, error) {
		seq, err := ix.fill(fresh, add, read)
		ix.mu.Lock() // from here on, until both sides are new, nobody searches
		searchable = false
		return seq, errors.Join(err, ix.closedError())
	})
	if searchable {
		ix.mu.Lock()
	}
	defer ix.mu.Unlock()
	if err != nil {
		fresh.native.free()
		return err
	}
	ix.v.native.free()
	ix.v, ix.broken = fresh, nil
	ix.version++
	return nil
}

// fill reads records, and gives their vectors to fresh and what else there is of them to add.
func (ix *Index) fill(fresh *vectors, add func(rag.Record) error, read func(add func(rag.Record) error) (int64, error)) (seq int64, err error) {
	var es []entry
	seq, err = read(func(r rag.Record) error {
		if err := ix.words.Check(&r); err != nil {
			return err
		}
		if len(r.Vector) > 0 {
			es = append(es, entry{r.ChunkID, r.Document.ID, unit(r.Vector)})
			r.Vector = nil
		}
		if err := add(r); err != nil || len(es) < rebuildBatch {
			return err
		}
		err := fresh.put(es, nil)
		es = es[:0]
		return err
	})
	if err != nil {
		return 0, err
	}
	return seq, fresh.put(es, nil)
}

// Optimize makes both sides anew from what they hold: the engine's in one segment, FAISS's as Compact does.
func (ix *Index) Optimize(ctx context.Context) error {
	if err := ix.words.Optimize(ctx); err != nil {
		return err
	}
	return ix.Compact(ctx)
}

// turn waits until FAISS's index is not being made anew; done lets the next do so.
func (ix *Index) turn(ctx context.Context) (done func(), err error) {
	select {
	case ix.rebuilding <- struct{}{}:
		return func() { <-ix.rebuilding }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Compact makes FAISS's index anew from the live vectors that it holds: without the dead ones, of the configured type if there are now
// enough vectors, and with lists or links that fit them. Nothing is embedded, and nothing is done where that would change nothing. It is to be called at a quiet time, such as every
// night; beyond Config.DeadShare the index does it by itself. Searches and changes go on meanwhile; what changes is
// taken over before the new index takes the old one's place, in one step. On an error, and if ctx ends, the old one stays.
// Two calls take turns.
func (ix *Index) Compact(ctx context.Context) error {
	done, err := ix.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ix.ctx, cancel)()

	ix.mu.Lock()
	if ix.closed || ix.broken != nil {
		err := errors.Join(ix.broken, ix.closedError())
		ix.mu.Unlock()
		return err
	}
	if ix.v.dead() == 0 && !ix.v.due() {
		ix.mu.Unlock()
		return nil
	}
	ix.changed = map[rag.ChunkID]struct{}{}
	positions := ix.v.alive()
	ix.mu.Unlock()
	defer func() {
		ix.mu.Lock()
		ix.changed = nil
		ix.mu.Unlock()
	}()

	fresh, err := newVectors(&ix.cfg, len(positions))
	if err != nil {
		return err
	}
	if err := ix.copyTo(ctx, fresh, positions); err != nil {
		fresh.native.free()
		return err
	}
	if ix.cfg.afterCopy != nil {
		ix.cfg.afterCopy()
	}
	return ix.replace(ctx, fresh)
}

// copyTo trains fresh and fills it with what is at positions.
func (ix *Index) copyTo(ctx context.Context, fresh *vectors, positions []int64) error {
	if fresh.native.kind == ivf {
		if err := ix.trainOn(ctx, fresh, positions); err != nil {
			return err
		}
	}
	for len(positions) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(positions), rebuildBatch)
		es, err := ix.entriesAt(positions[:n])
		if err != nil {
			return err
		}
		if err := fresh.put(es, nil); err != nil {
			return err
		}
		positions = positions[n:]
	}
	return nil
}

// trainOn computes the lists from a sample.
func (ix *Index) trainOn(ctx context.Context, fresh *vectors, positions []int64) error {
	want := min(len(positions), sampled*fresh.native.lists)
	all := make([]float32, 0, want*fresh.native.dims)
	some := make([]int64, 0, rebuildBatch)
	for i := range want {
		some = append(some, positions[i*len(positions)/want])
		if len(some) < rebuildBatch && i+1 < want {
			continue
		}
		es, err := ix.entriesAt(some)
		if err != nil {
			return err
		}
		for _, e := range es {
			all = append(all, e.vector...)
		}
		some = some[:0]
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fresh.native.train(all, ix.cfg.Threads)
}

func (ix *Index) entriesAt(positions []int64) ([]entry, error) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if ix.closed {
		return nil, engine.ErrClosed
	}
	return ix.v.entries(positions)
}

// put adds entries and takes chunks out.
func (v *vectors) put(es []entry, gone []rag.ChunkID) error {
	first, err := v.stage(es)
	if err != nil {
		return err
	}
	v.publish(gone, first)
	return nil
}

// replace takes over what has changed since fresh was begun, and puts it in the place of the old index.
func (ix *Index) replace(ctx context.Context, fresh *vectors) error {
	for { // most of it while searches and changes go on
		ix.mu.Lock()
		changed := ix.changed
		few := len(changed) <= fewChanges
		if !few {
			ix.changed = map[rag.ChunkID]struct{}{}
		}
		ix.mu.Unlock()
		if few {
			break
		}
		ix.mu.RLock()
		es, gone, err := ix.now(changed)
		ix.mu.RUnlock()
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = fresh.put(es, gone)
		}
		if err != nil {
			fresh.native.free()
			return err
		}
	}
	ix.applying.Lock() // before mu, as everywhere
	defer ix.applying.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	es, gone, err := ix.now(ix.changed)
	if err == nil {
		err = fresh.put(es, gone)
	}
	if err != nil {
		fresh.native.free()
		return err
	}
	ix.v.native.free()
	ix.v = fresh
	ix.version++
	return nil
}

// now returns what chunks that have changed are: their vectors, or that they are gone. The caller holds mu.
func (ix *Index) now(changed map[rag.ChunkID]struct{}) (es []entry, gone []rag.ChunkID, err error) {
	if err := ix.closedError(); err != nil {
		return nil, nil, err
	}
	var positions []int64
	for id := range changed {
		if p, ok := ix.v.where[id]; ok {
			positions = append(positions, int64(p))
		} else {
			gone = append(gone, id)
		}
	}
	es, err = ix.v.entries(positions)
	return es, gone, err
}

// tidy has the index rebuilt in the background if that is due.
func (ix *Index) tidy() {
	ix.mu.RLock()
	defer ix.mu.RUnlock() // Close waits for what was begun before it
	if ix.closed || ix.broken != nil || !ix.v.due() || !ix.background.CompareAndSwap(false, true) {
		return
	}
	ix.wg.Go(func() {
		defer ix.background.Store(false)
		if err := ix.Compact(ix.ctx); err != nil && ix.ctx.Err() == nil {
			ix.cfg.Engine.Logger.Warn("faiss: the index could not be rebuilt; it goes on with dead vectors", "err", err)
		}
	})
}
