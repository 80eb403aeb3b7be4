// Package delimited extracts tables of delimited text: CSV, TSV, and those with
// semicolons or pipes (RFC 4180 and what programs make of it).
//
// Delimiter and header are found by looking at the first records (sniff.go). The
// file becomes one table block whose header the chunkers repeat above every piece
// they cut, since they cut tables at rows; lines above the header that are a title
// or a comment become paragraphs. The file is parsed twice and its records are
// never held together, so that memory stays near the size of the text.
package delimited

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// Limits on a table. Crossing one is KindExhausted.
const (
	DefaultRows = 1_000_000
	maxColumns  = 16_384
)

// Options say how to read a table.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
	Rows  int // most records, 0 for DefaultRows

	// Delimiter is one ASCII character; 0 finds it by the content. A file of one
	// column has none.
	Delimiter byte
}

// Extract returns the table of a file in any encoding. Records may be of
// different lengths; line breaks within quoted cells become spaces. Where the
// first record is data like all others, the header is empty. Any text is a table:
// there is no error but those of the limits (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	source = strings.TrimPrefix(source, "\ufeff")
	delimiter, source := separator(source)
	if opt.Delimiter != 0 {
		delimiter = opt.Delimiter
	}
	if opt.Rows <= 0 {
		opt.Rows = DefaultRows
	}
	b := &clean.Builder{Limit: opt.Limit}
	l := survey(source, delimiter)
	for _, line := range l.preamble {
		if err := b.Add(rag.Block{Kind: rag.Paragraph}, line); err != nil {
			return rag.Text{}, err
		}
	}
	w := &writer{ctx: ctx, opt: opt, room: opt.Limit - b.Len()}
	if err := w.table(source, l); err != nil {
		return rag.Text{}, err
	}
	if w.text {
		if err := b.AddPipeTable(0, w.b.String(), 2); err != nil {
			return rag.Text{}, err
		}
	}
	return b.Text(), nil
}

// separator takes off a first line "sep=;", by which Excel is told the delimiter.
func separator(source string) (delimiter byte, rest string) {
	if len(source) < 5 || !strings.EqualFold(source[:4], "sep=") || source[4] >= utf8.RuneSelf {
		return 0, source
	}
	after := strings.TrimLeft(source[5:], "\r")
	if after == "" || after[0] != '\n' && len(after) == len(source)-5 {
		return 0, source
	}
	return source[4], strings.TrimPrefix(after, "\n")
}

// writer writes records as a Markdown pipe table.
type writer struct {
	ctx  context.Context
	opt  Options
	room int // bytes left, where there is a limit
	b    strings.Builder
	text bool // some cell is not empty
}

func (w *writer) table(source string, l layout) error {
	columns, rows := 0, 0
	for r := newRecords(source, l.delimiter); r.next(); rows++ {
		if rows%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if columns = max(columns, len(r.fields)); columns > maxColumns {
			return rag.Errorf(rag.KindExhausted, "row %d of the table has more than %d columns", rows+1, maxColumns)
		}
		if rows >= w.opt.Rows {
			return rag.Errorf(rag.KindExhausted, "the table has more than %d rows", w.opt.Rows)
		}
	}
	rows = 0
	r := newRecords(source, l.delimiter)
	for range l.skip {
		r.next()
	}
	if !l.header {
		w.row(nil, columns)
		w.rule(columns)
	}
	for ; r.next(); rows++ {
		if rows%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if rows > 0 || !l.header {
			w.b.WriteByte('\n')
			w.row(r.fields, 0)
		} else {
			w.row(r.fields, columns)
			w.rule(columns)
		}
		if w.opt.Limit > 0 && w.b.Len() > w.room {
			return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, w.opt.Limit>>20))
		}
	}
	return nil
}

// row writes a record, with empty cells up to columns.
func (w *writer) row(fields []string, columns int) {
	w.b.WriteByte('|')
	for _, f := range fields {
		f = clean.Line(f)
		w.text = w.text || f != ""
		w.b.WriteByte(' ')
		if f != "" {
			w.b.WriteString(strings.ReplaceAll(f, "|", `\|`))
			w.b.WriteByte(' ')
		}
		w.b.WriteByte('|')
	}
	for range columns - len(fields) {
		w.b.WriteString(" |")
	}
}

func (w *writer) rule(columns int) {
	w.b.WriteString("\n|")
	w.b.WriteString(strings.Repeat(" --- |", columns))
}
