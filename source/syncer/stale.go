package syncer

import (
	"context"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// enoughToAsk is from how many items on a source that is empty all at once is not
// believed.
const enoughToAsk = 10

// dropStale deletes what the reading has not told of, but for what it could not see.
func (r *reading) dropStale(ctx context.Context, unseen []string) error {
	if r.keep && r.told == 0 && r.src.Items > enoughToAsk && !r.opt.AllowEmpty {
		return rag.Errorf(rag.KindRefused, "the source is empty, and had %d items: nothing was deleted. If that is right, allow it (--allow-empty); if a disk is not mounted or a site is down, read it again later", r.src.Items)
	}
	for {
		stale, err := r.s.cfg.Store.StaleItems(ctx, r.src, r.src.Reading, batchItems)
		if err != nil || len(stale) == 0 {
			return err
		}
		var ids, hidden []string
		for _, i := range stale {
			if hides(unseen, i.ID) {
				hidden = append(hidden, i.ID)
			} else {
				ids = append(ids, i.ID)
			}
		}
		if err := r.s.cfg.Store.SeenItems(ctx, r.src, hidden); err != nil {
			return err
		}
		deleted, err := r.s.cfg.Store.DropItems(ctx, r.src, ids)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.deleted("", deleted)
		r.mu.Unlock()
	}
}

// hides reports whether an id begins with one of these.
func hides(unseen []string, id string) bool {
	return slices.ContainsFunc(unseen, func(begin string) bool { return strings.HasPrefix(id, begin) })
}
