package ocr

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says how pictures are read. The zero value works.
type Config struct {
	// Program is the path of tesseract, or its name to be looked for in PATH. Default
	// "tesseract".
	Program string
	// Languages are those of the pictures, by tesseract's names (eng, deu, chi_sim),
	// the most likely first. Empty is eng and what is installed beside it, if that is at
	// most three together; else eng alone.
	Languages []string
	// Data is the folder that holds the program's languages, which it takes from its
	// variable TESSDATA_PREFIX. Empty is where it was installed.
	Data string
	// Timeout is the most time for one picture. Default one minute: a full page takes
	// two to four seconds of a processor.
	Timeout time.Duration
	// Workers is how many pictures are read at once. Default the number of cores.
	Workers int
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if c.Timeout < 0 {
		faults = append(faults, errors.New("the Timeout must not be negative"))
	}
	if strings.IndexByte(c.Data, 0) >= 0 {
		faults = append(faults, errors.New("the Data is no path"))
	}
	if c.Workers < 0 {
		faults = append(faults, errors.New("the Workers must not be negative"))
	}
	for _, l := range c.Languages {
		if !languageName.MatchString(l) {
			faults = append(faults, rag.Errorf(rag.KindInvalid, "%q is no name of a language", l))
		}
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "ocr")
}

// Engine reads pictures. It is goroutine-safe.
type Engine struct {
	finder  finder
	timeout time.Duration
	slots   chan struct{}
}

// New returns an engine. The program is not looked for before it is needed.
func New(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Program == "" {
		c.Program = "tesseract"
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.Workers == 0 {
		c.Workers = runtime.NumCPU()
	}
	return &Engine{
		finder:  finder{program: c.Program, languages: c.Languages, data: c.Data, lock: make(chan struct{}, 1)},
		timeout: c.Timeout, slots: make(chan struct{}, c.Workers),
	}, nil
}

// Workers is how many pictures are read at once.
func (e *Engine) Workers() int { return cap(e.slots) }

// Info asks the program what it is, once; while it is not there, each time. Errors are
// ErrAbsent, and KindInvalid for a language that it does not have or another program.
func (e *Engine) Info(ctx context.Context) (Info, error) { return e.finder.find(ctx) }

// Paragraph is a paragraph of a page.
type Paragraph struct {
	Text string
	Box  rag.Box // in points, in tenths
}

// Page is what was read of a picture.
type Page struct {
	Paragraphs []Paragraph // in reading order
	Words      int
	// Confidence is how sure the words are on average, from 0 to 100, each counting as
	// much as it has letters; 0 where there are none.
	Confidence float64
}

// Doubtful is the confidence below which a page is not to be trusted. Good scans have
// 90 and more, pages that were read upside down or in a wrong script less than 50.
const Doubtful = 60

// turnedGain is how much surer a page must be when turned, to be taken for turned.
const turnedGain = 10

// Read reads a picture, a PNG. scale is how many pixels a point of the page has; dpi
// says how many pixels an inch had on paper, 0 if that is not known. A page that comes
// out doubtful is read once more, turned as the program finds it to be. Kinds of error:
// KindExhausted over a limit, KindInvalid for a picture that the program fails at,
// ErrAbsent.
func (e *Engine) Read(ctx context.Context, png []byte, scale float64, dpi int) (Page, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	defer func() { <-e.slots }()
	info, err := e.Info(ctx)
	if err != nil {
		return Page{}, err
	}
	begun := time.Now()
	page, err := e.read(ctx, info, e.timeout, png, scale, dpi, asIs)
	if errors.Is(err, ErrAbsent) {
		e.finder.forget()
	}
	left := e.timeout - time.Since(begun)
	if err != nil || page.Words == 0 || page.Confidence >= Doubtful || !info.turns || left <= 0 {
		return page, err
	}
	turned, err := e.read(ctx, info, left, png, scale, dpi, asTurned)
	if err == nil && turned.Confidence >= page.Confidence+turnedGain {
		return turned, nil
	}
	return page, ctx.Err() // the first try counts where the second fails
}

// How the program takes a page apart: by itself, and with finding its turn first.
const (
	asIs     = "3"
	asTurned = "1"
)

func (e *Engine) read(ctx context.Context, info Info, timeout time.Duration, png []byte, scale float64, dpi int, mode string) (Page, error) {
	args := []string{"stdin", "stdout", "-l", strings.Join(info.Languages, "+"), "--psm", mode}
	if dpi > 0 {
		args = append(args, "--dpi", strconv.Itoa(dpi))
	}
	table, _, err := run(ctx, info.Program, e.finder.data, timeout, png, append(args, "-c", "tessedit_create_tsv=1")...)
	if err != nil {
		return Page{}, err
	}
	return newPage(parseTSV(table), scale), nil
}

func newPage(paragraphs []paragraph, scale float64) (p Page) {
	p.Confidence, p.Words = sureness(paragraphs)
	for i, text := range texts(paragraphs) {
		p.Paragraphs = append(p.Paragraphs, Paragraph{Text: text, Box: inPoints(paragraphs[i].box(), scale)})
	}
	return p
}

// inPoints moves a box from pixels to points, rounded to tenths, which is what stores
// keep. One without extent is none.
func inPoints(b rag.Box, scale float64) rag.Box {
	if !(scale > 0) {
		return rag.Box{}
	}
	at := func(v float32) float32 { return float32(math.Round(float64(v)/scale*10)) / 10 }
	out := rag.Box{X0: at(b.X0), Y0: at(b.Y0), X1: at(b.X1), Y1: at(b.Y1)}
	if !(out.X0 < out.X1 && out.Y0 < out.Y1) || !(out.X1 < farthest && out.Y1 < farthest) {
		return rag.Box{}
	}
	return out
}
