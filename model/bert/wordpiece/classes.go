package wordpiece

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What becomes of a character.
const (
	removed     = iota // controls, unassigned, U+FFFD
	space              // ends a word
	punctuation        // is a word of its own
	letter             // anything else
)

// ascii holds the classes of the first 128 characters.
var ascii = func() (table [utf8.RuneSelf]uint8) {
	for b := range table {
		switch {
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			table[b] = space
		case b < ' ' || b == 0x7F:
			table[b] = removed
		case b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z':
			table[b] = letter
		default:
			table[b] = punctuation
		}
	}
	return table
}()

// other handles the character beyond ASCII at s.pos and reports whether a word
// has ended. It may leave s.pos where it is, when the character is to start the
// next word.
func (s *scanner) other() bool {
	if s.pending != nil {
		return s.decomposed()
	}
	r, size := utf8.DecodeRuneInString(s.text[s.pos:])
	if r == utf8.RuneError || isControl(r) {
		s.pos += size
		return false
	}
	if unicode.IsSpace(r) {
		s.pos += size
		return s.chars > 0
	}
	if isIdeograph(r) {
		if s.chars > 0 {
			return true
		}
		if d := norm.NFD.PropertiesString(s.text[s.pos:]).Decomposition(); s.lower && d != nil {
			r, _ = utf8.DecodeRune(d)
		}
		s.gather(r, s.pos, s.pos+size)
		s.pos += size
		return true
	}
	if !s.lower {
		return s.one(r, size)
	}
	if isHangul(r) {
		s.hangul(r, size)
		return false
	}
	d := norm.NFD.PropertiesString(s.text[s.pos:]).Decomposition()
	if d == nil {
		if isMark(r) {
			s.pos += size
			return false
		}
		return s.one(lower(r), size)
	}
	s.pending, s.pendingAt, s.pendingEnd = d, s.pos, s.pos+size
	return s.decomposed()
}

// one takes a character as it is.
func (s *scanner) one(r rune, size int) bool {
	if !isPunctuation(r) {
		s.gather(r, s.pos, s.pos+size)
		s.pos += size
		return false
	}
	if s.chars > 0 {
		return true
	}
	s.gather(r, s.pos, s.pos+size)
	s.pos += size
	return true
}

// decomposed goes on with the parts of a character. s.pos stays at the character
// until all are taken.
func (s *scanner) decomposed() bool {
	for len(s.pending) > 0 {
		r, size := utf8.DecodeRune(s.pending)
		switch {
		case isMark(r):
			s.pending = s.pending[size:]
		case isPunctuation(r):
			if s.chars > 0 {
				return true
			}
			s.gather(r, s.pendingAt, s.pendingEnd)
			s.take(size)
			return true
		default:
			s.gather(lower(r), s.pendingAt, s.pendingEnd)
			s.pending = s.pending[size:]
		}
	}
	s.take(0)
	return false
}

// take drops size bytes of what is pending, and leaves the character when that
// was all.
func (s *scanner) take(size int) {
	s.pending = s.pending[size:]
	if len(s.pending) == 0 {
		s.pending = nil
		s.pos = s.pendingEnd
	}
}

// The Hangul syllables decompose by arithmetic (The Unicode Standard, 3.12).
const (
	hangulBase  = 0xAC00
	hangulCount = 11172
	jamoL       = 0x1100
	jamoV       = 0x1161
	jamoT       = 0x11A7
)

func isHangul(r rune) bool { return r >= hangulBase && r < hangulBase+hangulCount }

func (s *scanner) hangul(r rune, size int) {
	at, end := s.pos, s.pos+size
	i := r - hangulBase
	s.gather(jamoL+i/588, at, end)
	s.gather(jamoV+i%588/28, at, end)
	if t := i % 28; t != 0 {
		s.gather(jamoT+t, at, end)
	}
	s.pos = end
}

// isIdeograph reports whether r is one of the characters that BERT sets apart as
// words: the CJK ideographs of these blocks, not Hangul, not kana. The gap before
// U+2B920 is the library's.
func isIdeograph(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4DBF, r >= 0x4E00 && r <= 0x9FFF, r >= 0xF900 && r <= 0xFAFF:
		return true
	}
	return r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF || r >= 0x2F800 && r <= 0x2FA1F
}

// Three characters have changed their category since Unicode 8.0.
const (
	canadianFullStop = 0x166D  // was punctuation, is a symbol
	hanunooPamudpod  = 0x1734  // was a nonspacing mark, is a spacing one
	sharadaSandhi    = 0x111C9 // was punctuation, is a mark
)

func isControl(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.Is(newer, r)
}

func isMark(r rune) bool {
	return unicode.Is(unicode.Mn, r) && !unicode.Is(newer, r) && r != sharadaSandhi || r == hanunooPamudpod
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return ascii[r] == punctuation
	}
	return unicode.IsPunct(r) && !unicode.Is(newer, r) || r == canadianFullStop || r == sharadaSandhi
}

func lower(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}
