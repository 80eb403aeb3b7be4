package bpe

import "unicode/utf8"

// nextCl100k returns the length of the first piece of text, by the pattern of
// cl100k_base. Its alternatives, in order, are the cases below:
//
//	'(?i:[sdmt]|ll|ve|re)
//	[^\r\n\p{L}\p{N}]?+\p{L}++
//	\p{N}{1,3}+
//	 ?[^\s\p{L}\p{N}]++[\r\n]*+
//	\s++$ | \s*[\r\n] | \s+(?!\S) | \s
func nextCl100k(text string) int {
	first, size := classAt(text, 0)
	if n := contraction(text); n > 0 {
		return n
	}
	if first&letter != 0 {
		return size + run(text[size:], letter)
	}
	if first&(number|newline) == 0 {
		if n := run(text[size:], letter); n > 0 {
			return size + n
		}
	}
	switch {
	case first&number != 0:
		return digits(text)
	case first&space == 0:
		return marks(text, newline)
	case text[0] == ' ':
		if n := marks(text[1:], newline); n > 0 {
			return 1 + n
		}
	}
	blank := run(text, space)
	if blank == len(text) {
		return blank
	}
	if n := lastNewline(text[:blank]); n > 0 {
		return n
	}
	return allButLast(text[:blank])
}

// nextO200k returns the length of the first piece of text, by the pattern of
// o200k_base. U stands for [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], W for
// [\p{Ll}\p{Lm}\p{Lo}\p{M}], C for (?i:'s|'t|'re|'ve|'m|'ll|'d):
//
//	[^\r\n\p{L}\p{N}]?U*W+C?
//	[^\r\n\p{L}\p{N}]?U+W*C?
//	\p{N}{1,3}
//	 ?[^\s\p{L}\p{N}]+[\r\n/]*
//	\s*[\r\n]+ | \s+(?!\S) | \s+
func nextO200k(text string) int {
	first, size := classAt(text, 0)
	prefix := 0
	if first&(letter|number|newline) == 0 {
		prefix = size
	}
	for _, word := range []func(string) int{capitalised, capitals} {
		n := word(text[prefix:])
		if n > 0 {
			n += prefix
		} else if prefix > 0 {
			n = word(text) // a mark may stand before a word, or belong to it
		}
		if n > 0 {
			return n + contraction(text[n:])
		}
	}
	switch {
	case first&number != 0:
		return digits(text)
	case first&space == 0:
		return marks(text, newline|slash)
	case text[0] == ' ':
		if n := marks(text[1:], newline|slash); n > 0 {
			return 1 + n
		}
	}
	blank := run(text, space)
	if n := lastNewline(text[:blank]); n > 0 {
		return n
	}
	if blank == len(text) {
		return blank
	}
	return allButLast(text[:blank])
}

// capitalised matches U*W+. Where the letters after the run of U are not in W, the
// run gives back what stands after its last character that is in both.
func capitalised(text string) int {
	upperEnd, bothEnd := 0, 0
	for upperEnd < len(text) {
		c, size := classAt(text, upperEnd)
		if c&upper == 0 {
			break
		}
		upperEnd += size
		if c&lower != 0 {
			bothEnd = upperEnd
		}
	}
	if n := run(text[upperEnd:], lower); n > 0 {
		return upperEnd + n
	}
	return bothEnd
}

// capitals matches U+W*. The W are none where capitalised has not matched.
func capitals(text string) int { return run(text, upper) }

// contraction matches '(?i:s|d|m|t|ll|ve|re). The long s is an s whose case is
// ignored.
func contraction(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] | 0x20 {
	case 's', 'd', 'm', 't':
		return 2
	case 'l', 'v', 'r':
		if len(text) < 3 {
			return 0
		}
		if pair := [2]byte{text[1] | 0x20, text[2] | 0x20}; pair == [2]byte{'l', 'l'} || pair == [2]byte{'v', 'e'} || pair == [2]byte{'r', 'e'} {
			return 3
		}
		return 0
	}
	if len(text) >= 3 && text[1:3] == "\u017f" {
		return 3
	}
	return 0
}

// digits matches \p{N}{1,3}.
func digits(text string) int {
	n := 0
	for range 3 {
		c, size := classAt(text, n)
		if c&number == 0 {
			break
		}
		n += size
	}
	return n
}

// marks matches [^\s\p{L}\p{N}]+ and what of the class tail follows.
func marks(text string, tail class) int {
	n := 0
	for n < len(text) {
		c, size := classAt(text, n)
		if c&(space|letter|number) != 0 {
			break
		}
		n += size
	}
	if n == 0 {
		return 0
	}
	return n + run(text[n:], tail)
}

// run returns the length of the characters of a class that text begins with.
func run(text string, of class) int {
	n := 0
	for n < len(text) {
		c, size := classAt(text, n)
		if c&of == 0 {
			break
		}
		n += size
	}
	return n
}

// lastNewline returns the length of blank up to and with its last line end, 0 if
// it has none.
func lastNewline(blank string) int {
	for i := len(blank) - 1; i >= 0; i-- {
		if blank[i] == '\n' || blank[i] == '\r' {
			return i + 1
		}
	}
	return 0
}

// allButLast returns the length of white space without its last character, which
// belongs to the word behind it; a single one stands alone.
func allButLast(blank string) int {
	_, size := utf8.DecodeLastRuneInString(blank)
	if size == len(blank) {
		return size
	}
	return len(blank) - size
}
