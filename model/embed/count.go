package embed

import (
	"unicode"
	"unicode/utf8"
)

// EstimateTokens estimates the tokens of a text whose vocabulary is at the server. It
// counts one token for each Chinese, Japanese or Korean character, one for each
// punctuation mark or symbol, one for two digits, and one for four bytes of
// anything else, spaces with it. The documentation and source of this project come
// out 2 to 19 % above the count of bge-small's WordPiece tokenizer, which is the
// side to err on: a chunk that is too long is refused by the server. A quarter of
// the bytes alone is up to 31 % below it.
func EstimateTokens(text string) int {
	marks, digits, bytes := 0, 0, 0
	for _, r := range text {
		switch {
		case r < 0x80 && ('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == ' '):
			bytes++
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			marks++
		case unicode.IsPunct(r), unicode.IsSymbol(r):
			marks++
		case unicode.IsDigit(r):
			digits++
		default:
			bytes += utf8.RuneLen(r)
		}
	}
	return marks + (digits+1)/2 + (bytes+3)/4
}
