package smartretriever

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/model/embed/metered"
	"github.com/smartretriever/smartretriever/rag"
)

// DefaultKeepJobs is how long a job that has ended is remembered, with what failed of it.
const DefaultKeepJobs = 7 * 24 * time.Hour

// SubmitDocuments hands in documents to be added by a job, and returns as soon as their
// contents are stored; the collection is made if it does not exist. This process, or
// another that works on jobs, does the rest even if this one is killed. What is wrong with
// one input is its item's verdict and leaves the others.
func (r *Retriever) SubmitDocuments(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input]) (rag.Job, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	scope = scope.WithDefaults()
	col, err := r.ensure(ctx, scope)
	if err != nil {
		return rag.Job{}, err
	}
	var items []rag.JobItem
	passwords := map[int]string{}
	for in := range inputs {
		it, err := r.stage(ctx, in)
		if err != nil {
			return rag.Job{}, err
		}
		items = append(items, it)
		if in.Password != "" {
			passwords[len(items)] = in.Password
		}
	}
	if len(items) == 0 {
		return rag.Job{}, rag.Errorf(rag.KindInvalid, "a job needs at least one document")
	}
	job, err := r.store.CreateJob(ctx, rag.Job{
		CollectionID: col.ID, Kind: rag.JobAdd, Name: nameOf(items), Principals: scope.Principals, Admin: scope.Admin, Key: rag.AccountOf(ctx).Key,
	}, items)
	if err != nil {
		return rag.Job{}, err
	}
	// The clean-up leaves alone what a job needs from here on; what it took away before
	// that is stored again by whoever sends it again, which the item's verdict will say.
	for _, it := range items {
		if it.Input.SHA256 != "" {
			if _, err := r.blobs.Keep(ctx, it.Input.SHA256, it.Input.Bytes); err != nil {
				return rag.Job{}, err
			}
		}
	}
	runner, err := r.worker()
	if err != nil {
		return job, err
	}
	runner.Remember(job.ID, passwords)
	runner.Wake()
	r.tell(ctx, newJobs)
	return job, nil
}

// stage stores the content of an input. An error is the store's; the input's own fault is
// its verdict.
func (r *Retriever) stage(ctx context.Context, in rag.Input) (rag.JobItem, error) {
	it := rag.JobItem{Input: rag.StoredInput{
		ExternalID: in.ExternalID, Title: in.Title, Source: in.Source, Name: in.Name, IsText: in.Content == nil, MediaType: in.MediaType,
		Metadata: in.Metadata, ACL: in.ACL, ModifiedAt: in.ModifiedAt, Force: in.Force,
	}}
	content := in.Content
	if content == nil {
		content = strings.NewReader(in.Text)
	}
	if c, ok := content.(io.Closer); ok {
		defer c.Close() // only read from: nothing can be lost
	}
	err := in.Metadata.Validate()
	if err != nil {
		it.Input.Metadata = nil
	} else {
		it.Input.SHA256, it.Input.Bytes, err = r.blobs.Put(ctx, content, cmp.Or(max(0, r.cfg.MaxFileBytes), 100<<20))
	}
	if err == nil || ctx.Err() != nil || rag.KindOf(err) == rag.KindUnavailable || rag.KindOf(err) == rag.KindInternal {
		return it, err
	}
	it.State, it.Error, it.Kind = rag.Failed, err.Error(), rag.KindOf(err)
	return it, nil
}

// nameOf is what a job is called: the file, or how many there are.
func nameOf(items []rag.JobItem) string {
	if len(items) > 1 {
		return fmt.Sprintf("%d documents", len(items))
	}
	in := items[0].Input
	name := cmp.Or(in.Name, in.Title, in.Source, in.ExternalID, "a document")
	if in.Name == "" && in.Title == "" {
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	return name
}

// Job returns a job of scope's collection. Administrators see all, others those that were
// made with exactly their principals and are no sync.
func (r *Retriever) Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	return r.store.Job(ctx, scope, id)
}

