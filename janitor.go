package smartretriever

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// janitor makes deleted mean gone. A deletion takes a document out of every
// search in its own transaction; the janitor then removes what is left of it: rows,
// texts, embeddings that nothing refers to, the bytes in the database file, the
// original, and what the index files hold of it. It runs shortly after a
// deletion or replacement, so that many of them share one run; once more when the
// retriever is closed; and, with a retention, every hour.
type janitor struct {
	r       *Retriever
	due     chan struct{}
	turn    chan struct{}    // held by the run that is going on
	swept   time.Time        // when strays were last looked for; of who has the turn, as the next
	owed    bool             // all indexes have to be looked through
	mu      sync.Mutex       // guards touched and gone
	touched map[int64]bool   // collections whose indexes hold, or held, what is to go
	gone    []rag.Collection // deleted: what is cached of them is forgotten once more
	cancel  context.CancelFunc
	done    sync.WaitGroup
	once    sync.Once
}

const (
	janitorDelay    = 500 * time.Millisecond
	janitorInterval = time.Hour
	// strayAge is the age of an original without a document that says that none is
	// coming: far longer than any batch takes from storing it to its commit.
	strayAge = time.Hour

	janitorAtStart = 5 * time.Second
	janitorRetry   = time.Minute
	janitorAtClose = 30 * time.Second // most that Close waits for it
)

func startJanitor(r *Retriever) *janitor {
	ctx, cancel := context.WithCancel(context.Background())
	j := &janitor{r: r, due: make(chan struct{}, 1), turn: make(chan struct{}, 1), touched: map[int64]bool{}, cancel: cancel}
	j.done.Go(func() { j.run(ctx) })
	return j
}

// wake asks for a run soon; something of the collection was deleted or replaced
// (0: of none that still exists).
func (j *janitor) wake(collectionID int64) {
	j.mu.Lock()
	if collectionID != 0 {
		j.touched[collectionID] = true
	}
	j.mu.Unlock()
	select {
	case j.due <- struct{}{}:
	default: // one is due already
	}
}

// wakeGone is wake for a collection that was deleted.
func (j *janitor) wakeGone(col rag.Collection) {
	j.mu.Lock()
	j.gone = append(j.gone, col)
	j.mu.Unlock()
	j.wake(0)
}

func (j *janitor) run(ctx context.Context) {
	hourly := time.NewTicker(janitorInterval)
	defer hourly.Stop()
	// What a process that died has left is found soon after the start, and, after a
	// failure, again later.
	again := time.After(janitorAtStart)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		case <-again:
		case <-j.due:
			select {
			case <-ctx.Done():
				j.wake(0) // Close does it
				return
			case <-time.After(janitorDelay):
			}
		}
		switch err := j.clean(ctx); {
		case err == nil:
		case ctx.Err() != nil:
			j.wake(0) // Close does it
		default:
			j.r.cfg.Logger.Error("clean-up after deletions failed; it will be tried again", "error", err)
			j.r.cfg.Observer.Error(rag.KindOf(err), "janitor")
			again = time.After(janitorRetry)
		}
	}
}

// clean purges what was deleted longer ago than the retention, forgets old jobs, and
// then removes what the purge has let go of: words and vectors in indexes, and originals. One
// of these that is away, or refuses, does not keep the others waiting. Runs take turns: when one
// returns, what another had begun is done too.
func (j *janitor) clean(ctx context.Context) error {
	select {
	case j.turn <- struct{}{}:
		defer func() { <-j.turn }()
	case <-ctx.Done():
		return rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "clean up after deletions")
	}
	begun := j.r.cfg.Clock()
	// Indexes come first: as long as the rows are there, a run after a crash knows that there was something to do.
	known, err := j.cleanIndexes(ctx)
	if err != nil {
		return err
	}
	report, err := j.r.store.Purge(ctx, begun.Add(-j.r.cfg.Retention))
	if err != nil {
		return err
	}
	if _, err := j.r.store.PurgeJobs(ctx, begun.Add(-cmp.Or(j.r.cfg.KeepJobs, DefaultKeepJobs))); err != nil {
		return err
	}
	var indexes error
	if j.owed = j.owed || report.Documents > 0 && !known; j.owed {
		indexes = j.r.follow.PurgeAll(ctx)
		j.owed = indexes != nil
	}
	vectors := j.cleanVectors(ctx)
	originals, refused := j.cleanOriginals(ctx)
	if report.Documents+report.Embeddings+originals > 0 {
		j.r.cfg.Logger.Info("cleaned up after deletions", "documents", report.Documents, "embeddings", report.Embeddings,
			"originals", originals, "took", j.r.cfg.Clock().Sub(begun))
	}
	return errors.Join(indexes, vectors, refused) // the last is what VerifyAll tells from the others
}

