package mail

import (
	"bytes"
	"encoding/base64"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	netcharset "golang.org/x/net/html/charset"

	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// header holds the first value of each field, unfolded, its bytes as they came.
type header map[string]string

// splitHeader parts an entity into its header and its body. The header ends at the
// first blank line, or before the first line that cannot belong to one.
func splitHeader(content []byte) (header, []byte) {
	h := header{}
	key, value := "", []byte(nil)
	keep := func() {
		if _, twice := h[key]; key != "" && !twice && len(h) < maxFields {
			h[key] = strings.TrimSpace(string(value))
		}
		key, value = "", nil
	}
	rest := content
	for len(rest) > 0 && len(content)-len(rest) < maxHeader {
		line, next := cutLine(rest)
		if len(line) == 0 {
			rest = next
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(bytes.TrimSpace(line)) == 0 && key == "" {
				rest = next // white space for the blank line
				break
			}
			if len(value) < maxField {
				value = append(append(value, ' '), bytes.TrimLeft(line, " \t")...)
			}
			rest = next
			continue
		}
		name, after, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isFieldName(bytes.TrimRight(name, " \t")) {
			if from := bytes.TrimPrefix(line, []byte(">")); len(h) == 0 && key == "" && bytes.HasPrefix(from, []byte("From ")) {
				rest = next // the line of a mailbox
				continue
			}
			break
		}
		keep()
		key = strings.ToLower(string(bytes.TrimRight(name, " \t")))
		value = append([]byte(nil), after[:min(len(after), maxField)]...)
		rest = next
	}
	keep()
	return h, rest
}

// cutLine returns the first line without its break (CRLF, LF or a lone CR) and what
// follows it.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte{'\r'}), nil
	}
	return bytes.TrimSuffix(b[:i], []byte{'\r'}), b[i+1:]
}

func isFieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 128
}

// text returns a field as one readable line.
func (h header) text(key string) string { return clean.Line(decodeWords(h[key])) }

// decodeWords decodes the encoded words of RFC 2047 wherever they stand, and bytes
// beyond ASCII by guess. Words that follow each other in the same encoding are
// joined before they are decoded, since senders cut letters in two.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return toUTF8([]byte(s), "")
	}
	var b strings.Builder
	var run []byte // decoded bytes of the words before, in encoding
	encoding := ""
	end := func() {
		if len(run) > 0 {
			b.WriteString(toUTF8(run, encoding))
		}
		run, encoding = nil, ""
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		name, data, n := encodedWord(s[i:])
		if n == 0 {
			end()
			b.WriteString(toUTF8([]byte(s[:i+2]), ""))
			s = s[i+2:]
			continue
		}
		if between := s[:i]; strings.TrimSpace(between) != "" || encoding == "" {
			end()
			b.WriteString(toUTF8([]byte(between), ""))
		} else if encoding != name {
			end()
		}
		encoding = name
		run = append(run, data...)
		s = s[i+n:]
	}
	end()
	b.WriteString(toUTF8([]byte(s), ""))
	return b.String()
}

// encodedWord reads =?charset?B or Q?text?= at the start of s; n is its length, 0
// if it is none.
func encodedWord(s string) (encoding string, data []byte, n int) {
	parts := strings.SplitN(s[2:min(len(s), 4096)], "?", 3)
	if len(parts) < 3 || len(parts[0]) == 0 || len(parts[0]) > 64 || len(parts[1]) != 1 {
		return "", nil, 0
	}
	end := strings.Index(parts[2], "?=")
	if end < 0 {
		return "", nil, 0
	}
	encoding, _, _ = strings.Cut(strings.ToLower(parts[0]), "*") // RFC 2231 adds a language
	text := parts[2][:end]
	n = 2 + len(parts[0]) + 1 + 1 + 1 + end + 2
	switch parts[1] {
	case "B", "b":
		return encoding, decodeBase64([]byte(text)), n
	case "Q", "q":
		return encoding, decodeQuoted([]byte(strings.ReplaceAll(text, "_", " ")), true), n
	}
	return "", nil, 0
}

// toUTF8 decodes bytes of a named encoding, "" if none is named.
func toUTF8(content []byte, encoding string) string {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	switch encoding {
	case "", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "default", "binary", "8bit", "utf8", "utf-8":
		encoding = ""
	case "utf-7", "unicode-1-1-utf-7":
		return decodeUTF7(content)
	case "cp932", "x-ms-cp932":
		encoding = "shift_jis"
	}
	if strings.HasPrefix(encoding, "cp125") {
		encoding = "windows-" + encoding[2:]
	}
	if encoding == "" && utf8.Valid(content) {
		return string(content)
	}
	// These write other letters in ASCII, which charset.Decode takes as it is.
	if strings.HasPrefix(encoding, "iso-2022-") || strings.HasPrefix(encoding, "hz-") {
		if enc, _ := netcharset.Lookup(encoding); enc != nil {
			if out, err := enc.NewDecoder().Bytes(content); err == nil {
				return strings.ToValidUTF8(string(out), "\uFFFD")
			}
		}
	}
	text, _ := charset.Decode(content, encoding)
	return text
}

