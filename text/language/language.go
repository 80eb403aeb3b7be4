// Package language recognises the language of a text.
package language

import (
	"unicode"

	"github.com/abadojack/whatlanggo"

	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	minLetters = 24   // below this a guess is no better than chance
	maxBytes   = 8192 // more text does not change the verdict and costs time
)

// known maps the languages that are told apart to their ISO 639-1 codes. The
// fewer there are, the surer the choice is: rare languages take texts away from
// frequent ones that resemble them.
var known = map[whatlanggo.Lang]string{
	whatlanggo.Arb: "ar", whatlanggo.Ces: "cs", whatlanggo.Dan: "da", whatlanggo.Deu: "de",
	whatlanggo.Ell: "el", whatlanggo.Eng: "en", whatlanggo.Spa: "es", whatlanggo.Fin: "fi",
	whatlanggo.Fra: "fr", whatlanggo.Heb: "he", whatlanggo.Hin: "hi", whatlanggo.Hun: "hu",
	whatlanggo.Ind: "id", whatlanggo.Ita: "it", whatlanggo.Jpn: "ja", whatlanggo.Kor: "ko",
	whatlanggo.Nld: "nl", whatlanggo.Nob: "no", whatlanggo.Pol: "pl", whatlanggo.Por: "pt",
	whatlanggo.Ron: "ro", whatlanggo.Rus: "ru", whatlanggo.Swe: "sv", whatlanggo.Tha: "th",
	whatlanggo.Tur: "tr", whatlanggo.Ukr: "uk", whatlanggo.Vie: "vi", whatlanggo.Cmn: "zh",
}

var options = func() whatlanggo.Options {
	allowed := make(map[whatlanggo.Lang]bool, len(known))
	for l := range known {
		allowed[l] = true
	}
	return whatlanggo.Options{Whitelist: allowed}
}()

// Detect returns the ISO 639-1 code of the language that text is written in, ""
// where the text is too short or the choice not sure. It looks at about 8 KiB
// from the middle of the text, where there is less boilerplate than at its ends.
func Detect(text string) string {
	text = sample(text)
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			if letters++; r >= 0x2e80 {
				letters += 2 // an ideograph or syllable says more than a letter
			}
		}
	}
	if letters < minLetters {
		return ""
	}
	info := whatlanggo.DetectWithOptions(text, options)
	if !info.IsReliable() {
		return ""
	}
	return known[info.Lang]
}

func sample(text string) string {
	if len(text) <= maxBytes {
		return text
	}
	from := len(clean.Cut(text, (len(text)-maxBytes)/2))
	return clean.Cut(text[from:], maxBytes)
}
