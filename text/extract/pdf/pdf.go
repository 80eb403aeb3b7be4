// Package pdf extracts the text of PDF documents, page by page, with headings,
// paragraphs, list items and running headers and footers told apart.
//
// The reading is done by PDFium, compiled to WebAssembly and run by wazero, so
// that there is no C in the program and no file can reach beyond the engine's
// own memory. What PDFium gives is lines of text in the order of the page's
// content with place, size and weight of their first letter; what becomes of
// them is decided here:
//
//	password.go  the forms in which a password may have been given
//	geometry.go  places on a page as it is shown
//	page.go      a page's lines
//	chars.go     the characters of a page's text
//	spaced.go    lines whose letters are set apart
//	accents.go   accents that are set apart from their letters
//	crooked.go   lines of drawings that are none
//	notes.go     text in its annotations and form fields
//	running.go   which lines are running headers, footers and page numbers
//	rules.go     straight lines that are drawn on a page
//	ruled.go     the tables that they make
//	layout.go    lines -> paragraphs and list items; hyphens at line ends
//	heading.go   which paragraphs are headings, by outline, size and weight
//
// A citation is checked by looking: picture.go shows a page as it is printed, and
// marks.go finds where on it a quote of the extracted text stands. scans.go tells pages
// that are images from those that are blank.
//
// DESIGN.md says what was measured.
package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium"
	pdfium_errors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Config says how the engine is run. The zero value works.
type Config struct {
	// CacheDir keeps the compiled engine, about 14 MB: with it a start takes
	// 0.05 s in place of 1.5 s. "" compiles anew in each process.
	CacheDir string
	// Interruptible makes a call end when its context does. It costs three
	// quarters of the speed, and is meant for where the process cannot be killed.
	Interruptible bool
	// MemoryLimit bounds the engine's memory for one document, in bytes.
	// 0 is 1 GiB; at most 4 GiB.
	MemoryLimit int64
	// Instances is how many documents are read at once; others wait. 0 is 1.
	Instances int
}

const (
	wasmPage      = 64 << 10
	defaultMemory = 1 << 30
	maxMemory     = 4 << 30
)

// Options are those of one document.
type Options struct {
	Password string
	Limit    int // most bytes of text, 0 for no limit
	MaxPages int // more are KindExhausted; 0 is 5,000
}

// DefaultMaxPages is the most pages a document may have unless told otherwise.
const DefaultMaxPages = 5000

// Engine extracts text from PDF files. It starts on first use and is
// goroutine-safe.
type Engine struct {
	config Config

	start sync.Once
	pool  pdfium.Pool
	cache wazero.CompilationCache
	err   error
}

// NewEngine returns an engine that is not started yet.
func NewEngine(config Config) *Engine {
	if config.MemoryLimit <= 0 {
		config.MemoryLimit = defaultMemory
	}
	config.MemoryLimit = min(config.MemoryLimit, maxMemory)
	config.Instances = max(1, config.Instances)
	return &Engine{config: config}
}

// Start makes the engine ready, which the first Extract does otherwise.
func (e *Engine) Start() error {
	e.start.Do(func() {
		rc := wazero.NewRuntimeConfig().
			WithMemoryLimitPages(uint32(e.config.MemoryLimit / wasmPage)).
			WithCloseOnContextDone(e.config.Interruptible)
		if e.config.CacheDir != "" {
			// Without the cache everything works, only later.
			if cache, err := wazero.NewCompilationCacheWithDir(e.config.CacheDir); err == nil {
				e.cache = cache
				rc = rc.WithCompilationCache(cache)
			}
		}
		e.pool, e.err = webassembly.Init(webassembly.Config{
			MaxIdle: 1, MaxTotal: e.config.Instances,
			RuntimeConfig: rc,
			FSConfig:      wazero.NewFSConfig(), // no files
			Stdout:        io.Discard, Stderr: io.Discard,
		})
	})
	return rag.Wrap(rag.KindInternal, e.err, "start the PDF engine")
}

// Close frees the engine. No Extract may be running.
func (e *Engine) Close() error {
	e.start.Do(func() { e.err = errors.New("the engine is closed") })
	if e.pool == nil {
		return nil
	}
	err := e.pool.Close()
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(context.Background()))
	}
	return err
}

// Extract returns the text of a PDF. An encrypted file without its password is
// KindUnauthorized, a damaged one KindInvalid, one with too many pages or too
// much text KindExhausted. Pages that cannot be read are left out and named in
// the warnings.
func (e *Engine) Extract(ctx context.Context, content []byte, opt Options) (text rag.Text, err error) {
	err = e.use(ctx, func(in pdfium.Pdfium) (err error) {
		text, err = extract(ctx, in, content, opt)
		return err
	})
	if err != nil {
		return rag.Text{}, err
	}
	return text, nil
}

