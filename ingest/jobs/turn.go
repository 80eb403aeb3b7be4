package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Why a turn ends before its work does.
var (
	errCancelled = errors.New("the job was cancelled")
	errLost      = errors.New("the job is in other hands")
)

// turn is one try at a job.
type turn struct {
	r        *Runner
	job      rag.Job
	begun    time.Time
	before   time.Duration // worked on it in turns before
	verdicts *verdicts

	mu       sync.Mutex
	progress rag.Progress
}

// work gives a job its turn and stores what came of it.
func (r *Runner) work(ctx context.Context, job rag.Job) {
	t := &turn{r: r, job: job, begun: r.cfg.Clock(), before: job.Progress.Took, progress: job.Progress}
	log := r.cfg.Logger.With("job", job.ID, "kind", job.Kind, "collection", job.Collection)
	if job.Tries > r.cfg.Tries {
		t.finish(log, rag.JobFailed, "it was begun several times and did not come to an end; the process that worked on it may have been killed each time", time.Time{})
		return
	}
	if job.Kind == rag.JobSync { // what was told of items in turns before is told again
		p := t.progress
		t.progress = rag.Progress{Bytes: p.Bytes, Pages: p.Pages, Chunks: p.Chunks, Embedded: p.Embedded, Tokens: p.Tokens}
	}
	working, stop := context.WithCancelCause(rag.WithAccount(ctx, rag.Account{Tenant: job.Tenant, Key: job.Key}))
	defer stop(nil)
	t.verdicts = newVerdicts(t)
	var beating sync.WaitGroup
	beating.Go(func() { t.beat(working, stop) })
	err := t.do(working)
	// What has its verdict is stored whatever else became of the turn.
	if flushed := t.verdicts.flush(working); err == nil {
		err = flushed
	}
	cause := context.Cause(working)
	stop(nil)
	beating.Wait()
	if working.Err() != nil && cause != nil {
		err = cause
	}
	t.end(ctx, log, err)
}

func (t *turn) do(ctx context.Context) error {
	switch {
	case t.job.Kind == rag.JobAdd:
		return t.add(ctx)
	case t.job.Kind == rag.JobSync && t.r.cfg.Sync != nil:
		return t.r.cfg.Sync(ctx, t.job, t.told)
	}
	return rag.Errorf(rag.KindInvalid, "jobs of kind %q are not worked on here", t.job.Kind)
}

// told counts what a sync tells.
func (t *turn) told(what Told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &t.progress
	if r := what.Report; r != nil {
		p.Added, p.Updated, p.Unchanged, p.Deleted, p.Skipped, p.Failed = r.Added, r.Updated, r.Unchanged, r.Deleted, r.Skipped, r.Failed
		p.Done = p.Added + p.Updated + p.Unchanged + p.Deleted + p.Skipped + p.Failed
		p.Items, p.Complete = p.Done, true
		return
	}
	if what.Result != nil {
		p.Count(*what.Result)
	}
	p.Items = max(p.Items, what.Items, p.Done)
}

// count adds a verdict to the progress.
func (t *turn) count(res rag.AddResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Count(res)
}

// now is the progress with the time that was worked and what it cost.
func (t *turn) now(ctx context.Context) rag.Progress {
	t.mu.Lock()
	p := t.progress
	t.mu.Unlock()
	p.Took = t.before + t.r.cfg.Clock().Sub(t.begun)
	if t.r.cfg.Price != nil {
		p.Cost, p.Currency = t.r.cfg.Price(ctx, t.job, p.Tokens)
	}
	return p
}

// beat says again and again that the job is worked on and how far it is, and looks
// whether it is to stop. It ends with the work.
func (t *turn) beat(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(t.r.cfg.Beat)
	defer tick.Stop()
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		cancel, err := t.r.cfg.Store.HoldJob(ctx, t.job.ID, t.r.holder, t.r.cfg.Lease, t.now(ctx))
		switch kind := rag.KindOf(err); {
		case cancel:
			stop(errCancelled)
		case err == nil:
			held = time.Now()
			t.r.cfg.Changed(ctx, t.job.ID)
		case kind == rag.KindConflict || kind == rag.KindNotFound || time.Since(held) > t.r.cfg.Lease:
			stop(errLost)
		}
	}
}

// end stores what became of the turn. closing is the runner's context.
func (t *turn) end(closing context.Context, log *slog.Logger, err error) {
	message, kind := "", rag.KindOf(err)
	if err != nil {
		message = err.Error()
	}
	switch {
	case errors.Is(err, errLost), kind == rag.KindConflict && err != nil && t.lost(closing):
		log.Info("a job went into other hands")
	case errors.Is(err, errCancelled):
		t.finish(log, rag.JobCancelled, "", time.Time{})
	case err == nil:
		t.finish(log, rag.JobDone, "", time.Time{})
	case closing.Err() != nil:
		t.finish(log, rag.JobQueued, "", t.r.cfg.Clock()) // goes on in another process, or after the next start
	case (kind == rag.KindUnavailable || kind == rag.KindInternal) && t.job.Tries < t.r.cfg.Tries:
		t.finish(log, rag.JobQueued, message, t.r.cfg.Clock().Add(t.r.pause(t.job.Tries)))
	default:
		t.finish(log, rag.JobFailed, message, time.Time{})
	}
}

// lost reports whether the job is not this runner's any more.
func (t *turn) lost(ctx context.Context) bool {
	_, err := t.r.cfg.Store.HoldJob(context.WithoutCancel(ctx), t.job.ID, t.r.holder, t.r.cfg.Lease, t.now(ctx))
	kind := rag.KindOf(err)
	return kind == rag.KindConflict || kind == rag.KindNotFound
}

// finishing bounds the store's last word on a turn.
const finishing = 10 * time.Second

func (t *turn) finish(log *slog.Logger, state rag.JobState, message string, notBefore time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), finishing)
	defer cancel()
	p := t.now(ctx)
	err := t.r.cfg.Store.FinishJob(ctx, t.job.ID, t.r.holder, state, message, notBefore, p)
	switch kind := rag.KindOf(err); {
	case kind == rag.KindConflict || kind == rag.KindNotFound:
		log.Info("a job went into other hands")
		return
	case err != nil:
		log.Error("store the end of a job; it will be begun again", "state", state, "error", err)
		return
	}
	t.r.cfg.Changed(ctx, t.job.ID)
	if state.Ended() {
		t.r.forget(t.job.ID)
	}
	args := []any{"state", state, "done", p.Done, "failed", p.Failed, "took", p.Took.Round(time.Millisecond)}
	if message != "" {
		log.Error("a job did not come to its end", append(args, "error", message)...)
		return
	}
	log.Info("job", args...)
}
