// Package xlsx extracts the text of Excel workbooks (Office Open XML, ECMA-376 part
// 1, transitional and strict: XLSX, XLSM, XLTX).
//
// The parts of the container are read by package parts, as streams of XML tokens.
// Only cells that hold something are kept, so that an empty sheet costs nothing
// however large it says it is:
//
//	workbook.xml, styles.xml   sheets, number formats           workbook.go
//	sharedStrings.xml          texts of cells                   strings.go
//	sheet1.xml                 cells, merged cells              sheet.go, cell.go
//	                           where its tables are             region.go
//	                           a region as table or as text     table.go, header.go
//	tables, comments, drawings what stands around the cells     beside.go
//
// The name of a sheet is a heading of level 1. What it holds is divided at empty rows
// and columns; each region becomes a table with its header row, or paragraphs where
// it is a title, a remark or a list. Numbers and dates are written as their cells
// show them (package numfmt); a formula counts with the value that was stored for it.
// Comments on cells follow their sheet as footnotes. Hidden sheets are read, and a
// warning says so. A workbook has no pages: where a page ends is up to the printer.
package xlsx

import (
	"context"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/numfmt"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxElements = 6_000_000 // XML elements of all parts: some 3,000,000 cells
	maxSheets   = 2_000
	maxRow      = 1_048_576 // rows and columns that a sheet has
	maxColumn   = 16_384

	// maxText is the most bytes that the cells of one sheet show where the caller sets
	// no limit: a text is stored once and can be shown by every cell.
	maxText = 512 << 20
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a workbook, sheet by sheet. A container that is damaged
// or holds no workbook, and a workbook in Excel's binary form (XLSB), are
// KindInvalid; one that passes a limit is KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	p, err := parts.Open(ctx, content, "XLSX", maxElements)
	if err != nil {
		return rag.Text{}, err
	}
	w := &workbook{pkg: p, b: &clean.Builder{Limit: opt.Limit}}
	if err := w.read(ctx); err != nil {
		return rag.Text{}, err
	}
	text := w.b.Text()
	text.Title, text.Metadata = p.Properties()
	text.Warnings = p.Warnings()
	return text, nil
}

// workbook is the state of one extraction.
type workbook struct {
	pkg      *parts.Package
	b        *clean.Builder
	sheets   []sheetRef
	strings  []string         // shared ones
	formats  []*numfmt.Format // by the index that cells name (s)
	date1904 bool
	persons  map[string]string // who comments, by id
	unsolved int               // formulas without a stored value
}

// sheetRef is a sheet as the workbook lists it.
type sheetRef struct {
	name, part, kind, state string
}

// read goes through the parts.
func (w *workbook) read(ctx context.Context) error {
	main := w.pkg.Main("xl/workbook.xml")
	switch {
	case strings.HasSuffix(main, ".bin") || main == "" && w.pkg.Has("xl/workbook.bin"):
		return rag.Errorf(rag.KindInvalid, "binary Excel workbooks (XLSB) are not supported; save it as XLSX")
	case main == "":
		return rag.Errorf(rag.KindInvalid, "the container holds no Excel workbook")
	}
	rels := w.pkg.Relations(main)
	if err := w.readSheets(main, rels); err != nil {
		return err
	}
	if len(w.sheets) == 0 && w.pkg.Damaged(main) {
		return rag.Errorf(rag.KindInvalid, "the XLSX is damaged: %s", w.pkg.Warnings()[0])
	}
	if err := w.readStyles(rels.First("styles")); err != nil {
		return err
	}
	if err := w.readStrings(rels.First("sharedstrings")); err != nil {
		return err
	}
	if err := w.readPersons(rels.All("person")); err != nil {
		return err
	}
	for _, s := range w.sheets {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.readSheet(s); err != nil {
			return err
		}
	}
	if w.unsolved > 0 {
		w.pkg.Warn(strconv.Itoa(w.unsolved) + " formulas have no stored result and were left out; open and save the workbook in a spreadsheet program")
	}
	return nil
}

// readSheet reads a sheet and puts it out. One that holds nothing adds nothing.
func (w *workbook) readSheet(ref sheetRef) error {
	rels := w.pkg.Relations(ref.part)
	s := &sheet{workbook: w, ref: ref, next: 1}
	if ref.kind == "worksheet" {
		if err := s.readCells(); err != nil {
			return err
		}
	}
	s.settle()
	beside, err := s.readBeside(rels)
	if err != nil {
		return err
	}
	if len(s.cells) == 0 && len(beside) == 0 {
		return nil
	}
	if ref.state == "hidden" || ref.state == "veryHidden" {
		w.pkg.Warn("sheet " + strconv.Quote(ref.name) + " is hidden; it was read")
	}
	if err := w.b.Add(rag.Block{Kind: rag.Heading, Level: 1}, ref.name); err != nil {
		return err
	}
	if err := s.putCells(); err != nil {
		return err
	}
	for _, p := range beside {
		if err := p.AddTo(w.b); err != nil {
			return err
		}
	}
	return nil
}
