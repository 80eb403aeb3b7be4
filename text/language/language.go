// Package language recognises the language of a text.
package language

import (
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"

	"github.com/smartretriever/smartretriever/text/clean"
)

// The text is judged by windows, each by itself, and they vote: the trigram
// statistics are made for a few sentences and fail on long texts, and a document
// that is half code or half tables still has windows of prose.
const (
	minLetters = 24  // below this a guess is no better than chance
	window     = 400 // bytes
	windows    = 7
	agreed     = 3 // sure windows of one language, without another, end the vote
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
// where the text is too short or the choice not sure. It looks at up to seven
// windows of 400 bytes, spread over the text, and at fewer if they agree.
func Detect(text string) string {
	votes := map[string]float64{}
	total := 0.0
	for sample := range samples(text) {
		if letters(sample) < minLetters {
			continue
		}
		info := whatlanggo.DetectWithOptions(sample, options)
		code, ok := known[info.Lang]
		if !ok {
			continue
		}
		// A window that is not sure counts, but less.
		votes[code] += 0.1 + info.Confidence
		total += 0.1 + info.Confidence
		if votes[code] >= agreed && votes[code] == total {
			return code
		}
	}
	best, most := "", 0.0
	for code, n := range votes {
		if n > most || n == most && code < best {
			best, most = code, n
		}
	}
	if most < 0.5 || most < total*0.6 {
		return ""
	}
	return best
}

// samples yields the windows of a text, cut at white space where there is some.
func samples(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if len(text) <= window {
			yield(text)
			return
		}
		n := min(windows, (len(text)+window-1)/window)
		for i := range n {
			start := len(clean.Cut(text, (len(text)-window)*i/max(1, n-1)))
			sample := clean.Cut(text[start:], window)
			if from, to := strings.IndexByte(sample, ' '), strings.LastIndexByte(sample, ' '); i > 0 && from >= 0 && to-from > window/2 {
				sample = sample[from:to]
			}
			if !yield(sample) {
				return
			}
		}
	}
}

// letters counts the letters of a text; an ideograph or syllable, which says
// more, counts three times.
func letters(text string) int {
	n := 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			if n++; r >= 0x2e80 {
				n += 2
			}
		}
	}
	return n
}
