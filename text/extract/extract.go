// Package extract turns files into structured text: office documents of all kinds,
// PDF, web pages, books, mail, markup, tables, data and source code. Formats lists
// them.
//
//	Extract: size -> format.Detect -> read here, or in a child process -> rag.Text
//	Page:    the same way -> rag.Picture
//
// Pages that are pictures, of image files and of scans, are read afterwards by the
// program tesseract, where it is installed (scan.go).
//
// Detection goes by content (package format). Each format has a package of its
// own below this one; what several of them are made of (zip containers of XML, OLE
// files, tables whose cells hold documents, number formats, formulas) are packages
// beside them. Files are read in a child process if one is configured (package
// sandbox): its time and memory are bounded from outside, and a crash costs one
// file. Only small files of formats whose readers take time and memory in proportion
// to the file are read here.
//
// A program that uses this as a library can add formats of its own (Recogniser).
package extract

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
	"github.com/smartretriever/smartretriever/text/extract/sandbox"
)

// Isolation says where files are read that can do harm.
type Isolation string

const (
	// IsolationNone reads in this process. The time limit ends a PDF through
	// checks in the engine, which make it about four times slower, and the
	// memory limit holds for the engine only.
	IsolationNone Isolation = "none"
	// IsolationProcess reads in child processes that are killed when they pass
	// a limit.
	IsolationProcess Isolation = "process"
)

// Config says how files are read. The zero value reads in this process.
type Config struct {
	// MaxBytes is the most bytes of a file. Default 100 MiB.
	MaxBytes int64
	// MaxText is the most bytes of text taken from a file. Default 64 MiB.
	MaxText int
	// MaxPages is the most pages of a PDF. Default 5,000.
	MaxPages int
	// Timeout is the most time for one file, not counting the wait for a free
	// worker. Default 30 s.
	Timeout time.Duration
	// MemoryLimit is the most memory of a child process in bytes; without
	// isolation, of the PDF engine for one document. Default 1 GiB.
	MemoryLimit int64
	// Workers is how many files are read at once. Default the number of cores.
	Workers int
	// RecycleAfter is how many files a child reads before a new one takes its
	// place. Default 500.
	RecycleAfter int
	// Isolation is IsolationProcess or IsolationNone. Default process if Command
	// is set, none otherwise.
	Isolation Isolation
	// Command starts a child: a program that calls sandbox.Main with its
	// standard input and output, and its arguments. There is no default, since
	// only the program itself knows that it has such a verb.
	Command []string
	// Env is the child's whole environment. It needs none.
	Env []string
	// Recognisers read formats of the caller's own. They are asked in order, before all
	// others.
	Recognisers []Recogniser
	// NoOCR leaves pages that are pictures unread. Otherwise they are read where the
	// program tesseract is installed.
	NoOCR bool
	// OCR says how they are read; its Workers default to Workers.
	OCR ocr.Config
	// OCRPages is the most pages of a file that are read as pictures. Default 300.
	OCRPages int
	// CacheDir keeps the compiled PDF engine between starts (14 MB), so that one
	// takes 0.05 s in place of 1.5 s. "" compiles in every process anew.
	CacheDir string
}

// WithDefaults returns the configuration with its defaults filled in.
func (c Config) WithDefaults() Config {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 100 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MemoryLimit == 0 {
		c.MemoryLimit = 1 << 30
	}
	set(&c.MaxText, 64<<20)
	set(&c.MaxPages, pdf.DefaultMaxPages)
	set(&c.Workers, runtime.NumCPU())
	set(&c.RecycleAfter, 500)
	set(&c.OCR.Workers, c.Workers)
	set(&c.OCRPages, DefaultOCRPages)
	if c.Isolation == "" {
		c.Isolation = IsolationNone
		if len(c.Command) > 0 {
			c.Isolation = IsolationProcess
		}
	}
	return c
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	positive := func(name string, ok bool) {
		if !ok {
			faults = append(faults, fmt.Errorf("%s must not be negative", name))
		}
	}
	positive("MaxBytes", c.MaxBytes >= 0)
	positive("MaxText", c.MaxText >= 0)
	positive("MaxPages", c.MaxPages >= 0)
	positive("Timeout", c.Timeout >= 0)
	positive("Workers", c.Workers >= 0)
	positive("RecycleAfter", c.RecycleAfter >= 0)
	positive("OCRPages", c.OCRPages >= 0)
	if err := c.OCR.Validate(); err != nil {
		faults = append(faults, err)
	}
	if c.MemoryLimit < 0 || c.MemoryLimit > 0 && c.MemoryLimit < minMemory {
		faults = append(faults, fmt.Errorf("MemoryLimit must be at least %d MiB", minMemory>>20))
	}
	switch c.Isolation {
	case "", IsolationNone:
	case IsolationProcess:
		if len(c.Command) == 0 {
			faults = append(faults, errors.New("Isolation \"process\" needs a Command"))
		}
	default:
		faults = append(faults, fmt.Errorf("Isolation %q is neither \"process\" nor \"none\"", c.Isolation))
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "extract")
}

// pageWorkers is the most children that show pages.
const pageWorkers = 2

// minMemory is what a child needs to read anything at all.
const minMemory = 128 << 20

// Extractor reads files. It is goroutine-safe.
type Extractor struct {
	config Config
	local  *format.Reader
	pool   *sandbox.Pool // nil without isolation
	pages  *sandbox.Pool // shows pages, so that nobody who looks waits for files that are read; nil without isolation
	ocr    *ocr.Engine   // nil if pictures are not read
	slots  chan struct{} // one for each file that may be read in this process at once
}

