package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	batchChanges = 1024    // read at once
	maxBatch     = 1 << 16 // where one document has more changes than a batch
)

// catchUp applies what the feed holds after the view's state, until there is
// nothing more, and keeps account of success and failure. The caller holds the
// view's lock. An error of ctx is not held against the store.
func (f *Follower) catchUp(ctx context.Context, v *view) error {
	v.stale.Store(false)
	err := f.applyChanges(ctx, v, v.held())
	if p, ok := v.held().(partial); ok && err != nil && p.Serves() > v.held().Seq() {
		if why := f.applyChanges(ctx, v, ahead{v.held(), p}); why != nil {
			err = errors.Join(err, why)
		}
	}
	switch {
	case err == nil:
		v.with(func(s *state) {
			if s.err != nil {
				f.cfg.Logger.Info("index: in step again", "collection", v.collection.Name)
			}
			s.err, s.failures, s.inStep = nil, 0, f.cfg.Now()
		})
		return nil
	case errors.Is(err, rag.ErrNotFound):
		f.cfg.Logger.Info("index: the collection or its generation is gone", "collection", v.collection.Name, "generation", v.collection.Generation.Number)
		f.remove(v)
		return errors.Join(err, f.removeFolder(f.path(keyOf(v.collection))))
	}
	v.stale.Store(true)
	if ctx.Err() == nil && f.current(v) {
		f.failed(v, err)
	}
	return err
}

// failed notes an error and when to try again.
func (f *Follower) failed(v *view, err error) {
	const most = 10 * time.Second
	v.with(func(s *state) {
		if s.err == nil {
			f.cfg.Logger.Warn("index: cannot follow the change feed", "collection", v.collection.Name, "err", err)
		}
		pause := min(f.cfg.Poll<<min(s.failures, 10), most)
		s.err, s.failures, s.retryAt = err, s.failures+1, f.cfg.Now().Add(pause)
	})
}

// applyChanges tells ix, which is the view's index or a part of it, what the feed holds.
func (f *Follower) applyChanges(ctx context.Context, v *view, ix Index) error {
	for limit := batchChanges; ; {
		if err := ix.Damaged(); err != nil {
			f.cfg.Logger.Warn("index: built again, since a file is damaged", "collection", v.collection.Name, "err", err)
			return f.rebuild(ctx, v)
		}
		changes, err := f.cfg.Feed.Changes(ctx, v.collection.ID, ix.Seq(), limit)
		if errors.Is(err, rag.ErrConflict) {
			f.cfg.Logger.Info("index: the change feed cannot be continued", "collection", v.collection.Name, "seq", ix.Seq(), "err", err)
			return f.rebuild(ctx, v)
		}
		if err != nil {
			return fmt.Errorf("read the change feed: %w", err)
		}
		if len(changes) == 0 {
			return nil
		}
		whole := changes
		if len(changes) == limit {
			whole = wholeDocuments(changes)
		}
		if len(whole) == 0 {
			if limit < maxBatch {
				limit *= 2
				continue
			}
			whole = changes
		}
		if err := f.applyBatch(ctx, v, ix, whole); err != nil {
			return err
		}
		limit = batchChanges
	}
}

// wholeDocuments returns changes without those of the last document, which may
// have more of them in the feed.
func wholeDocuments(changes []rag.Change) []rag.Change {
	n := len(changes)
	last := changes[n-1].DocumentID
	for n > 0 && changes[n-1].DocumentID == last {
		n--
	}
	return changes[:n]
}

// applyBatch applies changes, of which the last one of each chunk counts.
func (f *Follower) applyBatch(ctx context.Context, v *view, ix Index, changes []rag.Change) error {
	last := make(map[rag.ChunkID]rag.ChangeOp, len(changes))
	for _, c := range changes {
		last[c.ChunkID] = c.Op
	}
	var wanted, deletes []rag.ChunkID
	for _, c := range changes {
		op, ok := last[c.ChunkID]
		if !ok {
			continue // seen before
		}
		delete(last, c.ChunkID)
		if op == rag.ChangePut {
			wanted = append(wanted, c.ChunkID)
		} else {
			deletes = append(deletes, c.ChunkID)
		}
	}
	var puts []rag.Record
	if len(wanted) > 0 {
		var err error
		if puts, err = f.cfg.Feed.Records(ctx, v.collection.ID, v.collection.Generation.Number, wanted); err != nil {
			return fmt.Errorf("read records: %w", err)
		}
	}
	deletes = append(deletes, missing(wanted, puts)...)
	puts = f.usable(v, ix, puts)
	if err := ix.Apply(puts, deletes, changes[len(changes)-1].Seq); err != nil {
		return err
	}
	v.with(func(s *state) {
		if s.changed.IsZero() {
			s.changed = f.cfg.Now()
		}
		if len(deletes) > 0 && s.gone.IsZero() {
			s.gone = f.cfg.Now()
		}
	})
	return nil
}

// missing returns the ids without a record: chunks that went after they came.
func missing(ids []rag.ChunkID, records []rag.Record) []rag.ChunkID {
	if len(ids) == len(records) {
		return nil
	}
	have := make(map[rag.ChunkID]bool, len(records))
	for i := range records {
		have[records[i].ChunkID] = true
	}
	var out []rag.ChunkID
	for _, id := range ids {
		if !have[id] {
			out = append(out, id)
		}
	}
	return out
}

// usable replaces records that the index refuses.
func (f *Follower) usable(v *view, ix Index, records []rag.Record) []rag.Record {
	out := records[:0]
	for _, r := range records {
		if f.repair(v, ix, &r) {
			out = append(out, r)
		}
	}
	return out
}

// repair makes a record one that the index takes, and reports whether it can: a chunk whose vector is of no
// use is still found by its words. One bad record must not stop the others for
// ever.
func (f *Follower) repair(v *view, ix Index, r *rag.Record) bool {
	err := ix.Check(r)
	if err == nil {
		return true
	}
	f.cfg.Logger.Error("index: a record of the store is faulty", "collection", v.collection.Name, "chunk", int64(r.ChunkID), "err", err)
	v.with(func(s *state) { s.faults++ })
	r.Vector = nil
	return ix.Check(r) == nil
}

// rebuild makes the view's index anew from the store's live chunks. The caller holds the view's lock.
func (f *Follower) rebuild(ctx context.Context, v *view) error {
	start := f.cfg.Now()
	ix := v.held()
	err := ix.Rebuild(ctx, func(add func(rag.Record) error) (int64, error) {
		return f.cfg.Feed.Snapshot(ctx, v.collection.ID, v.collection.Generation.Number, func(r rag.Record) error {
			if !f.repair(v, ix, &r) {
				return nil
			}
			return add(r)
		})
	})
	if err != nil {
		return fmt.Errorf("rebuild the index from the store: %w", err)
	}
	now := f.cfg.Now()
	v.with(func(s *state) { s.changed, s.inStep = now, now })
	stats := ix.Stats()
	f.cfg.Logger.Info("index: built from the store", "collection", v.collection.Name,
		"chunks", stats.Chunks, "seq", stats.Seq, "took", now.Sub(start))
	return nil
}
