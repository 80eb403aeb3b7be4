package pdf

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits of a page's picture.
const (
	DefaultWidth = 1200     // pixels
	MaxWidth     = 4000     // pixels
	maxSide      = 16_000   // pixels
	maxPixels    = 16 << 20 // 64 MiB in the engine
	readDPI      = 300.     // at which programs read best
)

// PageOptions say which page is shown and what is marked on it.
type PageOptions struct {
	Page     int    `json:"page"`              // from 1
	Password string `json:"-"`                 // of an encrypted file
	Width    int    `json:"width,omitempty"`   // pixels; 0 is DefaultWidth, or what DPI says
	DPI      int    `json:"dpi,omitempty"`     // pixels an inch, where Width is 0
	ForOCR   bool   `json:"for_ocr,omitempty"` // as a program reads it best: 300 dpi, in shades of grey; Width and DPI do not count
	NoImage  bool   `json:"no_image,omitempty"`
	// Quote is what is to be marked, as it stands in the extracted text, and
	// Before and After what stands around it there: they tell which of several
	// places is meant.
	Quote  string `json:"quote,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Boxes are marked where the quote is not in the page's own text, as that of a
	// remark or of a scan is not.
	Boxes []rag.Box `json:"boxes,omitempty"`
}

// Page returns the picture of a page, as a PNG, with the places of the quote on it.
// A picture that would pass the limits is made smaller; one that cannot be drawn is
// KindInvalid. A page that the document does not have is KindNotFound, and a quote
// that is not on the page no error. Errors are those of Extract otherwise.
func (e *Engine) Page(ctx context.Context, content []byte, opt PageOptions) (picture rag.Picture, err error) {
	err = e.use(ctx, func(in pdfium.Pdfium) (err error) {
		picture, err = show(in, content, opt)
		return err
	})
	if err != nil {
		return rag.Picture{}, err
	}
	return picture, nil
}

// show is the pipeline of a picture: open, measure, mark, draw.
func show(in pdfium.Pdfium, content []byte, opt PageOptions) (rag.Picture, error) {
	doc, err := open(in, content, opt.Password)
	if err != nil {
		return rag.Picture{}, err
	}
	count, err := in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc})
	if err != nil {
		return rag.Picture{}, rag.Errorf(rag.KindInvalid, "the PDF is damaged: %w", err)
	}
	if opt.Page < 1 || opt.Page > count.PageCount {
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "there is no page %d: the document has %d", opt.Page, count.PageCount)
	}
	loaded, err := in.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: doc, Index: opt.Page - 1})
	if err != nil {
		return rag.Picture{}, rag.Errorf(rag.KindInvalid, "page %d is damaged: %w", opt.Page, err)
	}
	defer in.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	ref := requests.Page{ByReference: &loaded.Page}

	paper := newSheet(in, ref)
	scale, picture, err := fit(paper, opt)
	if err != nil {
		return rag.Picture{}, err
	}
	marks := opt.Boxes
	if found := findQuote(in, ref, paper, opt); len(found) > 0 {
		marks = found
	}
	for _, m := range marks {
		if r, ok := pixels(m, scale, picture); ok {
			picture.Marks = append(picture.Marks, r)
		}
	}
	if opt.NoImage {
		return picture, nil
	}
	picture.MediaType = "image/png"
	picture.Image, err = draw(in, doc, ref, picture.Width, picture.Height, opt.ForOCR)
	return picture, err
}

// fit returns how many pixels a point takes, and a picture of the size that this
// gives.
func fit(paper sheet, opt PageOptions) (scale float64, p rag.Picture, err error) {
	width, height := paper.size()
	if !(width > 0 && height > 0 && width < farthest && height < farthest) {
		return 0, p, rag.Errorf(rag.KindInvalid, "page %d has no size", opt.Page)
	}
	switch {
	case opt.ForOCR:
		scale = min(readDPI/72, MaxWidth/width)
	case opt.Width > 0:
		scale = float64(min(opt.Width, MaxWidth)) / width
	case opt.DPI > 0:
		scale = min(float64(opt.DPI)/72, MaxWidth/width)
	default:
		scale = DefaultWidth / width
	}
	scale = min(scale, maxSide/height, math.Sqrt(maxPixels/(width*height)))
	p.Scale = scale
	p.Width, p.Height = max(1, int(math.Round(width*scale))), max(1, int(math.Round(height*scale)))
	return scale, p, nil
}

// margin is how far a mark reaches beyond the letters to the sides, in points.
const margin = 1

// pixels moves a box to the picture; ok is false if it lies outside.
func pixels(b rag.Box, scale float64, p rag.Picture) (r rag.Rect, ok bool) {
	at := func(points float32, most int, round func(float64) float64) int {
		return int(min(max(round(float64(points)*scale), 0), float64(most)))
	}
	x0, x1 := at(b.X0-margin, p.Width, math.Floor), at(b.X1+margin, p.Width, math.Ceil)
	y0, y1 := at(b.Y0, p.Height, math.Floor), at(b.Y1, p.Height, math.Ceil)
	return rag.Rect{X: x0, Y: y0, Width: x1 - x0, Height: y1 - y0}, x1 > x0 && y1 > y0
}

// draw paints the page on white, with annotations and filled-in fields, and
// returns it as a PNG.
func draw(in pdfium.Pdfium, doc references.FPDF_DOCUMENT, page requests.Page, width, height int, inGrey bool) ([]byte, error) {
	fault := func(err error) error { return rag.Errorf(rag.KindInvalid, "the page cannot be drawn: %w", err) }
	bitmap, err := in.FPDFBitmap_Create(&requests.FPDFBitmap_Create{Width: width, Height: height})
	if err != nil {
		return nil, fault(err)
	}
	defer in.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bitmap.Bitmap})
	if _, err := in.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{Bitmap: bitmap.Bitmap, Width: width, Height: height, Color: 0xffffffff}); err != nil {
		return nil, fault(err)
	}
	const flags = enums.FPDF_RENDER_FLAG_ANNOT | enums.FPDF_RENDER_FLAG_REVERSE_BYTE_ORDER
	if _, err := in.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{Bitmap: bitmap.Bitmap, Page: page, SizeX: width, SizeY: height, Flags: flags}); err != nil {
		return nil, fault(err)
	}
	if form := openForm(in, doc); form != "" {
		// Without its fields a page is still worth seeing.
		_, _ = in.FPDF_FFLDraw(&requests.FPDF_FFLDraw{FormHandle: form, Bitmap: bitmap.Bitmap, Page: page, SizeX: width, SizeY: height, Flags: flags})
		_, _ = in.FPDFDOC_ExitFormFillEnvironment(&requests.FPDFDOC_ExitFormFillEnvironment{FormHandle: form})
	}
	buffer, err := in.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: bitmap.Bitmap})
	if err != nil {
		return nil, fault(err)
	}
	return encode(buffer.Buffer, width, height, inGrey)
}

// encode writes pixels of four bytes, of which the last means nothing, as a PNG: in
// shades of grey where the page has no colour, or none is wanted, which is a third of
// the work.
func encode(pix []byte, width, height int, inGrey bool) ([]byte, error) {
	if len(pix) < 4*width*height {
		return nil, rag.Errorf(rag.KindInternal, "the PDF engine returned %d bytes for %d x %d pixels", len(pix), width, height)
	}
	pix = pix[:4*width*height]
	var picture image.Image
	if inGrey || grey(pix) {
		g := image.NewGray(image.Rect(0, 0, width, height))
		for i := range g.Pix {
			p := pix[4*i:]
			// The brightness of a colour as JFIF defines it.
			g.Pix[i] = byte((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
		}
		picture = g
	} else {
		c := image.NewRGBA(image.Rect(0, 0, width, height))
		copy(c.Pix, pix)
		for i := 3; i < len(c.Pix); i += 4 {
			c.Pix[i] = 0xff
		}
		picture = c
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, picture)
	return b.Bytes(), rag.Wrap(rag.KindInternal, err, "write the picture")
}

func grey(pix []byte) bool {
	for i := 0; i+3 < len(pix); i += 4 {
		if pix[i] != pix[i+1] || pix[i] != pix[i+2] {
			return false
		}
	}
	return true
}
