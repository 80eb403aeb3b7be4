package xlsx

import (
	"cmp"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxMerges = 200_000 // of one sheet

// sheet is one while it is read.
type sheet struct {
	*workbook
	ref    sheetRef
	cells  []cell         // that hold something, by row and column once settled
	merges map[place]area // by the cell at the upper left
	tables []defined
	held   int   // bytes of text in cells
	row    int32 // being read
	next   int32 // the row that follows if none is named
	column int32 // of the cell before
}

// place is a cell's, both from 1.
type place struct{ row, column int32 }

// area is a rectangle of cells, its ends included.
type area struct{ from, to place }

func (a area) holds(p place) bool {
	return a.from.row <= p.row && p.row <= a.to.row && a.from.column <= p.column && p.column <= a.to.column
}

// defined is a table that the workbook defines.
type defined struct {
	area
	name   string
	header bool
}

// readCells reads the sheet's part.
func (s *sheet) readCells() error {
	s.merges = map[place]area{}
	return s.pkg.Read(s.ref.part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			switch e.Name {
			case "row":
				err = s.startRow(e.Attr("r"))
			case "c":
				err = s.cell(t, e)
			case "mergecell":
				if a, ok := parseArea(e.Attr("ref")); ok && len(s.merges) < maxMerges {
					s.merges[a.from] = a
				}
			case "conditionalformatting", "datavalidations", "extlst", "cols", "sheetviews", "hyperlinks":
				err = t.Skip()
			}
			if err != nil {
				return err
			}
		}
	})
}

func (s *sheet) startRow(r string) error {
	s.row, s.column = s.next, 0
	if n, rest := leading(r); n > 0 && rest == "" {
		s.row = n
	}
	if s.row > maxRow {
		return rag.Errorf(rag.KindExhausted, "its sheet %q has more than %d rows", clean.Line(s.ref.name), maxRow)
	}
	s.next = s.row + 1
	return nil
}

// leading reads the digits at the beginning of a reference; 0 for none, or for more
// than a row can be.
func leading(s string) (n int32, rest string) {
	i := 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if n = n*10 + int32(s[i]-'0'); n > maxRow {
			return 0, s
		}
	}
	return n, s[i:]
}

// parsePlace reads a reference like B12 or $B$12.
func parsePlace(s string) (p place, ok bool) {
	i := 0
	for ; i < len(s); i++ {
		c := s[i] &^ 0x20
		if s[i] == '$' {
			continue
		}
		if c < 'A' || c > 'Z' {
			break
		}
		if p.column = p.column*26 + int32(c-'A') + 1; p.column > maxColumn {
			return p, false
		}
	}
	n, rest := leading(strings.TrimPrefix(s[i:], "$"))
	p.row = n
	return p, p.row > 0 && p.column > 0 && rest == ""
}

// parseArea reads a reference like A1:C5, or A1 alone.
func parseArea(s string) (a area, ok bool) {
	from, to, two := strings.Cut(s, ":")
	if a.from, ok = parsePlace(from); !ok {
		return a, false
	}
	if !two {
		a.to = a.from
		return a, true
	}
	a.to, ok = parsePlace(to)
	return a, ok && a.from.row <= a.to.row && a.from.column <= a.to.column
}

// settle puts the cells in order. Of cells of the same place, which no program
// writes, the last one counts.
func (s *sheet) settle() {
	order := func(a, b cell) int {
		if c := cmp.Compare(a.at.row, b.at.row); c != 0 {
			return c
		}
		return cmp.Compare(a.at.column, b.at.column)
	}
	if !slices.IsSortedFunc(s.cells, order) {
		slices.SortStableFunc(s.cells, order)
	}
	out := s.cells[:0]
	for i, c := range s.cells {
		if i+1 == len(s.cells) || s.cells[i+1].at != c.at {
			out = append(out, c)
		}
	}
	s.cells = out
}

// hold counts the text of a cell.
func (s *sheet) hold(n int) error {
	most := s.b.Limit
	if most <= 0 {
		most = maxText
	}
	if s.held += n; s.b.Len()+s.held > most {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, most>>20))
	}
	return nil
}
