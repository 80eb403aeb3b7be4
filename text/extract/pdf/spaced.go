package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// A line set with space between its letters comes as single letters. Which of the
// gaps are those between words, their widths tell.
const (
	spacedLetters = 5    // in a row are not words of one letter each
	spacedShare   = 0.75 // of a line's words
	wordGap       = 0.12 // of a line's height, by which a gap between words is wider than one between letters
	maxSpaced     = 300  // letters of a line that are looked at
)

// letterSpaced reports whether a line looks like that.
func letterSpaced(raw string) bool {
	all, single := 0, 0
	for w := range strings.FieldsSeq(raw) {
		r, n := utf8.DecodeRuneInString(w)
		if all++; n == len(w) && !unspaced(r) && (unicode.IsLetter(r) || unicode.IsPunct(r)) {
			single++
		}
	}
	return single >= spacedLetters && float64(single) >= spacedShare*float64(all) && all <= maxSpaced
}

// unspace returns the words of a letter-spaced line; index is the place of its first
// character. The line is returned as it is where the places of its letters are not
// known, or do not go one way.
func (p placer) unspace(raw string, index int) string {
	var letters []rune
	var boxes []rag.Box
	for _, r := range raw {
		if r == lineHyphen {
			return raw
		}
		if !unicode.IsSpace(r) {
			b := p.box(p.char(index))
			if b == (rag.Box{}) {
				return raw
			}
			letters, boxes = append(letters, r), append(boxes, b)
		}
		index++
	}
	gaps, height, ok := gapsOf(boxes)
	if !ok {
		return raw
	}
	usual := slices.Clone(gaps)
	slices.Sort(usual)
	wide := usual[len(usual)/2] + wordGap*height
	var b strings.Builder
	for i, r := range letters {
		if i > 0 && gaps[i-1] > wide {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// gapsOf returns the room between neighbouring letters of a line that runs to the
// right, upwards or downwards, and the height of its letters.
func gapsOf(boxes []rag.Box) (gaps []float32, height float32, ok bool) {
	if len(boxes) < 2 {
		return nil, 0, false
	}
	first, last := boxes[0], boxes[len(boxes)-1]
	across, down := last.X0-first.X0, last.Y0-first.Y0
	between := func(a, b rag.Box) float32 { return b.X0 - a.X1 }
	height = first.Y1 - first.Y0
	switch {
	case across > max(down, -down):
	case down > 0:
		between = func(a, b rag.Box) float32 { return b.Y0 - a.Y1 }
		height = first.X1 - first.X0
	default:
		between = func(a, b rag.Box) float32 { return a.Y0 - b.Y1 }
		height = first.X1 - first.X0
	}
	for i := 1; i < len(boxes); i++ {
		gap := between(boxes[i-1], boxes[i])
		if gap < -height/2 {
			return nil, 0, false // goes back: not one line
		}
		gaps = append(gaps, gap)
	}
	return gaps, height, true
}
