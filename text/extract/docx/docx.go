// Package docx extracts the text of Word documents (Office Open XML,
// ECMA-376 part 1, transitional and strict, with or without macros).
//
// The parts of the zip container are read as streams of XML tokens and never as
// trees, so that memory follows the text and not the markup:
//
//	_rels, document.xml.rels     which part is what                  package.go
//	styles.xml                   style -> heading level, code, ...   styles.go
//	numbering.xml                list labels                         numbering.go
//	document.xml, notes, headers paragraphs, tables, text boxes      body.go, paragraph.go
//	docProps/core.xml            title, author, dates                package.go
//
// Element names are compared without their namespace: the transitional and the
// strict format differ in nothing else that matters here, and producers are
// free in their prefixes. Tracked deletions, hidden text, comments and field
// codes are left out.
package docx

import (
	"archive/zip"
	"bytes"
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// Limits on the container, which can be a thousand times smaller than what it
// unfolds to. Crossing one is KindExhausted.
const (
	maxPart      = 256 << 20 // bytes of one part, unpacked
	maxTotal     = 512 << 20 // bytes of all parts that are read
	freeBytes    = 16 << 20  // unpacked bytes up to which the ratio is not looked at
	maxRatio     = 200       // unpacked to packed bytes beyond that
	maxElements  = 4_000_000
	maxDepth     = 512
	maxToken     = 16 << 20 // bytes of one tag or one run of character data
	maxTables    = 16       // tables nested deeper are read as their contents
	maxParts     = 64       // headers, footers
	maxRelations = 100_000
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a .docx file: the headers once each, the body,
// foot- and endnotes, the footers. A container that is damaged or holds no Word
// document is KindInvalid; one that passes a limit is KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return rag.Text{}, rag.Errorf(rag.KindInvalid, "the DOCX container is damaged: %w", err)
	}
	p := newPackage(ctx, archive, len(content))
	d := &document{pkg: p, b: &clean.Builder{Limit: opt.Limit}}
	if err := d.read(); err != nil {
		return rag.Text{}, err
	}
	text := d.b.Text()
	text.Title, text.Metadata = p.properties()
	text.Warnings = p.warnings
	return text, nil
}

// document is the state of one extraction.
type document struct {
	pkg       *pack
	b         *clean.Builder
	styles    styles
	numbering numbering
	tables    []*grid.Table // open ones, outermost first
	waiting   int           // bytes in open tables
	role      rag.BlockKind // of the part being read, where it gives one: header, footer, footnote
	code      []string      // lines of the code block that is being collected
}

// read goes through the parts in reading order.
func (d *document) read() error {
	main, err := d.pkg.main()
	if err != nil {
		return err
	}
	rels := d.pkg.relations(main)
	if err := d.readStyles(rels.first("styles")); err != nil {
		return err
	}
	if err := d.readNumbering(rels.first("numbering")); err != nil {
		return err
	}
	if err := d.readSide(rels.all("header"), rag.Header); err != nil {
		return err
	}
	if err := d.readBlocks(main, ""); err != nil {
		return err
	}
	if d.pkg.damaged(main) && d.b.Blocks() == 0 {
		return rag.Errorf(rag.KindInvalid, "the DOCX is damaged: %s", d.pkg.warnings[0])
	}
	for _, notes := range []string{"footnotes", "endnotes"} {
		if err := d.readSide(rels.all(notes), rag.Footnote); err != nil {
			return err
		}
	}
	return d.readSide(rels.all("footer"), rag.Footer)
}

// readSide reads parts beside the body. Equal parts are read once: Word writes
// a header for each section.
func (d *document) readSide(parts []string, role rag.BlockKind) error {
	seen := map[uint32]bool{}
	for _, part := range parts[:min(len(parts), maxParts)] {
		if sum, ok := d.pkg.checksum(part); !ok || seen[sum] {
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
