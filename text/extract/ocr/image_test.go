package ocr

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

// sample has a black corner top left, a grey one top right, and is white elsewhere.
func sample(width, height int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			switch {
			case x < width/4 && y < height/4:
			case x >= width-width/4 && y < height/4:
				g.SetGray(x, y, color.Gray{Y: 128})
			default:
				g.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return g
}

func encoded(t testing.TB, kind string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, m)
	case "jpeg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
	case "gif":
		err = gif.Encode(&b, m, nil)
	case "bmp":
		err = bmp.Encode(&b, m)
	case "tiff":
		err = tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tinyWebP is a picture of one pixel, without loss.
var tinyWebP, _ = base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")

func shown(t *testing.T, content []byte, opt ShowOptions) (rag.Picture, image.Image) {
	t.Helper()
	p, err := Show(t.Context(), content, opt)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(p.Image))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Dx() != p.Width || m.Bounds().Dy() != p.Height {
		t.Errorf("%v is not %d x %d", m.Bounds(), p.Width, p.Height)
	}
	return p, m
}

// shades returns what is seen in the corners: top left, top right, bottom left, bottom right.
func shades(m image.Image) (out [4]int) {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for i, at := range []image.Point{{w / 16, h / 16}, {w - 1 - w/16, h / 16}, {w / 16, h - 1 - h/16}, {w - 1 - w/16, h - 1 - h/16}} {
		out[i] = (int(color.GrayModel.Convert(m.At(at.X, at.Y)).(color.Gray).Y) + 16) / 32
	}
	return out
}

func TestKinds(t *testing.T) {
	for _, kind := range []string{"png", "jpeg", "gif", "bmp", "tiff"} {
		content := encoded(t, kind, sample(160, 80))
		if got, ok := IsImage(content); got != kind || !ok {
			t.Errorf("%s is taken for %q", kind, got)
		}
		text, err := Extract(t.Context(), content, Options{})
		if err != nil {
			t.Fatal(kind, err)
		}
		extracttest.Check(t, text)
		if text.Pages != 1 || text.MediaType != "image/"+kind || text.Metadata["width"].String() != "160" || text.Metadata["height"].String() != "80" {
			t.Errorf("%s: %+v", kind, text)
		}
		for _, opt := range []ShowOptions{{Page: 1}, {Page: 1, Width: 80}, {Page: 1, Width: 50}, {Page: 1, DPI: 72}, {Page: 1, ForOCR: true}} {
			p, m := shown(t, content, opt)
			if shades(m) != [4]int{0, 4, 8, 8} {
				t.Errorf("%s %+v: corners %v", kind, opt, shades(m))
			}
			if want := map[bool]int{true: 480, false: max(opt.Width, opt.DPI/72*160)}[opt.ForOCR]; want > 0 && p.Width != want {
				t.Errorf("%s %+v: %d pixels wide", kind, opt, p.Width)
			}
		}
	}
	if p, _ := shown(t, tinyWebP, ShowOptions{Page: 1, Width: 4}); p.Width != 4 {
		t.Errorf("%+v", p)
	}
	for _, text := range []string{"", "BMW builds cars, and has since 1916, among others.", "GIF", "RIFF....WAVE", "II*", "%PDF-1.7"} {
		if kind, ok := IsImage([]byte(text)); ok && text != "II*" {
			t.Errorf("%q is taken for %s", text, kind)
		}
	}
}

// notes returns EXIF with an orientation, 200 dots an inch, and the time.
func notes(order binary.AppendByteOrder, orientation uint16, offset string) []byte {
	b := []byte("MM\x00*")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		b = []byte("II*\x00")
	}
	entry := func(tag, kind uint16, count, value uint32) {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, kind)
		b = order.AppendUint32(b, count)
		if kind == 3 {
			b = order.AppendUint16(order.AppendUint16(b, uint16(value)), 0)
		} else {
			b = order.AppendUint32(b, value)
		}
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 4)
	entry(tagOrientation, 3, 1, uint32(orientation))
	entry(tagXResolution, 5, 1, 62)
	entry(tagYResolution, 5, 1, 62)
	entry(tagExif, 4, 1, 70)
	b = order.AppendUint32(b, 0)
	b = order.AppendUint32(order.AppendUint32(b, 400), 2) // at 62
	b = order.AppendUint16(b, 2)                          // at 70
	entry(tagTaken, 2, 20, 100)
	entry(tagOffset, 2, uint32(len(offset)+1), 120)
	b = order.AppendUint32(b, 0)
	b = append(b, "2021:03:04 05:06:07\x00"...)
	return append(b, offset+"\x00"...)
}

