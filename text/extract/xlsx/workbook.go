package xlsx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/numfmt"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxFormats = 100_000 // cell formats; Excel allows 64,000
	maxCode    = 4096    // bytes of a format code
)

// readSheets reads which sheets there are. Sheets that are listed but missing are a
// warning; a workbook that lists none has those that it relates to.
func (w *workbook) readSheets(main string, rels parts.Relations) error {
	missing := 0
	err := w.pkg.Read(main, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("workbookpr"):
				v := e.Attr("date1904")
				w.date1904 = v == "1" || v == "true"
			case e.Start("sheet"):
				rel := rels.ByID(relation(e))
				if !w.pkg.Has(rel.Part) {
					missing++
					continue
				}
				if len(w.sheets) == maxSheets {
					return rag.Errorf(rag.KindExhausted, "it holds more than %d sheets", maxSheets)
				}
				w.sheets = append(w.sheets, sheetRef{e.Attr("name"), rel.Part, rel.Kind, e.Attr("state")})
			}
		}
	})
	if missing > 0 {
		w.pkg.Warn(strconv.Itoa(missing) + " of its sheets are listed but missing")
	}
	if err != nil || len(w.sheets) > 0 {
		return err
	}
	for _, part := range rels.All("worksheet") {
		if w.pkg.Has(part) && len(w.sheets) < maxSheets {
			w.sheets = append(w.sheets, sheetRef{"Sheet " + strconv.Itoa(len(w.sheets)+1), part, "worksheet", ""})
		}
	}
	return nil
}

// relation returns the r:id of an element.
func relation(e parts.Token) string {
	for _, a := range e.Attrs {
		if a.Name.Space != "" && strings.EqualFold(a.Name.Local, "id") {
			return a.Value
		}
	}
	return ""
}

// readStyles reads the number formats of cells: cellXfs, which cells name by index,
// name a format by number.
func (w *workbook) readStyles(part string) error {
	custom := map[int]*numfmt.Format{}
	cells := false
	var ids []int
	err := w.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("numfmt") && len(custom) < maxFormats:
				id, err := strconv.Atoi(e.Attr("numfmtid"))
				if code := e.Attr("formatcode"); err == nil && len(code) <= maxCode {
					custom[id] = numfmt.Parse(code)
				}
			case e.Start("cellxfs"):
				cells = true
			case e.End("cellxfs"):
				cells = false
			case e.Start("xf") && cells && len(ids) < maxFormats:
				id, err := strconv.Atoi(e.Attr("numfmtid"))
				if err != nil {
					id = 0
				}
				ids = append(ids, id)
			case e.Start("dxfs"):
				if err := t.Skip(); err != nil {
					return err
				}
			}
		}
	})
	for _, id := range ids {
		f, ok := custom[id]
		if !ok {
			f = numfmt.Builtin(id)
		}
		w.formats = append(w.formats, f)
	}
	return err
}

// format returns the number format of a cell by the index that it names.
func (w *workbook) format(index string) *numfmt.Format {
	if n, err := strconv.Atoi(index); err == nil && n >= 0 && n < len(w.formats) {
		return w.formats[n]
	}
	return numfmt.General
}
