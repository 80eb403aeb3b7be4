// Package omml reads the formulas of Office documents (Office Math Markup Language,
// ECMA-376 part 1, 22.1) as one line of text: (a+b)/c, x_i^2, √(x), ∑_(i=1)^n x_i.
//
// The line is what one would type (Unicode's nearly plain-text encoding of
// mathematics, Technical Note 28, in its spirit): signs stay the signs they are,
// fractions, indices and roots are spelled with /, _, ^ and √, and parentheses stand
// only where the formula would read otherwise without them.
package omml

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxText = 1 << 20 // bytes of one formula

// Read returns the formula of the element (oMath or oMathPara) whose start was just
// read, up to its end. Formulas of one paragraph have a blank between them. One of
// more than a mebibyte is KindExhausted.
func Read(t *parts.Tokens) (string, error) {
	r := &reader{t: t, left: maxText}
	s, err := r.content(" ", "omath")
	return strings.TrimSpace(s), err
}

type reader struct {
	t    *parts.Tokens
	left int // bytes that may still be read
}

// content returns what the element whose start was just read holds. sep stands
// between its children of the name each.
func (r *reader) content(sep, each string) (string, error) {
	var b strings.Builder
	err := r.t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		if e.Name == each && b.Len() > 0 {
			b.WriteString(sep)
		}
		s, err := r.element(e.Name)
		b.WriteString(s)
		return err
	})
	return b.String(), err
}

// element returns an element of the name, whose start was just read, as text.
func (r *reader) element(name string) (string, error) {
	switch name {
	case "t":
		s, err := r.t.Text(r.left)
		if r.left -= len(s); r.left < 0 && err == nil {
			err = rag.Errorf(rag.KindExhausted, "a formula has more than %d MiB", maxText>>20)
		}
		return s, err
	case "f", "ssup", "ssub", "ssubsup", "spre", "rad", "nary", "d", "func", "acc", "bar", "limlow", "limupp", "groupchr", "m", "eqarr":
		a, err := r.arguments()
		if err != nil {
			return "", err
		}
		return a.write(name), nil
	case "mr":
		a, err := r.arguments()
		return strings.Join(a.of["e"], " & "), err
	case "fallback", "instrtext", "deltext", "del":
		return "", r.t.Skip()
	}
	if strings.HasSuffix(name, "pr") {
		return "", r.t.Skip()
	}
	return r.content("", "")
}

// arguments are the children of a structure by name, in order, and the characters
// that its properties name.
type arguments struct {
	of    map[string][]string
	chars map[string]string
}

func (r *reader) arguments() (arguments, error) {
	a := arguments{of: map[string][]string{}, chars: map[string]string{}}
	err := r.t.Within(func(e parts.Token) error {
		switch {
		case e.Kind != parts.StartElement:
			return nil
		case strings.HasSuffix(e.Name, "pr"):
			return r.t.Within(func(e parts.Token) error {
				if e.Kind == parts.StartElement && len(e.Attrs) > 0 {
					a.chars[e.Name] = e.Attr("val")
				}
				return nil
			})
		}
		name := e.Name
		s, err := r.element(name)
		a.of[name] = append(a.of[name], s)
		return err
	})
	return a, err
}

func (a arguments) one(name string) string { return strings.Join(a.of[name], " ") }

func (a arguments) char(name, usual string) string {
	if c, said := a.chars[name]; said {
		return c
	}
	return usual
}

// write spells a structure.
func (a arguments) write(name string) string {
	e := a.one("e")
	switch name {
	case "f":
		if a.chars["type"] == "noBar" {
			return "(" + a.one("num") + " ¦ " + a.one("den") + ")"
		}
		return group(a.one("num")) + "/" + group(a.one("den"))
	case "ssup":
		return group(e) + script("^", a.one("sup"))
	case "ssub":
		return group(e) + script("_", a.one("sub"))
	case "ssubsup":
		return group(e) + script("_", a.one("sub")) + script("^", a.one("sup"))
	case "spre":
		return strings.TrimSpace(script("_", a.one("sub")) + script("^", a.one("sup")) + " " + group(e))
	case "rad":
		if degree := a.one("deg"); strings.TrimSpace(degree) != "" {
			return "√(" + degree + "&" + e + ")"
		}
		return "√" + group(e)
	case "nary":
		return a.char("chr", "∫") + script("_", a.one("sub")) + script("^", a.one("sup")) + " " + e
	case "d":
		return a.char("begchr", "(") + strings.Join(a.of["e"], a.char("sepchr", "|")) + a.char("endchr", ")")
	case "func":
		return strings.TrimSpace(a.one("fname")) + " " + e
	case "acc":
		return group(e) + a.char("chr", "\u0302")
	case "bar":
		return group(e) + "\u0305"
	case "limlow":
		return group(e) + script("_", a.one("lim"))
	case "limupp":
		return group(e) + script("^", a.one("lim"))
	case "m":
		return "[" + strings.Join(a.of["mr"], "; ") + "]"
	case "eqarr":
		return strings.Join(a.of["e"], "; ")
	}
	return e
}

func script(sign, s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	return sign + group(s)
}

// group puts parentheses around what is more than a name or a number.
func group(s string) string {
	s = strings.TrimSpace(s)
	plain := true
	for _, r := range s {
		plain = plain && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '.' || r == '′')
	}
	if plain || utf8.RuneCountInString(s) == 1 || enclosed(s) {
		return s
	}
	return "(" + s + ")"
}

// enclosed reports whether one pair of parentheses holds all of s.
func enclosed(s string) bool {
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") {
		return false
	}
	depth := 0
	for i, r := range s {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 && i < len(s)-1 {
				return false
			}
		}
	}
	return depth == 0
}
