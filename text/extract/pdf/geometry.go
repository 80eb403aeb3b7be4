package pdf

import (
	"math"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/smartretriever/smartretriever/rag"
)

// sheet is a page as it is shown. PDF places things with y growing upwards on the
// page before it is turned, from an origin that need not be a corner; a sheet
// counts points from its top left corner, y growing downwards.
type sheet struct {
	left, bottom, right, top float64 // what of the page is shown, in PDF's places
	rotation                 enums.FPDF_PAGE_ROTATION
}

// newSheet asks for a page's visible part and turn. A page that states neither in
// a usable way is taken as it comes.
func newSheet(in pdfium.Pdfium, page requests.Page) sheet {
	s := sheet{right: 612, top: 792}
	if box, err := in.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: page}); err == nil {
		r := box.Rect
		s.left, s.right = ordered(r.Left, r.Right)
		s.bottom, s.top = ordered(r.Bottom, r.Top)
	}
	if rot, err := in.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: page}); err == nil {
		s.rotation = rot.PageRotation
	}
	return s
}

func ordered(a, b float32) (float64, float64) {
	return float64(min(a, b)), float64(max(a, b))
}

// size returns width and height as shown.
func (s sheet) size() (width, height float64) {
	width, height = s.right-s.left, s.top-s.bottom
	if s.rotation == enums.FPDF_PAGE_ROTATION_90_CW || s.rotation == enums.FPDF_PAGE_ROTATION_270_CW {
		return height, width
	}
	return width, height
}

// point moves a place of the PDF to the sheet.
func (s sheet) point(x, y float64) (float64, float64) {
	switch s.rotation {
	case enums.FPDF_PAGE_ROTATION_90_CW:
		return y - s.bottom, x - s.left
	case enums.FPDF_PAGE_ROTATION_180_CW:
		return s.right - x, y - s.bottom
	case enums.FPDF_PAGE_ROTATION_270_CW:
		return s.top - y, s.right - x
	}
	return x - s.left, s.top - y
}

// box moves a rectangle of the PDF to the sheet, rounded to tenths of a point,
// which is what stores keep. One without extent, or with places that are no
// numbers, is none.
func (s sheet) box(left, bottom, right, top float64) rag.Box {
	x0, y0 := s.point(left, bottom)
	x1, y1 := s.point(right, top)
	b := rag.Box{X0: tenth(min(x0, x1)), Y0: tenth(min(y0, y1)), X1: tenth(max(x0, x1)), Y1: tenth(max(y0, y1))}
	if b.X0 == b.X1 || b.Y0 == b.Y1 || !onPaper(b) {
		return rag.Box{}
	}
	return b
}

// hides reports whether a box lies beyond the edges of the sheet, where nobody sees
// what stands in it. A sheet without size hides nothing.
func (s sheet) hides(b rag.Box) bool {
	width, height := s.size()
	return b != rag.Box{} && width > 0 && height > 0 &&
		(b.X1 <= 0 || b.Y1 <= 0 || float64(b.X0) >= width || float64(b.Y0) >= height)
}

func tenth(v float64) float32 { return float32(math.Round(v*10)) / 10 }

// farthest is a place, in points, that no page of a real document has.
const farthest = 200_000

func onPaper(b rag.Box) bool {
	for _, v := range []float32{b.X0, b.Y0, b.X1, b.Y1} {
		if !(v > -farthest && v < farthest) { // not a number is neither
			return false
		}
	}
	return true
}
