package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// Limits are those of one file. The parent holds the child to them; they go
// along so that the child can stop by itself first.
type Limits struct {
	MaxText     int           `json:"max_text"`
	MaxPages    int           `json:"max_pages"`
	Timeout     time.Duration `json:"timeout"`
	MemoryLimit int64         `json:"memory_limit"`
	CacheDir    string        `json:"cache_dir,omitempty"`
}

// Exit codes of a child that ends by itself before it answers.
const (
	exitOK      = 0
	exitPipe    = 3  // the parent sends nonsense or is gone
	exitMemory  = 86 // its memory is beyond the limit
	memoryEvery = 50 * time.Millisecond
)

// Main is the child: it reads files from in and writes their texts, or pictures of
// their pages, to out until in ends, and returns the exit code of the process. The program's hidden verb
// calls it with standard input and output before it does anything else, and
// writes nothing to standard output itself:
//
//	os.Exit(sandbox.Main(os.Stdin, os.Stdout))
//
// It changes limits of the whole process and must not be called elsewhere.
func Main(in io.Reader, out io.Writer) int {
	r, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriterSize(out, 1<<16)
	if _, err := w.WriteString(greeting); err != nil || w.Flush() != nil {
		return exitPipe
	}
	var c child
	defer c.close()
	for {
		var req request
		_, body, err := readFrame(r, &req)
		if err == io.EOF {
			return exitOK
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "extract-worker:", err)
			return exitPipe
		}
		a, content := c.answer(req, body)
		blocks := packBlocks(a.Text.Blocks)
		a.Text.Blocks = nil
		if err := writeFrame(w, a, blocks, content); err != nil {
			return exitPipe
		}
		if a.Last {
			return exitOK
		}
	}
}

// child is the state of a worker between files.
type child struct {
	limits Limits
	reader *format.Reader
	memory atomic.Int64
}

// configure takes the limits, which are the same for all files of one parent.
func (c *child) configure(l Limits) {
	limitTime(l.Timeout)
	if c.reader != nil && c.limits == l {
		return
	}
	c.close()
	c.limits = l
	// The engine's memory is Go memory. It gets three quarters of the limit, so
	// that a document that needs too much fails in the engine, with a better
	// message than a killed process gives.
	c.reader = &format.Reader{
		MaxText: l.MaxText, MaxPages: l.MaxPages,
		PDF: pdf.NewEngine(pdf.Config{CacheDir: l.CacheDir, MemoryLimit: l.MemoryLimit / 4 * 3}),
	}
	if l.MemoryLimit <= 0 {
		return
	}
	debug.SetMemoryLimit(l.MemoryLimit / 2)
	if c.memory.Swap(l.MemoryLimit) == 0 {
		go c.watch()
	}
}

// watch ends the process when its memory is beyond the limit. It runs as long
// as the process.
func (c *child) watch() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(memoryEvery) {
		metrics.Read(sample)
		if used := sample[0].Value.Uint64() - sample[1].Value.Uint64(); used > uint64(c.memory.Load()) {
			os.Exit(exitMemory)
		}
	}
}

func (c *child) close() {
	if c.reader != nil {
		_ = c.reader.PDF.Close()
		c.reader = nil
	}
}

// answer does what one request asks for. A panic becomes the file's error, and the
// last answer.
func (c *child) answer(req request, content []byte) (a answer, body []byte) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Kind: rag.KindInvalid, Error: fmt.Sprintf("the file is damaged: its reader failed: %v", p), Last: true}
			body = nil
		}
	}()
	c.configure(req.Limits)
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if req.Limits.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, req.Limits.Timeout)
	}
	defer cancel()
	a, body, err := c.do(ctx, req, content)
	switch {
	case ctx.Err() != nil:
		return answer{Kind: rag.KindExhausted, Error: timeoutMessage(req.Limits.Timeout)}, nil
	case err != nil:
		return answer{Kind: rag.KindOf(err), Error: err.Error()}, nil
	}
	return a, body
}

// do reads the file, shows one page of it, or says which pages are scans.
func (c *child) do(ctx context.Context, req request, content []byte) (a answer, body []byte, err error) {
	file := format.Request{Format: req.Format, Name: req.Name, Password: req.Password, MainContent: req.Main, Content: content}
	if req.Page != nil {
		a.Picture, err = c.reader.Page(ctx, file, *req.Page)
		body, a.Picture.Image = a.Picture.Image, nil
		return a, body, err
	}
	if req.Scans != nil {
		a.Scans, err = c.reader.PDF.Scans(ctx, content, req.Password, req.Scans)
		return a, nil, err
	}
	a.Text, err = c.reader.Read(ctx, file)
	body, a.Text.Content = []byte(a.Text.Content), ""
	return a, body, err
}

func timeoutMessage(limit time.Duration) string {
	return fmt.Sprintf("reading it took longer than %s", limit)
}
