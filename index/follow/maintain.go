package follow

import (
	"context"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// on calls fn with the view of a collection, brought up to date, and its lock held.
func (f *Follower) on(ctx context.Context, c rag.Collection, fn func(v *view, ix Index) error) error {
	for {
		v, err := f.view(ctx, c, false)
		if err != nil {
			return err
		}
		if err := v.lock(ctx); err != nil {
			return err
		}
		if v.isClosed() { // evicted while we waited
			v.unlock()
			continue
		}
		if err = f.catchUp(ctx, v); err == nil {
			err = fn(v, v.held())
		}
		v.unlock()
		return err
	}
}

// Describe says what a collection's index is made of.
func (f *Follower) Describe(ctx context.Context, c rag.Collection) (d engine.Description, err error) {
	err = f.on(ctx, c, func(_ *view, ix Index) error {
		d = ix.Describe()
		return nil
	})
	return d, err
}

// Verify reads the files of a collection's index. Where one is damaged, found says what, and the index is built again from the store; mended
// reports whether its files are, too, which they are not where another process writes them.
func (f *Follower) Verify(ctx context.Context, c rag.Collection) (found error, mended bool, err error) {
	err = f.on(ctx, c, func(v *view, ix Index) error {
		wrong := ix.Verify(ctx)
		if rag.KindOf(wrong) != rag.KindInvalid {
			return wrong
		}
		found = wrong
		if err := f.rebuild(ctx, v); err != nil {
			return err
		}
		mended = ix.Owner() || f.cfg.Dir == ""
		return f.save(ctx, v)
	})
	return found, mended, err
}

// Held returns the chunks that a collection's index holds, in ascending order, when it has caught up with the store.
func (f *Follower) Held(ctx context.Context, c rag.Collection) (ids []rag.ChunkID, err error) {
	err = f.on(ctx, c, func(_ *view, ix Index) (err error) {
		ids, err = ix.IDs()
		return err
	})
	return ids, err
}

// ours refuses what only the process can do that writes an index's files.
func (f *Follower) ours(c rag.Collection, ix Index) error {
	if f.cfg.Dir != "" && !ix.Owner() {
		return rag.Errorf(rag.KindConflict, "index: another process has the index of collection %s open and keeps it up to date; stop it first", c.Name)
	}
	return nil
}

// Rebuild makes a collection's index anew from the store, in one segment. KindConflict says that another process has it open.
func (f *Follower) Rebuild(ctx context.Context, c rag.Collection) (d engine.Description, err error) {
	err = f.on(ctx, c, func(v *view, ix Index) error {
		if err := f.ours(c, ix); err != nil {
			return err
		}
		if err := f.rebuild(ctx, v); err != nil {
			return err
		}
		if err := ix.Optimize(ctx); err != nil {
			return err
		}
		if err := f.save(ctx, v); err != nil {
			return err
		}
		d = ix.Describe()
		return nil
	})
	return d, err
}

// Tune finds how thoroughly a collection's vectors must be searched for a recall, with queries or, without any, with vectors of
// the collection's own chunks. With set, searches do so from now on; KindConflict says that another process has the index open, KindInvalid that the
// backend cannot be tuned.
func (f *Follower) Tune(ctx context.Context, c rag.Collection, queries [][]float32, k int, target float64, set bool) (t engine.Tuning, err error) {
	err = f.on(ctx, c, func(v *view, held Index) error {
		ix, ok := held.(tuner)
		if !ok {
			return rag.Errorf(rag.KindInvalid, "index: only the built-in index can be tuned, and the vectors of collection %s are in another", c.Name)
		}
		if set {
			if err := f.ours(c, held); err != nil {
				return err
			}
		}
		if len(queries) == 0 {
			queries = ix.Sample(sampled)
		}
		if len(queries) == 0 {
			return rag.Errorf(rag.KindInvalid, "index: the collection has no vectors to tune with")
		}
		if t, err = ix.Tune(ctx, queries, k, target); err != nil || !set || t.Exact {
			return err
		}
		if err := ix.SetEffort(t.Effort); err != nil {
			return err
		}
		return f.save(ctx, v)
	})
	return t, err
}

// Explain says what both sides of a collection's index make of a chunk for a query.
func (f *Follower) Explain(ctx context.Context, c rag.Collection, q rag.IndexQuery, id rag.ChunkID) (e rag.Explanation, err error) {
	err = f.on(ctx, c, func(_ *view, ix Index) error {
		e, err = ix.Explain(ctx, q, id)
		return err
	})
	return e, err
}

// sampled is the number of chunks that stand in for questions.
const sampled = 200
