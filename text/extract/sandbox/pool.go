package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// Config says how children are run. Command is needed; there are no defaults
// here (package extract has them).
type Config struct {
	Command      []string // program and arguments that lead to Main
	Env          []string // the child's whole environment
	Workers      int      // children at once
	RecycleAfter int      // files after which a child is replaced
	Limits       Limits   // of each file
}

// Pool keeps children. It is goroutine-safe.
type Pool struct {
	config Config
	slots  chan struct{}

	mu     sync.Mutex
	idle   []*worker
	closed bool
}

// NewPool returns a pool without children; they start when files come.
func NewPool(config Config) *Pool {
	config.Workers = max(1, config.Workers)
	config.RecycleAfter = max(1, config.RecycleAfter)
	return &Pool{config: config, slots: make(chan struct{}, config.Workers)}
}

// Read has a child read a file. Time spent waiting for a free child does not
// count. Errors are those of format.Reader.Read, KindExhausted for a limit that
// was passed, KindInvalid for a file that crashed its reader, and KindInternal
// where children cannot be started.
func (p *Pool) Read(ctx context.Context, req format.Request) (text rag.Text, err error) {
	err = p.use(ctx, func(w *worker) (err error) {
		text, err = w.read(ctx, req, p.config.Limits)
		return err
	})
	return text, err
}

// Page has a child show a page of a file. Errors are those of format.Reader.Page,
// and those of limits and crashes as for Read.
func (p *Pool) Page(ctx context.Context, req format.Request, opt pdf.PageOptions) (picture rag.Picture, err error) {
	err = p.use(ctx, func(w *worker) (err error) {
		picture, err = w.page(ctx, req, opt, p.config.Limits)
		return err
	})
	return picture, err
}

// Scans has a child say on which of the given pages of a PDF there is an image. Errors
// are those of pdf.Engine.Scans, and those of limits and crashes as for Read.
func (p *Pool) Scans(ctx context.Context, req format.Request, pages []int) (scans []int, err error) {
	err = p.use(ctx, func(w *worker) (err error) {
		scans, err = w.scans(ctx, req, pages, p.config.Limits)
		return err
	})
	return scans, err
}

// use waits for a child that is free and gives it work.
func (p *Pool) use(ctx context.Context, work func(*worker) error) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.slots }()
	w, err := p.take()
	if err != nil {
		return err
	}
	err = work(w)
	p.giveBack(w)
	return err
}

// take returns a living child.
func (p *Pool) take() (*worker, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, rag.Errorf(rag.KindUnavailable, "the extractor is closed")
		}
		var w *worker
		if n := len(p.idle); n > 0 {
			w = p.idle[n-1]
			p.idle = p.idle[:n-1]
		}
		p.mu.Unlock()
		switch {
		case w == nil:
			return startWorker(p.config)
		case w.alive():
			return w, nil
		}
		w.stop()
	}
}

// giveBack keeps a child for the next file, unless it is spent, dead or grown.
func (p *Pool) giveBack(w *worker) {
	limit := p.config.Limits.MemoryLimit
	if w.broken || w.files >= p.config.RecycleAfter || limit > 0 && resident(w.cmd.Process.Pid) > limit/2 {
		w.stop()
		return
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
	if closed {
		w.stop()
	}
}

// Close ends the children and waits for them, those that are reading included.
func (p *Pool) Close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, w := range idle {
		w.stop()
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	for range cap(p.slots) {
		<-p.slots
	}
	return nil
}

// How often a child's memory is looked at, how long it may take to start, and
// how long to end when its input does.
const (
	lookEvery = 20 * time.Millisecond
	startTime = 30 * time.Second
	stopTime  = 2 * time.Second
)