// cleanOriginals deletes the originals that lost their last version, and, once in
// a while, those that a process which died stored and never committed.
func (j *janitor) cleanOriginals(ctx context.Context) (int, error) {
	const batch = 500
	total := 0
	var refused error // of files that will go later; the hourly look for strays comes back to them
	for {
		loose, err := j.r.store.LooseOriginals(ctx, batch)
		if err != nil {
			return total, err
		}
		if len(loose) == 0 {
			break
		}
		swept, err := j.r.blobs.SweepThese(ctx, loose, j.r.store.UnreferencedBlobs)
		if rag.KindOf(err) == rag.KindRefused {
			refused, err = err, nil
		}
		if err == nil {
			err = j.r.store.DropLooseOriginals(ctx, loose)
		}
		if err != nil {
			return total, err
		}
		total += swept.Files
	}
	now := time.Now()
	if now.Sub(j.swept) < janitorInterval {
		return total, refused
	}
	j.swept = now
	swept, err := j.r.blobs.Sweep(ctx, j.r.store.UnreferencedBlobs, now.Add(-strayAge))
	if err == nil {
		err = refused
	}
	return total + swept.Files, err
}

// forget removes what is cached of a collection: nobody finds it any more, as the collection has changed, but it may hold what was deleted. A cache that is away
// loses it in its time.
func (j *janitor) forget(ctx context.Context, collectionID int64) {
	col, err := j.r.store.CollectionByID(ctx, collectionID)
	if err != nil {
		return // it is gone, and was forgotten with that, or the next step says what is wrong
	}
	_, _ = j.r.forgetCached(ctx, col)
}

// cleanVectors drops what a vector database holds of collections and generations that are no more.
func (j *janitor) cleanVectors(ctx context.Context) error {
	if j.r.vectors == nil {
		return nil
	}
	n, err := j.r.vectors.Sweep(ctx, j.r.store.ID())
	if n > 0 {
		j.r.cfg.Logger.Info("dropped from the vector database what was of collections and generations that are gone", "spaces", n)
	}
	return err
}

// cleanIndexes sees to it that no index file holds words or vectors of what
// is gone, and reports whether it knew where to look. Otherwise, as after a crash, all collections are looked through.
func (j *janitor) cleanIndexes(ctx context.Context) (known bool, err error) {
	j.mu.Lock()
	touched, gone := j.touched, j.gone
	j.touched, j.gone = map[int64]bool{}, nil
	j.mu.Unlock()
	for _, col := range gone {
		_, _ = j.r.forgetCached(ctx, col) // again: what was being answered from it may have been cached since
	}
	for id := range touched {
		j.forget(ctx, id)
		if err := j.r.follow.Purge(ctx, id); err != nil {
			for id := range touched {
				j.wake(id)
			}
			return false, err
		}
	}
	return len(touched) > 0, nil
}

// Close stops the janitor and does what is due.
func (j *janitor) Close() error {
	var err error
	j.once.Do(func() {
		j.cancel()
		j.done.Wait()
		select {
		case <-j.due:
			ctx, cancel := context.WithTimeout(context.Background(), janitorAtClose)
			defer cancel()
			err = j.clean(ctx)
		default:
		}
	})
	return err
}
