package mail

import (
	"bytes"
	"strings"
)

// decodeTransfer undoes a Content-Transfer-Encoding. Damage costs the letters
// around it and never the rest.
func decodeTransfer(body []byte, encoding string) []byte {
	encoding, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(encoding)), ";")
	switch strings.Trim(encoding, `" `) {
	case "base64", "b":
		return decodeBase64(body)
	case "quoted-printable", "quotedprintable", "q":
		return decodeQuoted(body, false)
	case "x-uuencode", "uuencode", "x-uu", "x-uue", "uue":
		for rest := body; len(rest) > 0; {
			line, next := cutLine(rest)
			if _, ok := uuBegin(line); ok {
				data, _, _ := decodeUU(next)
				return data
			}
			rest = next
		}
	}
	return body
}

var base64Digits = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = int8(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// decodeBase64 passes over what is no digit and begins anew after padding, as
// parts that were joined need it.
func decodeBase64(s []byte) []byte {
	out := make([]byte, 0, len(s)/4*3+3)
	bits, n := uint32(0), 0
	for _, c := range s {
		if c == '=' {
			bits, n = 0, 0
			continue
		}
		d := base64Digits[c]
		if d < 0 {
			continue
		}
		bits = bits<<6 | uint32(d)
		if n += 6; n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
			bits &= 1<<n - 1
		}
	}
	return out
}

// decodeQuoted reads quoted-printable; in the words of a header white space at the
// end counts.
func decodeQuoted(s []byte, word bool) []byte {
	if bytes.IndexByte(s, '=') < 0 && word {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '=' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		case c == '=' && softBreak(s[i+1:]) > 0:
			i += softBreak(s[i+1:])
		case c == '=' && i+1 == len(s):
		default:
			out = append(out, c)
		}
	}
	return out
}

// softBreak returns the length of a line break with white space before it, 0 if
// there is none.
func softBreak(s []byte) int {
	for i := 0; i < len(s) && i < 100; i++ {
		switch s[i] {
		case ' ', '\t', '\r':
		case '\n':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// uuBegin reads the line that begins a uuencoded file and returns its name.
func uuBegin(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	if !ok || len(line) > 400 {
		return "", false
	}
	mode, file, ok := bytes.Cut(rest, []byte{' '})
	if !ok || len(mode) < 3 || len(mode) > 4 || len(bytes.TrimSpace(file)) == 0 {
		return "", false
	}
	for _, c := range mode {
		if c < '0' || c > '7' {
			return "", false
		}
	}
	return string(bytes.TrimSpace(file)), true
}

// decodeUU decodes the lines after "begin". ok says that the end was found.
func decodeUU(s []byte) (data, rest []byte, ok bool) {
	for len(s) > 0 {
		line, next := cutLine(s)
		if string(bytes.TrimRight(line, " ")) == "end" {
			return data, next, true
		}
		if len(line) == 0 || line[0] == '`' {
			s = next
			continue
		}
		n := int(line[0]-' ') & 63
		groups := line[1:]
		if line[0] < ' ' || line[0] > '`' || len(groups) > 100 {
			return data, s, false
		}
		for n > 0 && len(groups) > 0 {
			var g [4]byte
			for i := range g {
				if i < len(groups) {
					g[i] = (groups[i] - ' ') & 63
				}
			}
			three := []byte{g[0]<<2 | g[1]>>4, g[1]<<4 | g[2]>>2, g[2]<<6 | g[3]}
			data = append(data, three[:min(n, 3)]...)
			n -= 3
			groups = groups[min(4, len(groups)):]
		}
		s = next
	}
	return data, nil, false
}

// takeUU takes the uuencoded files out of a plain body.
func takeUU(body []byte) (text []byte, files []Attachment) {
	if !bytes.Contains(body, []byte("begin ")) {
		return body, nil
	}
	for rest := body; len(rest) > 0; {
		line, next := cutLine(rest)
		if name, ok := uuBegin(line); ok && len(files) < 100 {
			if data, after, ok := decodeUU(next); ok {
				files = append(files, Attachment{Name: name, Content: data})
				rest = after
				continue
			}
		}
		text = append(text, rest[:len(rest)-len(next)]...)
		rest = next
	}
	return text, files
}
