package html

import (
	"strings"

	"golang.org/x/net/html/atom"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

func set(as ...atom.Atom) map[atom.Atom]bool {
	m := make(map[atom.Atom]bool, len(as))
	for _, a := range as {
		m[a] = true
	}
	return m
}

// The element classes of the HTML standard (html.spec.whatwg.org, "Rendering"
// and "Optional tags") as far as they matter for text.
var (
	blocks = set(atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Caption, atom.Center,
		atom.Dd, atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption,
		atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Head,
		atom.Header, atom.Hgroup, atom.Hr, atom.Html, atom.Legend, atom.Li, atom.Listing, atom.Main, atom.Menu,
		atom.Nav, atom.Ol, atom.Optgroup, atom.Option, atom.P, atom.Pre, atom.Section, atom.Select, atom.Summary, atom.Table,
		atom.Tbody, atom.Td, atom.Textarea, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Ul, atom.Xmp)
	unshown = set(atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Svg, atom.Iframe, atom.Canvas,
		atom.Audio, atom.Video, atom.Object, atom.Noframes, atom.Noembed, atom.Datalist, atom.Rp)
	void = set(atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link,
		atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr)

	items        = set(atom.Li)
	terms        = set(atom.Dt, atom.Dd)
	options      = set(atom.Option)
	cells        = set(atom.Td, atom.Th)
	rows         = set(atom.Tr)
	groups       = set(atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr)
	listBarrier  = set(atom.Ul, atom.Ol, atom.Menu, atom.Dir, atom.Dl, atom.Select, atom.Table)
	tableBarrier = set(atom.Table)
	tabular      = set(atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th)
)

func isHeading(a atom.Atom) bool {
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// named maps the names under which pages state who wrote them, when and what
// about to metadata keys.
var named = map[string]string{
	"author": "author", "dc.creator": "author", "article:author": "author", "citation_author": "author",
	"date": "date", "dc.date": "date", "dcterms.date": "date", "article:published_time": "date", "datepublished": "date", "citation_date": "date",
	"description": "description", "og:description": "description", "dc.description": "description",
	"keywords": "keywords",
}

// meta keeps what a meta element says of the page; the first of a kind counts.
func (w *walker) meta(attr map[string]string) {
	name := attr["name"]
	if name == "" {
		name = attr["property"]
	}
	if name == "" {
		name = attr["itemprop"]
	}
	name = strings.ToLower(name)
	value := clean.Line(attr["content"])
	if value == "" {
		return
	}
	if name == "og:title" && !w.titled && w.title == "" {
		w.title = value
		return
	}
	key, known := named[name]
	if !known {
		return
	}
	if w.metadata == nil {
		w.metadata = rag.Metadata{}
	}
	if _, said := w.metadata[key]; !said {
		w.metadata[key] = rag.Str(value)
	}
}

// primary returns the language of a tag such as "en-GB" if it has a two-letter
// code, "" otherwise.
func primary(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	tag, _, _ = strings.Cut(tag, "_")
	if len(tag) != 2 || tag[0] < 'a' || tag[0] > 'z' || tag[1] < 'a' || tag[1] > 'z' {
		return ""
	}
	return tag
}
