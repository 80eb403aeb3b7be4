package rtf

import "bytes"

// kind is what a token is.
type kind uint8

const (
	opened kind = iota + 1
	closed
	word  // a control word: name and perhaps a number
	sign  // a control symbol: its character is in b
	octet // a byte of text written in hexadecimal, in b
	plain // bytes of text, without line breaks
)

type token struct {
	kind   kind
	name   string // of a word
	number int
	given  bool // the word has a number
	b      byte
	text   []byte
}

// lexer cuts RTF into tokens. Binary data is passed over.
type lexer struct {
	in    []byte
	at    int
	names map[string]string // words, interned
}

// maxWord is the most letters of a control word. The specification says 32.
const maxWord = 64

// next returns the next token, false at the end.
func (l *lexer) next() (token, bool) {
	for l.at < len(l.in) {
		switch c := l.in[l.at]; c {
		case '{':
			l.at++
			return token{kind: opened}, true
		case '}':
			l.at++
			return token{kind: closed}, true
		case '\\':
			if t, ok := l.control(); ok {
				return t, true
			}
		case '\r', '\n', 0:
			l.at++
		default:
			from := l.at
			for l.at < len(l.in) && !special[l.in[l.at]] {
				l.at++
			}
			return token{kind: plain, text: l.in[from:l.at]}, true
		}
	}
	return token{}, false
}

// special are the bytes that end a run of text.
var special = func() (s [256]bool) {
	for _, c := range "{}\\\r\n\x00" {
		s[c] = true
	}
	return s
}()

// control reads what begins with a backslash; false if it was binary data or the end.
func (l *lexer) control() (token, bool) {
	l.at++
	if l.at >= len(l.in) {
		return token{}, false
	}
	c := l.in[l.at]
	if !letter(c) {
		l.at++
		if c != '\'' {
			if c == '\r' && l.at < len(l.in) && l.in[l.at] == '\n' {
				l.at++
			}
			return token{kind: sign, b: c}, true
		}
		if l.at+2 > len(l.in) {
			l.at = len(l.in)
			return token{}, false
		}
		high, low := hex(l.in[l.at]), hex(l.in[l.at+1])
		if high < 0 || low < 0 {
			return token{}, false // a stray sign; what follows is text
		}
		l.at += 2
		return token{kind: octet, b: byte(high<<4 | low)}, true
	}
	from := l.at
	for l.at < len(l.in) && letter(l.in[l.at]) && l.at-from < maxWord {
		l.at++
	}
	t := token{kind: word, name: l.name(l.in[from:l.at])}
	l.parameter(&t)
	if l.at < len(l.in) && l.in[l.at] == ' ' {
		l.at++
	}
	if t.name == "bin" {
		l.at += min(max(t.number, 0), len(l.in)-l.at)
		return token{}, false
	}
	return t, true
}

// parameter reads the number behind a control word, if there is one.
func (l *lexer) parameter(t *token) {
	at := l.at
	negative := at < len(l.in) && l.in[at] == '-'
	if negative {
		at++
	}
	from := at
	for at < len(l.in) && l.in[at] >= '0' && l.in[at] <= '9' {
		if t.number < 1<<31 {
			t.number = t.number*10 + int(l.in[at]-'0')
		}
		at++
	}
	if at == from {
		return
	}
	if negative {
		t.number = -t.number
	}
	t.given, l.at = true, at
}

// name returns a word as a string that is kept once.
func (l *lexer) name(b []byte) string {
	if s, known := l.names[string(b)]; known {
		return s
	}
	s := string(b)
	if len(l.names) < 4096 {
		l.names[s] = s
	}
	return s
}

// skip passes over the rest of a group whose contents do not matter, up to the brace
// that closes it.
func (l *lexer) skip() {
	for depth := 0; l.at < len(l.in); {
		i := bytes.IndexAny(l.in[l.at:], "{}\\")
		if i < 0 {
			l.at = len(l.in)
			return
		}
		l.at += i
		switch l.in[l.at] {
		case '{':
			depth++
			l.at++
		case '}':
			if depth == 0 {
				return
			}
			depth--
			l.at++
		default:
			l.control()
		}
	}
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
