package ocr

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"math"

	"golang.org/x/image/draw"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits of a picture that is shown or read.
const (
	defaultWidth = 1200     // pixels
	maxWidth     = 4000     // pixels
	maxHeight    = 16_000   // pixels
	maxShown     = 16 << 20 // pixels
)

// What is read best: letters of 10 points have 40 pixels at 300 dots an inch. A picture
// whose resolution is not known is taken for a page of that height, if it does not have
// to be blown up by more than three: one of 72 dots an inch is read with F1 0.91 when
// tripled, and 0.08 as it is.
const (
	readHeight  = 3300
	mostBlownUp = 3
)

// ShowOptions say which page of an image file is shown, and how.
type ShowOptions struct {
	Page    int  // from 1
	Width   int  // pixels; 0 is 1200, or what DPI says; at most 4000
	DPI     int  // pixels an inch of the page, where Width is 0
	ForOCR  bool // as it is read best, in shades of grey; Width and DPI do not count
	NoImage bool // size and marks only
	Boxes   []rag.Box
}

// Show returns a page of an image file as a PNG, turned as it is meant to be seen, on
// white where it is transparent, with marks where the boxes lie. A picture that would
// pass the limits is made smaller. A page that is not there is KindNotFound; other
// errors are those of Extract.
func Show(ctx context.Context, content []byte, opt ShowOptions) (p rag.Picture, err error) {
	defer func() {
		// Decoders are not ours, and files are hostile.
		if r := recover(); r != nil {
			p, err = rag.Picture{}, rag.Errorf(rag.KindInvalid, "the picture is damaged: %v", r)
		}
	}()
	f, err := open(content, 0)
	if err != nil {
		return rag.Picture{}, err
	}
	if opt.Page < 1 || opt.Page > len(f.frames) {
		return rag.Picture{}, rag.Errorf(rag.KindNotFound, "there is no page %d: the picture has %d", opt.Page, len(f.frames))
	}
	at := f.frames[opt.Page-1]
	p = at.fit(opt)
	for _, b := range opt.Boxes {
		if r, ok := pixels(b, p); ok {
			p.Marks = append(p.Marks, r)
		}
	}
	if opt.NoImage {
		return p, nil
	}
	decoded, err := f.decode(content, opt.Page)
	if err != nil {
		return rag.Picture{}, rag.Errorf(rag.KindInvalid, "%s: %w", pageName(opt.Page, len(f.frames)), damaged(err))
	}
	p.MediaType = "image/png"
	p.Image, err = at.render(ctx, decoded, p.Width, p.Height, opt.ForOCR)
	if err != nil {
		return rag.Picture{}, err
	}
	return p, nil
}

// fit returns the size of the picture and how many pixels a point of the page takes.
func (f frame) fit(opt ShowOptions) (p rag.Picture) {
	width, height := f.shown()
	scale := defaultWidth / width
	switch own := max(f.x, f.y) / 72; { // all its pixels
	case opt.ForOCR:
		grow := readHeight / (own * max(width, height))
		scale = own * min(max(grow, 1), mostBlownUp)
	case opt.Width > 0:
		scale = float64(opt.Width) / width
	case opt.DPI > 0:
		scale = float64(opt.DPI) / 72
	}
	if !opt.ForOCR {
		scale = min(scale, maxWidth/width)
	}
	scale = min(scale, maxHeight/max(width, height), math.Sqrt(maxShown/(width*height)))
	p.Scale = scale
	p.Width, p.Height = max(1, int(math.Round(width*scale))), max(1, int(math.Round(height*scale)))
	return p
}

// pixels moves a box to the picture; ok is false if it lies outside.
func pixels(b rag.Box, p rag.Picture) (r rag.Rect, ok bool) {
	at := func(points float32, most int, round func(float64) float64) int {
		return int(min(max(round(float64(points)*p.Scale), 0), float64(most)))
	}
	x0, x1 := at(b.X0, p.Width, math.Floor), at(b.X1, p.Width, math.Ceil)
	y0, y1 := at(b.Y0, p.Height, math.Floor), at(b.Y1, p.Height, math.Ceil)
	return rag.Rect{X: x0, Y: y0, Width: x1 - x0, Height: y1 - y0}, x1 > x0 && y1 > y0
}

