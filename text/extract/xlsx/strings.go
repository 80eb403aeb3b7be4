package xlsx

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// maxString is the most bytes of one text: a cell holds at most 32,767 characters.
const maxString = 1 << 20

// readStrings reads the texts that cells name by their place.
func (w *workbook) readStrings(part string) error {
	return w.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if !e.Start("si") {
				continue
			}
			s, err := rich(t)
			if err != nil {
				return err
			}
			w.strings = append(w.strings, s)
		}
	})
}

// rich reads the text (si, is, text) whose start was just read: its runs without the
// pronunciation that may stand with them.
func rich(t *parts.Tokens) (string, error) {
	out := ""
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "t":
			s, err := t.Text(maxString)
			if out == "" {
				out = s
			} else if len(out) < maxString {
				out += s
			}
			return err
		case "rph", "rpr", "phoneticpr", "extlst":
			return t.Skip()
		}
		return nil
	})
	return unescape(out), err
}

// unescape replaces _xHHHH_, by which texts hold characters that XML has no place for
// (ECMA-376 part 1, 22.9.2.19).
func unescape(s string) string {
	at := strings.Index(s, "_x")
	if at < 0 {
		return s
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(s, "_x") {
		b.WriteString(s[:at])
		s = s[at:]
		if len(s) >= 7 && s[6] == '_' {
			if n, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
				s = s[7:]
				if r := rune(n); !utf16.IsSurrogate(r) {
					b.WriteRune(r)
				} else if len(s) >= 7 && strings.HasPrefix(s, "_x") && s[6] == '_' {
					if low, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
						b.WriteRune(utf16.DecodeRune(r, rune(low)))
						s = s[7:]
					}
				}
				continue
			}
		}
		b.WriteString(s[:2])
		s = s[2:]
	}
	b.WriteString(s)
	return b.String()
}