// use calls work with an instance of the engine that nobody else has.
func (e *Engine) use(ctx context.Context, work func(pdfium.Pdfium) error) (err error) {
	if err := e.Start(); err != nil {
		return err
	}
	instance, err := e.pool.GetInstanceWithContext(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return rag.Wrap(rag.KindInternal, err, "start an instance of the PDF engine")
	}
	var closing sync.Once
	defer closing.Do(func() { _ = instance.Close() })
	stop := context.AfterFunc(ctx, func() {
		// Closing the module ends the call that is running in it, if the engine
		// is interruptible; otherwise it ends when the call returns.
		closing.Do(func() { _ = instance.Kill() })
	})
	defer stop()
	defer func() {
		// The wrapper panics where the engine gives it what it does not expect.
		if p := recover(); p != nil {
			err = rag.Errorf(rag.KindInvalid, "the PDF is damaged: %v", p)
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	return work(instance)
}

// extract is the pipeline: pages, running lines, paragraphs, headings, text.
func extract(ctx context.Context, in pdfium.Pdfium, content []byte, opt Options) (rag.Text, error) {
	doc, err := open(in, content, opt.Password)
	if err != nil {
		return rag.Text{}, err
	}
	r := &reader{in: in, doc: doc, limit: opt.Limit}
	pages, err := r.pages(ctx, opt.MaxPages)
	if err != nil {
		return rag.Text{}, err
	}
	outline := r.outline()
	markRunning(pages)
	dict := hyphenWords(pages)
	var paras []para
	for _, p := range pages {
		paras = append(paras, p.paragraphs(dict)...)
	}
	markHeadings(paras, outline)

	b := &clean.Builder{Limit: opt.Limit}
	tables := map[int]rag.Box{} // of the blocks that are one
	for _, p := range paras {
		if p.table != nil {
			tables[b.Blocks()] = p.box
			if err := p.table.AddTo(b); err != nil {
				return rag.Text{}, err
			}
			continue
		}
		if err := b.Add(rag.Block{Kind: p.kind, Level: p.level, Page: p.page, Box: p.box}, p.text); err != nil {
			return rag.Text{}, err
		}
	}
	text := b.Text()
	for i, box := range tables {
		if i < len(text.Blocks) && text.Blocks[i].Kind == rag.Table {
			text.Blocks[i].Box = box
		}
	}
	text.Pages = len(pages)
	text.Title, text.Metadata = r.properties()
	if text.Title == "" {
		text.Title = firstHeading(paras)
	}
	text.Warnings = append(r.warnings, Doubts(text)...)
	return text, nil
}

// open loads the document, with each form of the password in turn.
func open(in pdfium.Pdfium, content []byte, given string) (references.FPDF_DOCUMENT, error) {
	doc, err := openWith(in, content, "")
	if errors.Is(err, pdfium_errors.ErrPassword) && given != "" {
		for _, p := range passwords(given) {
			if doc, err = openWith(in, content, p); !errors.Is(err, pdfium_errors.ErrPassword) {
				break
			}
		}
	}
	switch {
	case err == nil:
		return doc, nil
	case errors.Is(err, pdfium_errors.ErrPassword) && given == "":
		return "", rag.Errorf(rag.KindUnauthorized, "the PDF is encrypted; give its password")
	case errors.Is(err, pdfium_errors.ErrPassword) && mixedFilters(content):
		return "", rag.Errorf(rag.KindUnauthorized, "the PDF is encrypted in a way that is not supported: its strings otherwise than its streams")
	case errors.Is(err, pdfium_errors.ErrPassword):
		return "", rag.Errorf(rag.KindUnauthorized, "the PDF is encrypted and the password is wrong")
	case errors.Is(err, pdfium_errors.ErrSecurity):
		return "", rag.Errorf(rag.KindUnauthorized, "the PDF is encrypted in a way that is not supported")
	}
	return "", rag.Errorf(rag.KindInvalid, "the PDF is damaged or cut off")
}

func openWith(in pdfium.Pdfium, content []byte, password string) (references.FPDF_DOCUMENT, error) {
	request := &requests.OpenDocument{File: &content}
	if password != "" {
		request.Password = &password
	}
	doc, err := in.OpenDocument(request)
	if err != nil {
		return "", err
	}
	return doc.Document, nil
}

// Doubts says what a person should know about the text of a PDF; it is among the
// warnings of Extract.
func Doubts(text rag.Text) []string {
	type letters struct{ all, bad int }
	pages := make([]letters, text.Pages+1)
	for _, b := range text.Blocks {
		if b.Page >= 1 && b.Page <= text.Pages {
			s := b.Span.Of(text.Content)
			pages[b.Page].all += utf8.RuneCountInString(s)
			pages[b.Page].bad += strings.Count(s, "\uFFFD")
		}
	}
	var out []string
	empty, illegible := 0, 0
	for _, p := range pages[1:] {
		switch {
		case p.all == 0:
			empty++
		case float64(p.bad) > illegibleShare*float64(p.all):
			illegible++
		}
	}
	if empty > 0 {
		out = append(out, fmt.Sprintf("%d of %d pages hold no text", empty, text.Pages))
	}
	if illegible > 0 {
		out = append(out, fmt.Sprintf("%d of %d pages are hardly legible: their fonts do not say what the letters mean", illegible, text.Pages))
	}
	if n := strings.Count(text.Content, "\uFFFD"); n > 0 {
		out = append(out, fmt.Sprintf("%d characters have no meaning in the document's fonts and are shown as U+FFFD", n))
	}
	return out
}

// A page of which more than a tenth has no meaning is not worth much as text.
const illegibleShare = 0.1

// parseDate reads a PDF date such as D:20240131120000+01'00' as far as it goes.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "D:")
	zone := time.UTC
	if i := strings.IndexAny(s, "+-Zz"); i > 0 {
		var h, m int
		if n, _ := fmt.Sscanf(strings.ReplaceAll(s[i+1:], "'", " "), "%d %d", &h, &m); n > 0 && h < 24 && m < 60 {
			offset := h*3600 + m*60
			if s[i] == '-' {
				offset = -offset
			}
			zone = time.FixedZone("", offset)
		}
		s = s[:i]
	}
	for _, layout := range []string{"20060102150405", "200601021504", "2006010215", "20060102", "200601", "2006"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
