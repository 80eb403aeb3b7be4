// Package clean makes text fit to be stored, cut and quoted, and assembles it.
//
// Whatever a format's extractor finds passes through here before it gets an
// offset: the functions of this file take a piece of text and return it without
// what no reader sees (control characters, invisible code points, surplus white
// space), and Builder joins the pieces to a rag.Text whose blocks are in order,
// in bounds, on UTF-8 borders and separated by white space only. Since cleaning
// comes before assembly, no span ever has to be moved afterwards.
//
// Letters are left as they are: no normalisation to NFC or NFKC takes place, so
// that a quote is what the document says.
package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line: every run of white space, line breaks included,
// is one space, none at the ends; invisible and control characters are gone,
// bytes that are no UTF-8 are U+FFFD.
func Line(s string) string {
	if plainLine(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || isBreak(r):
			space = b.Len() > 0
		case Invisible(r):
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainLine reports whether s is printable ASCII without surplus blanks, the
// usual case, which needs no copy.
func plainLine(s string) bool {
	last := byte(' ')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f || (c == ' ' && last == ' ') {
			return false
		}
		last = c
	}
	return last != ' ' || s == ""
}

// Paragraph returns s with its line breaks, each line cleaned as by Line, blank
// lines dropped.
func Paragraph(s string) string {
	if plainLine(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for line := range eachLine(s) {
		if line = Line(line); line == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line)
	}
	return b.String()
}

// Lines returns s with its line breaks and indentation, as code and plain text
// need them: breaks of all kinds are "\n", white space at line ends is gone,
// more than one blank line in a row is one, none at the start and the end.
// Invisible and control characters are gone; a tab stays.
func Lines(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	blank := 0
	for line := range eachLine(s) {
		if line = bare(line); line == "" {
			blank++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
			if blank > 0 {
				b.WriteByte('\n')
			}
		}
		blank = 0
		b.WriteString(line)
	}
	return b.String()
}

// bare drops invisible characters and white space at the end of a line.
func bare(line string) string {
	if strings.IndexFunc(line, dropped) >= 0 || !utf8.ValidString(line) {
		line = strings.Map(func(r rune) rune {
			if dropped(r) {
				return -1
			}
			return r
		}, line)
	}
	return strings.TrimRightFunc(line, unicode.IsSpace)
}

func dropped(r rune) bool { return r != '\t' && Invisible(r) }

// eachLine yields the lines of s without their breaks. Breaks are LF, CR, CRLF,
// vertical tab, form feed, NEL and the Unicode line and paragraph separators.
func eachLine(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for {
			i := strings.IndexFunc(s, isBreak)
			if i < 0 {
				yield(s)
				return
			}
			_, n := utf8.DecodeRuneInString(s[i:])
			if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				n = 2
			}
			if !yield(s[:i]) {
				return
			}
			s = s[i+n:]
		}
	}
}

func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// Invisible reports whether r is dropped from every text: control characters,
// soft hyphens, zero-width spaces and byte order marks, the overrides of
// writing direction and the tag characters, with which text can be shown
// otherwise than it reads, and noncharacters. Joiners that scripts need
// (U+200C, U+200D) and direction marks are kept.
func Invisible(r rune) bool {
	switch {
	case r < 0x20:
		return true
	case r < 0x7f:
		return false
	case r <= 0x9f, r == 0xad, r == 0x200b, r == 0xfeff, r == 0x2060:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x206f:
		return true
	case r >= 0xe0000 && r <= 0xe007f, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return true
	}
	return false
}
