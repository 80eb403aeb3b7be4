// Package odf extracts the text of OpenDocument files (ISO/IEC 26300, OASIS
// OpenDocument 1.4): texts, spreadsheets, presentations, drawings and formulas,
// their templates and master documents, in a zip container or as one flat XML file.
//
// The XML is read by package parts, as streams of tokens:
//
//	META-INF/manifest.xml   what is encrypted, and how     manifest.go, seal.go
//	meta.xml                title, author, dates           meta.go
//	styles.xml, content.xml styles, list labels            styles.go, numbering.go
//	                        headers and footers            document.go
//	                        paragraphs, lists, notes       body.go, paragraph.go, list.go
//	                        tables of texts and slides     table.go
//	                        sheets of a spreadsheet        sheet.go
//	                        slides                         slide.go
//	objects within          formulas, charts, tables       object.go, math.go
//
// What a part says comes to blocks through a stack of sinks (document.go): a table
// cell, a note and a text box each collect their own blocks before these get their
// place in the text.
//
// Tracked deletions, hidden text, hidden sections and sheets, annotations, alternative
// texts of pictures and form controls are left out.
package odf

import (
	"bytes"
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// maxElements is the most XML elements of a file: a spreadsheet has two a cell.
const maxElements = 12_000_000

// Options say how a file is read.
type Options struct {
	Limit    int    // most bytes of text, 0 for no limit
	Password string // for encrypted files
}

// Extract returns the text of an OpenDocument file, a zip container or flat XML:
// running headers, the body, foot- and endnotes, running footers. A slide is a page
// and its title a heading; a sheet begins with its name as a heading and shows its
// values as they are displayed. A file that is damaged or no OpenDocument is
// KindInvalid, an encrypted one without its password KindUnauthorized, one that
// passes a limit KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	var f *files
	var err error
	if bytes.HasPrefix(content, []byte("PK")) {
		f, err = open(ctx, content, opt.Password)
	} else {
		f = &files{pkg: parts.Alone(ctx, len(content), maxElements)}
	}
	if err != nil {
		return rag.Text{}, err
	}
	d := newDocument(f, &clean.Builder{Limit: opt.Limit})
	if f.sealed == nil && !bytes.HasPrefix(content, []byte("PK")) {
		err = d.readFlat(content)
	} else {
		err = d.read()
	}
	if err != nil {
		return rag.Text{}, err
	}
	text := d.b.Text()
	text.Title, text.Metadata, text.Language = d.title, d.metadata, d.language
	text.Pages = d.pages
	text.Warnings = f.pkg.Warnings()
	return text, nil
}

// read goes through the parts of a container.
func (d *document) read() error {
	if !d.files.pkg.Has(contentPart) {
		return rag.Errorf(rag.KindInvalid, "the container holds no OpenDocument document")
	}
	for _, part := range []string{"meta.xml", "styles.xml", contentPart} {
		if err := d.files.read(part, d.root); err != nil {
			return err
		}
	}
	if err := d.finish(); err != nil {
		return err
	}
	if d.files.pkg.Damaged(contentPart) && d.b.Blocks() == 0 {
		return rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: %s", d.files.pkg.Warnings()[0])
	}
	return nil
}

const contentPart = "content.xml"

// readFlat reads a document that is one XML file.
func (d *document) readFlat(content []byte) error {
	if !IsFlat(content) {
		return rag.Errorf(rag.KindInvalid, "the file is no OpenDocument document")
	}
	const part = "document"
	if err := d.files.pkg.ReadFrom(part, bytes.NewReader(withoutBinary(parts.InUTF8(content))), d.root); err != nil {
		return err
	}
	if err := d.finish(); err != nil {
		return err
	}
	if d.files.pkg.Damaged(part) && d.b.Blocks() == 0 {
		return rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: %s", d.files.pkg.Warnings()[0])
	}
	return nil
}

// IsFlat reports whether content begins like a flat OpenDocument file: its root
// element is office:document.
func IsFlat(content []byte) bool {
	head := parts.InUTF8(content[:min(len(content), 8192)&^1])
	return bytes.Contains(head, []byte("<office:document")) && bytes.Contains(head, []byte("opendocument"))
}

// withoutBinary empties the elements that hold pictures in base64, which can be
// larger than any text may be.
func withoutBinary(content []byte) []byte {
	begin, end := []byte("<office:binary-data"), []byte("</office:binary-data")
	if !bytes.Contains(content, begin) {
		return content
	}
	out := make([]byte, 0, len(content)/2)
	for {
		at := bytes.Index(content, begin)
		if at < 0 {
			return append(out, content...)
		}
		opened := bytes.IndexByte(content[at:], '>')
		if opened < 0 {
			return append(out, content...)
		}
		opened += at + 1
		out = append(out, content[:opened]...)
		content = content[opened:]
		if out[len(out)-2] == '/' {
			continue // it is empty
		}
		closed := bytes.Index(content, end)
		if closed < 0 {
			return out
		}
		content = content[closed:]
	}
}