// decodeUTF7 reads UTF-7 (RFC 2152).
func decodeUTF7(content []byte) string {
	var b strings.Builder
	for len(content) > 0 {
		i := bytes.IndexByte(content, '+')
		if i < 0 {
			break
		}
		b.Write(content[:i])
		content = content[i+1:]
		n := 0
		for n < len(content) && (isAlnum(content[n]) || content[n] == '+' || content[n] == '/') {
			n++
		}
		if n == 0 {
			b.WriteByte('+')
		} else if units, err := base64.RawStdEncoding.DecodeString(string(content[:n-odd(n)])); err == nil {
			var letters []uint16
			for ; len(units) > 1; units = units[2:] {
				letters = append(letters, uint16(units[0])<<8|uint16(units[1]))
			}
			b.WriteString(string(utf16.Decode(letters)))
		}
		content = content[n:]
		if len(content) > 0 && content[0] == '-' {
			content = content[1:]
		}
	}
	b.Write(content)
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// odd is 1 for a number of digits that no bytes make.
func odd(n int) int {
	if n%4 == 1 {
		return 1
	}
	return 0
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// parameters reads a structured field such as Content-Type: its value in lower
// case, and its parameters with those of RFC 2231 put together and decoded.
func parameters(field string) (value string, params map[string]string) {
	value, rest, _ := strings.Cut(field, ";")
	value = strings.ToLower(strings.TrimSpace(value))
	value, _, _ = strings.Cut(value, " ")
	params = map[string]string{}
	pieces := map[string]string{} // "name*0*" and the like
	for rest != "" && len(params)+len(pieces) < 100 {
		var key, val string
		key, val, rest = nextParameter(rest)
		if key == "" {
			continue
		}
		if strings.Contains(key, "*") {
			pieces[key] = val
		} else if _, twice := params[key]; !twice {
			params[key] = decodeWords(val)
		}
	}
	for key := range pieces {
		name, _, _ := strings.Cut(key, "*")
		if val := continued(name, pieces); val != "" {
			params[name] = val
		}
	}
	return value, params
}

// nextParameter takes key=value off the front of s.
func nextParameter(s string) (key, value, rest string) {
	s = strings.TrimLeft(s, " \t;")
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return "", "", ""
	}
	if s[end] == ';' {
		return "", "", s[end+1:]
	}
	key = strings.ToLower(strings.TrimSpace(s[:end]))
	s = strings.TrimLeft(s[end+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return key, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i+1:], ";")
			return key, b.String(), rest
		// A backslash quotes a quotation mark or itself; others are Windows paths.
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return key, b.String(), ""
}

// continued joins the pieces of a parameter that RFC 2231 lets a sender divide
// (name*0, name*1*) and encode (name*=utf-8'en'%41).
func continued(name string, pieces map[string]string) string {
	encoding := ""
	var data []byte
	add := func(piece string, encoded, first bool) {
		if !encoded {
			data = append(data, piece...)
			return
		}
		if first {
			if parts := strings.SplitN(piece, "'", 3); len(parts) == 3 {
				encoding, piece = parts[0], parts[2]
			}
		}
		if raw, err := url.PathUnescape(piece); err == nil {
			piece = raw
		}
		data = append(data, piece...)
	}
	if piece, ok := pieces[name+"*"]; ok {
		add(piece, true, true)
		return toUTF8(data, encoding)
	}
	for i := range 100 {
		at := name + "*" + strconv.Itoa(i)
		if piece, ok := pieces[at+"*"]; ok {
			add(piece, true, i == 0)
		} else if piece, ok := pieces[at]; ok {
			add(piece, false, i == 0)
		} else {
			break
		}
	}
	return toUTF8(data, encoding)
}

// addresses returns a list of addresses as "Name <address>, ...", and as it is
// written where that cannot be made out.
func (h header) addresses(key string) string {
	raw := h[key]
	if len(raw) <= maxAddress {
		parser := netmail.AddressParser{}
		if list, err := parser.ParseList(raw); err == nil {
			out := make([]string, len(list))
			for i, a := range list {
				out[i] = Address(decodeWords(a.Name), a.Address)
			}
			return clean.Line(strings.Join(out, ", "))
		}
	}
	return h.text(key)
}

// Address writes a name and an address, either of which may be "", for people.
func Address(name, address string) string {
	name, address = clean.Line(name), clean.Line(address)
	if n := len(name); n > 1 && name[0] == name[n-1] && (name[0] == '\'' || name[0] == '"') {
		name = name[1 : n-1] // as programs quote a name that is an address
	}
	switch {
	case address == "" || strings.Contains(name, address):
		return name
	case name == "":
		return address
	}
	return name + " <" + address + ">"
}

// dateLayouts are what is met besides RFC 5322.
var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02",
	time.ANSIC, time.UnixDate, "Mon Jan _2 15:04:05 -0700 2006", "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "2 Jan 2006",
	"Mon, 2-Jan-2006 15:04:05 -0700", "2006/01/02 15:04:05",
}

// parseDate reads a date, the zero time if it is none.
func parseDate(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 200 {
		return time.Time{}
	}
	if t, err := netmail.ParseDate(s); err == nil {
		return sane(t)
	}
	if before, _, ok := strings.Cut(s, " ("); ok { // a comment
		s = before
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return sane(t)
		}
	}
	return time.Time{}
}

// sane refuses years that RFC 3339 cannot write.
func sane(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t
}

// id returns a message id without its angle brackets.
func (h header) id(key string) string {
	s := h.text(key)
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 0 {
			return s[i+1 : i+j]
		}
	}
	return s
}

// ID returns the id of a message, "" if it has none.
func ID(message []byte) string {
	h, _ := splitHeader(message)
	return clean.Line(h.id("message-id"))
}

// Date returns when a message was sent, the zero time if it does not say.
func Date(message []byte) time.Time {
	h, _ := splitHeader(message)
	return parseDate(h["date"]).UTC()
}
