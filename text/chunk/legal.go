package chunk

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// legalParts finds the articles, sections and clauses of statutes and contracts by
// their numbering, and definitions one by one. The labels above a clause are its
// path: Article 5 > 5.1 > (a).
//
// Labels with a word (Article, §, Schedule) have a fixed order, outermost first.
// Bare ones (1., 1.2, (a), iv)) nest in the order in which they appear: a style
// that is open already goes on with its next number, another one is a level
// further in. A bare label inside a block counts only where the line before has
// ended and its number continues the row, because a reference such as "(b) above"
// can come to stand at the beginning of a line.
func legalParts(t rag.Text) []part {
	var n numbering
	parts := markLines(t, n.mark)
	for i := range parts {
		p := &parts[i]
		p.strict = p.begins && p.Kind != rag.Heading || p.begins && p.level >= strong[0].rank
		// "Article 5" on a line of its own is followed by what it is about.
		if l, ok := readLabel(p.name); ok && p.begins && p.Kind == rag.Heading && strings.TrimSpace(l.rest) == "" && i+1 < len(parts) {
			next := &parts[i+1]
			if text := shownLine(next.Span.Of(t.Content)); !next.begins && !running(next.Block) && next.Span.Len() <= longestLine && isTitle(text) && !strings.Contains(text, "\n") {
				p.name, next.Kind = HeadingName(p.name+" "+text), rag.Heading
			}
		}
	}
	return parts
}

// strong are the words of labels, by how far out they stand. Each is followed by a
// number.
var strong = []struct {
	rank  int
	words []string
}{
	{90, []string{"schedule", "annex", "exhibit", "appendix", "attachment", "anlage", "anhang", "annexe"}},
	{110, []string{"book", "buch", "title", "titel", "part", "teil"}},
	{120, []string{"chapter", "kapitel", "abschnitt", "unterabschnitt", "subpart"}},
	{130, []string{"article", "artikel", "art.", "recital"}},
	{140, []string{"section", "sec.", "§§", "§", "clause", "ziffer", "ziff.", "paragraph", "rule", "regel"}},
}

// weakRank is the rank of the outermost bare label; each further style nests one in.
const weakRank = 200

// label is a number at the beginning of a line.
type label struct {
	text  string // as it stands there
	style string // which labels it stands in a row with
	rank  int    // of a strong label, 0 for a bare one
	depth int    // components of a decimal, 0 for others
	value int    // its place in the row, from 1; 0 if unknown
	rest  string // of the line
}

var (
	strongNumber  = regexp.MustCompile(`^\s*([0-9]+[a-zA-Z]?(?:[.\-][0-9]+[a-z]?)*|[IVXLC]+|[A-Z])(?:\.?\s*[:.)\]–—-]|\s|$)`)
	decimalLabel  = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,3}){1,6})\.?(?:\s+|$)`)
	integerLabel  = regexp.MustCompile(`^([0-9]{1,3})([.)])(?:\s+|$)`)
	enclosedLabel = regexp.MustCompile(`^\(([0-9]{1,3}|[a-zA-Z]{1,5})\)(?:\s+|$)`)
	letterLabel   = regexp.MustCompile(`^([a-zA-Z]{1,5})\)(?:\s+|$)`)
	defined       = regexp.MustCompile(`^(?:\([a-z0-9]{1,3}\)\s*)?["“„«‚']([^"“”„»«\n]{1,80})["“”»‘’'],?\*{0,2}\s*(?:\([^)\n]{0,80}\)\s*)?(?:,?\s*(?:shall|in relation to [^,\n]{1,60},?|im Sinne [^,\n]{1,60})\s*)?(?:means?|has the meaning|have the meaning|is defined|are defined|refers? to|includes?|shall mean|bedeutet|bedeuten|bezeichnet|bezeichnen|meint|ist|sind|hat die Bedeutung|:)(?:\s|$)`)
)

