// Package charset turns bytes of any encoding into UTF-8 text and tells text
// from binary data.
package charset

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// sampled is how many bytes are looked at where looking at all would be slow.
const sampled = 64 << 10

// Decode returns content as UTF-8 and the name of the encoding that it was in.
// In this order decide: a byte order mark; declared, an encoding name that the
// content or its carrier gives ("" for none), where it is known; UTF-8 if the
// content is valid; zero bytes at every other place (UTF-16 without a mark); the
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
	if utf8.Valid(content) || nearlyUTF8(content) {
		return string(bytes.ToValidUTF8(content, []byte("\uFFFD"))), "utf-8"
	}
	if enc, name := guess(content); enc != nil {
		return decode(enc, content), name
	}
	enc, name := charset.Lookup("windows-1252")
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
	return nil, ""
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
	best, err := chardet.NewTextDetector().DetectBest(content[:min(len(content), sampled)])
	if err != nil || best.Confidence < 30 {
		return nil, ""
	}
	switch best.Charset {
	case "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE", "UTF-8":
		return nil, "" // had their own, stricter tests
	}
	enc, name := charset.Lookup(best.Charset)
	if enc == encoding.Replacement {
		return nil, ""
	}
	return enc, name
}

func decode(enc encoding.Encoding, content []byte) string {
	out, err := enc.NewDecoder().Bytes(content)
	if err != nil {
		// The decoders replace what they cannot read; an error is a cut-off end.
		out = append(out, "\uFFFD"...)
	}
	return string(bytes.ToValidUTF8(out, []byte("\uFFFD")))
}
