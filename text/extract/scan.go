package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
	"github.com/smartretriever/smartretriever/text/language"
)

// Pages that are pictures are read after the file itself: which they are is told by the
// text (ocr.Wanted) and, for a PDF, by whether there is an image on the page. Each is
// drawn where files are read, in a child if there are any, and read by a program of its
// own with a time limit of its own. So a file of 300 scanned pages takes its time
// without passing that of reading, and what fails costs one page.

const (
	// DefaultOCRPages is the most pages of a file that are read as pictures unless told
	// otherwise.
	DefaultOCRPages = 300
	// maxSlowPages is how many pages may pass the time limit before the rest of the file
	// is left: it is made to be slow, or the limit too short for this machine.
	maxSlowPages = 3
	// maxPageWarnings is how many pages are named in warnings, each kind of them.
	maxPageWarnings = 10
)

// ReadsScans returns the languages in which pages that are pictures are read, as
// rag.Text.ReadAs has them: it is switched on, and the program is there with these. ""
// is that they are not read.
func (e *Extractor) ReadsScans(ctx context.Context) string {
	info, err := e.OCR(ctx)
	if err != nil {
		return ""
	}
	return strings.Join(info.Languages, "+")
}

// OCR says by which program pages that are pictures are read. Where that is switched
// off, the error is ErrNoOCR; where the program is not there, ocr.ErrAbsent; other
// errors say what is wrong with it.
func (e *Extractor) OCR(ctx context.Context) (ocr.Info, error) {
	if e.ocr == nil {
		return ocr.Info{}, ErrNoOCR
	}
	return e.ocr.Info(ctx)
}

// ErrNoOCR is that reading pictures is switched off.
var ErrNoOCR = rag.Errorf(rag.KindInvalid, "reading text from pictures is switched off (extract.ocr)")

// withScans adds to the text of a file what stands on those of its pages that are
// pictures.
func (e *Extractor) withScans(ctx context.Context, req format.Request, text rag.Text) (rag.Text, error) {
	if req.Format != format.PDF && req.Format != format.Image {
		return text, nil
	}
	wanted := ocr.Wanted(text)
	if len(wanted) == 0 {
		return text, nil
	}
	info, err := e.OCR(ctx)
	if err != nil {
		return unread(ctx, req.Format, text, err)
	}
	pages, err := e.scans(ctx, req, wanted)
	if err != nil || len(pages) == 0 {
		return text, err
	}
	most := e.config.OCRPages
	left := max(0, len(pages)-most)
	read, err := e.readPages(ctx, req, pages[:len(pages)-left])
	if err != nil {
		return rag.Text{}, err
	}
	if req.Format == format.Image && !slices.ContainsFunc(read, func(s scan) bool { return s.err == nil }) {
		return rag.Text{}, read[0].err // there is nothing else to it
	}
	before := pdf.Doubts(text)
	text, err = merge(text, read, e.config.MaxText)
	if err != nil {
		return rag.Text{}, err
	}
	if req.Format == format.PDF {
		text.Warnings = slices.DeleteFunc(text.Warnings, func(w string) bool { return slices.Contains(before, w) })
		text.Warnings = append(text.Warnings, pdf.Doubts(text)...)
	}
	text.Warnings = append(text.Warnings, warnings(read)...)
	if left > 0 {
		text.Warnings = append(text.Warnings, fmt.Sprintf("%d further scanned pages were not read: at most %d of a file are (extract.ocr_pages)", left, most))
	}
	if found := language.Detect(text.Content); found != "" {
		text.Language = found
	}
	text.ReadAs = strings.Join(info.Languages, "+")
	return text, nil
}

// unread is what comes of pages that might be read, where pictures are not: a warning,
// or for an image, which has nothing else, an error.
func unread(ctx context.Context, id format.ID, text rag.Text, why error) (rag.Text, error) {
	if err := ctx.Err(); err != nil {
		return rag.Text{}, err
	}
	absent := errors.Is(why, ocr.ErrAbsent)
	switch {
	case id == format.Image && absent:
		return rag.Text{}, ocr.Unread(rag.Errorf(rag.KindInvalid, "an image; its text can be read %s", ocr.Hint))
	case id == format.Image:
		return rag.Text{}, ocr.Unread(rag.Errorf(rag.KindInvalid, "an image: %w", why))
	case absent:
		text.Warnings = append(text.Warnings, "scanned pages can be read "+ocr.Hint)
	default:
		text.Warnings = append(text.Warnings, "scanned pages are not read: "+why.Error())
	}
	return text, nil
}

