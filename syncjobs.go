package smartretriever

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/syncer"
	"github.com/smartretriever/smartretriever/store"
)

// StartSync has a job (rag.JobSync) read a source and returns at once. Of opt, Again, Force
// and AllowEmpty count. A source has one open job: if there is one, that is returned, and, as
// long as it waits, does what opt asks for besides. Sources are read one at a time.
func (r *Retriever) StartSync(ctx context.Context, scope rag.Scope, name string, opt rag.SyncOptions) (rag.Job, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	_, src, err := r.source(ctx, scope, name)
	if err != nil {
		return rag.Job{}, err
	}
	return r.startSync(ctx, src, opt)
}

func (r *Retriever) startSync(ctx context.Context, src rag.Source, opt rag.SyncOptions) (rag.Job, error) {
	job, err := r.store.CreateJob(ctx, rag.Job{
		CollectionID: src.CollectionID, Kind: rag.JobSync, Name: src.Name, Source: src.Name, Again: opt.Again, AllowEmpty: opt.AllowEmpty, Force: opt.Force,
		Admin: true, Key: rag.AccountOf(ctx).Key,
	}, nil)
	if err != nil {
		return rag.Job{}, err
	}
	runner, err := r.worker()
	if err == nil {
		runner.Wake()
	}
	return job, err
}

// A source that another process is reading is waited for, longer than the lease of one that
// was killed lasts.
const (
	waitForReader = 90 * time.Second
	lookForReader = time.Second
)

// syncForJob is Sync for a job. As with addForJob, no call has to be counted.
func (r *Retriever) syncForJob(ctx context.Context, job rag.Job, tell func(jobs.Told)) error {
	bounded := ctx
	if r.cfg.SyncTimeout > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, r.cfg.SyncTimeout)
		defer cancel()
	}
	col, err := r.store.CollectionByID(bounded, job.CollectionID)
	if err != nil {
		return err
	}
	for begun := time.Now(); ; {
		err = r.syncOnce(bounded, col, job, tell)
		if !errors.Is(err, rag.ErrConflict) {
			break
		}
		if time.Since(begun) > waitForReader {
			return rag.Wrap(rag.KindUnavailable, err, "")
		}
		select {
		case <-bounded.Done():
		case <-time.After(lookForReader):
		}
	}
	if ctx.Err() == nil && bounded.Err() != nil {
		return rag.Errorf(rag.KindExhausted, "reading the source took longer than %s; what was stored stays, and the next reading goes on from there", r.cfg.SyncTimeout)
	}
	return err
}

func (r *Retriever) syncOnce(ctx context.Context, col rag.Collection, job rag.Job, tell func(jobs.Told)) error {
	src, err := r.store.Source(ctx, col.ID, job.Source)
	if err != nil {
		return err
	}
	from, err := r.openSource(ctx, src)
	if err != nil {
		return rag.Errorf(rag.KindOf(err), "source %s: %w", src.Name, err)
	}
	defer closeSource(from)
	items := 0
	begun := map[string]bool{} // items that ingestion has
	opt := rag.SyncOptions{Again: job.Again, AllowEmpty: job.AllowEmpty, Force: job.Force}
	sum, err := r.sync(ctx, col, src, from, syncer.Options{SyncOptions: opt, Report: func(e rag.SyncEvent) {
		switch {
		case e.Wait > 0:
		case e.Begun:
			items++
			begun[e.Item] = true
			tell(jobs.Told{Items: items})
		default:
			if !begun[e.Item] {
				items++
			}
			if !e.Result.More {
				delete(begun, e.Item)
			}
			tell(jobs.Told{Items: items, Result: &e.Result})
		}
	}})
	if err == nil {
		tell(jobs.Told{Report: &sum})
	}
	return err
}

// failingItems lists what fails of the source of a sync as the items of its job.
func (r *Retriever) failingItems(ctx context.Context, job rag.Job, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error) {
	var page rag.Page[rag.JobItem]
	limit, err := store.Limit(opt)
	if err != nil {
		return page, err
	}
	cursor, _, err := store.ParseCursor("job items", opt)
	if err != nil {
		return page, err
	}
	if len(states) > 0 && !slices.Contains(states, rag.Failed) {
		return page, nil
	}
	src, err := r.store.Source(ctx, job.CollectionID, job.Source)
	if errors.Is(err, rag.ErrNotFound) {
		return page, nil
	}
	if err != nil {
		return page, err
	}
	const batch = 1000
	number, after := 0, ""
	for {
		list, err := r.store.SourceItems(ctx, src, after, true, batch)
		if err != nil {
			return page, err
		}
		for _, it := range list {
			after = it.ID
			if number++; int64(number) <= cursor.ID {
				continue
			}
			if len(page.Items) == limit {
				cursor.ID += int64(limit)
				page.Next = cursor.String()
				return page, nil
			}
			page.Items = append(page.Items, rag.JobItem{
				Number: number, Input: rag.StoredInput{ExternalID: it.ExternalID}, State: rag.Failed, Error: it.Reason, Kind: it.Kind, Tries: 1,
			})
		}
		if len(list) < batch {
			return page, nil
		}
	}
}

// checkEvery is how often it is looked for sources that have come meanwhile.
const checkEvery = time.Minute

// SyncSources starts a sync (see StartSync) of every source of all tenants whose last
// reading began longer ago than every, and goes on so until ctx is done.
func (r *Retriever) SyncSources(ctx context.Context, every time.Duration) {
	asked := map[int64]time.Time{} // a reading that cannot begin leaves no time with its source
	for ctx.Err() == nil {
		next := min(every, checkEvery)
		list, err := r.allSources(ctx)
		for _, src := range list {
			last := src.LastRun
			if asked[src.ID].After(last) {
				last = asked[src.ID]
			}
			now := r.cfg.Clock()
			if due := last.Add(every).Sub(now); due > 0 {
				next = min(next, due)
				continue
			}
			asked[src.ID] = now
			if src.Holder != "" && src.HeldUntil.After(now) {
				continue // it is being read
			}
			if _, err = r.startSync(rag.ChargedTo(ctx, src.Tenant), src, rag.SyncOptions{}); err != nil {
				break
			}
		}
		if err != nil && ctx.Err() == nil {
			r.cfg.Logger.Warn("sources cannot be read again; it will be tried later", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(next, time.Second)):
		}
	}
}

func (r *Retriever) allSources(ctx context.Context) ([]rag.Source, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.store.AllSources(ctx)
}
