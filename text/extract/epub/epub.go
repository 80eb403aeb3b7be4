// Package epub extracts the text of EPUB books, versions 2 and 3 (ISO/IEC TS 30135,
// W3C EPUB 3.3).
//
// A book is a zip container of web pages. Each is read by package html, in the order in
// which the book is read:
//
//	META-INF/container.xml   where the package document is     container.go
//	META-INF/encryption.xml  what of the book is encrypted     container.go
//	the package document     metadata, files, reading order    container.go
//	navigation, or NCX       titles of chapters                navigation.go
//	the chapters             text                              chapter.go
//
// A chapter whose text has no heading gets the title that the navigation gives it.
package epub

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// Limits on one book.
const (
	maxItems   = 50_000   // files that the package document lists
	maxChapter = 32 << 20 // bytes of one chapter
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a book in its reading order. There are no pages. A
// container that is damaged or holds no book is KindInvalid, a book protected by DRM
// KindUnauthorized, one that passes a limit KindExhausted. A chapter that is missing or
// damaged is a warning.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	p, err := parts.Open(ctx, content, "EPUB", 0)
	if err != nil {
		return rag.Text{}, err
	}
	b := &book{pkg: p, b: &clean.Builder{Limit: opt.Limit}}
	if err := b.read(ctx); err != nil {
		return rag.Text{}, err
	}
	text := b.b.Text()
	text.Title, text.Metadata, text.Language = b.title, b.metadata, b.language
	text.Warnings = p.Warnings()
	return text, nil
}

// book is the state of one extraction.
type book struct {
	pkg      *parts.Package
	b        *clean.Builder
	dir      string // of the package document
	items    map[string]item
	order    []string // ids of items in reading order
	ncx      string   // id of the NCX
	locked   map[string]bool
	entries  map[string]entry // of the navigation, by part
	title    string
	language string
	metadata rag.Metadata
}

// item is a file of the book.
type item struct {
	part string
	kind string // media type
	nav  bool   // it is the navigation document
}

// read goes through the parts of the book.
func (b *book) read(ctx context.Context) error {
	if err := b.readEncryption(); err != nil {
		return err
	}
	document, err := b.packageDocument()
	if err != nil {
		return err
	}
	if err := b.readPackage(ctx, document); err != nil {
		return err
	}
	if err := b.readNavigation(); err != nil {
		return err
	}
	return b.readChapters(ctx)
}
