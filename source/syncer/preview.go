package syncer

import (
	"context"
	"hash/maphash"
	"iter"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// preview reads a source, and what of it would be stored, and stores nothing. The
// source need not be known to the store.
func (s *Syncer) preview(ctx context.Context, src rag.Source, from source.Source, ingest Ingester, opt Options) (rag.SyncReport, error) {
	r := s.looking(src, opt)
	r.compareSettings(ctx)
	res, err := r.attempt(ctx, from, func(ctx context.Context, inputs iter.Seq[rag.Input], _ func(int, rag.AddResult)) error {
		return ingest.Estimate(ctx, inputs, r.estimated)
	})
	if err == nil && res.Complete {
		err = r.countStale(ctx, res.Unseen)
	}
	r.sum.Complete = err == nil && res.Complete
	return r.sum, err
}

// Import stores everything that is in a source, and keeps nothing of its items: the
// source need not be known to the store, and nothing is deleted.
func (s *Syncer) Import(ctx context.Context, src rag.Source, from source.Source, ingest Ingester, opt Options) (rag.SyncReport, error) {
	opt = opt.withDefaults()
	if opt.DryRun {
		return s.preview(ctx, src, from, ingest, opt)
	}
	begun := s.cfg.Clock()
	r := s.looking(src, opt)
	_, err := r.attempt(ctx, from, ingest.Run)
	r.sum.Took = s.cfg.Clock().Sub(begun)
	return r.sum, err
}

// looking is a reading of which nothing is kept.
func (s *Syncer) looking(src rag.Source, opt Options) *reading {
	return &reading{s: s, src: src, opt: opt, known: map[string]rag.SourceItem{}, work: map[int]*work{}, hashes: map[uint64]bool{}, sum: rag.SyncReport{Tries: 1}}
}

// estimated takes what reading an item would come to.
func (r *reading) estimated(index int, e rag.DocumentEstimate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.work[index]
	if w == nil {
		return
	}
	path := w.path
	if e.ExternalID != "" {
		path = e.ExternalID
	}
	res := rag.AddResult{ExternalID: path, Source: e.Source, Title: e.Title, State: e.State, Bytes: e.Bytes, Chunks: e.Chunks, Err: e.Err, More: e.More}
	r.sum.Count(path, res)
	r.opt.Report(rag.SyncEvent{Item: w.event.ID, Path: path, Result: res, Estimate: e})
	if !e.More {
		closeWork(w)
	}
}

// countStale tells of the items that were not told of, whose documents would be
// deleted unless another source has them.
func (r *reading) countStale(ctx context.Context, unseen []string) error {
	if r.src.ID == 0 {
		return nil
	}
	for after := ""; ; {
		page, err := r.s.cfg.Store.SourceItems(ctx, r.src, after, false, batchItems)
		if err != nil || len(page) == 0 {
			return err
		}
		r.mu.Lock()
		for _, i := range page {
			if !r.hashes[maphash.String(hashSeed, i.ID)] && !hides(unseen, i.ID) {
				r.verdict(i.ID, i.ExternalID, rag.AddResult{State: rag.Removed})
			}
		}
		r.mu.Unlock()
		after = page[len(page)-1].ID
	}
}
