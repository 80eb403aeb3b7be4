package docx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// style is a paragraph style as far as it says what a paragraph is.
type style struct {
	name    string // built-in names are English whatever the language of Word
	basedOn string
	outline int // outline level from 0, -1 if not set
	numID   string
	level   int // list level
	hidden  bool
}

// styles holds the styles by id. The depth of inheritance that is followed is
// bounded, since a file can name a circle.
type styles map[string]*style

const maxInherit = 16

func (d *document) readStyles(part string) error {
	d.styles = styles{}
	var s *style
	return d.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind == parts.EndElement && e.Name == "style" {
				s = nil
			}
			if e.Kind != parts.StartElement {
				continue
			}
			if e.Name == "style" {
				s = &style{outline: -1}
				d.styles[e.Attr("styleid")] = s
			}
			if s == nil {
				continue
			}
			switch e.Name {
			case "name":
				s.name = strings.ToLower(e.Attr("val"))
			case "basedon":
				s.basedOn = e.Attr("val")
			case "outlinelvl":
				s.outline = level(e.Attr("val"))
			case "numid":
				s.numID = e.Attr("val")
			case "ilvl":
				s.level = max(0, level(e.Attr("val")))
			case "vanish":
				s.hidden = e.On()
			}
		}
	})
}

// level reads a level from 0 to 8, -1 for anything else (9 is body text).
func level(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 8 {
		return -1
	}
	return n
}

// chain yields a style and those that it is based on.
func (ss styles) chain(id string) func(yield func(*style) bool) {
	return func(yield func(*style) bool) {
		for range maxInherit {
			s, ok := ss[id]
			if !ok || !yield(s) {
				return
			}
			id = s.basedOn
		}
	}
}

// role returns what a paragraph of the style is, and a heading's level.
func (ss styles) role(id string) (kind rag.BlockKind, lvl int) {
	if len(ss) == 0 { // a file without styles.xml still names its styles
		return named(strings.ToLower(id))
	}
	for s := range ss.chain(id) {
		if kind, lvl := named(s.name); kind != "" {
			return kind, lvl
		}
		if s.outline >= 0 {
			return rag.Heading, s.outline + 1
		}
	}
	return "", 0
}

// named interprets the names of Word's built-in styles and those by which code
// is usually set.
func named(name string) (kind rag.BlockKind, lvl int) {
	compact := strings.ReplaceAll(name, " ", "")
	if rest, is := strings.CutPrefix(compact, "heading"); is {
		if n, err := strconv.Atoi(rest); err == nil && n > 0 && n < 10 {
			return rag.Heading, n
		}
	}
	switch compact {
	case "title":
		return rag.Heading, 1
	case "subtitle":
		return rag.Heading, 2
	case "caption":
		return rag.Caption, 0
	case "quote", "intensequote", "blocktext", "quotations":
		return rag.Quote, 0
	case "footnotetext", "endnotetext":
		return rag.Footnote, 0
	case "htmlpreformatted", "macrotext", "macro", "sourcecode", "preformattedtext", "preformatted", "verbatim":
		return rag.Code, 0
	}
	for _, sign := range []string{"code", "listing", "console", "monospace"} {
		if strings.Contains(compact, sign) && !strings.Contains(compact, "barcode") {
			return rag.Code, 0
		}
	}
	return "", 0
}

// list returns the list that the style puts its paragraphs in, "" if none.
func (ss styles) list(id string) (numID string, lvl int) {
	for s := range ss.chain(id) {
		if s.numID != "" {
			return s.numID, s.level
		}
	}
	return "", 0
}
