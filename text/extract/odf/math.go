package odf

import (
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// maxFormula is the most bytes of one formula; what is beyond is left out.
const maxFormula = 64 << 10

// layout is how a MathML element with several children is written in a line: what
// stands between a child and the one before it. Children that are more than one token
// are put in parentheses.
type layout struct {
	before  string
	between []string // the last one is for all further children
	group   bool
}

var layouts = map[string]layout{
	"mfrac":      {between: []string{"/"}, group: true},
	"msup":       {between: []string{"^"}, group: true},
	"msub":       {between: []string{"_"}, group: true},
	"msubsup":    {between: []string{"_", "^"}, group: true},
	"munder":     {between: []string{"_"}, group: true},
	"mover":      {between: []string{"^"}, group: true},
	"munderover": {between: []string{"_", "^"}, group: true},
	"msqrt":      {before: "√", group: true},
	"mroot":      {before: "√", between: []string{"^(1/"}, group: true},
	"mtr":        {between: []string{", "}},
	"mtable":     {before: "[", between: []string{"; "}},
}

// linear reads a math element up to its end and returns the formula in one line, such
// as "a^2 = (b + c)/2".
func linear(t *parts.Tokens) (string, error) {
	f := &formula{t: t}
	err := f.children("math", layout{})
	return clean.Line(f.b.String()), err
}

type formula struct {
	t    *parts.Tokens
	b    strings.Builder
	name int // letters of the name that was written last, 0 if it was something else
}

func (f *formula) write(s string) {
	f.name = 0
	if f.b.Len()+len(s) <= maxFormula {
		f.b.WriteString(s)
	}
}

// children reads the rest of an element, writing its children in the given layout.
func (f *formula) children(name string, l layout) error {
	f.write(l.before)
	radical := l.before != "" && l.group && name == "msqrt"
	if radical {
		f.write("(")
	}
	n := 0
	err := f.t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		if name == "semantics" && n > 0 || e.Name == "annotation" || e.Name == "annotation-xml" {
			return f.t.Skip() // the formula once more, in another language
		}
		if n > 0 && len(l.between) > 0 {
			f.write(l.between[min(n, len(l.between))-1])
		}
		n++
		group := l.group && !radical && !leaf(e.Name)
		if group {
			f.write("(")
		}
		err := f.element(e)
		if group {
			f.write(")")
		}
		return err
	})
	switch name {
	case "msqrt", "mroot":
		f.write(")")
	case "mtable":
		f.write("]")
	}
	return err
}

func leaf(name string) bool {
	switch name {
	case "mi", "mn", "mo", "mtext", "ms":
		return true
	}
	return false
}

func (f *formula) element(e parts.Token) error {
	switch e.Name {
	case "mi", "mn", "mo", "mtext", "ms":
		text, err := short(f.t)
		if e.Name == "mtext" || e.Name == "mo" && spaced(text) {
			text = " " + text + " "
		}
		name := 0
		if e.Name == "mi" {
			if name = utf8.RuneCountInString(text); f.name > 0 && f.name+name > 2 {
				text = " " + text
			}
		}
		f.write(text)
		f.name = name
		return err
	case "mspace":
		f.write(" ")
		return f.t.Skip()
	case "mfenced":
		opened, closed := e.Attr("open"), e.Attr("close")
		if opened == "" {
			opened = "("
		}
		if closed == "" {
			closed = ")"
		}
		f.write(opened)
		err := f.children(e.Name, layout{between: []string{", "}})
		f.write(closed)
		return err
	case "mphantom":
		return f.t.Skip()
	}
	return f.children(e.Name, layouts[e.Name])
}

// spaced reports whether an operator has space around it.
func spaced(operator string) bool {
	return strings.ContainsAny(operator, "=<>+−±≤≥≠≈≡∈∉⊂⊆∪∩→←↔⇒⇐⇔∧∨×⋅·") || operator == "-"
}
