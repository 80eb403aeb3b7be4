package syncer

import (
	"context"
	"maps"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// verdict counts and tells what became of a document. r.mu is held.
func (r *reading) verdict(id, path string, res rag.AddResult) {
	if res.ExternalID == "" {
		res.ExternalID = path
	}
	if r.failing[res.ExternalID] { // by the try before
		delete(r.failing, res.ExternalID)
		r.sum.Failed--
		r.sum.Failures = slices.DeleteFunc(r.sum.Failures, func(f rag.SyncFailure) bool { return f.Path == res.ExternalID })
	}
	if res.State == rag.Failed && (rag.SourceItem{Kind: rag.KindOf(res.Err)}).MayPass() {
		r.again = true
		if r.failing == nil {
			r.failing = map[string]bool{}
		}
		r.failing[res.ExternalID] = true
	}
	r.sum.Count(res.ExternalID, res)
	r.opt.Report(rag.SyncEvent{Item: id, Path: path, Result: res})
}

// result takes what ingestion says of a document of an item.
func (r *reading) result(ctx context.Context, index int, res rag.AddResult) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.work[index]
	if w == nil {
		return rag.Errorf(rag.KindInternal, "ingestion tells of input %d after its last result", index)
	}
	path := w.path
	if res.ExternalID != "" {
		path = res.ExternalID
	}
	r.verdict(w.event.ID, path, res)
	if res.State != rag.Removed {
		w.count(path, res)
	}
	if res.More {
		return nil
	}
	return r.settle(ctx, index)
}

// count notes what became of a document that the item is or holds now.
func (w *work) count(path string, res rag.AddResult) {
	w.results++
	if res.State == rag.Failed {
		w.faults++
		if len(w.failed) < 3 {
			w.failed = append(w.failed, res)
		}
	}
	if path == w.path {
		w.own = &res
		return
	}
	if w.within == nil {
		w.within = map[string]bool{}
	}
	w.within[path] = true
}

// settle keeps what became of an item, and deletes what it has no more. r.mu is
// held.
func (r *reading) settle(ctx context.Context, index int) error {
	w := r.work[index]
	closeWork(w)
	delete(r.work, index)
	if !r.keep {
		return nil
	}
	row := rag.SourceItem{ID: w.event.ID, ExternalID: w.path, Fingerprint: w.event.Fingerprint}
	switch {
	case w.own != nil && w.own.Err != nil:
		row.Kind, row.Reason = rag.KindOf(w.own.Err), w.own.Err.Error()
		if w.own.State == rag.Skipped {
			row.Kind = "" // it is as it should be
		}
	case w.faults > 0:
		row.Kind, row.Reason = withinFailed(w)
	}
	if w.own != nil && w.own.State == rag.Failed {
		row.Removed = w.before.Removed
	}
	// First what is gone: once the row is kept, the item is not read again. Whoever
	// cancels is too late for what ingestion has committed already.
	ctx = context.WithoutCancel(ctx)
	if err := r.prune(ctx, w); err != nil {
		return err
	}
	return r.keepItem(ctx, row)
}

// withinFailed sums up the failures of documents within an item. One that may pass
// counts most: the item is then read again.
func withinFailed(w *work) (rag.Kind, string) {
	worst := w.failed[0]
	for _, f := range w.failed {
		if (rag.SourceItem{Kind: rag.KindOf(f.Err)}).MayPass() {
			worst = f
			break
		}
	}
	kind := rag.KindOf(worst.Err)
	return kind, rag.Errorf(kind, "%d of %d documents in it failed, such as %s: %w", w.faults, w.results, worst.ExternalID, worst.Err).Error()
}

// prune deletes documents that an item had and has no more. What failed has what it
// had.
func (r *reading) prune(ctx context.Context, w *work) error {
	keep := slices.Collect(maps.Keys(w.within))
	if w.own != nil {
		keep = append(keep, w.path)
	}
	switch {
	case !w.was || w.results == 0:
		return nil // it is new, or nobody knows
	case w.own != nil && w.within == nil && w.own.State == rag.Skipped:
		return nil // nothing was read of it
	case w.own != nil && w.within == nil && w.own.State == rag.Unchanged && w.before.Fingerprint == w.event.Fingerprint:
		return nil // it held nothing then. Had its document been stored by a reading that died before this, the fingerprint were another
	case w.own != nil && w.own.State == rag.Failed:
		return nil // of an archive that breaks off, what follows was not seen
	}
	deleted, err := r.s.cfg.Store.PruneDocuments(ctx, r.src, w.path, keep)
	r.deleted(w.event.ID, deleted)
	return err
}

// deleted tells of documents that were deleted. r.mu is held.
func (r *reading) deleted(item string, externalIDs []string) {
	if len(externalIDs) == 0 {
		return
	}
	for _, id := range externalIDs {
		r.verdict(item, id, rag.AddResult{State: rag.Removed, ExternalID: id})
	}
	r.opt.Deleted(externalIDs)
}
