package docx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// numbering makes the labels of list items and numbered headings, as Word does:
// a list (num) refers to a scheme (abstractNum) of nine levels, lists of one
// scheme count on, and a deeper level starts again after a shallower one.
type numbering struct {
	schemes map[string]*scheme
	lists   map[string]*listDef
}

const (
	listLevels = 9
	maxSchemes = 20_000 // schemes and lists that are kept
)

type scheme struct {
	levels [listLevels]levelDef
	count  [listLevels]int // the number last given, 0 for none
}

type levelDef struct {
	format string // of w:numFmt
	text   string // of w:lvlText: "%1.%2"
	start  int
}

type listDef struct {
	scheme  string
	restart map[int]int // level -> start override, applied at the list's first use
	used    bool
}

func (d *document) readNumbering(part string) error {
	n := numbering{schemes: map[string]*scheme{}, lists: map[string]*listDef{}}
	d.numbering = n
	var s *scheme
	var l *listDef
	at := -1
	return d.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement || len(n.schemes)+len(n.lists) > maxSchemes {
				continue
			}
			switch e.Name {
			case "abstractnum":
				s, l, at = &scheme{}, nil, -1
				n.schemes[e.Attr("abstractnumid")] = s
			case "num":
				s, l, at = nil, &listDef{restart: map[int]int{}}, -1
				n.lists[e.Attr("numid")] = l
			case "abstractnumid":
				if l != nil {
					l.scheme = e.Attr("val")
				}
			case "lvl", "lvloverride":
				if at = level(e.Attr("ilvl")); s != nil && at >= 0 {
					s.levels[at].start = 1
				}
			case "startoverride":
				if v, err := strconv.Atoi(e.Attr("val")); err == nil && l != nil && at >= 0 {
					l.restart[at] = v
				}
			case "start", "numfmt", "lvltext":
				if s != nil && at >= 0 {
					s.levels[at].set(e.Name, e.Attr("val"))
				}
			}
		}
	})
}

func (l *levelDef) set(name, value string) {
	switch name {
	case "start":
		if v, err := strconv.Atoi(value); err == nil {
			l.start = v
		}
	case "numfmt":
		l.format = value
	case "lvltext":
		l.text = value
	}
}

// label counts an item of a list and returns its label with a space behind it.
// listed is false where numId 0 or a list that does not exist takes the
// paragraph out of all lists.
func (n *numbering) label(numID string, lvl int) (label string, listed bool) {
	l, ok := n.lists[numID]
	if !ok {
		return "", false
	}
	s, ok := n.schemes[l.scheme]
	if !ok || lvl < 0 || lvl >= listLevels {
		return "- ", true
	}
	if !l.used {
		l.used = true
		for at, start := range l.restart {
			s.count[at] = start - 1
			if s.levels[at].start == 0 || start == 0 {
				s.levels[at].start = start
			}
		}
	}
	def := s.levels[lvl]
	if s.count[lvl] == 0 && def.start > 1 {
		s.count[lvl] = def.start - 1
	}
	s.count[lvl]++
	for deeper := lvl + 1; deeper < listLevels; deeper++ {
		s.count[deeper] = 0
	}
	switch def.format {
	case "bullet", "":
		return "- ", true
	case "none":
		return "", true
	}
	text := def.text
	for i := lvl; i >= 0; i-- {
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), format(s.levels[i].format, max(1, s.count[i])))
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", true
	}
	return text + " ", true
}

// format writes n in a number format of ECMA-376 17.18.59; what is not a Latin
// numbering is written in digits.
func format(name string, n int) string {
	switch name {
	case "lowerLetter":
		return letters(n, 'a')
	case "upperLetter":
		return letters(n, 'A')
	case "lowerRoman":
		return strings.ToLower(roman(n))
	case "upperRoman":
		return roman(n)
	case "decimalZero":
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
	}
	return strconv.Itoa(n)
}

// letters counts a to z, aa, bb, and so on.
func letters(n int, first byte) string {
	return strings.Repeat(string(first+byte((n-1)%26)), min(1+(n-1)/26, 20))
}

func roman(n int) string {
	if n > 4999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, r := range []struct {
		value int
		sign  string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= r.value {
			b.WriteString(r.sign)
			n -= r.value
		}
	}
	return b.String()
}
