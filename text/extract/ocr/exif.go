package ocr

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

// TIFF files, and the notes of cameras in JPEG files (EXIF), are made of directories:
// two bytes with the number of entries, these of twelve bytes each (tag, type, count,
// value or where it stands), and the place of the next directory. See TIFF 6.0,
// section 2, and EXIF 2.32, section 4.6.
const (
	tagSubfile     = 254
	tagWidth       = 256
	tagHeight      = 257
	tagOrientation = 274
	tagXResolution = 282
	tagYResolution = 283
	tagUnit        = 296
	tagTime        = 306
	tagExif        = 34665
	tagTaken       = 36867
	tagOffset      = 36881
)

const (
	entrySize  = 12
	maxEntries = 4096 // of a directory
	maxValue   = 64   // bytes of a text that is read here
	unitCM     = 3
)

// tree reads the directories of a TIFF or of EXIF. What lies out of bounds is absent.
type tree struct {
	data  []byte
	order binary.ByteOrder
}

// newTree reads the header and returns the place of the first directory.
func newTree(data []byte) (t tree, first uint32, ok bool) {
	switch {
	case bytes.HasPrefix(data, []byte("II*\x00")):
		t.order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		t.order = binary.BigEndian
	default:
		return tree{}, 0, false
	}
	if len(data) < 8 {
		return tree{}, 0, false
	}
	t.data = data
	return t, t.order.Uint32(data[4:]), true
}

// directory is the entries of one directory by tag: type, count and the four bytes of
// the value, or of its place.
type directory map[uint16][]byte

// directory reads the one at a place, and the place of the next, 0 if there is none.
func (t tree) directory(at uint32) (d directory, next uint32, ok bool) {
	if at < 8 || uint64(at)+2 > uint64(len(t.data)) {
		return nil, 0, false
	}
	n := int(t.order.Uint16(t.data[at:]))
	rest := t.data[at+2:]
	if n > maxEntries || n*entrySize > len(rest) {
		return nil, 0, false
	}
	d = make(directory, n)
	for i := range n {
		e := rest[i*entrySize : (i+1)*entrySize]
		if tag := t.order.Uint16(e); d[tag] == nil {
			d[tag] = e[2:]
		}
	}
	if rest = rest[n*entrySize:]; len(rest) >= 4 {
		next = t.order.Uint32(rest)
	}
	return d, next, true
}

// number returns a whole number.
func (t tree) number(d directory, tag uint16) (uint32, bool) {
	e := d[tag]
	if e == nil || t.order.Uint32(e[2:]) != 1 {
		return 0, false
	}
	switch t.order.Uint16(e) {
	case 1: // byte
		return uint32(e[6]), true
	case 3: // short
		return uint32(t.order.Uint16(e[6:])), true
	case 4, 13: // long, place of a directory
		return t.order.Uint32(e[6:]), true
	}
	return 0, false
}

// value returns the bytes of a value that stands elsewhere, nil if they are too many
// or out of bounds.
func (t tree) value(e []byte, size uint64) []byte {
	at := uint64(t.order.Uint32(e[6:]))
	if size > maxValue || at+size > uint64(len(t.data)) {
		return nil
	}
	return t.data[at : at+size]
}

// fraction returns a positive fraction, 0 if there is none.
func (t tree) fraction(d directory, tag uint16) float64 {
	e := d[tag]
	if e == nil || t.order.Uint16(e) != 5 || t.order.Uint32(e[2:]) != 1 {
		return 0
	}
	v := t.value(e, 8)
	if v == nil {
		return 0
	}
	above, below := t.order.Uint32(v), t.order.Uint32(v[4:])
	if below == 0 {
		return 0
	}
	return float64(above) / float64(below)
}

// text returns a short text of ASCII.
func (t tree) text(d directory, tag uint16) string {
	e := d[tag]
	if e == nil || t.order.Uint16(e) != 2 {
		return ""
	}
	n := uint64(t.order.Uint32(e[2:]))
	v := e[6:]
	if n > 4 {
		v = t.value(e, n)
	}
	if uint64(len(v)) < n {
		return ""
	}
	s, _, _ := strings.Cut(string(v[:n]), "\x00")
	return strings.TrimSpace(s)
}

// resolution returns the dots an inch to the right and downwards, 0 where they are not
// told.
func (t tree) resolution(d directory) (x, y float64) {
	x, y = t.fraction(d, tagXResolution), t.fraction(d, tagYResolution)
	switch unit, ok := t.number(d, tagUnit); {
	case ok && unit == unitCM:
		return 2.54 * x, 2.54 * y
	case ok && unit != 2: // of no known unit
		return 0, 0
	}
	return x, y
}

// orientation returns how the picture is to be turned and mirrored to be seen, from 1,
// as it is, to 8.
func (t tree) orientation(d directory) int {
	if o, ok := t.number(d, tagOrientation); ok && o >= 1 && o <= 8 {
		return int(o)
	}
	return 1
}

// taken returns when the picture was taken, as RFC 3339 where the camera says in which
// time zone it was, else without one; "" if it does not say.
func (t tree) taken(d directory) string {
	at, ok := t.number(d, tagExif)
	if !ok {
		return ""
	}
	notes, _, ok := t.directory(at)
	if !ok {
		return ""
	}
	const camera = "2006:01:02 15:04:05"
	s := t.text(notes, tagTaken)
	when, err := time.Parse(camera, s)
	if err != nil || when.Year() < 1800 {
		return ""
	}
	if zoned, err := time.Parse(camera+"-07:00", s+t.text(notes, tagOffset)); err == nil {
		return zoned.UTC().Format(time.RFC3339)
	}
	return when.Format("2006-01-02T15:04:05")
}

// exif is what is taken from the notes of a camera.
type exif struct {
	orientation int // from 1 to 8
	x, y        float64
	taken       string
}

// readEXIF reads the notes of a camera, which are a TIFF of their own.
func readEXIF(data []byte) exif {
	out := exif{orientation: 1}
	t, first, ok := newTree(data)
	if !ok {
		return out
	}
	d, _, ok := t.directory(first)
	if !ok {
		return out
	}
	out.orientation, out.taken = t.orientation(d), t.taken(d)
	out.x, out.y = t.resolution(d)
	return out
}