// readLabel reads the label of a line.
func readLabel(line string) (label, bool) {
	for _, level := range strong {
		for _, word := range level.words {
			rest, ok := afterPrefix(line, word)
			if !ok && !strings.HasPrefix(word, "§") || ok && word == "part" && strings.HasPrefix(rest, "-") {
				continue
			}
			if strings.HasPrefix(word, "§") {
				if rest, ok = strings.CutPrefix(line, word); !ok {
					continue
				}
			}
			m := strongNumber.FindStringSubmatchIndex(rest)
			if m == nil || m[2] == 0 && !strings.HasPrefix(word, "§") {
				return label{}, false
			}
			end := len(line) - len(rest) + m[3]
			return label{text: line[:end], style: strconv.Itoa(level.rank), rank: level.rank, value: ordinal(rest[m[2]:m[3]]), rest: line[end:]}, true
		}
	}
	if m := decimalLabel.FindStringSubmatchIndex(line); m != nil {
		number := line[m[2]:m[3]]
		depth := strings.Count(number, ".") + 1
		last := number[strings.LastIndexByte(number, '.')+1:]
		return label{text: number, style: "1.1", depth: depth, value: ordinal(last), rest: line[m[3]:]}, true
	}
	for _, of := range []struct {
		form  *regexp.Regexp
		style string
	}{{integerLabel, "."}, {enclosedLabel, "()"}, {letterLabel, ")"}} {
		m := of.form.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		number := line[m[2]:m[3]]
		l := label{text: strings.TrimSpace(line[:m[1]]), value: ordinal(number), rest: line[m[1]:]}
		switch {
		case of.form == integerLabel:
			l.style = "1" + line[m[4]:m[5]]
			if line[m[4]] == '.' {
				l.depth = 1
			}
		case number[0] <= '9':
			l.style = "1" + of.style
		case len(number) > 1 && roman(number) == 0 && !doubled(number):
			return label{}, false // a word in brackets
		case number[0] <= 'Z':
			l.style = "A" + of.style
		default:
			l.style = "a" + of.style
		}
		return l, true
	}
	return label{}, false
}

// ordinal returns the value of a number or letter, 0 if it has none.
func ordinal(s string) int {
	if n, err := strconv.Atoi(strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")); err == nil {
		return n
	}
	if len(s) == 1 || doubled(s) {
		return int(unicode.ToLower(rune(s[0]))-'a') + 1 + 26*(len(s)-1)
	}
	return roman(s)
}

// doubled reports whether s is a letter twice, as labels go on after (z).
func doubled(s string) bool { return len(s) == 2 && s[0] == s[1] && s[0] != 'i' && s[0] != 'I' }

// roman returns the value of a Roman number below 40, 0 for anything else.
func roman(s string) int {
	s = strings.ToLower(s)
	n := 0
	for strings.HasPrefix(s, "x") && n < 30 {
		n, s = n+10, s[1:]
	}
	for i, ones := range []string{"", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"} {
		if s == ones {
			return n + i
		}
	}
	return 0
}

// numbering is what is open above a line.
type numbering struct {
	open []rung
}

type rung struct {
	style string
	rank  int
	block int // level of the heading that it was, 0 for none
	depth int
	value int
}

func (n *numbering) mark(line, next string, at position) (part, int) {
	if m := defined.FindStringSubmatch(line); m != nil && at.block.Kind != rag.Heading && ended(at) {
		return n.enterDefinition(m[1]), 1
	}
	l, ok := readLabel(line)
	if !ok {
		if at.block.Kind != rag.Heading || !at.first {
			return part{}, 0
		}
		// A heading without a number stands below the headings that are open above it.
		own := level(at.block)
		rank := own
		for _, o := range n.open {
			if o.block > 0 && o.block < own {
				rank = o.rank + 1
			}
		}
		n.enter(rung{style: "heading", rank: rank, block: own})
		return part{Block: rag.Block{Kind: rag.Heading}, begins: true, level: rank, name: HeadingName(line)}, 1
	}
	if m := defined.FindStringSubmatch(strings.TrimSpace(l.rest)); m != nil && (at.first || ended(at)) {
		n.place(&l)
		return n.enterDefinition(l.text + " " + m[1]), 1
	}
	if !n.plausible(&l, at) {
		return part{}, 0
	}
	rank := n.place(&l)
	if at.block.Kind == rag.Heading {
		n.open[len(n.open)-1].block = level(at.block)
	}
	p := part{begins: true, level: rank, name: l.text}
	title, whole := titleOf(l, line)
	taken := 1
	if title == "" && whole && isTitle(next) {
		title, taken = next, 2
	}
	if title != "" && (l.rank > 0 || l.depth > 0) {
		p.name = HeadingName(l.text + " " + title)
	}
	if whole && (l.rank > 0 || at.last || taken == 2 || at.block.Kind == rag.Heading) && (title != "" || l.rank > 0) {
		p.Kind = rag.Heading
	}
	return p, taken
}

