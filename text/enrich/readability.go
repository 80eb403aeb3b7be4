package enrich

import (
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Readability writes.
const (
	KeyReadability = "readability"         // number, on the scale of the formula
	KeyFormula     = "readability_formula" // string: flesch, amstad, fernandez_huerta, kandel_moles, gulpease, lix
	KeySzigriszt   = "readability_szigriszt"
	KeyGrade       = "reading_grade" // number: Flesch-Kincaid grade level, English only
)

// leastWords is how much prose a formula needs: they were made for samples of 100 words.
const leastWords = 100

// prose is what formulas are computed from.
type proseCounts struct {
	words, sentences, syllables, letters, long float64
}

// The formulas, and where they were published:
//
//	Flesch            Flesch 1948, A New Readability Yardstick
//	Flesch-Kincaid    Kincaid, Fishburne, Rogers, Chissom 1975
//	Amstad            Amstad 1978, Wie verständlich sind unsere Zeitungen?
//	Fernández Huerta  Fernández Huerta 1959, with sentences as its author meant them
//	Szigriszt-Pazos   Szigriszt Pazos 1993, Sistemas predictivos de legilibilidad
//	Kandel-Moles      Kandel and Moles 1958, Application de l'indice de Flesch à la langue française
//	Gulpease          Lucisano and Piemontese 1988
//	LIX               Björnsson 1968; for further languages Björnsson 1983, Readability of Newspapers in 11 Languages
//
// High is easy, about 0 to 100, but for LIX and the grade, where high is hard.
func flesch(c proseCounts) float64 {
	return 206.835 - 1.015*c.words/c.sentences - 84.6*c.syllables/c.words
}
func fleschKincaid(c proseCounts) float64 {
	return 0.39*c.words/c.sentences + 11.8*c.syllables/c.words - 15.59
}
func amstad(c proseCounts) float64 { return 180 - c.words/c.sentences - 58.5*c.syllables/c.words }
func fernandezHuerta(c proseCounts) float64 {
	return 206.84 - 60*c.syllables/c.words - 1.02*c.words/c.sentences
}
func szigriszt(c proseCounts) float64 {
	return 206.835 - 62.3*c.syllables/c.words - c.words/c.sentences
}
func kandelMoles(c proseCounts) float64 {
	return 207 - 1.015*c.words/c.sentences - 73.6*c.syllables/c.words
}
func gulpease(c proseCounts) float64 { return 89 + (300*c.sentences-10*c.letters)/c.words }
func lix(c proseCounts) float64      { return c.words/c.sentences + 100*c.long/c.words }

// Readability says how hard the prose is to read, by the formula of its language. A
// language without one, and less than 100 words, give nothing.
func Readability() Stage {
	return stage{"readability", "1", func(d *Document) rag.Metadata {
		return readability(d.Text.Language, d.Prose(), d.wordList(), len(d.sentenceList()))
	}}
}

func readability(language, prose string, words []word, sentences int) rag.Metadata {
	c := proseCounts{sentences: float64(sentences)}
	counted := language == "en" || language == "de" || language == "es" || language == "fr"
	seen := map[string]int{} // syllables of words that came before
	for _, w := range words {
		if !spoken(w.text) {
			continue
		}
		n := utf8.RuneCountInString(w.text)
		c.words++
		c.letters += float64(n)
		if n > 6 {
			c.long++
		}
		if counted {
			s, known := seen[w.text]
			if !known {
				s, _ = syllables(language, w.text)
				seen[w.text] = s
			}
			c.syllables += float64(s)
		}
	}
	if c.words < leastWords || c.sentences == 0 {
		return nil
	}
	m := rag.Metadata{}
	score := func(formula string, v float64) {
		m[KeyFormula], m[KeyReadability] = rag.Str(formula), rag.Num(tenth(v))
	}
	switch language {
	case "en":
		score("flesch", flesch(c))
		m[KeyGrade] = rag.Num(tenth(fleschKincaid(c)))
	case "de":
		score("amstad", amstad(c))
	case "es":
		score("fernandez_huerta", fernandezHuerta(c))
		m[KeySzigriszt] = rag.Num(tenth(szigriszt(c)))
	case "fr":
		score("kandel_moles", kandelMoles(c))
	case "it":
		score("gulpease", gulpease(c))
	case "sv", "da", "no", "fi", "pt", "ru":
		score("lix", lix(c))
	default:
		return nil
	}
	return m
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }

// spoken reports whether a word counts for readability: numbers and codes do not.
func spoken(w string) bool {
	n := 0
	for _, r := range w {
		switch {
		case unicode.IsLetter(r):
			n++
		case unicode.IsMark(r), r == '\'', r == '’', r == '-', r == '.', r == '·':
		default:
			return false
		}
	}
	return n > 0
}