// Jobs lists the jobs of scope's collection, oldest first unless q.Descending.
func (r *Retriever) Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Page[rag.Job]{}, err
	}
	defer leave()
	return r.store.Jobs(ctx, scope, q)
}

// JobItems lists the items of a job; those in one of the states only, unless that is
// empty. The state "" is that of items without a verdict. Of a sync, whose items are those
// of its source, the ones are listed that fail by now.
func (r *Retriever) JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	defer leave()
	job, err := r.store.Job(ctx, scope, id)
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	if job.Kind == rag.JobSync {
		return r.failingItems(ctx, job, states, opt)
	}
	return r.store.JobItems(ctx, scope, id, states, opt)
}

// CancelJob ends a job: at once if it waits, soon if it runs. What it has stored stays.
func (r *Retriever) CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	job, err := r.store.CancelJob(ctx, scope, id)
	if err == nil {
		r.tell(ctx, string(id))
	}
	return job, err
}

// RetryJob has what failed of a job that has ended, and what had no turn, tried again; a
// sync reads its source once more. KindConflict if it has not ended, or the source has
// another job that has not; KindInvalid if nothing has failed.
func (r *Retriever) RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := r.enter()
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	job, err := r.store.RetryJob(ctx, scope, id)
	if err != nil {
		return job, err
	}
	runner, err := r.worker()
	if err == nil {
		runner.Wake()
		r.tell(ctx, newJobs)
	}
	return job, err
}

// DeleteJob forgets a job that has ended, with the contents of what failed of it. What it
// has added stays. KindConflict if it has not ended.
func (r *Retriever) DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	if err := r.store.DeleteJob(ctx, scope, id); err != nil {
		return err
	}
	r.janitor.wake(0)
	return nil
}

// WorkJobs has this process work on jobs, those that others have left included, until
// Close. SubmitDocuments and RetryJob do so by themselves.
func (r *Retriever) WorkJobs() error {
	leave, err := r.enter()
	if err != nil {
		return err
	}
	defer leave()
	_, err = r.worker()
	return err
}

// worker returns the runner of this process, started now if it was not.
func (r *Retriever) worker() (*jobs.Runner, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, rag.Errorf(rag.KindUnavailable, "the retriever is closed")
	}
	if r.runner == nil {
		r.runner = jobs.Start(jobs.Config{
			Store: r.store, Blobs: r.blobs, Add: r.addForJob, Sync: r.syncForJob, Price: r.priceForJob, Parallel: r.cfg.JobsAtOnce, Logger: r.cfg.Logger, Clock: r.cfg.Clock,
			Changed: func(ctx context.Context, id rag.JobID) { r.tell(ctx, string(id)) },
		})
		r.owned(r.runner)
		if r.cfg.News != nil {
			r.owned(wakeOnNews(r.runner, r.cfg.News))
		}
	}
	return r.runner, nil
}

// addForJob is AddDocuments into a job's collection. The runner ends before the parts that
// this calls, so that no call has to be counted.
func (r *Retriever) addForJob(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
	col, err := r.store.CollectionByID(ctx, job.CollectionID)
	if err != nil {
		return err
	}
	return r.run(ctx, col, inputs, report)
}

// priceForJob is what embedding so many tokens costs.
func (r *Retriever) priceForJob(ctx context.Context, job rag.Job, tokens int64) (rag.Money, string) {
	col, err := r.store.CollectionByID(ctx, job.CollectionID)
	if err != nil {
		return 0, ""
	}
	model, err := r.modelOf(ctx, col)
	if err != nil {
		return 0, ""
	}
	m, ok := model.(*metered.Embedder)
	if !ok {
		return 0, ""
	}
	price := m.Target().Price
	if price.Free() {
		return 0, ""
	}
	return price.Cost(rag.OpEmbedPassages, rag.Consumption{Input: tokens}), price.Currency
}
