package pdf

import (
	"cmp"
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/structs"
)

// The rules of a table are drawn as lines, as rectangles, or as filled rectangles that
// are as thin as lines; several may be one path. What of a page's drawing runs straight
// across or down is collected here.
const (
	maxDrawn    = 10_000  // objects and points of one page; a drawing that has more is not looked at
	maxDrawnAll = 250_000 // the same of a document: the engine's handles are kept until it is closed
	maxRules    = 600     // across, and down, of a page

	thin    = 3.0 // points; a rectangle that is no wider is a line
	minRule = 4.0 // points; a shorter one is no rule
	slant   = 1.0 // points that a straight line may be off
	same    = 2.5 // points; rules that are no further apart are one
	reach   = 3.0 // points that may be missing between two rules that meet
)

// rule is a straight line: y of one that runs across, x of one that runs down, and
// where it begins and ends.
type rule struct{ at, from, to float64 }

// rules are those of a page, in places of its sheet.
type rules struct{ across, down []rule }

// add takes a line from one place of the sheet to another.
func (r *rules) add(x0, y0, x1, y1 float64) {
	for _, v := range []float64{x0, y0, x1, y1} {
		if !(v > -farthest && v < farthest) {
			return
		}
	}
	x0, x1 = min(x0, x1), max(x0, x1)
	y0, y1 = min(y0, y1), max(y0, y1)
	switch width, height := x1-x0, y1-y0; {
	case width >= minRule && height <= slant:
		r.across = append(r.across, rule{(y0 + y1) / 2, x0, x1})
	case height >= minRule && width <= slant:
		r.down = append(r.down, rule{(x0 + x1) / 2, y0, y1})
	}
}

// addThin takes a rectangle that is as thin as a line, and reports whether it is.
func (r *rules) addThin(x0, y0, x1, y1 float64) bool {
	switch width, height := math.Abs(x1-x0), math.Abs(y1-y0); {
	case height <= thin && width >= height:
		r.add(x0, (y0+y1)/2, x1, (y0+y1)/2)
	case width <= thin:
		r.add((x0+x1)/2, y0, (x0+x1)/2, y1)
	default:
		return false
	}
	return true
}

// joined returns rules that lie on or beside each other as one, sorted by place.
func joined(all []rule) []rule {
	slices.SortFunc(all, func(a, b rule) int { return cmp.Compare(a.at, b.at) })
	var out []rule
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].at-all[0].at <= same {
			n++
		}
		beside := all[:n]
		at := (beside[0].at + beside[n-1].at) / 2
		slices.SortFunc(beside, func(a, b rule) int { return cmp.Compare(a.from, b.from) })
		open := rule{at, beside[0].from, beside[0].to}
		for _, r := range beside[1:] {
			if r.from > open.to+reach {
				out = append(out, open)
				open = rule{at, r.from, r.to}
				continue
			}
			open.to = max(open.to, r.to)
		}
		out = append(out, open)
		all = all[n:]
	}
	return out
}

// rulesOf collects the rules of a page; ok is false where it has none that could make
// a table, or is too full to be looked at.
func (r *reader) rulesOf(p *page, ref requests.Page) (found rules, ok bool) {
	count, err := r.in.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: ref})
	if err != nil || count.Count > maxDrawn {
		return found, false
	}
	d := &drawing{reader: r, sheet: p.sheet, left: min(maxDrawn, maxDrawnAll-r.drawn)}
	budget := d.left
	for i := 0; i < count.Count && d.left > 0; i++ {
		object, err := r.in.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: ref, Index: i})
		if err == nil {
			d.look(object.PageObject, identity, maxForms)
		}
	}
	r.drawn += budget - d.left
	if d.left <= 0 {
		return found, false
	}
	found.across, found.down = joined(d.rules.across), joined(d.rules.down)
	ok = len(found.across) >= 2 && len(found.down) >= 1 && len(found.across) <= maxRules && len(found.down) <= maxRules
	return found, ok
}

// drawing is what a page's objects draw.
type drawing struct {
	*reader
	sheet sheet
	rules rules
	left  int // objects and points that may still be looked at
}

var identity = structs.FPDF_FS_MATRIX{A: 1, D: 1}

// times returns the matrix that does a and then b (ISO 32000-1, 8.3.4).
func times(a, b structs.FPDF_FS_MATRIX) structs.FPDF_FS_MATRIX {
	return structs.FPDF_FS_MATRIX{
		A: a.A*b.A + a.B*b.C, B: a.A*b.B + a.B*b.D,
		C: a.C*b.A + a.D*b.C, D: a.C*b.B + a.D*b.D,
		E: a.E*b.A + a.F*b.C + b.E, F: a.E*b.B + a.F*b.D + b.F,
	}
}

