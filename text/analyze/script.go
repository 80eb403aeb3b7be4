package analyze

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// script is what decides how a word is treated.
type script uint8

const (
	others script = iota
	latin         // and words without letters
	greek
	cyrillic
	arabic
	hebrew
	tamil
	unspaced // no spaces between words: cut into pairs of characters
)

var tables = []struct {
	script script
	table  *unicode.RangeTable
}{
	{latin, unicode.Latin},
	{unspaced, unicode.Han},
	{unspaced, unicode.Hiragana},
	{unspaced, unicode.Katakana},
	{unspaced, unicode.Hangul},
	{cyrillic, unicode.Cyrillic},
	{arabic, unicode.Arabic},
	{greek, unicode.Greek},
	{hebrew, unicode.Hebrew},
	{tamil, unicode.Tamil},
	{unspaced, unicode.Thai},
	{unspaced, unicode.Lao},
	{unspaced, unicode.Khmer},
	{unspaced, unicode.Myanmar},
	{unspaced, unicode.Tibetan},
}

// scriptOf returns the script of one character.
func scriptOf(r rune) script {
	if r < 0x250 {
		return latin
	}
	if r == 'ー' || r == '々' || r == '〆' {
		return unspaced // shared by kana and Han: Unicode gives them no script of their own
	}
	for _, t := range tables {
		if unicode.Is(t.table, r) {
			return t.script
		}
	}
	return others
}

// scriptOfWord returns the script of the first letter, latin if there is none.
func scriptOfWord(w string) script {
	for _, r := range w {
		if unicode.IsLetter(r) {
			return scriptOf(r)
		}
	}
	return latin
}

// foldMarks takes accents and vowel points away: é becomes e, ø o, æ ae.
func foldMarks(w string) string {
	ascii := true
	for i := 0; i < len(w); i++ {
		ascii = ascii && w[i] < 0x80
	}
	if ascii {
		return w
	}
	out := make([]rune, 0, len(w))
	for _, r := range norm.NFD.String(w) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		switch r {
		case 'ø':
			r = 'o'
		case 'ł':
			r = 'l'
		case 'đ', 'ð':
			r = 'd'
		case 'ħ':
			r = 'h'
		case 'ı':
			r = 'i'
		case 'æ':
			out = append(out, 'a')
			r = 'e'
		case 'œ':
			out = append(out, 'o')
			r = 'e'
		}
		out = append(out, r)
	}
	return norm.NFC.String(string(out))
}
