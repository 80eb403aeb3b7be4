package syncer

import (
	"context"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// What is kept of items is written in batches: when so many wait, or for so long.
const (
	batchItems = 256
	batchTime  = time.Second
)

// keepItem keeps an item, soon. r.mu is held.
func (r *reading) keepItem(ctx context.Context, row rag.SourceItem) error {
	if !r.keep {
		return nil
	}
	row.Reason = strings.ToValidUTF8(row.Reason, "\uFFFD")
	r.put = append(r.put, row)
	return r.flushSome(ctx)
}

// flushSome writes what waits, if it is much or has waited long. r.mu is held.
func (r *reading) flushSome(ctx context.Context) error {
	if len(r.put)+len(r.seen)+len(r.gone) < batchItems && r.s.cfg.Clock().Sub(r.flushed) < batchTime {
		return nil
	}
	return r.flush(ctx)
}

// flush writes what waits. r.mu is held.
func (r *reading) flush(ctx context.Context) error {
	r.flushed = r.s.cfg.Clock()
	if !r.keep {
		return nil
	}
	if len(r.put) > 0 {
		if err := r.s.cfg.Store.PutItems(ctx, r.src, r.put); err != nil {
			return err
		}
		r.put = r.put[:0]
	}
	if len(r.seen) > 0 {
		if err := r.s.cfg.Store.SeenItems(ctx, r.src, r.seen); err != nil {
			return err
		}
		r.seen = r.seen[:0]
	}
	if len(r.gone) > 0 {
		gone := r.gone
		r.gone = nil
		deleted, err := r.s.cfg.Store.DropItems(ctx, r.src, gone)
		r.deleted("", deleted)
		return err
	}
	return nil
}
