package ocr

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// The program's table has a row for the page, each block, paragraph and line of it, and
// each word (level 5), in reading order, with these columns.
const (
	colLevel = iota
	colPage
	colBlock
	colParagraph
	colLine
	colWord
	colLeft
	colTop
	colWidth
	colHeight
	colConfidence
	colText
	columns
)

const wordLevel = "5"

// farthest is a place, in pixels, that no picture has which is read here.
const farthest = 1 << 20

// word is a word as it was read. Its box is in pixels.
type word struct {
	text       string
	confidence float64 // 0 to 100
	box        rag.Box
}

// paragraph is what the program takes for one: lines of words.
type paragraph [][]word

// parseTSV reads the program's table. Rows that are none of it are left out: a table
// that is cut off or damaged gives the words that it still has.
func parseTSV(table []byte) []paragraph {
	var out []paragraph
	var inParagraph, inLine string // where the word before stood
	for row := range bytes.Lines(table) {
		cells := strings.SplitN(strings.TrimRight(string(row), "\r\n"), "\t", columns)
		if len(cells) < columns || cells[colLevel] != wordLevel {
			continue
		}
		w, ok := parseWord(cells)
		if !ok {
			continue
		}
		p := strings.Join(cells[colPage:colLine], "\t")
		if p != inParagraph || len(out) == 0 {
			out = append(out, nil)
			inParagraph, inLine = p, ""
		}
		last := &out[len(out)-1]
		if cells[colLine] != inLine || len(*last) == 0 {
			*last = append(*last, nil)
			inLine = cells[colLine]
		}
		line := &(*last)[len(*last)-1]
		*line = append(*line, w)
	}
	return out
}

// parseWord reads a row. Pictures and rules on the page are rows too, with a blank for
// a word.
func parseWord(cells []string) (word, bool) {
	w := word{text: clean.Line(cells[colText])}
	if w.text == "" {
		return w, false
	}
	confidence, err := strconv.ParseFloat(cells[colConfidence], 64)
	if err != nil || math.IsNaN(confidence) {
		return w, false
	}
	w.confidence = min(max(confidence, 0), 100)
	var at [4]int
	for i := range at {
		n, err := strconv.Atoi(cells[colLeft+i])
		if err != nil || n < 0 || n > farthest {
			return w, false
		}
		at[i] = n
	}
	w.box = rag.Box{X0: float32(at[0]), Y0: float32(at[1]), X1: float32(at[0] + at[2]), Y1: float32(at[1] + at[3])}
	return w, true
}

// box returns the place of all words.
func (p paragraph) box() (b rag.Box) {
	for _, line := range p {
		for _, w := range line {
			b = b.Union(w.box)
		}
	}
	return b
}

// sureness is the mean confidence of all words, each counting as much as it has
// letters, and how many words there are.
func sureness(paragraphs []paragraph) (mean float64, words int) {
	sum, letters := 0.0, 0
	for _, p := range paragraphs {
		for _, line := range p {
			for _, w := range line {
				n := utf8.RuneCountInString(w.text)
				sum += w.confidence * float64(n)
				letters += n
				words++
			}
		}
	}
	if letters == 0 {
		return 0, 0
	}
	return sum / float64(letters), words
}

// texts joins the lines of paragraphs. A word that was divided at a line's end becomes
// one again, unless it stands with its hyphen elsewhere on the page.
func texts(paragraphs []paragraph) []string {
	compounds := map[string]bool{}
	for _, p := range paragraphs {
		for _, line := range p {
			for _, w := range line {
				if core := trimmed(w.text); strings.ContainsAny(core, hyphens) {
					compounds[core] = true
				}
			}
		}
	}
	out := make([]string, len(paragraphs))
	for i, p := range paragraphs {
		var joined []byte
		last := "" // word
		for _, line := range p {
			for k, w := range line {
				switch {
				case last == "":
				case k == 0 && divided(last, w.text):
					if !compounds[trimmed(last+w.text)] {
						_, n := utf8.DecodeLastRune(joined)
						joined = joined[:len(joined)-n]
					}
				case spaced(last, w.text):
					joined = append(joined, ' ')
				}
				joined = append(joined, w.text...)
				last = w.text
			}
		}
		out[i] = string(joined)
	}
	return out
}

const hyphens = "-\u2010"

// divided reports whether two words, the last of a line and the first of the next,
// are one.
func divided(last, first string) bool {
	r, n := utf8.DecodeLastRuneInString(last)
	if !strings.ContainsRune(hyphens, r) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(last[:len(last)-n])
	after, _ := utf8.DecodeRuneInString(first)
	return unicode.IsLetter(before) && unicode.IsLower(after)
}

// trimmed is a word in lower case without what stands around it.
func trimmed(w string) string {
	return strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
}

// spaced reports whether a space stands between two words: not in scripts that have
// none, of which the program makes a word of every few characters.
func spaced(a, b string) bool {
	left, _ := utf8.DecodeLastRuneInString(a)
	right, _ := utf8.DecodeRuneInString(b)
	return !dense(left) || !dense(right)
}

func dense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60 // punctuation of theirs, and forms of full width
}
