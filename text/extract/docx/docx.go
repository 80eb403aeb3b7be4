// Package docx extracts the text of Word documents (Office Open XML,
// ECMA-376 part 1, transitional and strict, with or without macros).
//
// The parts of the container are read by package parts, as streams of XML tokens:
//
//	styles.xml                   style -> heading level, code, ...   styles.go
//	numbering.xml                list labels                         numbering.go
//	document.xml, notes, headers paragraphs, tables, text boxes      body.go, paragraph.go
//	charts, diagrams             tables and lists                    drawing.go
//	                             fields of forms                     form.go
//
// Formulas are written as one line (package omml), charts as the tables of their
// values, diagrams as lists (package drawing). Tracked deletions, hidden text,
// comments and field codes are left out.
package docx

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxTables = 16 // tables nested deeper are read as their contents
	maxParts  = 64 // headers, footers
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a .docx file: the headers once each, the body,
// foot- and endnotes, the footers. A container that is damaged or holds no Word
// document is KindInvalid; one that passes a limit is KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	p, err := parts.Open(ctx, content, "DOCX", 0)
	if err != nil {
		return rag.Text{}, err
	}
	d := &document{pkg: p, b: &clean.Builder{Limit: opt.Limit}}
	if err := d.read(); err != nil {
		return rag.Text{}, err
	}
	text := d.b.Text()
	text.Title, text.Metadata = p.Properties()
	if d.foreign > 0 {
		p.Warn("it includes parts that are no Word documents (altChunk, subDoc); they were left out")
	}
	text.Warnings = p.Warnings()
	return text, nil
}

// document is the state of one extraction.
type document struct {
	pkg       *parts.Package
	b         *clean.Builder
	styles    styles
	numbering numbering
	tables    []*grid.Table // open ones, outermost first
	waiting   int           // bytes in open tables
	role      rag.BlockKind // of the part being read, where it gives one: header, footer, footnote
	part      string        // being read
	rels      parts.Relations
	foreign   int      // parts in another format that the document includes
	code      []string // lines of the code block that is being collected
}

// read goes through the parts in reading order.
func (d *document) read() error {
	main := d.pkg.Main("word/document.xml")
	if main == "" {
		return rag.Errorf(rag.KindInvalid, "the container holds no Word document")
	}
	rels := d.pkg.Relations(main)
	if err := d.readStyles(rels.First("styles")); err != nil {
		return err
	}
	if err := d.readNumbering(rels.First("numbering")); err != nil {
		return err
	}
	if err := d.readSide(rels.All("header"), rag.Header); err != nil {
		return err
	}
	if err := d.readBlocks(main, ""); err != nil {
		return err
	}
	if d.pkg.Damaged(main) && d.b.Blocks() == 0 {
		return rag.Errorf(rag.KindInvalid, "the DOCX is damaged: %s", d.pkg.Warnings()[0])
	}
	for _, notes := range []string{"footnotes", "endnotes"} {
		if err := d.readSide(rels.All(notes), rag.Footnote); err != nil {
			return err
		}
	}
	return d.readSide(rels.All("footer"), rag.Footer)
}

// readSide reads parts beside the body. Equal parts are read once: Word writes
// a header for each section.
func (d *document) readSide(names []string, role rag.BlockKind) error {
	seen := map[uint32]bool{}
	for _, part := range names[:min(len(names), maxParts)] {
		if sum, ok := d.pkg.Checksum(part); !ok || seen[sum] {
			continue
		} else {
			seen[sum] = true
		}
		if err := d.readBlocks(part, role); err != nil {
			return err
		}
	}
	return nil
}

// put hands a piece to the innermost open table, or to the text.
func (d *document) put(p grid.Piece) error {
	if n := len(d.tables); n > 0 {
		d.waiting += len(p.Text)
		if d.b.Limit > 0 && d.b.Len()+d.waiting > d.b.Limit {
			return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, d.b.Limit>>20))
		}
		d.tables[n-1].Put(p)
		return nil
	}
	d.waiting = 0
	return p.AddTo(d.b)
}
