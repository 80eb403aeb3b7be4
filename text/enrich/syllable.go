package enrich

import "strings"

// Syllables are counted by the vowels that are heard. In German, Spanish and Italian
// spelling says nearly always which these are; in English and French a silent e, and
// endings, have to be known.

// syllables returns the number of syllables of a word in one of the languages that
// have a formula which needs it; at least 1 for a word with a letter. A word without a
// vowel (a number, an abbreviation) counts 1. ok is false for other languages.
func syllables(language, w string) (n int, ok bool) {
	w = strings.ToLower(w)
	switch language {
	case "en":
		n = englishSyllables(w)
	case "de":
		n = germanSyllables(w)
	case "es":
		n = spanishSyllables(w)
	case "fr":
		n = frenchSyllables(w)
	default:
		return 0, false
	}
	return max(1, n), true
}

func among(r rune, set string) bool { return strings.ContainsRune(set, r) }

// englishApart are pairs of vowel letters that are two syllables more often than one.
func englishApart(a, b rune) bool {
	switch string([]rune{a, b}) {
	case "ia", "io", "eo", "ua", "uo", "iu":
		return true
	}
	return false
}

// englishWords are frequent words that the rules get wrong.
var englishWords = map[string]int{
	"people": 2, "business": 2, "every": 2, "evening": 2, "something": 2, "sometimes": 2, "someone": 2, "somewhere": 2,
	"therefore": 2, "whereas": 2, "being": 2, "create": 2, "created": 3, "creating": 3, "area": 3, "areas": 3, "idea": 3, "ideas": 3,
	"science": 2, "sciences": 3, "scientific": 4, "scientist": 3, "society": 4, "quiet": 2, "diet": 2, "client": 2, "clients": 2, "variety": 4,
	"poem": 2, "poet": 2, "going": 2, "doing": 2, "seeing": 2, "reality": 4, "theory": 3, "theories": 3, "museum": 3,
	"interesting": 4, "are": 1, "guard": 1, "does": 1, "goes": 1, "shoe": 1, "shoes": 1,
	"simile": 3, "recipe": 3, "maybe": 2, "apostrophe": 4, "catastrophe": 4, "wednesday": 2, "colonel": 2,
	"homework": 2, "website": 2, "baseline": 2, "lifetime": 2, "timeline": 2, "software": 2, "hardware": 2,
	"persuade": 2, "persuaded": 3, "language": 2, "languages": 3, "people's": 2, "george": 1, "nuclear": 3, "serious": 3,
	"eight": 1, "piece": 1, "pieces": 2, "experience": 4, "experiences": 5, "audience": 3, "obedience": 4,
}

// englishVowels marks the vowel letters of a word that are heard as such: not the y of
// yes and beyond, the u of quick, or the i of nation, social and patient.
func englishVowels(rs []rune) []bool {
	heard := make([]bool, len(rs))
	letter := func(i int) bool {
		return i >= 0 && i < len(rs) && among(rs[i], "aeiouáéíóúàèâêîôûäëïöü")
	}
	for i, r := range rs {
		switch {
		case r == 'y':
			heard[i] = !letter(i+1) || i > 0 && !letter(i-1) && rs[i-1] != 'w'
		case r == 'u' && i > 0 && rs[i-1] == 'q' && letter(i+1), r == 'u' && i > 0 && rs[i-1] == 'g' && i+1 < len(rs) && (rs[i+1] == 'a' || rs[i+1] == 'e'):
		case r == 'i' && i > 1 && among(rs[i-1], "tcsgx") && i+2 < len(rs) && (rs[i+1] == 'o' || rs[i+1] == 'u' || rs[i+1] == 'a' && rs[i+2] != 't' || rs[i+1] == 'e' && rs[i+2] == 'n' && rs[i-1] != 'g'):
		default:
			heard[i] = letter(i)
		}
	}
	return heard
}

func englishSyllables(w string) int {
	w = strings.ReplaceAll(w, "’", "'")
	if n, ok := englishWords[w]; ok {
		return n
	}
	if i := strings.IndexByte(w, '\''); i >= 0 {
		stem, tail := w[:i], w[i:]
		switch {
		case tail == "'t" && len(stem) > 4 && strings.HasSuffix(stem, "n") && !strings.HasSuffix(stem, "on"): // does-n't, is-n't
			return englishSyllables(stem[:len(stem)-1]) + 1
		case stem != "":
			return englishSyllables(stem)
		}
		w = tail[1:]
	}
	rs := []rune(w)
	heard := englishVowels(rs)
	n := 0
	for i := range rs {
		if heard[i] && (i == 0 || !heard[i-1] || englishApart(rs[i-1], rs[i])) {
			n++
		}
	}
	at := func(i int) rune { // from the end
		if i > len(rs) {
			return 0
		}
		return rs[len(rs)-i]
	}
	vowel := func(i int) bool { return i <= len(rs) && heard[len(rs)-i] }
	consonant := func(i int) bool { return i <= len(rs) && !heard[len(rs)-i] }
	syllabicL := func(i int) bool { return at(i) == 'l' && consonant(i+1) && at(i+1) != 'l' } // table, handled
	switch {
	case at(1) == 'e' && consonant(2):
		if !syllabicL(2) {
			n--
		}
	case at(1) == 'd' && at(2) == 'e' && consonant(3):
		if at(3) != 't' && at(3) != 'd' && !syllabicL(3) {
			n--
		}
	case at(1) == 's' && at(2) == 'e' && consonant(3):
		if !among(at(3), "sxzcg") && !(at(3) == 'h' && among(at(4), "sc")) && !syllabicL(3) {
			n--
		}
	case at(1) == 'm' && at(2) == 's' && vowel(3), at(1) == 'm' && at(2) == 'h' && at(3) == 't': // prism, rhythm
		n++
	}
	// A silent e inside: statement, careful, useless, safely.
	for _, tail := range [...]string{"ement", "ements", "eful", "efully", "eless", "ely", "eness"} {
		if stem, ok := strings.CutSuffix(w, tail); ok && len(stem) > 1 && !strings.ContainsAny(stem[len(stem)-1:], "aeiouyl") &&
			strings.ContainsAny(stem, "aeiouy") {
			n--
			break
		}
	}
	return n
}