// New returns an extractor. Nothing is started before the first file needs it.
// Close frees it.
func New(config Config) (*Extractor, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	e := &Extractor{
		config: config,
		slots:  make(chan struct{}, config.Workers),
		local: &format.Reader{
			MaxText: config.MaxText, MaxPages: config.MaxPages,
			PDF: pdf.NewEngine(pdf.Config{
				CacheDir: config.CacheDir, Interruptible: true,
				MemoryLimit: config.MemoryLimit, Instances: config.Workers,
			}),
		},
	}
	if !config.NoOCR {
		var err error
		if e.ocr, err = ocr.New(config.OCR); err != nil {
			return nil, err
		}
	}
	if config.Isolation == IsolationProcess {
		children := sandbox.Config{
			Command: config.Command, Env: config.Env, Workers: config.Workers, RecycleAfter: config.RecycleAfter,
			Limits: sandbox.Limits{
				MaxText: config.MaxText, MaxPages: config.MaxPages, Timeout: config.Timeout,
				MemoryLimit: config.MemoryLimit, CacheDir: config.CacheDir,
			},
		}
		e.pool = sandbox.NewPool(children)
		children.Workers = min(children.Workers, pageWorkers)
		e.pages = sandbox.NewPool(children)
	}
	return e, nil
}

// Close ends the child processes. No Extract may be running.
func (e *Extractor) Close() error {
	err := e.local.PDF.Close()
	if e.pool != nil {
		err = errors.Join(err, e.pool.Close(), e.pages.Close())
	}
	return err
}

// Extract recognises the format of a file and returns its text. The file's name helps
// to tell kinds of text apart and appears in errors. Kinds of error: KindInvalid
// for damaged files and formats that are not supported, KindUnauthorized for
// encrypted files without the right password, KindExhausted for files that pass
// a limit. An empty file is an empty text and no error.
func (e *Extractor) Extract(ctx context.Context, file rag.File) (rag.Text, error) {
	text, err := e.extract(ctx, file)
	if err == nil {
		return text, nil
	}
	if name := clean.Line(file.Name); name != "" {
		err = rag.Errorf(rag.KindOf(err), "%s: %w", name, err)
	}
	return rag.Text{}, err
}

func (e *Extractor) extract(ctx context.Context, file rag.File) (rag.Text, error) {
	if int64(len(file.Content)) > e.config.MaxBytes {
		return rag.Text{}, rag.Errorf(rag.KindExhausted, "the file has %d bytes; at most %d are read", len(file.Content), e.config.MaxBytes)
	}
	for _, r := range e.config.Recognisers {
		if text, ok, err := e.recognised(ctx, r, file); ok || err != nil {
			return text, err
		}
	}
	id, err := format.Detect(file.Name, file.Content)
	if err != nil {
		return rag.Text{}, err
	}
	req := format.Request{Format: id, Name: file.Name, Password: file.Password, MainContent: file.MainContent, Content: file.Content}
	text, err := e.read(ctx, req)
	if err != nil {
		return rag.Text{}, err
	}
	return e.withScans(ctx, req, text)
}

// read returns the text that a file holds as such.
func (e *Extractor) read(ctx context.Context, req format.Request) (rag.Text, error) {
	if e.pool != nil && risky(req.Format, len(req.Content)) {
		return e.pool.Read(ctx, req)
	}
	return e.readLocal(ctx, req)
}

// Page returns the picture of a page of content, with the marks that opt asks for.
// Kinds of error: KindNotFound for a page that is not there and a format that has
// no pages, and those of Extract. Pages are shown under the limits of Extract, by
// children of their own.
func (e *Extractor) Page(ctx context.Context, name string, content []byte, password string, opt pdf.PageOptions) (rag.Picture, error) {
	if int64(len(content)) > e.config.MaxBytes {
		return rag.Picture{}, rag.Errorf(rag.KindExhausted, "the file has %d bytes; at most %d are read", len(content), e.config.MaxBytes)
	}
	id, err := format.Detect(name, content)
	if err != nil {
		return rag.Picture{}, err
	}
	req := format.Request{Format: id, Name: name, Password: password, Content: content}
	if e.pages != nil && (id == format.PDF || id == format.Image) {
		return e.pages.Page(ctx, req, opt)
	}
	var picture rag.Picture
	err = e.locally(ctx, id, func(ctx context.Context) (err error) {
		picture, err = e.local.Page(ctx, req, opt)
		return err
	})
	return picture, err
}

// small is a size in bytes up to which no file of a format that is text takes its
// reader long, even if its time should grow with the square of the size.
const small = 64 << 10

// risky reports whether a file can make its reader hang or grow. Files of the other
// formats take time and memory in proportion to their size.
func risky(id format.ID, size int) bool {
	switch id {
	case format.Plain, format.Code:
		return false
	case format.Markdown, format.RST, format.Org, format.Table, format.JSON, format.XML, format.Subtitles:
		return size > small
	}
	return size > 0
}

// readLocal reads in this process.
func (e *Extractor) readLocal(ctx context.Context, req format.Request) (text rag.Text, err error) {
	err = e.locally(ctx, req.Format, func(ctx context.Context) (err error) {
		text, err = e.local.Read(ctx, req)
		return err
	})
	return text, err
}

// locally does work in this process within the time limit, as much at once as
// there are slots.
func (e *Extractor) locally(ctx context.Context, id format.ID, work func(context.Context) error) error {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.slots }()
	if err := e.local.Start(id); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, e.config.Timeout)
	defer cancel()
	err := work(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return rag.Errorf(rag.KindExhausted, "reading it took longer than %s", e.config.Timeout)
	}
	return err
}
