package odf

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const listLevels = 10

// listStyle says how the items of a list are labelled, by level (OpenDocument part 3,
// 16.30 to 16.35).
type listStyle [listLevels]struct {
	number         bool
	format         string
	prefix, suffix string
	levels         int // how many levels the label shows
	start          int
}

// read reads a list style up to its end.
func (l *listStyle) read(t *parts.Tokens) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		at := number(e.Attr("level"), 0) - 1
		if at < 0 || at >= listLevels {
			return nil
		}
		switch e.Name {
		case "list-level-style-number", "outline-level-style":
			v := &l[at]
			v.number = true
			v.format, v.prefix, v.suffix = e.Attr("num-format"), e.Attr("num-prefix"), e.Attr("num-suffix")
			v.levels = max(1, number(e.Attr("display-levels"), 1))
			v.start = number(e.Attr("start-value"), 1)
		case "list-level-style-bullet", "list-level-style-image":
			l[at].number = false
		}
		return nil
	})
}

// count is how far a list has come at each level.
type count struct {
	n    [listLevels]int
	used [listLevels]bool
}

// next counts an item at a level (from 0). start, unless negative, is the number that
// the item itself asks for.
func (c *count) next(l *listStyle, level, start int) {
	switch {
	case start >= 0:
		c.n[level] = start
	case !c.used[level]:
		c.n[level] = 1
		if l != nil && l[level].number {
			c.n[level] = l[level].start
		}
	default:
		c.n[level]++
	}
	c.used[level] = true
	c.restart(level + 1)
}

// restart lets the levels from the given one begin anew.
func (c *count) restart(level int) {
	for ; level < listLevels; level++ {
		c.used[level] = false
	}
}

// label returns the label of the item that was counted last at a level, with a space
// behind it. A list without a style has bullets.
func (c *count) label(l *listStyle, level int) string {
	if l == nil || !l[level].number {
		return "- "
	}
	own := l[level]
	if own.format == "" {
		return ""
	}
	var numbers []string
	for at := max(0, level-own.levels+1); at <= level; at++ {
		if l[at].number && l[at].format != "" {
			n := c.n[at]
			if !c.used[at] {
				n = l[at].start
			}
			numbers = append(numbers, formatted(l[at].format, n))
		}
	}
	label := strings.TrimSpace(own.prefix + strings.Join(numbers, ".") + own.suffix)
	if label == "" {
		return ""
	}
	return label + " "
}

// formatted writes n in a number format (OpenDocument part 3, 19.502); what is not a
// Latin numbering is written in digits.
func formatted(format string, n int) string {
	switch {
	case n < 1:
	case format == "a":
		return alphabetic(n, 'a')
	case format == "A":
		return alphabetic(n, 'A')
	case format == "i":
		return strings.ToLower(roman(n))
	case format == "I":
		return roman(n)
	}
	return strconv.Itoa(n)
}

// alphabetic counts a to z, aa, ab, and so on.
func alphabetic(n int, first byte) string {
	var digits []byte
	for ; n > 0; n = (n - 1) / 26 {
		digits = append(digits, first+byte((n-1)%26))
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}

func roman(n int) string {
	if n >= 4000 {
		return strconv.Itoa(n)
	}
	digit := func(n int, one, five, ten string) string {
		switch {
		case n == 9:
			return one + ten
		case n >= 5:
			return five + strings.Repeat(one, n-5)
		case n == 4:
			return one + five
		}
		return strings.Repeat(one, n)
	}
	return strings.Repeat("M", n/1000) + digit(n/100%10, "C", "D", "M") + digit(n/10%10, "X", "L", "C") + digit(n%10, "I", "V", "X")
}
