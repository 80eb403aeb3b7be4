package ingest

import (
	"context"
	"iter"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/archive"
)

// work prepares inputs on the pipeline's workers.
type work struct {
	p       *Pipeline
	at      func() *plan   // what to do with the next document
	emit    func(prepared) // takes what is prepared; called by several goroutines
	members chan numbered  // members of archives, for a worker that has nothing to do
}

// work draws the inputs as workers come free, from one goroutine, and emits what
// comes of each. It returns when all are emitted, or, soon after ctx is done, those
// that were begun.
func (p *Pipeline) work(ctx context.Context, at func() *plan, inputs iter.Seq[rag.Input], emit func(prepared)) {
	w := &work{p, at, emit, make(chan numbered)}
	queue := make(chan numbered)
	var workers sync.WaitGroup
	var begun sync.WaitGroup // inputs: the members of an archive come while it is in work
	workers.Go(func() {
		defer func() {
			close(queue)
			begun.Wait()
			close(w.members)
		}()
		i := 0
		for in := range inputs {
			begun.Add(1)
			select {
			case queue <- numbered{index: i, in: in}:
				i++
			case <-ctx.Done():
				begun.Done()
				closeContent(in)
				return
			}
		}
	})
	for range p.cfg.Workers {
		workers.Go(func() {
			for inputs, members := queue, w.members; inputs != nil || members != nil; {
				select {
				case n, open := <-inputs:
					if !open {
						inputs = nil
						continue
					}
					w.input(ctx, n)
					begun.Done()
				case n, open := <-members:
					if !open {
						members = nil
						continue
					}
					w.member(ctx, n)
				}
			}
		})
	}
	workers.Wait()
}

// input prepares a document, or the members of an archive.
func (w *work) input(ctx context.Context, n numbered) {
	begun := w.p.cfg.Clock()
	content, err := w.p.open(ctx, &n.in)
	if err == nil && n.in.Content != nil && !n.in.Whole && archive.Is(fileName(n.in), content) {
		w.expand(ctx, n, content, begun)
		return
	}
	w.emit(w.p.prepare(ctx, w.at(), n, content, err, begun))
}
