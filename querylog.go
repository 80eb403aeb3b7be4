package smartretriever

import (
	"context"
	"log/slog"
	"sync"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// queryLog writes the query log behind the answers' backs: a search of a few
// milliseconds does not wait for a disk. Its queue is bounded; what does not fit
// is dropped and counted as an error of "query_log".
type queryLog struct {
	store   logStore
	observe *observe.Observer
	logger  *slog.Logger
	queue   chan rag.QueryRecord
	done    sync.WaitGroup
	once    sync.Once
}

// logStore keeps records: all that are handed over together, or none.
type logStore interface {
	RecordQueries(ctx context.Context, records []rag.QueryRecord) error
}

// queryLogRoom is how many records may wait: some seconds of a busy server.
const queryLogRoom = 1024

// queryLogBatch is how many records are written in one transaction at most. Each
// transaction waits for the disk and keeps other writers waiting.
const queryLogBatch = 128

func startQueryLog(store logStore, o *observe.Observer, logger *slog.Logger) *queryLog {
	l := &queryLog{store: store, observe: o, logger: logger, queue: make(chan rag.QueryRecord, queryLogRoom)}
	l.done.Go(l.run)
	return l
}

// run writes what waits, all of it together: one record after a lonely search, many
// in a storm.
func (l *queryLog) run() {
	var batch []rag.QueryRecord
	for rec := range l.queue {
		batch = append(batch[:0], rec)
		for more := len(l.queue); more > 0 && len(batch) < queryLogBatch; more-- {
			batch = append(batch, <-l.queue)
		}
		l.write(batch)
	}
}

// write keeps a batch. One record that cannot be kept, since its collection is gone,
// does not take the others with it.
func (l *queryLog) write(batch []rag.QueryRecord) {
	err := l.store.RecordQueries(context.Background(), batch)
	switch {
	case err == nil:
	case len(batch) > 1:
		for i := range batch {
			l.write(batch[i : i+1])
		}
	default:
		l.observe.Error(rag.KindOf(err), "query_log")
		l.logger.Warn("query not logged", "error", err)
	}
}

// RecordQuery hands a record over. It is not called after Close: calls have
// ended by then.
func (l *queryLog) RecordQuery(_ context.Context, rec rag.QueryRecord) error {
	select {
	case l.queue <- rec:
		return nil
	default:
		return rag.Errorf(rag.KindExhausted, "the query log is behind by %d records; one was dropped", queryLogRoom)
	}
}

// Close writes what waits.
func (l *queryLog) Close() error {
	l.once.Do(func() { close(l.queue) })
	l.done.Wait()
	return nil
}
