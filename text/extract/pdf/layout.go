package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// How far lines may lie apart and differ within a paragraph, in units of the
// usual distance of the page's lines (leads) or of the font size (ems).
const (
	maxLead    = 1.35 // leads; above it a new paragraph begins
	maxEm      = 1.9  // ems, where the usual distance is not known
	indentEm   = 0.7  // ems; a line set in so far begins a paragraph
	columnEm   = 0.5  // ems upwards: a new column
	sizeChange = 1.12
	shortLine  = 0.6 // of the usual length in characters; ends a paragraph
	shortDense = 0.9 // the same in scripts without spaces, whose lines are filled to the last letter
	apart      = 0.1 // of the lower line's height; so much room between two pieces of a line is a space
	overlap    = 0.3 // of that height; pieces that lie over each other by more are not neighbours
)

// para is a paragraph, or what a heading, list item or running line is until it
// is told apart.
type para struct {
	kind  rag.BlockKind
	level int
	page  int
	text  string
	lines int
	size  float64
	bold  bool
	box   rag.Box
	table *grid.Table // of a table, in place of text
}

var (
	bullet     = regexp.MustCompile(`^[•▪‣◦●■□–\x{f0b7}\x{f0a7}\x{2023}\x{25aa}\x{25cf}\x{27a2}*·-]\s+\S`)
	loneBullet = regexp.MustCompile(`^[•▪‣◦●■□–\x{f0b7}\x{f0a7}*·-]$`)
	clause     = regexp.MustCompile(`^[0-9０-９]{1,2}([.．][0-9０-９]{1,3})+[.．]?\s+\pL`)
	numbered   = regexp.MustCompile(`^(\(?([0-9]{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\[[0-9]{1,3}\])\s+\S`)
)

// paragraphs joins the page's lines.
func (p *page) paragraphs(dict words) []para {
	lead, width := p.usual()
	for i := range p.lines {
		p.lines[i].text = dict.join(p.lines[i].text)
	}
	var out []para
	var open []line // of the paragraph being collected
	flush := func() {
		if len(open) > 0 {
			out = append(out, newPara(p.number, open, dict))
			open = open[:0]
		}
	}
	shown := map[*ruled]bool{}
	for _, l := range p.lines {
		if t := l.table; t != nil {
			// A table stands where its first line does.
			if !shown[t] {
				shown[t] = true
				flush()
				out = append(out, para{kind: rag.Table, page: p.number, table: t.grid(p.number, p.lines, dict), box: t.box()})
			}
			continue
		}
		if l.running != "" {
			flush()
			out = append(out, para{kind: l.running, page: p.number, text: l.text, lines: 1, size: l.size, box: l.box})
			continue
		}
		if len(open) > 0 && breaks(open, l, lead, width) {
			flush()
		}
		open = append(open, l)
	}
	flush()
	for _, note := range p.notes {
		out = append(out, para{kind: note.kind, page: p.number, text: note.text, lines: strings.Count(note.text, "\n") + 1, box: note.box})
	}
	return out
}

