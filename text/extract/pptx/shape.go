package pptx

import (
	"strconv"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// shape is what may stand on a slide: a shape with text, a group, or a frame around a
// table, a chart or a diagram.
type shape struct {
	holder string // type of the placeholder that it is, "" if it is none
	index  string // of the placeholder
	hidden bool
	placed bool // it has a position
	box    box
	body   drawing.Body
	frame  []grid.Piece
	group  []*shape
}

// box is a place on a slide, in EMU (1/914,400 inch).
type box struct{ x, y, w, h int64 }

func (sh *shape) title() bool { return sh.holder == "title" || sh.holder == "ctrTitle" }

func (sh *shape) footer() bool {
	switch sh.holder {
	case "dt", "ftr", "sldNum", "hdr":
		return true
	}
	return false
}

// tree reads the shapes of the tree or group whose start was just read. Elements that
// only hold others (AlternateContent, Choice) are passed through.
func (s *slide) tree(t *parts.Tokens) ([]*shape, error) {
	var shapes []*shape
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "sp", "cxnsp", "graphicframe", "pic":
			sh, err := s.shape(t)
			if !sh.hidden {
				shapes = append(shapes, sh)
			}
			return err
		case "grpsp":
			sh, err := s.newShape()
			if err == nil {
				err = s.readGroup(t, sh)
			}
			if !sh.hidden {
				shapes = append(shapes, sh)
			}
			return err
		case "fallback", "extlst", "nvgrpsppr", "grpsppr", "contentpart":
			return t.Skip()
		}
		return nil
	})
	return shapes, err
}

// readGroup reads a group. Its members have positions of their own kind, which only
// order them among themselves.
func (s *slide) readGroup(t *parts.Tokens, sh *shape) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "nvgrpsppr", "grpsppr":
			return s.properties(t, sh)
		case "fallback", "extlst":
			return t.Skip()
		case "grpsp":
			inner, err := s.newShape()
			if err == nil {
				err = s.readGroup(t, inner)
			}
			if !inner.hidden {
				sh.group = append(sh.group, inner)
			}
			return err
		case "sp", "cxnsp", "graphicframe", "pic":
			inner, err := s.shape(t)
			if !inner.hidden {
				sh.group = append(sh.group, inner)
			}
			return err
		}
		return nil
	})
}

// newShape counts one.
func (s *slide) newShape() (*shape, error) {
	if s.shapes++; s.shapes > maxShapes {
		return &shape{}, rag.Errorf(rag.KindExhausted, "its slides hold more than %d shapes", maxShapes)
	}
	return &shape{}, nil
}

// shape reads a shape, connector, picture or frame.
func (s *slide) shape(t *parts.Tokens) (*shape, error) {
	sh, err := s.newShape()
	if err != nil {
		return sh, err
	}
	err = t.Within(func(e parts.Token) (err error) {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "nvsppr", "nvcxnsppr", "nvgraphicframepr", "nvpicpr", "sppr":
			return s.properties(t, sh)
		case "xfrm":
			return s.position(t, sh)
		case "txbody":
			sh.body, err = drawing.ReadBody(t, s.b.Limit)
			if s.bare {
				sh.body.Paragraphs = nil
				return err
			}
			if err == nil {
				err = s.hold(len(sh.body.Text()))
			}
			return err
		case "style", "fallback", "extlst", "blipfill":
			return t.Skip()
		case "tbl":
			return s.table(t, sh)
		case "chart":
			return s.chart(e, sh)
		case "relids":
			return s.diagram(e, sh)
		}
		return nil
	})
	return sh, err
}

// hold counts text that waits in shapes, which the limit holds for too.
func (s *slide) hold(n int) error {
	s.held += n
	if s.b.Limit > 0 && s.b.Len()+s.held > s.b.Limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, s.b.Limit>>20))
	}
	return nil
}

// properties reads what a shape says of itself beside its contents.
func (s *slide) properties(t *parts.Tokens, sh *shape) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "cnvpr":
			hidden := e.Attr("hidden")
			sh.hidden = hidden == "1" || hidden == "true"
		case "ph":
			sh.index = e.Attr("idx")
			if sh.holder = e.Attr("type"); sh.holder == "" {
				sh.holder = "obj"
			}
		case "xfrm":
			return s.position(t, sh)
		case "extlst":
			return t.Skip()
		}
		return nil
	})
}

func (s *slide) position(t *parts.Tokens, sh *shape) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "off":
			sh.box.x, sh.box.y, sh.placed = emu(e.Attr("x")), emu(e.Attr("y")), true
		case "ext":
			sh.box.w, sh.box.h = max(0, emu(e.Attr("cx"))), max(0, emu(e.Attr("cy")))
		}
		return nil
	})
}

// emu reads a coordinate, held to what a slide can have.
func emu(s string) int64 {
	const most = 1 << 40
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return min(max(n, -most), most)
}

// table reads a table (ECMA-376 part 1, 21.1.3). Cells that another one covers are in
// the file, empty.
func (s *slide) table(t *parts.Tokens, sh *shape) error {
	table := &grid.Table{Page: s.page}
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "tr":
			table.AddRow()
		case "tc":
			if s.cells++; s.cells > maxCells {
				return rag.Errorf(rag.KindExhausted, "its tables hold more than %d cells", maxCells)
			}
			if on(e.Attr("hmerge")) {
				return t.Skip()
			}
			columns, _ := strconv.Atoi(e.Attr("gridspan"))
			table.AddCell(columns, 1)
			if on(e.Attr("vmerge")) {
				table.Continue()
				return t.Skip()
			}
		case "txbody":
			body, err := drawing.ReadBody(t, s.b.Limit)
			if err == nil {
				err = s.hold(len(body.Text()))
			}
			for _, p := range paragraphs(&body, s.page) {
				table.Put(p)
			}
			return err
		case "tblpr", "tblgrid", "tcpr", "extlst":
			return t.Skip()
		}
		return nil
	})
	sh.frame = append(sh.frame, grid.Piece{Table: table})
	return err
}

func on(s string) bool { return s == "1" || s == "true" }

func (s *slide) chart(e parts.Token, sh *shape) error {
	part := s.rels.ByID(relation(e, "id")).Part
	if part == "" || s.bare {
		return nil
	}
	chart, err := drawing.ReadChart(s.pkg, part)
	sh.frame = append(sh.frame, chart.Pieces(s.page)...)
	return err
}

func (s *slide) diagram(e parts.Token, sh *shape) error {
	part := s.rels.ByID(relation(e, "dm")).Part
	if part == "" || s.bare {
		return nil
	}
	items, err := drawing.ReadDiagram(s.pkg, part, s.b.Limit)
	for _, item := range items {
		sh.frame = append(sh.frame, grid.Piece{Block: rag.Block{Kind: rag.ListItem, Level: item.Level, Page: s.page}, Text: "- " + item.Text})
		if err == nil {
			err = s.hold(len(item.Text))
		}
	}
	return err
}
