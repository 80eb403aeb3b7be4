package rtf

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// codePages are the encodings by the number that \ansicpg and \cpg give. Johab (1361)
// is read as the Korean page that shares most of its text.
var codePages = map[int]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 852: charmap.CodePage852, 855: charmap.CodePage855, 858: charmap.CodePage858,
	860: charmap.CodePage860, 862: charmap.CodePage862, 863: charmap.CodePage863, 865: charmap.CodePage865, 866: charmap.CodePage866,
	874: charmap.Windows874, 932: japanese.ShiftJIS, 936: simplifiedchinese.GBK, 949: korean.EUCKR, 950: traditionalchinese.Big5,
	1250: charmap.Windows1250, 1251: charmap.Windows1251, 1252: charmap.Windows1252, 1253: charmap.Windows1253, 1254: charmap.Windows1254,
	1255: charmap.Windows1255, 1256: charmap.Windows1256, 1257: charmap.Windows1257, 1258: charmap.Windows1258, 1361: korean.EUCKR,
	10000: charmap.Macintosh, 10001: japanese.ShiftJIS, 10007: charmap.MacintoshCyrillic, 20866: charmap.KOI8R, 21866: charmap.KOI8U,
	28591: charmap.ISO8859_1, 28592: charmap.ISO8859_2, 28595: charmap.ISO8859_5, 28597: charmap.ISO8859_7, 28599: charmap.ISO8859_9,
	28605: charmap.ISO8859_15, 54936: simplifiedchinese.GB18030, 65001: unicode.UTF8,
}

// charsets are the code pages of \fcharset; 1, "default", is the document's.
var charsets = map[int]int{
	0: 1252, 77: 10000, 78: 10001, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258,
	177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850,
}

const symbolCharset = 2

// font is what a font says of the bytes set in it.
type font struct {
	charset int // of \fcharset, -1 if not said
	page    int // of \cpg, 0 if not said
	name    string
}

// symbolic reports whether the font's bytes are signs by the order of Adobe's Symbol.
func (f *font) symbolic() bool {
	return f != nil && f.charset == symbolCharset && (f.name == "" || strings.HasPrefix(strings.ToLower(f.name), "symbol"))
}

// dingbats reports whether the font's bytes are pictures without a meaning as text.
func (f *font) dingbats() bool {
	return f != nil && f.charset == symbolCharset && !f.symbolic()
}

// encoding returns the encoding of bytes in font f, for a document with the given page.
func (f *font) encoding(page int) encoding.Encoding {
	if f != nil {
		if e := codePages[f.page]; e != nil {
			return e
		}
		if e := codePages[charsets[f.charset]]; e != nil {
			return e
		}
	}
	if e := codePages[page]; e != nil {
		return e
	}
	return charmap.Windows1252
}

// decode returns bytes in an encoding as UTF-8.
func decode(e encoding.Encoding, b []byte) []byte {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return append(out, "\uFFFD"...) // the end is cut off within a character
	}
	return out
}
