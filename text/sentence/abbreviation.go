package sentence

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// abbreviations are words that are followed by the rest of their sentence:
// titles, references and Latin short forms of the languages written in Latin and
// Cyrillic script. Those that end a sentence as often as not (etc., Inc., a.m.)
// are left out: a sentence cut too early reads better than two run together.
var abbreviations = words(`
	mr mrs ms mx dr prof rev hon st sr jr capt lt sgt cmdr gov messrs
	fig figs eq eqs eqn vs cf viz e.g i.e approx resp incl ibid
	dept univ mt ft
	bzw z.b d.h u.a ggf evtl vgl hrsg
	sra srta dra ud uds ej mme mlle p.ex dott ing avv
	ул им проф тов рис табл т.е т.к напр см
`)

// numbered are words that are abbreviations only where a number follows: "No. 5",
// "Sec. 3", "Dec. 7", but "He said no."
var numbered = words(`
	no nos nr art arts par sec sect ch chap vol vols p pp ed app ref refs ver op ca al tab abs abb núm pág стр гл г
	jan feb mar apr jun jul aug sep sept oct nov dec
`)

// starters are words that begin a new sentence more often than they follow an
// initial or a short form with inner stops: "vitamin C. The", "the U.S. In".
var starters = words(`
	the a an this that these those it its he she they we i you there here in on at by for from with
	as if when while although however but and or so thus hence therefore moreover furthermore
	after before since because his her their our my what who where why how no not all some many most
	der die das ein eine es er sie wir in im und aber el la los las un una en y pero le les il elle
	ils on nous mais et
`)

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// abbreviated reports whether body ends with a full stop that belongs to an
// abbreviation or an initial, so that first goes on with the same sentence.
func abbreviated(body, first string) bool {
	stem, dotted := strings.CutSuffix(body, ".")
	if !dotted {
		return false
	}
	word := lastWord(stem)
	if word == "" {
		return false
	}
	lower := strings.ToLower(word)
	if abbreviations[lower] || numbered[lower] && first[0] >= '0' && first[0] <= '9' {
		return true
	}
	r, w := utf8.DecodeRuneInString(word)
	initial := w == len(word) && unicode.IsUpper(r)
	if !initial && !stopped(word) {
		return false
	}
	next := first
	if i := strings.IndexFunc(first, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		next = first[:i]
	}
	return !starters[strings.ToLower(next)]
}

// lastWord returns the letters and inner stops that s ends with, at most 16
// bytes of them: no abbreviation is longer.
func lastWord(s string) string {
	start := len(s)
	for start > 0 && len(s)-start <= 16 {
		r, w := utf8.DecodeLastRuneInString(s[:start])
		if !unicode.IsLetter(r) && r != '.' {
			return s[start:]
		}
		start -= w
	}
	if start > 0 {
		return ""
	}
	return s
}

// stopped reports whether word is single letters with stops between them, as in
// U.S or Ph.D.
func stopped(word string) bool {
	if !strings.Contains(word, ".") {
		return false
	}
	for part := range strings.SplitSeq(word, ".") {
		if n := utf8.RuneCountInString(part); n == 0 || n > 2 {
			return false
		}
	}
	return true
}

// enumerator reports whether body is only the number of a list item or section:
// "1.", "2.3.", "IV.", "b.".
func enumerator(body string) bool {
	if len(body) > 8 || !strings.HasSuffix(body, ".") {
		return false
	}
	return strings.Trim(body, "0123456789.") == "" || strings.Trim(body, "IVXivx.") == "" ||
		utf8.RuneCountInString(body) == 2
}
