package syncer

import (
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// reading is one reading of a source.
type reading struct {
	s    *Syncer
	src  rag.Source
	opt  Options
	keep bool // what becomes of items is kept; otherwise it is looked at only
	anew bool // documents are read in another way than when the source was read last

	mu      sync.Mutex
	sum     rag.SyncReport
	known   map[string]rag.SourceItem // looked up for the source, until it tells of them
	work    map[int]*work             // handed to ingestion, by index
	put     []rag.SourceItem          // to be kept
	seen    []string                  // to be noted as they were
	gone    []string                  // to be dropped
	flushed time.Time
	told    int             // items that are there
	again   bool            // something failed for a reason that may pass
	hashes  map[uint64]bool // of ids told of, where nothing is kept
	failing map[string]bool // external ids of documents counted as failed, which a further try may better
}

// work is an item that ingestion has.
type work struct {
	event   source.Event
	path    string // its external id
	before  rag.SourceItem
	was     bool // before is what was kept of it
	content io.Closer
	results int
	own     *rag.AddResult  // that of the item itself
	within  map[string]bool // external ids of documents within it
	failed  []rag.AddResult // of these, the first few
	faults  int
}

// tries reads the whole until it succeeds, for as long as it is merely unavailable.
func (r *reading) tries(ctx context.Context, from source.Source, ingest Ingester) (source.Result, error) {
	r.keep = true
	r.flushed = r.s.cfg.Clock()
	for try := 1; ; try++ {
		r.sum.Tries = try
		res, err := r.attempt(ctx, from, ingest.Run)
		if err == nil || ctx.Err() != nil || rag.KindOf(err) != rag.KindUnavailable || try >= r.s.cfg.Tries {
			return res, err
		}
		wait := time.Second << (2 * (try - 1)) // 1 s, 4 s, 16 s, ...
		r.opt.Report(rag.SyncEvent{Result: rag.AddResult{Err: err}, Wait: wait})
		if err := r.s.cfg.Wait(ctx, wait); err != nil {
			return res, err
		}
	}
}

// input is an item on its way to ingestion.
type input struct {
	in rag.Input
	w  *work
}

// run is Ingester.Run, or what stands for it in a dry run.
type run func(ctx context.Context, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error

// attempt reads the whole once. What ingestion has committed when it returns is
// kept.
func (r *reading) attempt(ctx context.Context, from source.Source, ingest run) (source.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan input, ahead)
	var res source.Result
	var readErr error
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(queue)
		res, readErr = from.Sync(ctx, state{r}, func(e source.Event) error { return r.tell(ctx, e, queue) })
	})
	r.again = false
	drawn := 0
	err := ingest(ctx, func(yield func(rag.Input) bool) {
		for batch := range batches(queue) {
			if err := r.announce(ctx, batch); err != nil {
				cancel(err)
			}
			for i, q := range batch {
				r.mu.Lock()
				r.work[drawn] = q.w
				drawn++
				r.mu.Unlock()
				if !yield(q.in) {
					for _, q := range batch[i+1:] {
						closeContent(q.in)
					}
					return
				}
			}
		}
	}, func(index int, result rag.AddResult) {
		if err := r.result(ctx, index, result); err != nil {
			cancel(err)
		}
	})
	if err != nil {
		cancel(err)
	}
	for q := range queue {
		closeContent(q.in)
	}
	reader.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	if err == nil {
		// Whatever ingestion said of an item, it has said now.
		for _, index := range slices.Sorted(maps.Keys(r.work)) {
			if err = r.settle(ctx, index); err != nil {
				break
			}
		}
	}
	for _, w := range r.work {
		closeWork(w)
	}
	clear(r.work)
	clear(r.known)
	// Also after an error, of ctx or another: what is committed is committed.
	if flushErr := r.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushErr
	}
	if err == nil {
		err = readErr
	}
	return res, err
}

// ahead is how many items wait for ingestion, so that they are announced together.
const ahead = 16

// batches yields what is in a queue, as much as is there.
func batches(queue <-chan input) iter.Seq[[]input] {
	return func(yield func([]input) bool) {
		for q := range queue {
			batch := []input{q}
			for more := true; more && len(batch) < ahead; {
				select {
				case q, open := <-queue:
					if more = open; open {
						batch = append(batch, q)
					}
				default:
					more = false
				}
			}
			if !yield(batch) {
				return
			}
		}
	}
}

// announce keeps items that are new, without a fingerprint, before ingestion has them.
// Should this process die between the commit of a document and the next flush, and the
// item go before the next reading, that reading still knows the document as the
// source's, and deletes it.
func (r *reading) announce(ctx context.Context, batch []input) error {
	if !r.keep {
		return nil
	}
	var rows []rag.SourceItem
	for _, q := range batch {
		if !q.w.was {
			rows = append(rows, rag.SourceItem{ID: q.w.event.ID, ExternalID: q.w.path})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return r.s.cfg.Store.PutItems(ctx, r.src, rows)
}

func closeContent(in rag.Input) {
	if c, ok := in.Content.(io.Closer); ok {
		c.Close() // only read from: nothing can be lost
	}
}

func closeWork(w *work) {
	if w.content != nil {
		w.content.Close() // as above; ingestion may have given it up
		w.content = nil
	}
}
