package msg

import (
	"bytes"
	"strconv"
	"strings"
)

// Limits on RTF.
const (
	maxGroups = 1000 // nested groups
	maxFonts  = 4096
)

// deencapsulate returns the HTML or the text that an RTF body was made from
// (MS-OXRTFEX), and where it was made from neither, its text. page is the encoding
// that holds where the RTF names none.
func deencapsulate(rtf []byte, page string) (text string, isHTML bool) {
	p := &rtfReader{in: rtf, page: page, fonts: map[int]string{}}
	p.read()
	return p.out.String(), p.html
}

// group is the state that a group of RTF inherits and that ends with it.
type group struct {
	skipped  bool // a destination that is not text
	tag      bool // \*\htmltag: HTML that the text does not hold
	hidden   bool // \htmlrtf: RTF that the HTML does not hold
	fontList bool
	star     bool // it began with \*
	unicode  int  // bytes that stand for a \u where it is not known
	font     int
}

type rtfReader struct {
	in    []byte
	page  string
	fonts map[int]string // encoding by number of font
	html  bool
	group
	stack  []group
	skip   int    // bytes that stand for the last \u
	bytes  []byte // of the current encoding, not decoded yet
	high   rune   // the first half of a surrogate pair
	inside string // encoding of the bytes
	out    strings.Builder
}

func (p *rtfReader) read() {
	p.unicode = 1
	for i := 0; i < len(p.in) && p.out.Len() < maxRTF; {
		switch c := p.in[i]; c {
		case '{':
			p.flush()
			p.skip = 0
			if len(p.stack) < maxGroups {
				p.stack = append(p.stack, p.group)
			}
			p.star = false
			i++
		case '}':
			p.flush()
			p.skip = 0
			if n := len(p.stack); n > 0 {
				p.group = p.stack[n-1]
				p.stack = p.stack[:n-1]
			}
			i++
		case '\\':
			i = p.control(i + 1)
		case '\r', '\n':
			i++
		default:
			p.char(c)
			i++
		}
	}
	p.flush()
}

