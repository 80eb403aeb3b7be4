// Package plain extracts plain text and source code.
//
// Prose is cut into paragraphs at blank lines and keeps its line breaks. Code,
// and data that is read line by line (CSV, JSON, logs), becomes code blocks, one
// for each group of lines between blank lines, with indentation kept.
package plain

import (
	"context"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// A block ends at the first line border after softBlock bytes, so that a log
// without blank lines is not one block of many megabytes; a single line is
// divided at white space after hardBlock bytes.
const (
	softBlock = 16 << 10
	hardBlock = 64 << 10
)

// Options say how to read the text.
type Options struct {
	Kind  rag.BlockKind // of the blocks: rag.Paragraph (default) or rag.Code
	Limit int           // most bytes of text, 0 for no limit
}

// Extract returns the text of content, whatever its encoding.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	text, encoding := charset.Decode(content, "")
	if opt.Kind == "" {
		opt.Kind = rag.Paragraph
	}
	b := &clean.Builder{Limit: opt.Limit}
	if err := Split(ctx, b, text, opt.Kind); err != nil {
		return rag.Text{}, err
	}
	t := b.Text()
	if n := strings.Count(t.Content, "\uFFFD"); n > 0 && n > strings.Count(string(content), "\uFFFD") {
		t.Warnings = append(t.Warnings, "some bytes have no meaning in the encoding "+encoding+" and are shown as U+FFFD")
	}
	return t, nil
}

// Split adds text to b as blocks of the given kind, divided at blank lines.
func Split(ctx context.Context, b *clean.Builder, text string, kind rag.BlockKind) error {
	text = clean.Lines(text)
	for text != "" {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := cut(text)
		if err := b.AddLines(rag.Block{Kind: kind}, text[:n]); err != nil {
			return err
		}
		text = strings.TrimLeft(text[n:], "\n")
	}
	return nil
}

// cut returns how many bytes of text make up its first block.
func cut(text string) int {
	window := text[:min(len(text), hardBlock)]
	if i := strings.Index(window, "\n\n"); i >= 0 && i <= softBlock {
		return i
	}
	if len(text) <= softBlock {
		return len(text)
	}
	if i := strings.IndexByte(window[softBlock:], '\n'); i >= 0 {
		return softBlock + i
	}
	if len(text) <= hardBlock {
		return len(text)
	}
	if i := strings.LastIndexAny(window, " \t"); i > 0 {
		return i
	}
	return len(clean.Cut(text, hardBlock))
}
