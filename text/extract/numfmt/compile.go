package numfmt

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// piece is an element of a section.
type piece struct {
	what what
	text string // of literally: the characters; of a date part: its letters
}

type what uint8

const (
	literally what = iota
	generally      // the word General
	at             // @: the text of the cell
	digit          // 0, # or ?, or a decimal point or a comma among them
	percent
	power    // E+ or E-
	slash    // of a fraction, or a literal one
	datePart // y, m, d, h, s, AM/PM, ...
	elapsed  // [h], [m], [s]
	second   // .000 behind seconds
)

// split divides a code at its semicolons.
func split(code string) []string {
	var out []string
	start := 0
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			if end := strings.IndexByte(code[i+1:], '"'); end >= 0 {
				i += end + 1
			}
		case '\\', '_', '*':
			i++
		case ';':
			out = append(out, code[start:i])
			start = i + 1
		}
	}
	return append(out, code[start:])
}

// compile reads a section.
func compile(code string) section {
	var s section
	for i := 0; i < len(code); {
		n := s.next(code[i:])
		i += n
	}
	s.settle()
	return s
}

func (s *section) add(w what, text string) {
	if n := len(s.pieces); w == literally && n > 0 && s.pieces[n-1].what == literally {
		s.pieces[n-1].text += text
		return
	}
	s.pieces = append(s.pieces, piece{w, text})
}

// next reads the piece at the beginning of code and returns its length.
func (s *section) next(code string) int {
	switch c := code[0]; c {
	case '"':
		end := strings.IndexByte(code[1:], '"')
		if end < 0 {
			s.add(literally, code[1:])
			return len(code)
		}
		s.add(literally, code[1:1+end])
		return end + 2
	case '\\':
		_, n := utf8.DecodeRuneInString(code[1:])
		s.add(literally, code[1:1+n])
		return 1 + n
	case '_', '*':
		_, n := utf8.DecodeRuneInString(code[1:])
		if c == '_' && len(s.pieces) > 0 {
			s.add(literally, " ")
		}
		return 1 + n
	case '[':
		end := strings.IndexByte(code, ']')
		if end < 0 {
			s.add(literally, code)
			return len(code)
		}
		s.bracket(code[1:end])
		return end + 1
	case '0', '#', '?', '.', ',':
		s.add(digit, code[:1])
		return 1
	case '%':
		s.add(percent, "%")
		return 1
	case '@':
		s.add(at, "")
		return 1
	case '/':
		s.add(slash, "/")
		return 1
	case 'E', 'e':
		if len(code) > 1 && (code[1] == '+' || code[1] == '-') {
			s.add(power, code[:2])
			return 2
		}
		return s.letters(code)
	}
	if n := prefixFold(code, "general"); n > 0 {
		s.add(generally, "")
		return n
	}
	for _, half := range []string{"am/pm", "a/p", "上午/下午"} {
		if n := prefixFold(code, half); n > 0 {
			s.add(datePart, half)
			return n
		}
	}
	if strings.IndexByte("yYmMdDhHsSgGbB", code[0]) >= 0 {
		return s.letters(code)
	}
	_, n := utf8.DecodeRuneInString(code)
	s.add(literally, code[:n])
	return n
}

// letters reads a run of one letter of a date.
func (s *section) letters(code string) int {
	n := 1
	for n < len(code) && code[n]|0x20 == code[0]|0x20 {
		n++
	}
	s.add(datePart, strings.ToLower(code[:n]))
	return n
}

func prefixFold(s, prefix string) int {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return len(prefix)
	}
	return 0
}

// bracket reads what stands in brackets: a currency sign and language, elapsed time,
// a condition, or a colour.
func (s *section) bracket(in string) {
	low := strings.ToLower(in)
	switch {
	case strings.HasPrefix(in, "$"):
		sign, _, _ := strings.Cut(in[1:], "-")
		if sign != "" {
			s.add(literally, sign)
		}
	case low != "" && strings.Trim(low, low[:1]) == "" && strings.IndexByte("hms", low[0]) >= 0:
		s.add(elapsed, low)
	case in != "" && strings.IndexByte("<>=", in[0]) >= 0:
		n := 1
		if len(in) > 1 && strings.IndexByte(">=", in[1]) >= 0 {
			n = 2
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(in[n:]), 64); err == nil {
			s.condition = condition{in[:n], v}
		}
	}
}

// settle decides what kind of section the pieces make.
func (s *section) settle() {
	has := [second + 1]bool{}
	for _, p := range s.pieces {
		has[p.what] = true
	}
	digits := false
	for _, p := range s.pieces {
		digits = digits || p.what == digit && strings.IndexByte("0#?", p.text[0]) >= 0
	}
	switch {
	case has[datePart] || has[elapsed]:
		s.kind = date
		s.settleDate()
	case has[at]:
		s.kind = text
	case has[generally]:
		s.kind = general
	case digits && has[power]:
		s.kind = scientific
		s.settleNumber()
	case digits && has[slash] && s.isFraction():
		s.kind = fraction
	case digits:
		s.kind = number
		s.settleNumber()
	default:
		s.plainDigits()
	}
}

// plainDigits makes points and commas that stand without digits literal.
func (s *section) plainDigits() {
	for i, p := range s.pieces {
		if p.what == digit || p.what == percent || p.what == slash || p.what == power {
			s.pieces[i].what = literally
		}
	}
}

// isFraction reports whether digits stand on the left of a slash, and digits or a
// number on its right.
func (s *section) isFraction() bool {
	for i, p := range s.pieces {
		if p.what != slash || i == 0 || i+1 == len(s.pieces) {
			continue
		}
		after := s.pieces[i+1]
		if s.pieces[i-1].what == digit && (after.what == digit || after.what == literally && after.text != "" && strings.IndexByte("123456789", after.text[0]) >= 0) {
			return true
		}
	}
	return false
}

// settleDate tells minutes from months, and points of seconds from others.
func (s *section) settleDate() {
	last := byte(0) // the letter of the date part before
	for i := range s.pieces {
		p := &s.pieces[i]
		switch p.what {
		case elapsed:
			last = p.text[0]
		case datePart:
			if p.text[0] == 'm' && len(p.text) <= 2 && (last == 'h' || s.before(i, 's')) {
				p.text = strings.Repeat("n", len(p.text)) // minutes
			}
			if p.text[0] != 'a' {
				last = p.text[0]
			}
		case digit:
			if p.text != "." || last != 's' {
				if p.text[0] != '0' || i == 0 || s.pieces[i-1].what != second {
					p.what = literally
					continue
				}
				p.what = second
				continue
			}
			if i+1 < len(s.pieces) && s.pieces[i+1].what == digit && s.pieces[i+1].text == "0" {
				p.what = second
			} else {
				p.what = literally
			}
		case percent, slash, power, generally, at:
			p.what = literally
		}
	}
}

// before reports whether the next date part begins with the letter.
func (s *section) before(i int, letter byte) bool {
	for _, p := range s.pieces[i+1:] {
		if p.what == datePart || p.what == elapsed {
			return p.text[0] == letter
		}
	}
	return false
}
