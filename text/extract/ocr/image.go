package ocr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strconv"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits of a picture, checked by its header before anything of it is decoded.
const (
	// MaxPixels is the most pixels of a picture: an A3 sheet at 500 dots an inch.
	MaxPixels = 64 << 20
	maxSide   = 60_000 // pixels
	// DefaultMaxPages is the most pages of a TIFF file unless told otherwise.
	DefaultMaxPages = 5000
)

// Resolutions that are believed, in dots an inch. Others were made up by a program, and
// a pixel counts as a point then.
const (
	leastDPI = 50
	mostDPI  = 2400
	pointDPI = 72
)

// IsImage reports whether content is an image file of a kind that can be read, and
// which: png, jpeg, gif, bmp, tiff or webp.
func IsImage(content []byte) (kind string, ok bool) {
	begins := func(s string) bool { return bytes.HasPrefix(content, []byte(s)) }
	switch {
	case begins("\x89PNG\r\n\x1a\n"):
		kind = "png"
	case begins("\xff\xd8\xff"):
		kind = "jpeg"
	case begins("GIF87a"), begins("GIF89a"):
		kind = "gif"
	case begins("II*\x00"), begins("MM\x00*"):
		kind = "tiff"
	case begins("RIFF") && len(content) >= 12 && string(content[8:12]) == "WEBP":
		kind = "webp"
	case isBMP(content):
		kind = "bmp"
	}
	return kind, kind != ""
}

