package ocr

import (
	"bytes"
	"encoding/binary"
)

// What the decoders do not tell of a file: resolution, turn, time, and of WebP the
// size of the picture itself, which need not be the one that the file begins with.

// jpegNotes walks the segments of a JPEG up to the picture: JFIF says the resolution,
// EXIF what the camera noted.
func jpegNotes(content []byte) exif {
	out := exif{orientation: 1}
	rest := content[min(len(content), 2):]
	for len(rest) >= 4 && rest[0] == 0xff {
		marker, size := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if marker == 0xff { // filling
			rest = rest[1:]
			continue
		}
		if marker == 0xda || size < 2 || 2+size > len(rest) {
			break
		}
		body := rest[4 : 2+size]
		switch {
		case marker == 0xe0 && bytes.HasPrefix(body, []byte("JFIF\x00")) && len(body) >= 12:
			x, y := float64(binary.BigEndian.Uint16(body[8:])), float64(binary.BigEndian.Uint16(body[10:]))
			switch body[7] {
			case 1:
				out.x, out.y = x, y
			case 2:
				out.x, out.y = 2.54*x, 2.54*y
			}
		case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			notes := readEXIF(body[6:])
			if out.x > 0 { // JFIF comes first and says it of this very picture
				notes.x, notes.y = out.x, out.y
			}
			return notes
		}
		rest = rest[2+size:]
	}
	return out
}

// pngResolution finds the chunk pHYs, which stands before the picture's data.
func pngResolution(content []byte) (x, y float64) {
	const signature, frame, inch = 8, 12, 39.37008 // dots a metre to dots an inch
	rest := content[min(len(content), signature):]
	for len(rest) >= frame {
		size := uint64(binary.BigEndian.Uint32(rest))
		name := string(rest[4:8])
		if name == "IDAT" || name == "IEND" || size+frame > uint64(len(rest)) {
			return 0, 0
		}
		if body := rest[8 : 8+size]; name == "pHYs" && size == 9 && body[8] == 1 {
			return float64(binary.BigEndian.Uint32(body)) / inch, float64(binary.BigEndian.Uint32(body[4:])) / inch
		}
		rest = rest[frame+size:]
	}
	return 0, 0
}

// bmpResolution reads the header's dots a metre.
func bmpResolution(content []byte) (x, y float64) {
	if len(content) < 46 || binary.LittleEndian.Uint32(content[14:]) < 40 {
		return 0, 0
	}
	of := func(at int) float64 { return float64(int32(binary.LittleEndian.Uint32(content[at:]))) / 39.37008 }
	return of(38), of(42)
}

// webpSize returns the size of the largest picture in a WebP file, by the headers of
// the pictures themselves.
func webpSize(content []byte) (width, height int) {
	rest := content[min(len(content), 12):]
	for len(rest) >= 8 {
		name, size := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		w, h := 0, 0
		switch {
		case name == "VP8 " && len(body) >= 10:
			w, h = int(binary.LittleEndian.Uint16(body[6:])&0x3fff), int(binary.LittleEndian.Uint16(body[8:])&0x3fff)
		case name == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			w, h = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		}
		if w*h > width*height {
			width, height = w, h
		}
		if size += size & 1; size > uint64(len(body)) {
			break
		}
		rest = body[size:]
	}
	return width, height
}
