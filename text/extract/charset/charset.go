// Package charset turns bytes of any encoding into UTF-8 text and tells text
// from binary data.
package charset

import (
	"bytes"
	"encoding/binary"
	"strings"
	letters "unicode"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// sampled is how many bytes are looked at where looking at all would be slow.
const sampled = 64 << 10

// Decode returns content as UTF-8 and the name of the encoding that it was in.
// In this order decide: a byte order mark; declared, an encoding name that the
// content or its carrier gives ("" for none), where it is known; UTF-8 if the
// content is valid; units as a text in UTF-16 has them, without a mark; the
// statistics of legacy encodings; and Windows-1252 where these are unsure. Bytes
// without a meaning in the encoding become U+FFFD.
func Decode(content []byte, declared string) (text, name string) {
	if enc, name, mark := byMark(content); enc != nil {
		return decode(enc, content[mark:]), name
	}
	if enc, name := charset.Lookup(declared); enc != nil && enc != encoding.Replacement && name != "utf-8" {
		// A document that is valid UTF-8 and says otherwise was saved anew
		// without a change of its label; pure ASCII is the same in all.
		if !utf8.Valid(content) {
			return decode(enc, content), name
		}
	}
	if enc, name := wide(content); enc != nil {
		return decode(enc, content), name
	}
	if bytes.Contains(content[:min(len(content), sampled)], []byte("\x1b$B")) || bytes.Contains(content[:min(len(content), sampled)], []byte("\x1b$@")) {
		enc, name := charset.Lookup("iso-2022-jp") // which is ASCII with escapes
		return decode(enc, content), name
	}
	if utf8.Valid(content) || nearlyUTF8(content) {
		return string(bytes.ToValidUTF8(content, []byte("\uFFFD"))), "utf-8"
	}
	enc, name := guess(content)
	if enc == nil || name == "windows-1252" {
		enc, name = western(content)
	}
	return decode(enc, content), name
}

// IsText reports whether content is text in some encoding: it is not binary
// data. Empty content is text.
func IsText(content []byte) bool {
	if enc, _, _ := byMark(content); enc != nil {
		return true
	}
	if enc, _ := wide(content); enc != nil {
		return true
	}
	head := content[:min(len(content), sampled)]
	control := 0
	for _, c := range head {
		switch {
		case c == 0:
			control += 8
		case c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\b' && c != 0x1b:
			control++
		}
	}
	return control*50 <= len(head)
}

func byMark(content []byte) (enc encoding.Encoding, name string, mark int) {
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return encoding.Nop, "utf-8", 3
	case bytes.HasPrefix(content, []byte("\xff\xfe\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32le", 4
	case bytes.HasPrefix(content, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "utf-32be", 4
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le", 2
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be", 2
	}
	return nil, "", 0
}

// wide recognises UTF-16 without a mark by its units: nearly all code points of
// a real text lie in a few blocks, so one half of the units is nearly constant;
// here it is enough that most units are printable Latin, with a zero half.
func wide(content []byte) (encoding.Encoding, string) {
	head := content[:min(len(content), 4096)&^1]
	if len(head) < 4 {
		return nil, ""
	}
	var little, big int
	for i := 0; i < len(head); i += 2 {
		if latin(binary.LittleEndian.Uint16(head[i:])) {
			little++
		}
		if latin(binary.BigEndian.Uint16(head[i:])) {
			big++
		}
	}
	switch units := len(head) / 2; {
	case little*10 >= units*7:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"
	case big*10 >= units*7:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be"
	}
	if !controlled(head) {
		return nil, ""
	}
	switch {
	case plausible(head, binary.LittleEndian):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"
	case plausible(head, binary.BigEndian):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be"
	}
	return nil, ""
}

// controlled reports whether bytes hold control characters as no text of single
// bytes does, but any of units of two: one byte in 200, and one in 30 where it might
// be UTF-8.
func controlled(head []byte) bool {
	control := 0
	for _, c := range head {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\b' && c != 0x1b {
			control++
		}
	}
	if utf8.Valid(head) {
		return control*30 >= len(head)
	}
	return control > 0 && control*200 >= len(head)
}

// plausible reports whether nearly all units are in the blocks of living scripts.
// Of random units half are.
func plausible(head []byte, order binary.ByteOrder) bool {
	units, good := len(head)/2, 0
	for i := 0; i < len(head); i += 2 {
		switch u := order.Uint16(head[i:]); {
		case latin(u), u >= 0x100 && u < 0x250, u >= 0x370 && u < 0x700, u >= 0x900 && u < 0xe80, u >= 0x2010 && u < 0x2040,
			u >= 0x3000 && u < 0x3100, u >= 0x4e00 && u < 0xa000, u >= 0xac00 && u < 0xd7a4, u >= 0xff00 && u < 0xfff0:
			good++
		}
	}
	return units >= 8 && good*100 >= units*95
}

func latin(u uint16) bool {
	return u >= 0x20 && u < 0x7f || u == '\n' || u == '\r' || u == '\t' || u >= 0xa0 && u < 0x100
}

// nearlyUTF8 reports whether content is UTF-8 with a few damaged places: at
// least 20 sound multi-byte sequences for each bad byte.
func nearlyUTF8(content []byte) bool {
	good, bad := 0, 0
	for b := content[:min(len(content), sampled)]; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1 && len(b) >= utf8.UTFMax:
			bad++
		case n > 1:
			good++
		}
		b = b[n:]
	}
	return good > 0 && good >= 20*bad
}