// enterDefinition begins a definition: a section by itself.
func (n *numbering) enterDefinition(term string) part {
	rank := weakRank
	for i, o := range n.open {
		if o.style == "definition" {
			n.open = n.open[:i]
			break
		}
	}
	if k := len(n.open); k > 0 {
		rank = max(rank, n.open[k-1].rank+1)
	}
	n.open = append(n.open, rung{style: "definition", rank: rank})
	return part{begins: true, single: true, level: rank, name: HeadingName(term)}
}

// place puts a label among those that are open and returns its rank.
func (n *numbering) place(l *label) int {
	if l.rank == 0 {
		k := len(n.open)
		for i, o := range n.open {
			same := o.style == l.style
			if l.depth > 0 && o.depth > 0 {
				same = o.depth >= l.depth
			}
			if same || o.style == "definition" && (l.depth > 0 || l.value != 1) {
				k = i
				break
			}
		}
		switch {
		case k < len(n.open):
			l.rank = n.open[k].rank
		case k > 0:
			l.rank = max(weakRank, n.open[k-1].rank+1)
		default:
			l.rank = weakRank
		}
		rank := l.rank
		l.rank = 0
		n.enter(rung{style: l.style, rank: rank, depth: l.depth, value: l.value})
		return rank
	}
	n.enter(rung{style: l.style, rank: l.rank, value: l.value})
	return l.rank
}

func (n *numbering) enter(v rung) {
	k := len(n.open)
	for k > 0 && n.open[k-1].rank >= v.rank {
		k--
	}
	n.open = append(n.open[:k], v)
}

// plausible reports whether a label is one and not part of a sentence. A letter
// that is also a Roman number is read as whichever continues a row.
func (n *numbering) plausible(l *label, at position) bool {
	if l.rank > 0 {
		// "Section 5 applies" in the middle of a paragraph is no heading.
		return at.first || ended(at) && !startsLower(l.rest)
	}
	if l.style == "a()" || l.style == "A()" || l.style == "a)" || l.style == "A)" {
		number := strings.Trim(l.text, "()")
		if r := roman(number); r > 0 {
			asRoman := "i" + l.style
			switch last, open := n.last(l.style); {
			case open && last+1 == l.value && len(number) == 1:
			case len(number) > 1 || r == 1 || n.continues(asRoman, r):
				l.style, l.value = asRoman, r
			}
		}
	}
	if at.first {
		return l.value > 0
	}
	return ended(at) && (l.value == 1 || n.continues(l.style, l.value))
}

func (n *numbering) last(style string) (value int, open bool) {
	for i := len(n.open) - 1; i >= 0; i-- {
		if n.open[i].style == style {
			return n.open[i].value, true
		}
	}
	return 0, false
}

// continues reports whether value is the next one, or nearly, of a style that is open.
func (n *numbering) continues(style string, value int) bool {
	last, open := n.last(style)
	return open && value > last && value <= last+3
}

// ended reports whether the line before a line has come to an end, or there is none.
func ended(at position) bool {
	return at.first || strings.IndexByte(".;:,!?)\"-|", at.before) >= 0 || at.before >= utf8.RuneSelf
}

func startsLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \t.:)–—-"))
	return unicode.IsLower(r)
}

// titleOf returns the title that follows a label on its line, up to the end of the
// line or of a short first sentence, and whether the line holds no more than label
// and title.
func titleOf(l label, line string) (title string, whole bool) {
	rest := strings.TrimSpace(strings.TrimLeft(l.rest, " \t.:)]–—-\u00a0"))
	if rest == "" {
		return "", true
	}
	if isTitle(rest) && len(line) < longestLine-4 {
		return rest, true
	}
	for _, end := range []string{". ", ".—", ".–", ": "} {
		if i := strings.Index(rest, end); i > 0 && isTitle(rest[:i]) {
			return rest[:i], false
		}
	}
	return "", false
}

// isTitle reports whether a line reads as a title: short, beginning with a capital
// letter or a bracket, not ending like a sentence, and no label itself.
func isTitle(s string) bool {
	if s == "" || len(s) > 100 || words(s) > 12 {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s)
	if !unicode.IsUpper(r) && !unicode.IsTitle(r) && !unicode.In(r, unicode.Han) {
		return false
	}
	if strings.ContainsAny(s[len(s)-1:], ".;:,") {
		return false
	}
	_, labelled := readLabel(s)
	return !labelled
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
