package token

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Divide returns text in parts of at most limit tokens, halving what is longer, so
// that no part is a small rest. Parts without anything but space are left out
// where there are others. A single character is never divided.
func Divide(text string, limit int, count func(string) int) []string {
	at := Middle(text)
	if at == 0 || count(text) <= limit {
		return []string{text}
	}
	parts := append(Divide(text[:at], limit, count), Divide(text[at:], limit, count)...)
	var out []string
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	if len(out) == 0 {
		return parts[:1]
	}
	return out
}

// Middle returns the place nearest to the middle of text where a word begins, in
// the two quarters around it, or else one between two characters. It is 0 where
// text has fewer than two.
func Middle(text string) int {
	half := len(text) / 2
	for half > 0 && !utf8.RuneStart(text[half]) {
		half--
	}
	if half == 0 { // the first character is more than half of it
		_, half = utf8.DecodeRuneInString(text)
		if half == len(text) {
			return 0
		}
		return half
	}
	before := strings.LastIndexFunc(text[:half], unicode.IsSpace)
	behind := strings.IndexFunc(text[half:], unicode.IsSpace)
	best := half
	nearest := len(text)/4 + 1
	for _, at := range []int{before, half + behind} {
		if at < 0 || (at == half+behind && behind < 0) {
			continue
		}
		_, width := utf8.DecodeRuneInString(text[at:])
		if at += width; at > 0 && at < len(text) && max(at-half, half-at) < nearest {
			best, nearest = at, max(at-half, half-at)
		}
	}
	return best
}
