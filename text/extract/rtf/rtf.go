// Package rtf extracts the text of Rich Text Format files (Microsoft's RTF
// specification 1.9.1), which word processors, mail programs and hospital systems
// write to this day.
//
// RTF is a stream of groups, control words and bytes of text. It is read in one pass
// that holds the state of the open groups:
//
//	lexer.go        groups, control words, bytes, binary data
//	reader.go       the state of groups, and what control words do to it
//	destination.go  which groups are text, and what the others are
//	codepage.go     fonts and code pages to UTF-8
//	flow.go         paragraphs, headings, list items, footnotes, headers, text boxes
//	table.go        rows and cells, also nested
//	symbol.go       the Symbol font
//
// Hidden text, tracked deletions, comments, pictures and the instructions of fields
// are left out; the results of fields, such as the text of a link, are text.
package rtf

import (
	"bytes"
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// maxDepth is the most groups within each other. Word opens some 30.
const maxDepth = 10_000

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Is reports whether content begins like an RTF file.
func Is(content []byte) bool {
	head := content[:min(len(content), 64)]
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\x00")
	return bytes.HasPrefix(head, []byte(`{\rtf`))
}

// Extract returns the text of an RTF file: running headers where they stand, each
// once, the body, footnotes, running footers. What does not begin like RTF is
// KindInvalid; a file that passes a limit is KindExhausted. A file that is cut off is
// read as far as it goes, with a warning.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	if !Is(content) {
		return rag.Text{}, rag.Errorf(rag.KindInvalid, "the file is no RTF: it does not begin with {\\rtf")
	}
	r := newReader(&clean.Builder{Limit: opt.Limit})
	ended, err := r.read(ctx, content)
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		return rag.Text{}, err
	}
	text := r.b.Text()
	text.Title, text.Metadata = r.info.title, r.info.metadata
	if !ended {
		text.Warnings = []string{"the RTF file is cut off and was read as far as it goes"}
	}
	return text, nil
}
