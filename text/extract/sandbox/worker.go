package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// worker is one child process. One goroutine uses it at a time.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *os.File
	r      *bufio.Reader
	w      *bufio.Writer
	stderr *tail
	files  int
	broken bool          // has to be replaced
	ended  chan struct{} // closed when the process has
}

// startWorker starts a child and waits for its greeting.
func startWorker(config Config) (*worker, error) {
	cmd := exec.Command(config.Command[0], config.Command[1:]...)
	// Secrets in the parent's environment are no business of a child that reads
	// hostile files; an empty list that is not nil hands down nothing.
	cmd.Env = append(make([]string, 0, len(config.Env)), config.Env...)
	isolate(cmd)
	w := &worker{cmd: cmd, stderr: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = w.stderr
	// The pipe is our own, since Wait closes those of exec before they are read.
	read, write, err := os.Pipe()
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "start the extraction process")
	}
	cmd.Stdout = write
	if w.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	write.Close()
	if err != nil {
		read.Close()
		return nil, rag.Wrap(rag.KindInternal, err, "start the extraction process")
	}
	w.out, w.r, w.w = read, bufio.NewReaderSize(read, 1<<16), bufio.NewWriterSize(w.in, 1<<16)
	go func() {
		_ = cmd.Wait() // the state is read from cmd.ProcessState
		close(w.ended)
	}()
	timer := time.AfterFunc(startTime, func() { kill(cmd) })
	defer timer.Stop()
	hello := make([]byte, len(greeting))
	if _, err := io.ReadFull(w.r, hello); err != nil || string(hello) != greeting {
		kill(cmd)
		<-w.ended
		read.Close()
		return nil, rag.Errorf(rag.KindInternal, "start the extraction process: %s is no extraction worker (%s)%s", config.Command[0], cmd.ProcessState, w.stderr.said())
	}
	return w, nil
}

// alive reports whether the process still runs.
func (w *worker) alive() bool {
	select {
	case <-w.ended:
		return false
	default:
		return true
	}
}

// stop ends the process: by closing its input, and by force if that takes long.
func (w *worker) stop() {
	w.in.Close()
	timer := time.AfterFunc(stopTime, func() { kill(w.cmd) })
	if w.broken {
		kill(w.cmd)
	}
	<-w.ended
	timer.Stop()
	w.out.Close()
}

// reason is why a child was killed.
type reason int

const (
	notKilled reason = iota
	tooSlow
	tooLarge
	notWanted // the caller gave up
)

// read sends one file and returns the text that the child makes of it.
func (w *worker) read(ctx context.Context, req format.Request, limits Limits) (rag.Text, error) {
	a, blocks, body, err := w.ask(ctx, request{Format: req.Format, Name: req.Name, Password: req.Password, Main: req.MainContent, Limits: limits}, req.Content)
	if err != nil {
		return rag.Text{}, err
	}
	text := a.Text
	text.Content = string(body)
	text.Blocks = blocks
	return text, nil
}

// page sends one file and returns the picture of one of its pages.
func (w *worker) page(ctx context.Context, req format.Request, opt pdf.PageOptions, limits Limits) (rag.Picture, error) {
	a, _, body, err := w.ask(ctx, request{Format: req.Format, Name: req.Name, Password: req.Password, Limits: limits, Page: &opt}, req.Content)
	if err != nil {
		return rag.Picture{}, err
	}
	picture := a.Picture
	if len(body) > 0 {
		picture.Image = body
	}
	return picture, nil
}

// scans sends one file and returns the pages that show an image.
func (w *worker) scans(ctx context.Context, req format.Request, pages []int, limits Limits) ([]int, error) {
	a, _, _, err := w.ask(ctx, request{Format: req.Format, Name: req.Name, Password: req.Password, Limits: limits, Scans: pages}, req.Content)
	return a.Scans, err
}

// ask sends a request and returns the answer, if it comes within the limits.
func (w *worker) ask(ctx context.Context, req request, content []byte) (answer, []rag.Block, []byte, error) {
	w.files++
	limits := req.Limits
	watch := w.watch(ctx, limits)
	a, blocks, body, err := w.exchange(req, content)
	why := watch()
	if why == notKilled && err == nil {
		return a, blocks, body, nil
	}
	var refused *rag.Error
	if why == notKilled && errors.As(err, &refused) {
		return answer{}, nil, nil, err // the child's own verdict
	}
	w.broken = true
	kill(w.cmd)
	<-w.ended
	switch why {
	case tooSlow:
		err = rag.Errorf(rag.KindExhausted, "%s", timeoutMessage(limits.Timeout))
	case tooLarge:
		err = memoryError(limits)
	case notWanted:
		err = ctx.Err()
	default:
		err = w.crash(limits, err)
	}
	return answer{}, nil, nil, err
}

func memoryError(limits Limits) error {
	return rag.Errorf(rag.KindExhausted, "reading it took more than %d MiB of memory", limits.MemoryLimit>>20)
}

// exchange does the talking.
func (w *worker) exchange(req request, content []byte) (a answer, blocks []rag.Block, body []byte, err error) {
	if err := writeFrame(w.w, req, nil, content); err != nil {
		return answer{}, nil, nil, err
	}
	packed, body, err := readFrame(w.r, &a)
	if err != nil {
		return answer{}, nil, nil, err
	}
	if a.Last {
		w.broken = true
	}
	if a.Kind != "" {
		return answer{}, nil, nil, rag.Errorf(a.Kind, "%s", clean.Line(a.Error))
	}
	blocks, err = unpackBlocks(packed, len(body))
	return a, blocks, body, err
}

// watch kills the child when a limit is passed or ctx ends. The function that it
// returns ends the watch and says whether and why it killed.
func (w *worker) watch(ctx context.Context, limits Limits) func() reason {
	done := make(chan struct{})
	why := notKilled
	var wg sync.WaitGroup
	wg.Go(func() {
		timeout := time.NewTimer(limits.Timeout)
		defer timeout.Stop()
		if limits.Timeout <= 0 {
			timeout.Stop()
		}
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-done:
				return
			case <-timeout.C:
				why = tooSlow
			case <-ctx.Done():
				why = notWanted
			case <-look.C:
				if limits.MemoryLimit <= 0 || resident(w.cmd.Process.Pid) <= limits.MemoryLimit {
					continue
				}
				why = tooLarge
			}
			kill(w.cmd)
			return
		}
	})
	return func() reason {
		close(done)
		wg.Wait()
		return why
	}
}

// crash describes the end of a child that nobody killed.
func (w *worker) crash(limits Limits, cause error) error {
	state := w.cmd.ProcessState
	switch said := w.stderr.String(); {
	case state.ExitCode() == exitMemory || strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return memoryError(limits)
	case strings.Contains(said, "cpu limit exceeded"):
		return rag.Errorf(rag.KindExhausted, "%s", timeoutMessage(limits.Timeout))
	case state.ExitCode() == exitOK && errors.Is(cause, errFrame):
		return rag.Errorf(rag.KindInternal, "the extraction process answered nonsense: %w", cause)
	}
	return rag.Errorf(rag.KindInvalid, "its reader crashed (%s)%s", state, w.stderr.said())
}

// tail keeps the first bytes of what a child writes to standard error: a Go
// crash says in its first line what happened.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p[:min(len(p), most-len(t.buf))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// said returns the first line in brackets, "" if there is none.
func (t *tail) said() string {
	first, _, _ := strings.Cut(strings.TrimSpace(t.String()), "\n")
	if first = clean.Line(first); first == "" {
		return ""
	}
	return fmt.Sprintf(" [%s]", clean.Cut(first, 200))
}
