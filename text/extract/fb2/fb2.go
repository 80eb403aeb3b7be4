// Package fb2 extracts the text of FictionBook 2 books: one XML file, bare or alone in
// a zip archive (".fb2.zip").
//
// It is read as a stream of tokens by package parts: the description gives title and
// metadata (description.go), the bodies give the text (body.go). A section's depth is
// the level of its title. The body of notes gives footnotes. Pictures stand behind the
// bodies and are never read.
package fb2

import (
	"bytes"
	"context"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Is reports whether content begins like a FictionBook file that is not zipped.
func Is(content []byte) bool {
	return bytes.Contains(parts.InUTF8(content[:min(len(content), 8192)&^1]), []byte("<FictionBook"))
}

// Extract returns the text of a book. There are no pages. What is no FictionBook or so
// damaged that nothing can be read is KindInvalid, a file that passes a limit
// KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	d := &book{b: &clean.Builder{Limit: opt.Limit}}
	pkg, err := d.open(ctx, content)
	if err != nil {
		return rag.Text{}, err
	}
	if d.b.Blocks() == 0 && len(pkg.Warnings()) > 0 {
		return rag.Text{}, rag.Errorf(rag.KindInvalid, "the FictionBook is damaged: %s", pkg.Warnings()[0])
	}
	text := d.b.Text()
	text.Title, text.Metadata, text.Language = d.title, d.metadata(), primary(d.said["language"])
	text.Warnings = pkg.Warnings()
	return text, nil
}

// open reads the book from the file or from the archive.
func (d *book) open(ctx context.Context, content []byte) (*parts.Package, error) {
	if !bytes.HasPrefix(content, []byte("PK")) {
		if !Is(content) {
			return nil, rag.Errorf(rag.KindInvalid, "the file is no FictionBook")
		}
		pkg := parts.Alone(ctx, len(content), 0)
		return pkg, pkg.ReadFrom("book", bytes.NewReader(parts.InUTF8(content)), d.read)
	}
	pkg, err := parts.Open(ctx, content, "FictionBook", 0)
	if err != nil {
		return nil, err
	}
	for _, part := range pkg.Names() {
		if strings.HasSuffix(part, ".fb2") {
			return pkg, pkg.Read(part, d.read)
		}
	}
	return nil, rag.Errorf(rag.KindInvalid, "the archive holds no FictionBook")
}

// book is the state of one extraction.
type book struct {
	b       *clean.Builder
	title   string
	authors []string
	said    map[string]string // by metadata key
	notes   bool              // the body that is read is that of the notes
}

// read reads the book's root element.
func (d *book) read(t *parts.Tokens) error {
	d.said = map[string]string{}
	for {
		e, err := t.Next()
		if err != nil {
			return parts.Ended(err)
		}
		switch {
		case e.Start("description"):
			err = d.description(t)
		case e.Start("body"):
			name := strings.ToLower(e.Attr("name"))
			d.notes = name == "notes" || name == "comments" || name == "footnotes"
			err = d.section(t, 1)
		case e.Start("stylesheet"):
			err = t.Skip()
		case e.Start("binary"):
			return nil // pictures: nothing but more of them follows
		}
		if err != nil {
			return err
		}
	}
}
