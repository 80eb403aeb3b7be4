// Package numfmt writes numbers as a spreadsheet shows them: by number formats as
// ECMA-376 part 1, 18.8.30 and 18.8.31 define them. The cells of a sheet use it, and
// so do the values of charts.
//
//	numfmt.go   a format: its sections and which of them a value takes
//	compile.go  a section's code -> the pieces it is made of
//	number.go   digits, thousands, percent, powers of ten, fractions
//	date.go     serial numbers as dates and times
//	builtin.go  the formats that files name by number only
//
// A reader of a text is not helped by what only places or colours a number: colours,
// fillers (*) and the blanks that stand for the width of a character (_) are left
// out. Formats whose look depends on the reader's country are written the same for
// everyone: the short date (14) is year-month-day. Names of months and days are
// English.
package numfmt

import (
	"math"
	"strconv"
	"strings"
)

const (
	maxCode     = 1024 // bytes of a format code that are looked at; Excel allows 255 characters
	maxSections = 4
)

// Format is a number format. It is goroutine-safe.
type Format struct {
	sections []section
	text     *section // for text: the one with @, nil if text stays as it is
	general  bool
}

// General is the format of cells that have none.
var General = &Format{general: true}

// section is one of up to four parts of a format, divided by semicolons.
type section struct {
	pieces    []piece
	kind      kind
	condition condition
	number    layout // of the digits, in a section of kind number, scientific or fraction
}

type kind uint8

const (
	literal kind = iota // no digits: only what it says
	general
	number
	scientific
	fraction
	date
	text
)

// condition is what [>=100] in front of a section asks for.
type condition struct {
	op    string
	value float64
}

func (c condition) holds(v float64) bool {
	switch c.op {
	case "<":
		return v < c.value
	case "<=":
		return v <= c.value
	case ">":
		return v > c.value
	case ">=":
		return v >= c.value
	case "=":
		return v == c.value
	case "<>":
		return v != c.value
	}
	return false
}

// Parse reads a format code. There is no code that it refuses: what is no format is
// shown as spreadsheets show it, as the characters that stand there.
func Parse(code string) *Format {
	if len(code) > maxCode {
		code = code[:maxCode]
	}
	if code == "" || strings.EqualFold(code, "general") {
		return General
	}
	f := &Format{}
	for i, part := range split(code) {
		if i == maxSections {
			break
		}
		s := compile(part)
		if s.kind == text || i == maxSections-1 {
			f.text = &s
			continue
		}
		f.sections = append(f.sections, s)
	}
	if len(f.sections) == 0 {
		f.sections = []section{{kind: general}}
	}
	return f
}

// Date reports whether numbers are shown as dates or times.
func (f *Format) Date() bool {
	return !f.general && len(f.sections) > 0 && f.sections[0].kind == date
}

// Number writes a number. date1904 says that days are counted from 1904-01-01, as in
// files of old Macintoshes, and not from 1900.
func (f *Format) Number(v float64, date1904 bool) string {
	if f.general || math.IsNaN(v) || math.IsInf(v, 0) {
		return Plain(v)
	}
	s, negative := f.choose(v)
	if s == nil {
		return Plain(v)
	}
	if negative {
		v = math.Abs(v)
	}
	return strings.TrimSpace(s.write(v, date1904))
}

// Text writes a text: most formats leave it as it is.
func (f *Format) Text(s string) string {
	if f.text == nil || s == "" {
		return s
	}
	var b strings.Builder
	for _, p := range f.text.pieces {
		if p.what == at {
			b.WriteString(s)
		} else if p.what == literally {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// choose returns the section for a value; negative says that it shows the value
// without its sign, since the section itself says what it is.
func (f *Format) choose(v float64) (s *section, negative bool) {
	n := len(f.sections)
	if f.sections[0].condition.op != "" || n > 1 && f.sections[1].condition.op != "" {
		for i := range f.sections {
			c := f.sections[i].condition
			switch {
			case c.op != "" && c.holds(v):
				return &f.sections[i], v < 0 && (c.op == "<" || c.op == "<=") && c.value <= 0
			case c.op == "" && i == n-1:
				return &f.sections[i], false
			case c.op == "" && i == 1 && v < 0:
				return &f.sections[i], true
			}
		}
		return nil, false
	}
	switch {
	case v < 0 && n > 1:
		return &f.sections[1], true
	case v == 0 && n > 2:
		return &f.sections[2], false
	}
	return &f.sections[0], false
}

// write writes a value by the section's kind.
func (s *section) write(v float64, date1904 bool) string {
	switch s.kind {
	case date:
		if out, ok := s.date(v, date1904); ok {
			return out
		}
		return Plain(v)
	case number, scientific, fraction:
		return s.digits(v)
	}
	var b strings.Builder
	for _, p := range s.pieces {
		switch p.what {
		case literally:
			b.WriteString(p.text)
		case generally, at:
			b.WriteString(Plain(v))
		}
	}
	if s.kind == general && len(s.pieces) == 0 {
		return Plain(v)
	}
	return b.String()
}

// Plain writes a number without a format: to 15 digits, which is what a spreadsheet
// keeps. Whole numbers below 10^18 are written in full, since those that are long are
// numbers of articles, accounts or cards more often than quantities.
func Plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e18 {
		return strconv.FormatFloat(v+0, 'f', -1, 64)
	}
	s := strconv.FormatFloat(v, 'g', 15, 64)
	rounded, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if a := math.Abs(rounded); a >= 1e-9 && a < 1e15 {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return strings.ToUpper(strconv.FormatFloat(rounded, 'g', -1, 64))
}