// render draws a decoded page at a size, turned, and writes it as a PNG.
func (f frame) render(ctx context.Context, decoded image.Image, width, height int, grey bool) ([]byte, error) {
	if f.orientation >= 5 {
		width, height = height, width // of the page before it is turned
	}
	sized, err := scaled(ctx, decoded, image.Rect(0, 0, f.width, f.height), width, height)
	if err != nil {
		return nil, err
	}
	sized = turned(sized, f.orientation)
	var out image.Image = sized
	if grey || sized.isGrey() {
		out = sized.grey()
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, out)
	return b.Bytes(), rag.Wrap(rag.KindInternal, err, "write the picture")
}

// canvas is pixels of four bytes without transparency.
type canvas struct{ *image.RGBA }

func newCanvas(width, height int) canvas {
	return canvas{image.NewRGBA(image.Rect(0, 0, width, height))}
}

// scaled draws the part b of a picture on white at another size: the first of a moving
// picture need not fill it. It is first made smaller by whole
// numbers, each pixel the mean of those that it takes the place of, a few lines at a
// time, so that the large picture is never copied whole; what is left is less than half.
func scaled(ctx context.Context, src image.Image, b image.Rectangle, width, height int) (canvas, error) {
	kx, ky := max(1, b.Dx()/width), max(1, b.Dy()/height)
	small := newCanvas((b.Dx()+kx-1)/kx, (b.Dy()+ky-1)/ky)
	band := newCanvas(b.Dx(), ky)
	white := image.NewUniform(color.White)
	for y := range small.Rect.Dy() {
		if err := ctx.Err(); err != nil {
			return canvas{}, err
		}
		rows := min(ky, b.Dy()-y*ky)
		draw.Draw(band, band.Rect, white, image.Point{}, draw.Src)
		draw.Draw(band, image.Rect(0, 0, b.Dx(), rows), src, image.Pt(b.Min.X, b.Min.Y+y*ky), draw.Over)
		average(small.Pix[y*small.Stride:][:4*small.Rect.Dx()], band, kx, rows)
	}
	if small.Rect.Dx() == width && small.Rect.Dy() == height {
		return small, nil
	}
	out := newCanvas(width, height)
	draw.ApproxBiLinear.Scale(out, out.Rect, small, small.Rect, draw.Src, nil)
	return out, nil
}

// average fills a row of pixels with the means of blocks of kx times rows.
func average(row []byte, band canvas, kx, rows int) {
	for x := range len(row) / 4 {
		from, to := x*kx, min((x+1)*kx, band.Rect.Dx())
		var sum [3]int
		for y := range rows {
			line := band.Pix[y*band.Stride:]
			for i := 4 * from; i < 4*to; i += 4 {
				sum[0] += int(line[i])
				sum[1] += int(line[i+1])
				sum[2] += int(line[i+2])
			}
		}
		n := rows * (to - from)
		for c := range sum {
			row[4*x+c] = byte(sum[c] / n)
		}
		row[4*x+3] = 0xff
	}
}

// turned returns the picture as EXIF's orientation says that it is to be seen.
func turned(src canvas, orientation int) canvas {
	if orientation <= 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	out := newCanvas(w, h)
	if orientation >= 5 {
		out = newCanvas(h, w)
	}
	for y := range h {
		for x := range w {
			u, v := x, y
			switch orientation {
			case 2:
				u = w - 1 - x
			case 3:
				u, v = w-1-x, h-1-y
			case 4:
				v = h - 1 - y
			case 5:
				u, v = y, x
			case 6:
				u, v = h-1-y, x
			case 7:
				u, v = h-1-y, w-1-x
			case 8:
				u, v = y, w-1-x
			}
			copy(out.Pix[v*out.Stride+4*u:][:4], src.Pix[y*src.Stride+4*x:][:4])
		}
	}
	return out
}

func (c canvas) isGrey() bool {
	for i := 0; i+3 < len(c.Pix); i += 4 {
		if c.Pix[i] != c.Pix[i+1] || c.Pix[i] != c.Pix[i+2] {
			return false
		}
	}
	return true
}

// grey returns the brightness of each pixel, as JFIF defines it.
func (c canvas) grey() *image.Gray {
	g := image.NewGray(c.Rect)
	for i := range g.Pix {
		p := c.Pix[4*i:]
		g.Pix[i] = byte((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
	}
	return g
}