// isBMP looks beyond the first two letters, with which texts begin as well.
func isBMP(content []byte) bool {
	if len(content) < 26 || string(content[:2]) != "BM" || binary.LittleEndian.Uint32(content[6:]) != 0 {
		return false
	}
	switch binary.LittleEndian.Uint32(content[14:]) { // size of the header
	case 12, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// MediaType returns the media type of an image file, "" if it is none.
func MediaType(content []byte) string {
	kind, ok := IsImage(content)
	if !ok {
		return ""
	}
	return "image/" + kind
}

// Suffixes are those of the image files that can be read, in lower case with the dot.
func Suffixes() []string {
	return []string{".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
}

// frame is a page of an image file, as it is stored.
type frame struct {
	width, height int
	orientation   int     // from 1, as it is, to 8
	x, y          float64 // dots an inch; pointDPI where they are not known
	at            uint32  // of its directory in a TIFF file
}

// shown returns width and height of the page as it is shown, in points.
func (f frame) shown() (width, height float64) {
	width, height = float64(f.width)*72/f.x, float64(f.height)*72/f.y
	if f.orientation >= 5 {
		return height, width
	}
	return width, height
}

// setResolution takes what the file says, if it can be true.
func (f *frame) setResolution(x, y float64) {
	f.x, f.y = pointDPI, pointDPI
	if x >= leastDPI && x <= mostDPI && y >= leastDPI && y <= mostDPI && x/y < 4 && y/x < 4 {
		f.x, f.y = x, y
	}
}

// file is an image file whose headers were read.
type file struct {
	kind   string
	frames []frame // one at least
	taken  string
}

// open reads the headers.
func open(content []byte, maxPages int) (f file, err error) {
	kind, ok := IsImage(content)
	if !ok {
		return file{}, rag.Errorf(rag.KindInvalid, "it is no image of a kind that can be read")
	}
	f.kind = kind
	if kind == "tiff" {
		f.frames, f.taken, err = tiffFrames(content, maxPages)
		return f, err
	}
	config, err := decodeConfig(kind, content)
	if err != nil {
		return file{}, damaged(err)
	}
	one := frame{width: config.Width, height: config.Height, orientation: 1}
	var x, y float64
	switch kind {
	case "jpeg":
		notes := jpegNotes(content)
		one.orientation, f.taken, x, y = notes.orientation, notes.taken, notes.x, notes.y
	case "png":
		x, y = pngResolution(content)
	case "bmp":
		x, y = bmpResolution(content)
	case "webp":
		if w, h := webpSize(content); w*h > one.width*one.height {
			one.width, one.height = w, h
		}
	}
	one.setResolution(x, y)
	f.frames = []frame{one}
	return f, one.check()
}

// tiffFrames follows the chain of directories, each of which is a page. Small copies
// of pages are left out.
func tiffFrames(content []byte, maxPages int) (frames []frame, taken string, err error) {
	if maxPages <= 0 {
		maxPages = DefaultMaxPages
	}
	t, at, ok := newTree(content)
	if !ok {
		return nil, "", damaged(io.ErrUnexpectedEOF)
	}
	seen := map[uint32]bool{}
	for at != 0 && !seen[at] {
		seen[at] = true
		d, next, ok := t.directory(at)
		if !ok {
			break // what comes after is lost
		}
		width, okWidth := t.number(d, tagWidth)
		height, okHeight := t.number(d, tagHeight)
		if copied, _ := t.number(d, tagSubfile); okWidth && okHeight && copied&1 == 0 {
			if len(frames) == maxPages {
				return nil, "", rag.Errorf(rag.KindExhausted, "the picture has more than %d pages; so many are read at most", maxPages)
			}
			f := frame{width: clamp(width), height: clamp(height), orientation: t.orientation(d), at: at}
			f.setResolution(t.resolution(d))
			if err := f.check(); err != nil {
				return nil, "", err
			}
			frames = append(frames, f)
			if taken == "" {
				taken = t.taken(d)
			}
		}
		if len(seen) > 4*maxPages {
			break
		}
		at = next
	}
	if len(frames) == 0 {
		return nil, "", damaged(errors.New("it has no page"))
	}
	return frames, taken, nil
}

func clamp(n uint32) int { return int(min(n, 1<<30)) }

// check refuses what would be too large to decode.
func (f frame) check() error {
	switch {
	case f.width <= 0 || f.height <= 0:
		return rag.Errorf(rag.KindInvalid, "the picture is damaged: it has no size")
	case f.width > maxSide || f.height > maxSide || f.width*f.height > MaxPixels:
		return rag.Errorf(rag.KindExhausted, "the picture has %d x %d pixels; at most %d million are read", f.width, f.height, MaxPixels>>20)
	}
	return nil
}

func damaged(err error) error {
	var unsupported tiff.UnsupportedError
	var jpegUnsupported jpeg.UnsupportedError
	var pngUnsupported png.UnsupportedError
	if errors.As(err, &unsupported) || errors.As(err, &jpegUnsupported) || errors.As(err, &pngUnsupported) || errors.Is(err, bmp.ErrUnsupported) {
		return rag.Errorf(rag.KindInvalid, "the picture is of a kind that cannot be read: %w", err)
	}
	return rag.Errorf(rag.KindInvalid, "the picture is damaged: %w", err)
}

func decodeConfig(kind string, content []byte) (image.Config, error) {
	r := bytes.NewReader(content)
	switch kind {
	case "png":
		return png.DecodeConfig(r)
	case "jpeg":
		return jpeg.DecodeConfig(r)
	case "gif":
		return gif.DecodeConfig(r)
	case "bmp":
		return bmp.DecodeConfig(r)
	}
	return webp.DecodeConfig(r)
}

// decode reads the pixels of a page. Of a moving picture it is the first.
func (f file) decode(content []byte, page int) (image.Image, error) {
	r := bytes.NewReader(content)
	switch f.kind {
	case "png":
		return png.Decode(r)
	case "jpeg":
		return jpeg.Decode(r)
	case "gif":
		return gif.Decode(r)
	case "bmp":
		return bmp.Decode(r)
	case "webp":
		return webp.Decode(r)
	}
	t, _, ok := newTree(content)
	if !ok {
		return nil, io.ErrUnexpectedEOF
	}
	// The decoder knows the first page only: it is given a header that says that this
	// one is the first.
	head := bytes.Clone(content[:8])
	t.order.PutUint32(head[4:], f.frames[page-1].at)
	return tiff.Decode(io.NewSectionReader(tiffWith{head, content}, 0, int64(len(content))))
}

// tiffWith is a file with another header.
type tiffWith struct{ head, content []byte }

func (t tiffWith) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(t.content)) {
		return 0, io.EOF
	}
	n := copy(p, t.content[off:])
	if off < int64(len(t.head)) {
		copy(p[:n], t.head[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Options are those of one image file.
type Options struct {
	MaxPages int // of a TIFF; more are KindExhausted. 0 is DefaultMaxPages
}

// Extract returns what an image file says without being looked at: how many pages it
// has, and as metadata the width and height in pixels of the first as it is shown, and
// when it was taken (as RFC 3339, or without a zone where the camera knew none). Its
// text is empty: Engine reads the pictures that Show gives. A damaged file is
// KindInvalid, one that is too large KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	if err := ctx.Err(); err != nil {
		return rag.Text{}, err
	}
	f, err := open(content, opt.MaxPages)
	if err != nil {
		return rag.Text{}, err
	}
	width, height := f.frames[0].width, f.frames[0].height
	if f.frames[0].orientation >= 5 {
		width, height = height, width
	}
	text := rag.Text{
		MediaType: MediaType(content), Pages: len(f.frames),
		Metadata: rag.Metadata{"width": rag.Num(float64(width)), "height": rag.Num(float64(height))},
	}
	if f.taken != "" {
		text.Metadata["taken"] = rag.Str(f.taken)
	}
	return text, nil
}

// pageName names a page of a file of several.
func pageName(page, pages int) string {
	if pages == 1 {
		return "the picture"
	}
	return "page " + strconv.Itoa(page)
}