// control reads what follows a backslash at i and returns where it ends.
func (p *rtfReader) control(i int) int {
	if i >= len(p.in) {
		return i
	}
	c := p.in[i]
	if !isLetter(c) {
		switch c {
		case '\'':
			if i+2 < len(p.in) {
				if v, err := strconv.ParseUint(string(p.in[i+1:i+3]), 16, 8); err == nil {
					p.char(byte(v))
				}
				return i + 3
			}
		case '*':
			p.star = true
			return i + 1
		case '~':
			p.write("\u00a0")
		case '_':
			p.write("\u2011")
		case '\\', '{', '}':
			p.char(c)
		case '\r', '\n':
			p.word("par", 0, false)
		}
		return i + 1
	}
	start := i
	for i < len(p.in) && isLetter(p.in[i]) && i-start < 32 {
		i++
	}
	name := string(p.in[start:i])
	number, has := 0, false
	at := i
	if at < len(p.in) && p.in[at] == '-' {
		at++
	}
	digits := at
	for at < len(p.in) && p.in[at] >= '0' && p.in[at] <= '9' && at-digits < 10 {
		at++
	}
	if at > digits {
		number, _ = strconv.Atoi(string(p.in[i:at])) // digits; one out of range is cut to it
		has = true
		i = at
	}
	if i < len(p.in) && p.in[i] == ' ' {
		i++
	}
	if name == "bin" && has && number > 0 {
		return min(len(p.in), i+number)
	}
	p.word(name, number, has)
	return i
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// destinations hold no text of the body.
var destinations = map[string]bool{
	"colortbl": true, "stylesheet": true, "info": true, "pict": true, "header": true, "footer": true, "headerl": true, "headerr": true, "footerl": true,
	"footerr": true, "generator": true, "listtable": true, "listoverridetable": true, "rsidtbl": true, "themedata": true, "datastore": true,
	"object": true, "fldinst": true, "xe": true, "tc": true, "mhtmltag": true, "pntext": true, "pn": true, "filetbl": true, "revtbl": true,
}

// word carries out a control word.
func (p *rtfReader) word(name string, number int, has bool) {
	p.flush()
	switch {
	case name == "fromhtml":
		p.html = true
		return
	case name == "htmltag" && p.star:
		p.tag, p.skipped, p.star = true, false, false
		return
	case name == "htmlrtf":
		p.hidden = !has || number != 0
		return
	case name == "fonttbl":
		p.fontList, p.skipped = true, true
		return
	case destinations[name]:
		p.skipped = true
		return
	case p.star:
		p.skipped, p.star = true, false
		return
	}
	switch name {
	case "ansicpg":
		if page := codePage(number); page != "" {
			p.page = page
		}
	case "f":
		p.font = number
	case "fcharset":
		if page := pageOfCharset(number); p.fontList && page != "" && len(p.fonts) < maxFonts {
			p.fonts[p.font] = page
		}
	case "uc":
		p.unicode = min(max(number, 0), 16)
	case "u":
		p.letter(rune(uint16(number)))
		p.skip = p.unicode
	case "par", "line", "row", "sect", "page":
		p.write("\n")
	case "tab", "cell":
		p.write("\t")
	case "lquote":
		p.write("‘")
	case "rquote":
		p.write("’")
	case "ldblquote":
		p.write("“")
	case "rdblquote":
		p.write("”")
	case "bullet":
		p.write("•")
	case "endash":
		p.write("–")
	case "emdash":
		p.write("—")
	case "emspace", "enspace":
		p.write(" ")
	}
}

// shown reports whether text at this place belongs to the result.
func (p *rtfReader) shown() bool {
	return !p.skipped && !p.hidden
}

// char takes a byte of text.
func (p *rtfReader) char(c byte) {
	if p.skip > 0 {
		p.skip--
		return
	}
	if !p.shown() {
		return
	}
	page := p.page
	if f := p.fonts[p.font]; f != "" && !p.tag {
		page = f
	}
	if page != p.inside {
		p.flush()
		p.inside = page
	}
	p.bytes = append(p.bytes, c)
}

// letter takes a UTF-16 unit.
func (p *rtfReader) letter(u rune) {
	switch {
	case !p.shown():
	case u >= 0xd800 && u < 0xdc00:
		p.high = u
	case u >= 0xdc00 && u < 0xe000:
		if p.high != 0 {
			p.out.WriteRune((p.high-0xd800)<<10 | (u - 0xdc00) + 0x10000)
		}
		p.high = 0
	default:
		p.out.WriteRune(u)
	}
}

func (p *rtfReader) write(s string) {
	p.flush()
	if p.shown() {
		p.out.WriteString(s)
	}
}

// flush decodes the bytes that are waiting.
func (p *rtfReader) flush() {
	if len(p.bytes) == 0 {
		return
	}
	if bytes.IndexFunc(p.bytes, func(r rune) bool { return r >= 0x80 }) < 0 {
		p.out.Write(p.bytes)
	} else {
		p.out.WriteString(decode(p.bytes, p.inside))
	}
	p.bytes = p.bytes[:0]
}

// pageOfCharset names the encoding of a font's character set.
func pageOfCharset(n int) string {
	switch n {
	case 128:
		return "shift_jis"
	case 129:
		return "euc-kr"
	case 134:
		return "gbk"
	case 136:
		return "big5"
	case 161:
		return "windows-1253"
	case 162:
		return "windows-1254"
	case 163:
		return "windows-1258"
	case 177:
		return "windows-1255"
	case 178:
		return "windows-1256"
	case 186:
		return "windows-1257"
	case 204:
		return "windows-1251"
	case 222:
		return "windows-874"
	case 238:
		return "windows-1250"
	}
	return ""
}
