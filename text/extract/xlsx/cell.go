package xlsx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// cell is one that holds something.
type cell struct {
	at   place
	kind kind
	text string // as it is shown
}

// kind tells headers from data.
type kind uint8

const (
	words kind = iota
	figure
	day // a date or time
	other
)

// cell reads the cell (c) whose start was just read.
func (s *sheet) cell(t *parts.Tokens, e parts.Token) error {
	s.column++
	at := place{s.row, s.column}
	if r := e.Attr("r"); r != "" {
		p, ok := parsePlace(r)
		if !ok {
			return t.Skip()
		}
		at, s.column = p, p.column
	}
	kind, style := e.Attr("t"), e.Attr("s")
	value, formula := "", false
	for depth := 1; depth > 0; {
		e, err := t.Next()
		if err != nil {
			return err
		}
		switch e.Kind {
		case parts.EndElement:
			depth--
		case parts.StartElement:
			switch e.Name {
			case "v":
				value, err = t.Text(maxString)
			case "is":
				value, err = rich(t)
				kind = "inlineStr"
			case "f":
				formula = true
				err = t.Skip()
			default:
				depth++
			}
		}
		if err != nil {
			return err
		}
	}
	c := s.show(kind, style, value)
	if c.text == "" {
		if formula && value == "" && kind != "str" {
			s.unsolved++
		}
		return nil
	}
	if at.row > maxRow || at.column > maxColumn {
		return nil
	}
	c.at = at
	s.cells = append(s.cells, c)
	return s.hold(len(c.text))
}

// show returns a value as the cell shows it (ECMA-376 part 1, 18.18.11).
func (s *sheet) show(kind, style, value string) cell {
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 || n >= len(s.strings) {
			return cell{}
		}
		return cell{kind: words, text: blank(s.format(style).Text(s.strings[n]))}
	case "str":
		return cell{kind: words, text: blank(s.format(style).Text(unescape(value)))}
	case "inlineStr":
		return cell{kind: words, text: blank(s.format(style).Text(value))}
	case "b":
		if value = strings.TrimSpace(value); value == "" {
			return cell{}
		}
		if value == "0" || value == "false" {
			return cell{kind: other, text: "FALSE"}
		}
		return cell{kind: other, text: "TRUE"}
	case "e":
		return cell{kind: other, text: strings.TrimSpace(value)}
	case "d":
		return cell{kind: day, text: strings.TrimSpace(value)}
	}
	if value = strings.TrimSpace(value); value == "" {
		return cell{}
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return cell{kind: words, text: value}
	}
	f := s.format(style)
	c := cell{kind: figure, text: f.Number(v, s.date1904)}
	if f.Date() {
		c.kind = day
	}
	return c
}

// blank returns "" for a text that shows nothing.
func blank(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}
