package pdf

import (
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"golang.org/x/text/encoding/charmap"
)

// PDFium's text of a page is not the row of its characters, by whose numbers places are
// asked for. A character beyond the first 65,536 of Unicode, as letters in formulas are,
// counts as two. And characters that a font gives the meaning U+0003, U+0093 or a few
// others are left out, although the first is the number of the space in most fonts that
// do not say what their glyphs mean, and the others are quotes and dashes in Windows'
// code: words run together. readText puts them back.

// readText returns the text of a page, and a placer that finds its characters' places by
// their number in it, in runes. The text is "" where there is none.
func readText(in pdfium.Pdfium, text references.FPDF_TEXTPAGE, paper sheet) (string, placer, error) {
	p := placer{in: in, text: text, sheet: paper}
	count, err := in.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text})
	if err != nil || count.Count == 0 {
		return "", p, err
	}
	got, err := in.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: text, Count: count.Count})
	if err != nil {
		return "", p, err
	}
	s := strings.TrimRight(got.Text, "\x00")
	units, wide := 0, false
	for _, r := range s {
		n := max(1, utf16.RuneLen(r))
		units += n
		wide = wide || n > 1
	}
	if units < count.Count {
		s = p.withLost(s, p.lost(units, count.Count))
	}
	if wide {
		i := 0
		for _, r := range s {
			if r > 0xffff {
				p.wide = append(p.wide, i)
			}
			i++
		}
	}
	return s, p, nil
}

// char returns the number among the page's characters of a rune of its text.
func (p placer) char(index int) int {
	before, _ := slices.BinarySearch(p.wide, index)
	return index + before
}

// lost returns the numbers of the characters that are not in PDFium's text, which has so
// many units of UTF-16: where the number of a unit's character runs ahead. The halves of
// the text in which it does not are not looked at.
func (p placer) lost(units, chars int) []int {
	var out []int
	var look func(from, to, fromChar, toChar int)
	look = func(from, to, fromChar, toChar int) {
		switch {
		case toChar-fromChar <= to-from:
			return
		case to-from <= 1:
			for c := fromChar + 1; c < toChar; c++ {
				out = append(out, c)
			}
			return
		}
		middle := (from + to) / 2
		at, err := p.in.FPDFText_GetCharIndexFromTextIndex(&requests.FPDFText_GetCharIndexFromTextIndex{TextPage: p.text, NTextIndex: middle})
		if err != nil || at.CharIndex <= fromChar || at.CharIndex >= toChar {
			return
		}
		look(from, middle, fromChar, at.CharIndex)
		look(middle, to, at.CharIndex, toChar)
	}
	look(-1, units, -1, chars)
	return out
}

// withLost returns the text with the characters of these numbers, which ascend.
func (p placer) withLost(s string, lost []int) string {
	if len(lost) == 0 {
		return s
	}
	var b strings.Builder
	at := 0 // number of the next character
	put := func() {
		for len(lost) > 0 && lost[0] == at {
			r := ' '
			if u, err := p.in.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: p.text, Index: at}); err == nil {
				r = meant(rune(u.Unicode))
			}
			b.WriteRune(r)
			lost, at = lost[1:], at+1
		}
	}
	for _, r := range s {
		put()
		b.WriteRune(r)
		at += max(1, utf16.RuneLen(r))
	}
	put()
	return b.String()
}

// meant is what a character means that PDFium leaves out.
func meant(r rune) rune {
	switch {
	case r >= 0x80 && r < 0xa0:
		return charmap.Windows1252.DecodeByte(byte(r))
	case r >= 0xd800 && r < 0xe000, r == 0xfffe:
		return '\uFFFD'
	}
	return ' '
}
