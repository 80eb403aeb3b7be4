package pdf

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/smartretriever/smartretriever/rag"
)

// Older typesetters print "ö" as a letter and two dots put over it, which come as
// characters of their own, somewhere on the line: "Gy ¨ ongyi". Where the dots stand
// tells to which letter they belong.

// accents are the characters for an accent alone, with the one that joins the letter
// before it.
var accents = map[rune]rune{
	'`': 0x300, '´': 0x301, 'ˆ': 0x302, '˜': 0x303, '¯': 0x304, '˘': 0x306, '˙': 0x307,
	'¨': 0x308, '˚': 0x30a, '˝': 0x30b, 'ˇ': 0x30c, '¸': 0x327, '˛': 0x328,
}

// sameWord is how far two letters of a word stand apart at most, in heights of a letter.
const sameWord = 0.1

func hasAccents(s string) bool { return strings.ContainsAny(s, "`´ˆ˜¯˘˙¨˚˝ˇ¸˛") }

// accented puts the accents of a line on the letters that they stand over; index is the
// place of the line's first character.
func (p placer) accented(raw string, index int) string {
	runes := []rune(raw)
	if len(runes) > maxCrooked {
		return raw
	}
	boxes := make([]rag.Box, len(runes))
	for i, r := range runes {
		if !unicode.IsSpace(r) && r != lineHyphen {
			boxes[i] = p.box(p.char(index + i))
		}
	}
	const gone = -1
	for i, r := range runes {
		mark, is := accents[r]
		if !is {
			continue
		}
		for k := range runes {
			if with, ok := composed(runes[k], mark); ok && under(boxes[k], boxes[i]) {
				runes[k], runes[i] = with, gone
				break
			}
		}
		if runes[i] == gone {
			closeUp(runes, boxes, i, gone)
		}
	}
	var b strings.Builder
	for _, r := range runes {
		if r != gone {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// composed returns a letter with an accent, if there is such a character.
func composed(letter, mark rune) (rune, bool) {
	switch letter {
	case 'ı':
		letter = 'i'
	case 'ȷ':
		letter = 'j'
	}
	if !unicode.IsLetter(letter) {
		return 0, false
	}
	r := []rune(norm.NFC.String(string([]rune{letter, mark})))
	return r[0], len(r) == 1
}

// under reports whether a letter stands where an accent does.
func under(letter, accent rag.Box) bool {
	middle := (accent.X0 + accent.X1) / 2
	return letter != rag.Box{} && accent != rag.Box{} && letter.X0 <= middle && middle <= letter.X1 &&
		min(letter.Y1, accent.Y1) > max(letter.Y0, accent.Y0)
}

// closeUp takes away the spaces around an accent that was moved if the letters on both
// sides of it touch.
func closeUp(runes []rune, boxes []rag.Box, at int, gone rune) {
	from, to := at, at
	for from > 0 && (runes[from-1] == gone || unicode.IsSpace(runes[from-1])) {
		from--
	}
	for to < len(runes)-1 && (runes[to+1] == gone || unicode.IsSpace(runes[to+1])) {
		to++
	}
	if from == 0 || to == len(runes)-1 {
		return
	}
	left, right := boxes[from-1], boxes[to+1]
	gap, height := right.X0-left.X1, right.Y1-right.Y0
	if left == (rag.Box{}) || right == (rag.Box{}) || gap > sameWord*height || gap < -height/2 || !abreast(left, right) {
		return
	}
	for i := from; i <= to; i++ {
		runes[i] = gone
	}
}
