package jobs

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

// Store keeps the jobs. What its methods promise is written at package sqlite's.
type Store interface {
	ClaimJob(ctx context.Context, holder string, lease time.Duration) (job rag.Job, ok bool, err error)
	HoldJob(ctx context.Context, id rag.JobID, holder string, lease time.Duration, progress rag.Progress) (cancel bool, err error)
	WaitingJobItems(ctx context.Context, id rag.JobID, after, limit int) ([]rag.JobItem, error)
	PutJobItems(ctx context.Context, id rag.JobID, holder string, items []rag.JobItem) error
	FinishJob(ctx context.Context, id rag.JobID, holder string, state rag.JobState, message string, notBefore time.Time, progress rag.Progress) error
}

// Blobs keeps the contents of items.
type Blobs interface {
	Open(ctx context.Context, sha256 string) (io.ReadCloser, int64, error)
}

// Config holds a runner's parts. Zero fields take their defaults.
type Config struct {
	Store Store
	Blobs Blobs
	// Add ingests inputs into the job's collection; see ingest.Pipeline.Run.
	Add func(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error
	// Sync brings the job's source up to date and tells of each item that it knows, of
	// each that has its verdict, and in the end of the whole. Each turn reads the source
	// anew and tells of all its items again. Nil refuses such jobs.
	Sync func(ctx context.Context, job rag.Job, tell func(Told)) error
	// Price is what embedding so many tokens for the job's collection costs. Nil is nothing.
	Price func(ctx context.Context, job rag.Job, tokens int64) (rag.Money, string)

	// Changed is told after something new of a job can be read from the store; it ends soon.
	// Nil is not told.
	Changed func(ctx context.Context, id rag.JobID)

	Parallel int           // jobs worked on at once; 0 is 2, so that a short one need not wait for a long one
	Lease    time.Duration // 0 is 10 s: how long a job of a process that was killed waits
	Beat     time.Duration // between two stored states of progress; 0 is 1 s
	Poll     time.Duration // between two looks for work that another process handed in; 0 is 5 s
	Tries    int           // turns of a job, and of an item, before it is given up; 0 is 5
	Pause    time.Duration // before the second try, doubled for each further one; 0 is 2 s
	Logger   *slog.Logger
	Clock    func() time.Time
}

// Told is what a sync tells while it runs.
type Told struct {
	Items  int             // known so far
	Result *rag.AddResult  // the verdict on a document, if this is one
	Report *rag.SyncReport // at the end: its counts take the place of those of single items
}

func (c Config) withDefaults() Config {
	set := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&c.Lease, 10*time.Second)
	set(&c.Beat, time.Second)
	set(&c.Poll, 5*time.Second)
	set(&c.Pause, 2*time.Second)
	if c.Parallel <= 0 {
		c.Parallel = 2
	}
	if c.Tries <= 0 {
		c.Tries = 5
	}
	if c.Changed == nil {
		c.Changed = func(context.Context, rag.JobID) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Runner works on jobs until it is closed. It is goroutine-safe.
type Runner struct {
	cfg    Config
	holder string
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	secrets map[rag.JobID]map[int]string // passwords of items by number
}

// Start starts a runner. Close ends it.
func Start(cfg Config) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runner{cfg: cfg.withDefaults(), holder: uuid.NewString(), wake: make(chan struct{}, 1), cancel: cancel, secrets: map[rag.JobID]map[int]string{}}
	for range r.cfg.Parallel {
		r.done.Go(func() { r.run(ctx) })
	}
	return r
}

// Close stops the work: jobs wait for another process, or for the next start.
func (r *Runner) Close() error {
	r.cancel()
	r.done.Wait()
	return nil
}

// Wake has the runner look for work now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it is going to look
	}
}

// Remember keeps the passwords of a job's items, by number, in memory for as long as this
// process works: they are never stored.
func (r *Runner) Remember(id rag.JobID, passwords map[int]string) {
	if len(passwords) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[id] = passwords
}

func (r *Runner) password(id rag.JobID, item int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secrets[id][item]
}

func (r *Runner) forget(id rag.JobID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.secrets, id)
}

// run is one of the workers.
func (r *Runner) run(ctx context.Context) {
	for ctx.Err() == nil {
		job, ok, err := r.cfg.Store.ClaimJob(ctx, r.holder, r.cfg.Lease)
		if err != nil && ctx.Err() == nil {
			r.cfg.Logger.Error("look for a job", "error", err)
		}
		if ok {
			r.Wake() // there may be more, for the other workers
			r.cfg.Changed(ctx, job.ID)
			r.work(ctx, job)
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-time.After(jittered(r.cfg.Poll)):
		}
	}
}

// pause is how long to wait before the next try after so many.
func (r *Runner) pause(tries int) time.Duration {
	const most = 5 * time.Minute
	wait := r.cfg.Pause
	for range min(tries-1, 20) {
		wait = min(2*wait, most)
	}
	return jittered(min(wait, most))
}

// jittered is between three and five quarters of d, so that processes do not keep step.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
