package enrich

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Entities writes: lists of names as they stand in the text, the most frequent
// first.
const (
	KeyPeople        = "people"
	KeyOrganisations = "organisations"
	KeyPlaces        = "places"
)

// maxEntities bounds each of the lists, and maxName the words of a name.
const (
	maxEntities = 50
	maxName     = 8
)

// Entities finds names of people, organisations and places in texts in Latin script by
// rules and short lists: a person has a title or a frequent first name before the
// surname; an organisation a legal form behind its name, a word such as University or
// Institute in it, or a place in the list; a place is a country or a large city. What
// the rules are not sure of is left out, so that most of what is found is right and much
// is not found: the figures are in docs/enrichment.md.
func Entities() Stage {
	return stage{"entities", "1", func(d *Document) rag.Metadata {
		m := rag.Metadata{}
		found := entities(d.Prose(), d.wordList())
		for key, list := range map[string][]string{KeyPeople: found.people, KeyOrganisations: found.organisations, KeyPlaces: found.places} {
			if names := frequent(list); len(names) > 0 {
				m[key] = rag.Strs(names...)
			}
		}
		return m
	}}
}

// frequent returns the distinct names, the most frequent first, of equally frequent ones
// the first in the text.
func frequent(names []string) []string {
	counts := map[string]int{}
	var order []string
	for _, n := range names {
		if counts[n] == 0 {
			order = append(order, n)
		}
		counts[n]++
	}
	slices.SortStableFunc(order, func(a, b string) int { return counts[b] - counts[a] })
	return order[:min(len(order), maxEntities)]
}

type named struct{ people, organisations, places []string }

// gazetteer finds names of several words by their first.
type gazetteer map[string][][]string

func newGazetteer(names []string) gazetteer {
	g := gazetteer{}
	for _, n := range names {
		var words []string
		for _, w := range elided(wordsOf(n, 0)) {
			words = append(words, w.text)
		}
		g[words[0]] = append(g[words[0]], words)
	}
	for _, list := range g { // the longest first
		slices.SortFunc(list, func(a, b []string) int { return len(b) - len(a) })
	}
	return g
}

// elided takes the article off words such as L'Université and dell'Italia.
func elided(words []word) []word {
	out := make([]word, len(words))
	for i, w := range words {
		if at := strings.IndexAny(w.text, "'’"); at > 0 && elisions[strings.ToLower(w.text[:at])] {
			_, width := utf8.DecodeRuneInString(w.text[at:])
			if rest := w.text[at+width:]; rest != "" {
				w.text, w.start = rest, w.start+at+width
			}
		}
		out[i] = w
	}
	return out
}

var elisions = set("l d qu dell all nell sull dall un")

// match returns how many words of the name that begins at i belong to it, 0 for none.
func (g gazetteer) match(words []word, i int) int {
	for _, name := range g[words[i].text] {
		if len(name) > len(words)-i {
			continue
		}
		same := true
		for k, w := range name {
			same = same && words[i+k].text == w
		}
		if same {
			return len(name)
		}
	}
	return 0
}

var (
	knownOrganisations = newGazetteer(organisations)
	knownPlaces        = newGazetteer(places)
)

// reader walks over the words of a text.
type reader struct {
	text  string
	words []word
}

// entities reads the text once from its beginning; a word belongs to one name.
func entities(text string, words []word) named {
	words = elided(words)
	r := reader{text, words}
	var out named
	for i := 0; i < len(words); {
		if !capital(words[i].text) {
			i++
			continue
		}
		if n := r.organisation(i); n > 0 {
			out.organisations = append(out.organisations, r.name(i, n))
			i += n
		} else if skip, n := r.person(i); n > 0 {
			out.people = append(out.people, r.name(i+skip, n))
			i += skip + n
		} else if n := knownPlaces.match(words, i); n > 0 && !r.hyphened(i, n) {
			out.places = append(out.places, r.name(i, n))
			i += n
		} else {
			i++
		}
	}
	return out
}

// name returns the text of n words, white space made single blanks.
func (r reader) name(i, n int) string {
	return strings.Join(strings.Fields(r.text[r.words[i].start:r.words[i+n-1].end()]), " ")
}

// joined reports whether nothing but white space, or a hyphen or an ampersand, stands
// between words i and i+1 of one line or sentence; stops says that a stop may too, as
// behind an initial.
func (r reader) joined(i int, stops bool) bool {
	if i+1 >= len(r.words) {
		return false
	}
	between := r.text[r.words[i].end():r.words[i+1].start]
	if strings.Contains(between, "\n\n") || len(between) > 8 {
		return false
	}
	switch strings.TrimSpace(between) {
	case "", "-", "&":
		return true
	case ".":
		return stops
	}
	return false
}

func capital(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(r) && unicode.Is(unicode.Latin, r)
}

// titled reports whether a word begins with a capital and goes on in small letters.
func titled(w string) bool {
	if !capital(w) {
		return false
	}
	for _, r := range w {
		if unicode.IsLower(r) {
			return true
		}
	}
	return false
}

func initial(w string) bool { return utf8.RuneCountInString(w) == 1 && capital(w) }

// surname reports whether word i can be a surname.
func (r reader) surname(i int) bool {
	w := strings.TrimSuffix(strings.TrimSuffix(r.words[i].text, "'s"), "’s")
	return titled(w) && utf8.RuneCountInString(w) > 1 && !noSurnames[strings.ToLower(w)] && !legalForms[strings.ToLower(w)]
}