// usual returns the usual distance of two lines of the page in points, 0 if
// unknown, and the length of its long lines in characters.
func (p *page) usual() (lead float64, width int) {
	var gaps []float64
	var lengths []int
	for i, l := range p.lines {
		if l.table != nil {
			continue
		}
		if !strings.ContainsRune(l.text, lineHyphen) {
			lengths = append(lengths, utf8.RuneCountInString(l.text))
		}
		if i == 0 || !l.placed || !p.lines[i-1].placed {
			continue
		}
		if gap := p.lines[i-1].end - l.y; gap > 0.5*l.size && gap < 3*l.size {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) >= 3 {
		slices.Sort(gaps)
		lead = gaps[len(gaps)/2]
	}
	if len(lengths) > 0 {
		slices.Sort(lengths)
		width = lengths[len(lengths)*9/10]
	}
	return lead, width
}

// breaks reports whether l begins a new paragraph after the open lines.
func breaks(open []line, l line, lead float64, width int) bool {
	prev := open[len(open)-1]
	if prev.hyphen {
		return false
	}
	if loneBullet.MatchString(prev.text) {
		return false
	}
	if bullet.MatchString(l.text) || loneBullet.MatchString(l.text) {
		return true
	}
	if begins(l.text) && (begins(open[0].text) || ended(prev.text) || short(prev.text, width)) {
		return true
	}
	if !prev.placed || !l.placed {
		return false
	}
	em := max(l.size, 1)
	gap := prev.end - l.y
	if sameLine(prev, l) {
		return false
	}
	if prev.size > 0 && l.size > 0 && (l.size > prev.size*sizeChange || prev.size > l.size*sizeChange) {
		return true
	}
	switch {
	case gap < -columnEm*em:
		return ended(prev.text) || !continues(l.text)
	case lead > 0 && gap > maxLead*max(lead, em), lead == 0 && gap > maxEm*em:
		return true
	}
	if open[0].bold != l.bold && len(open) <= 2 && open[0].bold && !continues(l.text) && gap > 0.3*em {
		return true
	}
	if l.x > prev.x+indentEm*em && gap > 0.3*em && (len(open) > 1 || ended(prev.text)) && l.x < prev.x+8*em {
		return true
	}
	return ended(prev.text) && short(prev.text, width)
}

// begins reports whether a line begins with the number of an item or a clause.
func begins(s string) bool { return numbered.MatchString(s) || clause.MatchString(s) }

// sameLine reports whether b goes on to the right of a, as an exponent does that
// PDFium puts on a line of its own.
func sameLine(a, b line) bool {
	return a.placed && b.placed && b.x > a.x && math.Abs(a.end-b.y) < 0.5*max(a.size, b.size, 1)
}

// ended reports whether a line ends like a sentence.
func ended(s string) bool {
	s = strings.TrimRight(s, `"'”’)]»`)
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune(".!?:;。！？：；", r)
}

func short(s string, width int) bool {
	part := shortLine
	if r, _ := utf8.DecodeLastRuneInString(s); unspaced(r) {
		part = shortDense
	}
	return float64(utf8.RuneCountInString(s)) < part*float64(width)
}

// continues reports whether a line begins like the middle of a sentence.
func continues(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(r) || strings.ContainsRune(",;)", r)
}

// newPara joins lines to one paragraph or list item.
func newPara(number int, lines []line, dict words) para {
	p := para{kind: rag.Paragraph, page: number, lines: len(lines), size: lines[0].size, bold: true}
	var b strings.Builder
	for i, l := range lines {
		p.bold = p.bold && l.bold
		p.box = p.box.Union(l.box)
		if i > 0 {
			b.WriteString(seam(lines[i-1], l, dict))
		}
		b.WriteString(l.text)
	}
	p.text = b.String()
	if bullet.MatchString(p.text) || numbered.MatchString(p.text) {
		p.kind, p.level = rag.ListItem, 1
	}
	return p
}

// seam returns what stands between two lines that are joined.
func seam(a, b line, dict words) string {
	switch {
	case a.hyphen && dict.keeps(lastWord(a.text), firstWord(b.text)):
		return "-"
	case a.hyphen:
		return ""
	case sameLine(a, b) && adjoins(a, b):
		return "" // exponents and indices belong to what they stand at, and letters set one by one to their word
	case tabular(a.text) && tabular(b.text):
		return "\n"
	}
	last, _ := utf8.DecodeLastRuneInString(a.text)
	first, _ := utf8.DecodeRuneInString(b.text)
	if unspaced(last) && unspaced(first) {
		return ""
	}
	return " "
}

// adjoins reports whether b is written to a piece a of the same line without a space.
func adjoins(a, b line) bool {
	return touches(a, b) || a.size != b.size && b.size > 0 && a.box == rag.Box{}
}

// touches reports whether a piece of a line begins where another ends, without room
// for a space between them.
func touches(a, b line) bool {
	if a.box == (rag.Box{}) || b.box == (rag.Box{}) || a.end != a.y || a.upright || b.upright {
		return false
	}
	height, gap := min(a.box.Y1-a.box.Y0, b.box.Y1-b.box.Y0), b.box.X0-a.box.X1
	return -overlap*height <= gap && gap <= apart*height
}

// unspaced reports whether r belongs to a script that is written without spaces. The wide
// forms of Latin letters are not of one.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) || r >= 0x3000 && r <= 0x303f ||
		r >= 0xff00 && r <= 0xff60 && !unicode.Is(unicode.Latin, r)
}

