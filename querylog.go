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
	store interface {
		RecordQuery(ctx context.Context, r rag.QueryRecord) error
	}
	observe *observe.Observer
	logger  *slog.Logger
	queue   chan rag.QueryRecord
	done    sync.WaitGroup
	once    sync.Once
}

// queryLogRoom is how many records may wait: some seconds of a busy server.
const queryLogRoom = 1024

func startQueryLog(store interface {
	RecordQuery(ctx context.Context, r rag.QueryRecord) error
}, o *observe.Observer, logger *slog.Logger) *queryLog {
	l := &queryLog{store: store, observe: o, logger: logger, queue: make(chan rag.QueryRecord, queryLogRoom)}
	l.done.Go(l.run)
	return l
}

func (l *queryLog) run() {
	for rec := range l.queue {
		if err := l.store.RecordQuery(context.Background(), rec); err != nil {
			l.observe.Error(rag.KindOf(err), "query_log")
			l.logger.Warn("query not logged", "error", err)
		}
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