// person returns how many words of a title are to be skipped, and how many are the name.
func (r reader) person(i int) (skip, n int) {
	title := false
	for skip < 3 && i+skip < len(r.words) && personTitles[strings.ToLower(r.words[i+skip].text)] && r.joined(i+skip, true) {
		skip++
		title = true
	}
	at := i + skip
	if at >= len(r.words) || !capital(r.words[at].text) {
		return 0, 0
	}
	first := givenNames[strings.ToLower(r.words[at].text)] && titled(r.words[at].text)
	if !title && !first {
		return 0, 0
	}
	surnames, j := 0, at
	if first || initial(r.words[at].text) {
		j++
	} else if !r.surname(at) {
		return 0, 0
	} else {
		surnames, j = 1, at+1
	}
	for ; j < len(r.words) && j-at < maxName && surnames < 2; j++ {
		w := r.words[j].text
		if !r.joined(j-1, initial(r.words[j-1].text)) || r.words[j-1].last && !initial(r.words[j-1].text) {
			break
		}
		switch {
		case initial(w), surnames == 0 && givenNames[strings.ToLower(w)] && titled(w) && j+1 < len(r.words) && r.joined(j, false) && (r.surname(j+1) || nameParticles[r.words[j+1].text]):
			continue
		case nameParticles[strings.ToLower(w)] && w == strings.ToLower(w):
			continue
		case r.surname(j) && !(surnames == 1 && r.detached(j)):
			surnames++
			continue
		}
		break
	}
	// A name ends with its surname.
	for j > at && (nameParticles[r.words[j-1].text] || initial(r.words[j-1].text)) {
		j--
	}
	switch {
	case title && j > at && (surnames > 0 || !initial(r.words[at].text)):
		return skip, r.possessive(at, j)
	case surnames > 0:
		return skip, r.possessive(at, j)
	}
	return 0, 0
}

// detached reports whether a blank, and no hyphen, stands before word i: a second
// surname that is detached is more likely a noun, which German writes with a capital, or
// the next name of a list.
func (r reader) detached(i int) bool {
	return r.words[i].start == 0 || r.text[r.words[i].start-1] != '-'
}

// possessive returns the length of the name, which ends with a word in 's.
func (r reader) possessive(at, end int) int {
	for k := at; k < end; k++ {
		if w := r.words[k].text; strings.HasSuffix(w, "'s") || strings.HasSuffix(w, "’s") {
			return k + 1 - at
		}
	}
	return end - at
}

// organisation returns how many words of an organisation's name begin at i.
func (r reader) organisation(i int) int {
	if n := knownOrganisations.match(r.words, i); n > 0 && !r.compound(i, n) {
		if next := i + n; r.joined(next-1, false) && legalForms[strings.ToLower(r.words[next].text)] && capital(r.words[next].text) { // Siemens AG
			n++
		}
		return n
	}
	if personTitles[strings.ToLower(r.words[i].text)] {
		return 0
	}
	// A run of capitals that ends with a legal form or a word such as Institute.
	best := 0
	j := i
	for ; j < len(r.words) && j-i < maxName; j++ {
		w := r.words[j].text
		if j > i && !r.joined(j-1, false) {
			break
		}
		lower := strings.ToLower(w)
		legal := legalForms[lower] && (capital(w) || w == "mbH" || lower == "e.v") && j > i
		switch {
		case legal && !(weakForms[lower] && (j-i > 3 || strings.ToUpper(w) != w && lower != "co" && lower != "limited" && lower != "corporation")):
			best = j + 1 - i
		case organisationTails[lower] && titled(w) && j > i && !noSurnames[strings.ToLower(r.words[i].text)]:
			best = j + 1 - i
		case capital(w), isDigit(w[0]) && j > i, j > i && (lower == "of" || lower == "and" || lower == "für" || lower == "und") && j+1 < len(r.words) && capital(r.words[j+1].text) && r.joined(j, false):
			continue
		}
		if !capital(w) && !legal {
			break
		}
	}
	if best > 0 && articles[strings.ToLower(r.words[i].text)] { // The at the beginning is no part of it
		return 0
	}
	if best > 1 {
		if next := i + best; organisationHeads[strings.ToLower(r.words[next-1].text)] && r.joined(next-1, false) { // Technische Universität München
			best += knownPlaces.match(r.words, next)
		}
		return best
	}
	// University of Oxford, Ministry of Finance, Technische Universität Berlin.
	if !organisationHeads[strings.ToLower(r.words[i].text)] || !titled(r.words[i].text) {
		return 0
	}
	j = i + 1
	linked := false
	for j < len(r.words) && j-i < 4 && r.joined(j-1, false) && linkWords[r.words[j].text] {
		linked = true
		j++
	}
	from := j
	for j < len(r.words) && j-from < 4 && r.joined(j-1, false) && (capital(r.words[j].text) || r.words[j].text == "and" && j > from && j+1 < len(r.words) && capital(r.words[j+1].text) && !linkWords[r.words[j+1].text]) {
		j++
	}
	if j == from || !linked && knownPlaces[r.words[from].text] == nil && !organisationHeads[strings.ToLower(r.words[from].text)] {
		return 0
	}
	return j - i
}

// compound reports whether a known name is the beginning of a compound: Bosch-Mitarbeiter.
func (r reader) compound(i, n int) bool {
	end := r.words[i+n-1].end()
	return end < len(r.text) && r.text[end] == '-'
}

// hyphened reports whether a place is one part of a compound: Berlin-Besuch, Franco-China.
func (r reader) hyphened(i, n int) bool {
	return r.compound(i, n) || r.words[i].start > 0 && r.text[r.words[i].start-1] == '-'
}

var (
	articles  = set("the a an der die das ein eine la le el los il lo i our this in at for from by with and")
	linkWords = set("of for de del della di du des la der für the")
)
