package jobs

import (
	"context"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// verdicts stores verdicts in batches: a transaction for each of ten thousand small
// files would take longer than the files.
type verdicts struct {
	t *turn

	mu     sync.Mutex
	items  []rag.JobItem
	stored time.Time
}

const maxVerdicts = 100

func newVerdicts(t *turn) *verdicts { return &verdicts{t: t, stored: time.Now()} }

// add keeps a verdict, and stores those that are kept when there are many or some time
// has passed.
func (v *verdicts) add(ctx context.Context, it rag.JobItem) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.items = append(v.items, it)
	if len(v.items) < maxVerdicts && time.Since(v.stored) < v.t.r.cfg.Beat {
		return nil
	}
	return v.store(ctx)
}

func (v *verdicts) flush(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.store(ctx)
}

func (v *verdicts) store(ctx context.Context) error {
	if len(v.items) == 0 {
		return nil
	}
	// A verdict counts even if the turn is just being ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	if err := v.t.r.cfg.Store.PutJobItems(ctx, v.t.job.ID, v.t.r.holder, v.items); err != nil {
		return err
	}
	v.items, v.stored = v.items[:0], time.Now()
	return nil
}