// germanApart are endings in -ie whose e is heard; that of -ien nearly always is.
var germanApart = [...]string{"familie", "linie", "serie", "materie", "aktie", "studie", "folie", "prämie", "lilie", "ödie", "arterie"}

// germanSyllables counts vowel sounds: ie, ei, ai, au, eu, äu and doubled vowels are one.
func germanSyllables(w string) int {
	rs := []rune(w)
	vowel := func(r rune) bool { return among(r, "aeiouyäöüáéíóúàèâêîôûëï") }
	n := 0
	for i := 0; i < len(rs); i++ {
		if !vowel(rs[i]) || rs[i] == 'u' && i > 0 && rs[i-1] == 'q' || rs[i] == 'y' && i == 0 && len(rs) > 1 && vowel(rs[1]) {
			continue
		}
		n++
		if i+1 == len(rs) {
			break
		}
		switch string(rs[i : i+2]) {
		case "ie", "ei", "ai", "ay", "ey", "au", "eu", "äu", "aa", "ee", "oo", "oi", "oy", "ou":
			i++
		}
	}
	if strings.HasSuffix(w, "ien") && n > 1 && !strings.HasSuffix(w, "schien") {
		n++
	}
	for _, tail := range germanApart {
		if strings.HasSuffix(w, tail) {
			n++
			break
		}
	}
	// be- and ge- keep their vowel before another one: be-en-den, ge-ehrt, be-in-hal-ten.
	for _, head := range [...]string{"beei", "been", "beerd", "geeh", "geei", "geein", "beinh", "beeil", "geend", "beob"} {
		if strings.HasPrefix(w, head) {
			if head != "beob" { // eo is two vowels anyway
				n++
			}
			break
		}
	}
	return n
}

// spanishSyllables follows the rules of the Real Academia: two strong vowels (a, e, o) are
// two syllables, a weak one (i, u) beside any other makes one with it, unless it carries
// the accent; h between vowels changes nothing; the u of que, qui, gue, gui is not heard.
func spanishSyllables(w string) int {
	w = strings.ReplaceAll(strings.ReplaceAll(w, "qu", "q"), "gue", "ge")
	w = strings.ReplaceAll(strings.ReplaceAll(w, "gui", "gi"), "gué", "gé")
	w = strings.ReplaceAll(w, "guí", "gí")
	rs := []rune(w)
	strong := func(r rune) bool { return among(r, "aeoáéóíú") }
	weak := func(r rune) bool { return among(r, "iuü") }
	n, prev := 0, rune(0)
	for i, r := range rs {
		if r == 'y' { // a vowel at the end (hoy, ley) and alone (y)
			if i == len(rs)-1 {
				if prev == 0 {
					n++
				}
				continue
			}
			prev = 0
			continue
		}
		if r == 'h' && prev != 0 {
			continue
		}
		if !strong(r) && !weak(r) {
			prev = 0
			continue
		}
		switch {
		case prev == 0:
			n++
		case strong(prev) && strong(r), weak(prev) && among(r, "íú"):
			n++
		}
		prev = r
	}
	return n
}

// groups counts runs of vowels, a run being broken where broken says that its two
// letters are heard apart.
func groups(w []rune, vowel func(r rune) bool, broken func(a, b rune) bool) int {
	n := 0
	for i, r := range w {
		if !vowel(r) {
			continue
		}
		if i == 0 || !vowel(w[i-1]) || broken(w[i-1], r) {
			n++
		}
	}
	return n
}

// frenchSyllables counts runs of vowels and leaves out a final silent e, es, ent.
func frenchSyllables(w string) int {
	if i := strings.LastIndexAny(w, "'"); i >= 0 {
		w = w[i+1:] // l'homme: the article has no syllable of its own
	}
	if i := strings.LastIndex(w, "’"); i >= 0 {
		w = w[i+len("’"):]
	}
	w = strings.NewReplacer("qu", "q", "gue", "ge", "gui", "gi", "œu", "œ").Replace(w)
	rs := []rune(w)
	vowel := func(r rune) bool { return among(r, "aeiouyàâäéèêëîïôöùûüœæ") }
	n := groups(rs, vowel, func(a, b rune) bool {
		switch string([]rune{a, b}) {
		case "éa", "éâ", "éè", "oè", "éo", "éi", "éu", "ua", "ué", "oé", "aï", "oï", "uï", "aé", "oa", "aë", "oë", "éé":
			return true
		}
		return false
	})
	plain := func(i int) bool { // the letter before i is no vowel
		return i > 0 && !vowel(rs[i-1])
	}
	l := len(rs)
	switch {
	case n < 2:
	case l > 1 && rs[l-1] == 'e' && plain(l-1):
		n--
	case l > 2 && rs[l-1] == 's' && rs[l-2] == 'e' && plain(l-2):
		n--
	case l > 4 && strings.HasSuffix(w, "ent") && plain(l-3) && !strings.HasSuffix(w, "ment") && !frenchEnt[w]:
		n--
	}
	return n
}

// frenchEnt are frequent words whose -ent is heard.
var frenchEnt = set("souvent content cent argent agent accent talent parent vent présent absent récent client serpent président différent patient urgent prudent évident excellent permanent accident incident continent fréquent adhérent torrent innocent antécédent précédent équivalent intelligent violent")
