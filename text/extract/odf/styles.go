package odf

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxInherit = 16     // parents of a style that are followed: a file can name a circle
	maxStyles  = 50_000 // styles that are kept
)

// style is a style as far as it says what its text is.
type style struct {
	parent    string
	display   string // of text and of sheets: "none", "false", "" if not said
	list      string // list style
	listGiven bool   // list is said, perhaps to be none
}

// styles are the styles of a document by family and name. Each part has automatic
// styles of its own beside the common ones of the document.
type styles struct {
	common, automatic map[string]*style
	lists             map[string]*listStyle // automatic ones hide common ones
	outline           listStyle             // numbers of headings
}

func newStyles() styles {
	return styles{common: map[string]*style{}, automatic: map[string]*style{}, lists: map[string]*listStyle{}}
}

// read reads office:styles or office:automatic-styles up to its end.
func (ss *styles) read(t *parts.Tokens, automatic bool) error {
	kept := ss.common
	if automatic {
		ss.automatic = map[string]*style{}
		kept = ss.automatic
	}
	s := &style{}
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "style":
			s = &style{parent: e.Attr("parent-style-name")}
			s.list, s.listGiven = given(e, "list-style-name")
			if len(kept) < maxStyles {
				kept[e.Attr("family")+"/"+e.Attr("name")] = s
			}
		case "text-properties", "table-properties":
			if v, said := given(e, "display"); said {
				s.display = v
			}
		case "list-style":
			l := &listStyle{}
			if len(ss.lists) < maxStyles {
				ss.lists[e.Attr("name")] = l
			}
			return l.read(t)
		case "outline-style":
			return ss.outline.read(t)
		}
		return nil
	})
}

func given(e parts.Token, name string) (value string, said bool) {
	for _, a := range e.Attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value, true
		}
	}
	return "", false
}

// chain yields the names of a style and of those it is based on, with the styles;
// a style that is named but not there is nil.
func (ss *styles) chain(family, name string) func(yield func(string, *style) bool) {
	return func(yield func(string, *style) bool) {
		for range maxInherit {
			if name == "" {
				return
			}
			s := ss.automatic[family+"/"+name]
			if s == nil {
				s = ss.common[family+"/"+name]
			}
			if !yield(name, s) || s == nil {
				return
			}
			name = s.parent
		}
	}
}

// hidden reports whether what has the style is not shown.
func (ss *styles) hidden(family, name string) bool {
	for _, s := range ss.chain(family, name) {
		if s != nil && s.display != "" {
			return s.display == "none" || s.display == "false"
		}
	}
	return false
}

// list returns the list style that a paragraph's style names, "" if none.
func (ss *styles) list(name string) string {
	for _, s := range ss.chain("paragraph", name) {
		if s != nil && s.listGiven {
			return s.list
		}
	}
	return ""
}

// numbered reports whether headings of the style take part in the numbering of the
// outline: their style does not name another list, or none.
func (ss *styles) numbered(name string) bool {
	for _, s := range ss.chain("paragraph", name) {
		if s != nil && s.listGiven {
			return false
		}
	}
	return true
}

// role returns what a paragraph of the style is, and a heading's level; "" for an
// ordinary one.
func (ss *styles) role(name string) (kind rag.BlockKind, level int) {
	for name := range ss.chain("paragraph", name) {
		if kind, level := named(decoded(name)); kind != "" {
			return kind, level
		}
	}
	return "", 0
}

// decoded undoes the encoding of characters in a style's name: "_20_" is a space.
func decoded(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '_' {
			if hex, _, found := strings.Cut(name[i+1:], "_"); found && len(hex) > 0 && len(hex) <= 4 {
				if r, err := strconv.ParseUint(hex, 16, 16); err == nil {
					b.WriteRune(rune(r))
					i += len(hex) + 1
					continue
				}
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// named interprets the names of built-in styles, which are English in the files
// whatever the language of the program, and those by which code is usually set.
func named(name string) (kind rag.BlockKind, level int) {
	compact := strings.ToLower(strings.ReplaceAll(name, " ", ""))
	switch compact {
	case "title":
		return rag.Heading, 1
	case "subtitle":
		return rag.Heading, 2
	case "caption":
		return rag.Caption, 0
	case "quotations", "quote", "intensequote", "blocktext":
		return rag.Quote, 0
	case "footnote", "endnote", "footnotetext", "endnotetext":
		return rag.Footnote, 0
	case "preformattedtext", "htmlpreformatted", "preformatted", "sourcecode", "verbatim":
		return rag.Code, 0
	}
	if strings.HasSuffix(compact, "blockquote") {
		return rag.Quote, 0
	}
	for _, sign := range []string{"code", "listing"} {
		if strings.Contains(compact, sign) && !strings.Contains(compact, "barcode") {
			return rag.Code, 0
		}
	}
	return "", 0
}