// tabular reports whether a line looks like a row of a table: a third of its
// words are numbers, and there are at least two.
func tabular(s string) bool {
	all, numbers := 0, 0
	for w := range strings.FieldsSeq(s) {
		all++
		if strings.ContainsAny(w, "0123456789") && strings.IndexFunc(w, unicode.IsLetter) < 0 {
			numbers++
		}
	}
	return numbers >= 2 && numbers*3 >= all
}

// words knows which words a document writes with a hyphen and which as one, for
// the places where a line's end hides it.
type words struct{ hyphened, whole map[string]bool }

const maxWords = 200_000

var (
	hyphened = regexp.MustCompile(`\pL+(-\pL+)+`)
	lastOf   = regexp.MustCompile(`\pL+$`)
	firstOf  = regexp.MustCompile(`^\pL+`)
)

func lastWord(s string) string  { return strings.ToLower(lastOf.FindString(s)) }
func firstWord(s string) string { return strings.ToLower(firstOf.FindString(s)) }

// keeps reports whether left and right are one word with a hyphen. Without a
// sign of that, a hyphen at a line's end is taken for one that divides a word.
func (w words) keeps(left, right string) bool {
	return w.hyphened[left+"-"+right] && !w.whole[left+right]
}

// join puts the words of a line together that were divided at lines' ends.
func (w words) join(s string) string {
	left, rest, divided := strings.Cut(s, string(lineHyphen))
	if !divided {
		return s
	}
	var b strings.Builder
	for divided {
		b.WriteString(left)
		if w.keeps(lastWord(left), firstWord(rest)) {
			b.WriteByte('-')
		}
		left, rest, divided = strings.Cut(rest, string(lineHyphen))
	}
	b.WriteString(left)
	return b.String()
}

// hyphenWords collects the words that matter to the hyphens of the pages.
func hyphenWords(pages []page) words {
	w := words{map[string]bool{}, map[string]bool{}}
	wanted := map[string]bool{}
	for _, p := range pages {
		for i, l := range p.lines {
			left, rest, divided := strings.Cut(l.text, string(lineHyphen))
			for divided && len(wanted) < maxWords {
				wanted[lastWord(left)+firstWord(rest)] = true
				left, rest, divided = strings.Cut(rest, string(lineHyphen))
			}
			if l.hyphen && i+1 < len(p.lines) && len(wanted) < maxWords {
				wanted[lastWord(l.text)+firstWord(p.lines[i+1].text)] = true
			}
			if !strings.Contains(l.text, "-") || len(w.hyphened) > maxWords {
				continue
			}
			for _, s := range hyphened.FindAllString(l.text, -1) {
				w.hyphened[strings.ToLower(s)] = true
			}
		}
	}
	if len(wanted) == 0 || len(w.hyphened) == 0 {
		return w
	}
	for _, p := range pages {
		for _, l := range p.lines {
			for s := range strings.FieldsFuncSeq(strings.ToLower(l.text), func(r rune) bool { return !unicode.IsLetter(r) }) {
				if wanted[s] {
					w.whole[s] = true
				}
			}
		}
	}
	return w
}