// place moves a point of an object to the sheet.
func (d *drawing) place(m structs.FPDF_FS_MATRIX, x, y float32) (float64, float64) {
	return d.sheet.point(float64(m.A*x+m.C*y+m.E), float64(m.B*x+m.D*y+m.F))
}

// look takes the rules of an object, and of those within it.
func (d *drawing) look(object references.FPDF_PAGEOBJECT, to structs.FPDF_FS_MATRIX, depth int) {
	d.left--
	kind, err := d.in.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	switch {
	case err != nil:
	case kind.Type == enums.FPDF_PAGEOBJ_PATH:
		d.path(object, to)
	case kind.Type == enums.FPDF_PAGEOBJ_FORM && depth > 0:
		d.form(object, to, depth)
	}
}

func (d *drawing) form(object references.FPDF_PAGEOBJECT, to structs.FPDF_FS_MATRIX, depth int) {
	count, err := d.in.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
	if err != nil {
		return
	}
	if m, err := d.in.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object}); err == nil {
		to = times(m.Matrix, to)
	}
	for i := 0; i < count.Count && d.left > 0; i++ {
		inner, err := d.in.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(i)})
		if err == nil {
			d.look(inner.PageObject, to, depth-1)
		}
	}
}

// path takes the rules of a path. Most are told by its extent alone.
func (d *drawing) path(object references.FPDF_PAGEOBJECT, to structs.FPDF_FS_MATRIX) {
	mode, err := d.in.FPDFPath_GetDrawMode(&requests.FPDFPath_GetDrawMode{PageObject: object})
	if err != nil || !mode.Stroke && mode.FillMode == enums.FPDF_FILLMODE_NONE {
		return
	}
	b, err := d.in.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: object})
	if err != nil {
		return
	}
	x0, y0 := d.place(to, b.Left, b.Bottom)
	x1, y1 := d.place(to, b.Right, b.Top)
	if d.rules.addThin(x0, y0, x1, y1) {
		return
	}
	count, err := d.in.FPDFPath_CountSegments(&requests.FPDFPath_CountSegments{PageObject: object})
	if err != nil || !mode.Stroke && count.Count <= 5 {
		return // a filled rectangle
	}
	if d.left -= count.Count; d.left <= 0 {
		return
	}
	m, err := d.in.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object})
	if err != nil {
		return
	}
	t := tracer{drawing: d, object: object, to: times(m.Matrix, to), stroke: mode.Stroke}
	for i := range count.Count {
		t.segment(i)
	}
	t.end()
}

// tracer follows a path, of which it takes each figure that is as thin as a line, and,
// where the path is stroked, each straight line of the others.
type tracer struct {
	*drawing
	object references.FPDF_PAGEOBJECT
	to     structs.FPDF_FS_MATRIX
	stroke bool

	points []point // of the figure that is being followed
	closed bool
}

// point is a place of the sheet; straight is whether a line led to it.
type point struct {
	x, y     float64
	straight bool
}

func (t *tracer) segment(i int) {
	s, err := t.in.FPDFPath_GetPathSegment(&requests.FPDFPath_GetPathSegment{PageObject: t.object, Index: i})
	if err != nil {
		return
	}
	kind, err := t.in.FPDFPathSegment_GetType(&requests.FPDFPathSegment_GetType{PathSegment: s.PathSegment})
	if err != nil {
		return
	}
	at, err := t.in.FPDFPathSegment_GetPoint(&requests.FPDFPathSegment_GetPoint{PathSegment: s.PathSegment})
	if err != nil {
		return
	}
	if kind.Type == enums.FPDF_SEGMENT_MOVETO {
		t.end()
	}
	x, y := t.place(t.to, at.X, at.Y)
	t.points = append(t.points, point{x, y, kind.Type == enums.FPDF_SEGMENT_LINETO})
	if c, err := t.in.FPDFPathSegment_GetClose(&requests.FPDFPathSegment_GetClose{PathSegment: s.PathSegment}); err == nil && c.IsClose {
		t.closed = true
	}
}

// end takes the rules of the figure that was followed.
func (t *tracer) end() {
	figure, closed := t.points, t.closed
	t.points, t.closed = t.points[:0], false
	if len(figure) < 2 {
		return
	}
	x0, y0, x1, y1 := figure[0].x, figure[0].y, figure[0].x, figure[0].y
	for _, p := range figure {
		x0, x1, y0, y1 = min(x0, p.x), max(x1, p.x), min(y0, p.y), max(y1, p.y)
	}
	if t.rules.addThin(x0, y0, x1, y1) || !t.stroke {
		return
	}
	for i, p := range figure[1:] {
		if p.straight {
			t.rules.add(figure[i].x, figure[i].y, p.x, p.y)
		}
	}
	if closed {
		last := figure[len(figure)-1]
		t.rules.add(last.x, last.y, figure[0].x, figure[0].y)
	}
}