// scans returns the pages that are read as pictures: all of an image file; of a PDF
// those that are illegible, and those without text that show an image.
func (e *Extractor) scans(ctx context.Context, req format.Request, wanted []ocr.Want) ([]ocr.Want, error) {
	if req.Format == format.Image {
		return wanted, nil
	}
	var bare []int
	for _, w := range wanted {
		if !w.Illegible {
			bare = append(bare, w.Page)
		}
	}
	if len(bare) == 0 {
		return wanted, nil
	}
	var shown []int
	var err error
	if e.pool != nil {
		shown, err = e.pool.Scans(ctx, req, bare)
	} else {
		err = e.locally(ctx, req.Format, func(ctx context.Context) (err error) {
			shown, err = e.local.PDF.Scans(ctx, req.Content, req.Password, bare)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(wanted, func(w ocr.Want) bool { return !w.Illegible && !slices.Contains(shown, w.Page) }), nil
}

// scan is a page that was read as a picture, or could not be.
type scan struct {
	ocr.Want
	page ocr.Page
	err  error
}

// readPages reads pages side by side. Only the end of ctx is an error; what else goes
// wrong is said of the page.
func (e *Extractor) readPages(ctx context.Context, req format.Request, pages []ocr.Want) ([]scan, error) {
	read := make([]scan, len(pages))
	var mu sync.Mutex
	slow := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(e.ocr.Workers())
	for i, want := range pages {
		g.Go(func() error {
			mu.Lock()
			tooSlow := slow >= maxSlowPages
			mu.Unlock()
			s := scan{Want: want}
			if tooSlow {
				s.err = rag.Errorf(rag.KindExhausted, "left out, as other pages took too long")
			} else {
				s.page, s.err = e.readPage(ctx, req, want.Page)
			}
			read[i] = s
			if rag.KindOf(s.err) == rag.KindExhausted && s.err != nil {
				mu.Lock()
				slow++
				mu.Unlock()
			}
			return ctx.Err()
		})
	}
	return read, g.Wait()
}

// readPage draws a page and has it read.
func (e *Extractor) readPage(ctx context.Context, req format.Request, page int) (ocr.Page, error) {
	picture, err := e.draw(ctx, req, page)
	if err != nil {
		return ocr.Page{}, err
	}
	dpi := 0 // of an image it is seldom known, and the program guesses better than the file says
	if req.Format == format.PDF {
		dpi = int(picture.Scale * 72)
	}
	return e.ocr.Read(ctx, picture.Image, picture.Scale, dpi)
}

// draw has the page drawn among the files that are read: those who look at pages have
// workers of their own, and do not wait for it.
func (e *Extractor) draw(ctx context.Context, req format.Request, page int) (picture rag.Picture, err error) {
	opt := pdf.PageOptions{Page: page, ForOCR: true}
	if e.pool != nil {
		return e.pool.Page(ctx, req, opt)
	}
	err = e.locally(ctx, req.Format, func(ctx context.Context) (err error) {
		picture, err = e.local.Page(ctx, req, opt)
		return err
	})
	return picture, err
}

// usable reports whether what was read of a page is better than what it has as text.
func (s scan) usable() bool {
	return s.err == nil && s.page.Words > 0 && (!s.Illegible || s.page.Confidence >= ocr.Doubtful)
}

// merge puts what was read of pages, which are in order, in the place of their text.
// Remarks at the edge of a page stay: they are not seen on it.
func merge(text rag.Text, read []scan, limit int) (rag.Text, error) {
	read = slices.DeleteFunc(slices.Clone(read), func(s scan) bool { return !s.usable() })
	if len(read) == 0 {
		return text, nil
	}
	m := merger{old: text.Content, last: -1}
	instead := make(map[int]bool, len(read))
	for _, s := range read {
		instead[s.Page] = true
	}
	for i, b := range text.Blocks {
		for len(read) > 0 && b.Page >= read[0].Page {
			m.scan(read[0])
			read = read[1:]
		}
		if !instead[b.Page] || b.Kind == rag.Footnote {
			m.keep(i, b)
		}
	}
	for _, s := range read {
		m.scan(s)
	}
	if limit > 0 && m.content.Len() > limit {
		return rag.Text{}, rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, limit>>20))
	}
	text.Content, text.Blocks = m.content.String(), m.blocks
	return text, nil
}

// merger assembles a text from blocks of another and from paragraphs that were read.
type merger struct {
	old     string
	content strings.Builder
	blocks  []rag.Block
	last    int // index of the block of the old text that was added last, -1 if it was a paragraph that was read
	end     int // of that block in the old text
}

// keep adds a block of the old text, with the white space that stood in front of it if
// its neighbour is the same.
func (m *merger) keep(i int, b rag.Block) {
	gap := "\n\n"
	if m.last >= 0 && m.last == i-1 {
		gap = m.old[m.end:b.Span.Start]
	}
	m.last, m.end = i, b.Span.End
	header := b.HeaderEnd - b.Span.Start
	m.add(gap, b, b.Span.Of(m.old))
	if b.HeaderEnd > 0 {
		added := &m.blocks[len(m.blocks)-1]
		added.HeaderEnd = added.Span.Start + header
	}
}

func (m *merger) scan(s scan) {
	for _, p := range s.page.Paragraphs {
		m.add("\n\n", rag.Block{Kind: rag.Paragraph, Page: s.Page, Box: p.Box}, p.Text)
		m.last = -1
	}
}

func (m *merger) add(gap string, b rag.Block, text string) {
	if text == "" {
		return
	}
	if len(m.blocks) > 0 {
		m.content.WriteString(gap)
	}
	b.Span.Start = m.content.Len()
	m.content.WriteString(text)
	b.Span.End = m.content.Len()
	m.blocks = append(m.blocks, b)
}

// warnings says what a person should know about pages that were read as pictures.
func warnings(read []scan) []string {
	var out []string
	failed, doubtful := 0, 0
	for _, s := range read {
		switch {
		case s.err != nil:
			if failed++; failed <= maxPageWarnings {
				out = append(out, fmt.Sprintf("the picture of page %d could not be read: %v", s.Page, s.err))
			}
		case s.page.Words > 0 && s.page.Confidence < ocr.Doubtful:
			if doubtful++; doubtful <= maxPageWarnings {
				out = append(out, fmt.Sprintf("the picture of page %d is hard to read: its words are %.0f %% sure on average", s.Page, s.page.Confidence))
			}
		}
	}
	for _, more := range []struct {
		n    int
		what string
	}{{failed, "could not be read"}, {doubtful, "are hard to read"}} {
		if more.n > maxPageWarnings {
			out = append(out, fmt.Sprintf("the pictures of %d further pages %s", more.n-maxPageWarnings, more.what))
		}
	}
	return out
}
