package pdf

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxPassword is the most bytes of a password that the newer encryptions look at
// (ISO 32000-2, 7.6.4.3.3).
const maxPassword = 127

// passwords returns the forms in which a password may have gone into a file's key,
// the likeliest first. It is typed as characters, and the file is locked by bytes:
// up to revision 4 of the encryption those of PDFDocEncoding (ISO 32000-1, 7.6.3.3),
// from revision 5 on UTF-8, after the preparation of SASLprep (RFC 4013) from
// revision 6 on. Many writers keep to neither. For plain ASCII all forms are one.
func passwords(given string) []string {
	var out []string
	add := func(s string) {
		for _, known := range out {
			if known == s {
				return
			}
		}
		out = append(out, s)
	}
	forms := []string{given, norm.NFC.String(given), saslprep(given), norm.NFD.String(given)}
	for _, f := range forms {
		add(f)
		if len(f) > maxPassword {
			add(f[:maxPassword])
		}
	}
	for _, f := range forms {
		if bytes, ok := pdfDoc(f); ok {
			add(bytes)
		}
	}
	return out
}

// saslprep maps spaces to one, drops what is commonly mapped to nothing, and takes
// compatible forms for one (RFC 4013, 2.1 and 2.2). What the RFC forbids is let
// through: the file decides.
func saslprep(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r != ' ' && unicode.Is(unicode.Zs, r):
			return ' '
		case r == 0xad, r == 0x34f, r == 0x1806, r >= 0x180b && r <= 0x180d, r >= 0x200b && r <= 0x200d,
			r == 0x2060, r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff:
			return -1
		}
		return r
	}, s)
	return norm.NFKC.String(s)
}

// pdfDocExtras are the characters of PDFDocEncoding between 0x80 and 0x9e, and 0xa0
// (ISO 32000-1, annex D.2); those above are as in Latin-1.
var pdfDocExtras = func() map[rune]byte {
	m := map[rune]byte{'€': 0xa0}
	for i, r := range []rune("•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž") {
		m[r] = byte(0x80 + i)
	}
	return m
}()

// pdfDoc returns the bytes of s in PDFDocEncoding; ok is false if it cannot be
// written so.
func pdfDoc(s string) (_ string, ok bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch b, extra := pdfDocExtras[r]; {
		case extra:
			out = append(out, b)
		case r < 0x80 || r > 0xa0 && r <= 0xff:
			out = append(out, byte(r))
		default:
			return "", false
		}
	}
	return string(out), true
}

// The filters that a file's streams and strings go through (ISO 32000-1, table 20).
var (
	streamFilter = regexp.MustCompile(`/StmF\s*/([A-Za-z0-9]+)`)
	stringFilter = regexp.MustCompile(`/StrF\s*/([A-Za-z0-9]+)`)
)

// mixedFilters reports whether a file says that its strings are encrypted otherwise than
// its streams. PDFium reads no such file, and calls every password for one wrong.
func mixedFilters(content []byte) bool {
	streams, strings := streamFilter.FindSubmatch(content), stringFilter.FindSubmatch(content)
	return streams != nil && strings != nil && !bytes.Equal(streams[1], strings[1])
}