func guess(content []byte) (encoding.Encoding, string) {
	head := content[:min(len(content), sampled)]
	best, err := chardet.NewTextDetector().DetectBest(head)
	if paired(head) && (err != nil || best.Confidence < 30 || single(best.Charset)) {
		return charset.Lookup("gb18030")
	}
	if err != nil || best.Confidence < 30 {
		return nil, ""
	}
	switch best.Charset {
	case "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE", "UTF-8":
		return nil, "" // had their own, stricter tests
	}
	enc, name := charset.Lookup(strings.ReplaceAll(best.Charset, "GB-", "gb")) // chardet writes GB-18030
	if enc == encoding.Replacement {
		return nil, ""
	}
	return enc, name
}

// single reports whether an encoding that chardet names has one byte a letter.
func single(name string) bool {
	return strings.HasPrefix(name, "ISO-8859") || strings.HasPrefix(name, "windows-") || strings.HasPrefix(name, "KOI8")
}

// paired reports whether bytes above ASCII come in pairs and all mean Chinese
// characters or signs: GB18030, also where the text is too short for statistics.
func paired(head []byte) bool {
	even, odd, run := 0, 0, 0
	for _, c := range append(head[:len(head):len(head)], 0) {
		switch {
		case c >= 0x80:
			run++
			continue
		case run%2 == 0:
			even += run
		default:
			odd += run
		}
		run = 0
	}
	if even < 16 || odd*20 > even {
		return false
	}
	good, bad := 0, 0
	for _, r := range decode(simplifiedchinese.GB18030, head) {
		switch {
		case r < 0x80:
		case r >= 0x4e00 && r < 0xa000, r >= 0x3000 && r < 0x3040, r >= 0xff00 && r < 0xfff0, r >= 0x2010 && r < 0x2040:
			good++
		default:
			bad++
		}
	}
	return good >= 20*bad
}

// western decides between the encodings of Western and of Central Europe, which
// chardet tells apart poorly: in the right one, no sign stands within a word. Where
// they do equally well it is Windows-1252.
func western(content []byte) (encoding.Encoding, string) {
	head := content[:min(len(content), sampled)]
	enc, name := charset.Lookup("windows-1252")
	least := strange(decode(enc, head))
	for _, other := range []string{"windows-1250", "iso-8859-2"} {
		if e, n := charset.Lookup(other); least > 0 {
			if faults := strange(decode(e, head)); faults < least {
				enc, name, least = e, n, faults
			}
		}
	}
	return enc, name
}

// strange counts signs above ASCII next to letters where words have none, and
// control characters.
func strange(text string) int {
	n := 0
	var before, last rune
	for _, r := range text {
		if last >= 0x80 && last < 0xa0 {
			n++
		}
		if last >= 0xa1 && !letters.IsLetter(last) && last < 0x2000 && letters.IsLetter(before) && letters.IsLetter(r) {
			n++
		}
		before, last = last, r
	}
	return n
}

func decode(enc encoding.Encoding, content []byte) string {
	out, err := enc.NewDecoder().Bytes(content)
	if err != nil {
		// The decoders replace what they cannot read; an error is a cut-off end.
		out = append(out, "\uFFFD"...)
	}
	return string(bytes.ToValidUTF8(out, []byte("\uFFFD")))
}
