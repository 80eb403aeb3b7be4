package smartretriever

import (
	"context"
	"sync"

	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/rag"
)

// News tells processes that share a store what has changed. Nothing depends on it: who is
// told nothing looks for itself, only later. It is goroutine-safe.
type News interface {
	// Tell says that what has changed. It ends soon, whether anybody is told or not.
	Tell(ctx context.Context, what string)
	// Listen returns a channel that receives after what was told to have changed, once for any
	// number of changes that were not taken from it, and what ends it.
	Listen(what string) (changed <-chan struct{}, end func())
}

// newJobs is told when there is work.
const newJobs = "new"

// tell tells other processes what has changed.
func (r *Retriever) tell(ctx context.Context, what string) {
	if r.cfg.News != nil {
		r.cfg.News.Tell(context.WithoutCancel(ctx), what) // it has changed, whoever has gone meanwhile
	}
}

// JobChanges returns a channel that receives soon after a job has changed, in whatever
// process, and what ends it. It may receive late or never: who watches a job looks for
// itself as well.
func (r *Retriever) JobChanges(id rag.JobID) (changed <-chan struct{}, end func()) {
	if r.cfg.News == nil {
		return nil, func() {}
	}
	return r.cfg.News.Listen(string(id))
}

// newsListener wakes the runner of jobs when another process has handed one in.
type newsListener struct {
	stop chan struct{}
	done sync.WaitGroup
}

func wakeOnNews(runner *jobs.Runner, news News) *newsListener {
	l := &newsListener{stop: make(chan struct{})}
	changed, end := news.Listen(newJobs)
	l.done.Go(func() {
		defer end()
		for {
			select {
			case <-l.stop:
				return
			case <-changed:
				runner.Wake()
			}
		}
	})
	return l
}

// Close ends the listening.
func (l *newsListener) Close() error {
	close(l.stop)
	l.done.Wait()
	return nil
}