// TestOrientation shows a picture in all turns that a camera may note: where the black
// and the grey corner come to lie.
func TestOrientation(t *testing.T) {
	plain := encoded(t, "jpeg", sample(160, 80))
	for orientation, want := range map[uint16][4]int{
		1: {0, 4, 8, 8}, 2: {4, 0, 8, 8}, 3: {8, 8, 4, 0}, 4: {8, 8, 0, 4},
		5: {0, 8, 4, 8}, 6: {8, 0, 8, 4}, 7: {8, 4, 8, 0}, 8: {4, 8, 0, 8}, 9: {0, 4, 8, 8},
	} {
		exif := append([]byte("Exif\x00\x00"), notes(binary.BigEndian, orientation, "+02:00")...)
		content := append([]byte{0xff, 0xd8, 0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
		content = append(append(content, exif...), plain[2:]...)
		_, m := shown(t, content, ShowOptions{Page: 1, DPI: 200})
		if shades(m) != want {
			t.Errorf("%d: corners %v, want %v", orientation, shades(m), want)
		}
		width := 160
		if orientation >= 5 && orientation <= 8 {
			width = 80
		}
		if m.Bounds().Dx() != width {
			t.Errorf("%d: %v", orientation, m.Bounds())
		}
		text, err := Extract(t.Context(), content, Options{})
		if err != nil || text.Metadata["taken"].String() != "2021-03-04T03:06:07Z" || text.Metadata["width"].String() != rag.Num(float64(width)).String() {
			t.Errorf("%d: %+v, %v", orientation, text, err)
		}
	}
	if got := readEXIF(notes(binary.LittleEndian, 6, "")); got != (exif{6, 200, 200, "2021-03-04T05:06:07"}) {
		t.Errorf("%+v", got)
	}
}

// pagesOf writes a TIFF of grey pages without compression.
func pagesOf(pages ...*image.Gray) []byte {
	order := binary.LittleEndian
	b := []byte("II*\x00")
	link := len(b) // where the place of the next directory goes
	b = append(b, 0, 0, 0, 0)
	for _, m := range pages {
		data := uint32(len(b))
		b = append(b, m.Pix...)
		order.PutUint32(b[link:], uint32(len(b)))
		entries := [][2]uint32{
			{tagWidth, uint32(m.Rect.Dx())}, {tagHeight, uint32(m.Rect.Dy())}, {258, 8}, {259, 1}, {262, 1},
			{273, data}, {277, 1}, {278, uint32(m.Rect.Dy())}, {279, uint32(len(m.Pix))},
		}
		b = order.AppendUint16(b, uint16(len(entries)))
		for _, e := range entries {
			b = order.AppendUint16(order.AppendUint16(b, uint16(e[0])), 4)
			b = order.AppendUint32(order.AppendUint32(b, 1), e[1])
		}
		link = len(b)
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

func TestPages(t *testing.T) {
	content := pagesOf(sample(40, 40), sample(80, 40), sample(120, 40))
	text, err := Extract(t.Context(), content, Options{})
	if err != nil || text.Pages != 3 {
		t.Fatalf("%+v, %v", text, err)
	}
	for page := 1; page <= 3; page++ {
		p, m := shown(t, content, ShowOptions{Page: page, DPI: 72, Boxes: []rag.Box{{X0: 1, Y0: 2, X1: 3, Y1: 4}, {X0: 500, X1: 600, Y0: 1, Y1: 2}}})
		if p.Width != 40*page || shades(m) != [4]int{0, 4, 8, 8} || len(p.Marks) != 1 || p.Marks[0] != (rag.Rect{X: 1, Y: 2, Width: 2, Height: 2}) {
			t.Errorf("page %d: %d x %d, %v, %v", page, p.Width, p.Height, shades(m), p.Marks)
		}
	}
	for _, page := range []int{0, 4} {
		if _, err := Show(t.Context(), content, ShowOptions{Page: page}); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("page %d: %v", page, err)
		}
	}
	if _, err := Extract(t.Context(), content, Options{MaxPages: 2}); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("more pages than allowed: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Show(cancelled, content, ShowOptions{Page: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestHostile opens pictures that claim to be huge, go in circles or are cut off.
func TestHostile(t *testing.T) {
	bomb := encoded(t, "png", sample(4, 4))
	binary.BigEndian.PutUint32(bomb[16:], 50_000)
	binary.BigEndian.PutUint32(bomb[20:], 50_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	loop := pagesOf(sample(4, 4))
	binary.LittleEndian.PutUint32(loop[len(loop)-4:], binary.LittleEndian.Uint32(loop[4:]))
	hidden := append([]byte("RIFF\x00\x01\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "VP8L\x20\x00\x00\x00\x2f\xff\xff\xff\xff\x00"...)
	for name, c := range map[string]struct {
		content []byte
		kind    error // nil for a picture that is shown
	}{
		"a png of 2.5 G pixels":     {bomb, rag.ErrExhausted},
		"a bmp of 4 G pixels":       {append(append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), "\x00\x00\x01\x00\x00\x00\x01\x00\x01\x00\x18\x00"...), make([]byte, 24)...), rag.ErrExhausted},
		"a gif of 4 G pixels":       {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"), rag.ErrExhausted},
		"a webp larger within":      {hidden, rag.ErrExhausted},
		"a tiff in a circle":        {loop, nil},
		"a tiff without pages":      {[]byte("II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"), rag.ErrInvalid},
		"a tiff of a header":        {[]byte("MM\x00*"), rag.ErrInvalid},
		"a jpeg cut off":            {encoded(t, "jpeg", sample(400, 400))[:700], rag.ErrInvalid},
		"a png cut off":             {encoded(t, "png", sample(400, 400))[:60], rag.ErrInvalid},
		"a gif cut off":             {encoded(t, "gif", sample(400, 400))[:900], rag.ErrInvalid},
		"text behind a jpeg's head": {[]byte("\xff\xd8\xff\xe0" + strings.Repeat("nonsense", 100)), rag.ErrInvalid},
		"no picture":                {[]byte("text"), rag.ErrInvalid},
	} {
		_, err := Show(t.Context(), c.content, ShowOptions{Page: 1})
		if c.kind == nil && err != nil || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
}

func FuzzImage(f *testing.F) {
	for _, kind := range []string{"png", "jpeg", "gif", "bmp", "tiff"} {
		f.Add(encoded(f, kind, sample(16, 8)))
	}
	f.Add(tinyWebP)
	f.Add(pagesOf(sample(4, 4), sample(8, 4)))
	f.Fuzz(func(t *testing.T, content []byte) {
		text, err := Extract(t.Context(), content, Options{MaxPages: 20})
		if err != nil {
			if rag.KindOf(err) == rag.KindInternal {
				t.Error(err)
			}
			return
		}
		extracttest.Check(t, text)
		opened, err := open(content, 20)
		if err != nil || opened.frames[0].width*opened.frames[0].height > 1<<16 {
			return // takes long, and is as small ones are
		}
		p, err := Show(t.Context(), content, ShowOptions{Page: 1, Width: 20})
		if err != nil && rag.KindOf(err) == rag.KindInternal || err == nil && (p.Width < 1 || p.Width > 20 || len(p.Image) == 0) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func FuzzEXIF(f *testing.F) {
	f.Add(notes(binary.BigEndian, 6, "+02:00"))
	f.Add(notes(binary.LittleEndian, 3, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := readEXIF(data)
		if e.orientation < 1 || e.orientation > 8 || e.x < 0 || e.y < 0 || e.x != e.x || len(e.taken) > 30 {
			t.Errorf("%+v", e)
		}
		jpegNotes(append([]byte("\xff\xd8"), data...))
	})
}
