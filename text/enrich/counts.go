package enrich

import (
	"context"
	"math"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Language, Counts and Contents write.
const (
	KeyLanguage   = "language"        // string, ISO 639-1
	KeyWords      = "words"           // number
	KeySentences  = "sentences"       // number
	KeyCharacters = "characters"      // number, without white space
	KeyMinutes    = "reading_minutes" // number, rounded up to whole minutes
	KeyHasCode    = "has_code"        // boolean
	KeyHasTables  = "has_tables"      // boolean
)

// stage makes a Stage of a function that looks at the text alone.
type stage struct {
	name, version string
	find          func(d *Document) rag.Metadata
}

func (s stage) Name() string     { return s.name }
func (s stage) Cost() Cost       { return Rules }
func (s stage) Settings() string { return s.version }

func (s stage) Enrich(_ context.Context, d *Document) (Result, error) {
	return Result{Metadata: s.find(d)}, nil
}

// Language writes the language that was recognised when the text was extracted.
func Language() Stage {
	return stage{"language", "1", func(d *Document) rag.Metadata {
		if d.Text.Language == "" {
			return nil
		}
		return rag.Metadata{KeyLanguage: rag.Str(d.Text.Language)}
	}}
}

// HasCode says whether the text holds blocks of program code.
func HasCode() Stage { return holds("has_code", KeyHasCode, rag.Code) }

// HasTables says whether the text holds tables.
func HasTables() Stage { return holds("has_tables", KeyHasTables, rag.Table) }

func holds(name, key string, kind rag.BlockKind) Stage {
	return stage{name, "1", func(d *Document) rag.Metadata {
		for _, b := range d.Text.Blocks {
			if b.Kind == kind {
				return rag.Metadata{key: rag.Bool(true)}
			}
		}
		return rag.Metadata{key: rag.Bool(false)}
	}}
}

// Counts counts words, sentences and characters of the prose (without running heads,
// code and tables) and says how long reading it takes.
func Counts() Stage {
	return stage{"counts", "1", func(d *Document) rag.Metadata {
		characters, unspaced := 0, 0
		for _, r := range d.Prose() {
			if unicode.IsSpace(r) {
				continue
			}
			characters++
			if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) {
				unspaced++
			}
		}
		words := len(d.wordList())
		return rag.Metadata{
			KeyWords:      rag.Num(float64(words)),
			KeySentences:  rag.Num(float64(len(d.sentenceList()))),
			KeyCharacters: rag.Num(float64(characters)),
			KeyMinutes:    rag.Num(readingMinutes(d.Text.Language, words, unspaced)),
		}
	}}
}

// wordsPerMinute are mean speeds of silent reading, and charactersPerMinute those of
// languages that put no spaces between words: Trauzettel-Klosinski and Dietz,
// Standardized Assessment of Reading Performance: The New International Reading Speed
// Texts IReST, 2012. Other languages take the mean of all, 184.
var wordsPerMinute = map[string]float64{
	"ar": 138, "de": 179, "en": 228, "es": 218, "fi": 161, "fr": 195, "he": 187, "it": 188, "nl": 202,
	"pl": 166, "pt": 181, "ru": 184, "sv": 199, "tr": 166,
}

var charactersPerMinute = map[string]float64{"zh": 255, "ja": 357}

// readingMinutes rounds up: whatever holds a word takes a minute.
func readingMinutes(language string, words, unspaced int) float64 {
	if words == 0 {
		return 0
	}
	if speed, ok := charactersPerMinute[language]; ok {
		return math.Ceil(float64(unspaced) / speed)
	}
	speed, ok := wordsPerMinute[language]
	if !ok {
		speed = 184
	}
	return math.Ceil(float64(words) / speed)
}
