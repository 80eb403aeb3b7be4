package pdf

import (
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// In drawings, PDFium puts pieces of text on one line that do not stand on one: a title
// and the words that run upwards below it. Such a line is told by its two ends, and taken
// apart where a letter stands neither beside the one before nor above or below it.

// maxCrooked bounds the characters of a line whose letters are all looked at.
const maxCrooked = 1000

// crooked reports whether a part of a line ends where it cannot on one line of the page.
func (p placer) crooked(parts []part) bool {
	if parts[len(parts)-1].last-parts[0].first > maxCrooked {
		return false
	}
	for _, part := range parts[:min(len(parts), maxParts)] {
		if part.first == part.last {
			continue
		}
		a, b := p.box(p.char(part.first)), p.box(p.char(part.last))
		if a != (rag.Box{}) && b != (rag.Box{}) && !abreast(a, b) {
			return true
		}
	}
	return false
}

// straight returns so much of a line as can stand on one line of the page. index is the
// place of its first character.
func (p placer) straight(raw string, index int) string {
	var last rag.Box
	n := 0
	for i, r := range raw {
		switch {
		case r == lineHyphen:
			last = rag.Box{}
		case !unicode.IsSpace(r):
			b := p.box(p.char(index + n))
			if b == (rag.Box{}) {
				break
			}
			if last != (rag.Box{}) && elsewhere(last, b) {
				return raw[:i]
			}
			last = b
		}
		n++
	}
	return raw
}

// elsewhere reports whether b stands neither beside a nor above or below it.
func elsewhere(a, b rag.Box) bool {
	return min(a.X1, b.X1) <= max(a.X0, b.X0) && min(a.Y1, b.Y1) <= max(a.Y0, b.Y0)
}

// column reports whether two letters of a line stand one above the other.
func column(a, b rag.Box) bool {
	over := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	aside := min(a.X1, b.X1) - max(a.X0, b.X0)
	return over < min(a.Y1-a.Y0, b.Y1-b.Y0)/2 && aside >= min(a.X1-a.X0, b.X1-b.X0)/2
}
