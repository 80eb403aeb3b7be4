package xmldoc

// role is what an element is for.
type role uint8

const (
	generic   role = iota // a block, or inline if it stands amid text
	inline                // divides nothing
	skipped               // not read
	section               // makes the titles in it one level deeper
	heading               // a title
	paragraph             // a block
	listing               // code
	quote
	caption
	footnote
	bullets // a list with marks
	numbers // a list with numbers
	item    // of a list
	table
	row
	cell
	markup // a paragraph that is HTML, escaped
	about  // what the document says of itself: only titles, authors, dates and the abstract are read
	author // within about, metadata
	date   // within about, metadata
)

// roles are names that vocabularies of documents share, in lower case: DocBook
// (docbook.org), JATS (jats.nlm.nih.gov), TEI (tei-c.org), DITA, and what others
// took from HTML.
var documents = byName(map[role][]string{
	inline: {"emphasis", "bold", "italic", "b", "i", "u", "em", "strong", "sub", "sup", "subscript", "superscript", "span", "a", "link", "ulink",
		"ext-link", "xref", "hi", "phrase", "literal", "code", "filename", "command", "option", "varname", "function", "keycap", "guilabel",
		"guimenu", "guibutton", "userinput", "replaceable", "firstterm", "citetitle", "acronym", "abbrev", "abbr", "trademark", "email", "uri",
		"monospace", "sc", "styled-content", "named-content", "ptr", "lb", "br", "pb", "w", "c", "ph", "term", "persname", "placename", "foreign",
		"tspan", "textpath", "codeph", "uicontrol", "inline-formula", "mathphrase", "surname", "given-names", "firstname"},
	skipped: {"script", "style", "indexterm", "defs", "index", "objectmeta", "colspec", "spanspec", "graphic", "imagedata", "imageobject", "tex-math"},
	section: {"section", "sect1", "sect2", "sect3", "sect4", "sect5", "simplesect", "chapter", "part", "article", "book", "appendix", "preface",
		"sec", "app", "ack", "div", "div1", "div2", "div3", "div4", "refsect1", "refsect2", "refsection", "refsynopsisdiv", "topic", "concept", "task", "reference",
		"glossary", "bibliography", "abstract"},
	heading: {"title", "head", "heading", "bridgehead", "refname", "h1", "h2", "h3", "h4", "h5", "h6", "article-title"},
	paragraph: {"para", "simpara", "p", "formalpara", "ab", "l", "note", "tip", "warning", "caution", "important", "shortdesc",
		"stepresult", "cmd", "verse-line", "speech", "sp", "mixed-citation", "element-citation", "bibl", "bibliomixed", "term-head"},
	listing:  {"programlisting", "screen", "codeblock", "preformat", "literallayout", "synopsis", "pre", "eg", "msgblock"},
	quote:    {"blockquote", "disp-quote", "epigraph", "q-block"},
	caption:  {"caption", "figdesc", "alt", "textobject"},
	footnote: {"footnote", "fn"},
	bullets:  {"itemizedlist", "list", "simplelist", "variablelist", "ul", "dl", "def-list", "listbibl", "ref-list", "procedure", "steps"},
	numbers:  {"orderedlist", "ol"},
	item:     {"listitem", "item", "list-item", "li", "member", "def-item", "dlentry", "step"},
	table:    {"table", "informaltable", "simpletable"},
	row:      {"row", "tr", "strow"},
	cell:     {"td", "th", "cell", "stentry"},
	about:    {"info", "articleinfo", "bookinfo", "chapterinfo", "refentryinfo", "sectioninfo", "article-meta", "journal-meta", "teiheader", "prolog", "docinfo"},
	author:   {"author", "contrib", "personname", "creator"},
	date:     {"date", "pubdate", "pub-date", "published", "created"},
})

// feeds are the names of RSS 2.0, RSS 1.0 and Atom (RFC 4287).
var feeds = byName(map[role][]string{
	skipped:   {"id", "guid", "generator", "ttl", "cloud", "docs", "skipdays", "skiphours", "thumbnail", "image", "updateperiod", "updatefrequency", "lastbuilddate", "logo", "icon"},
	section:   {"channel", "feed", "entry", "item"},
	heading:   {"title"},
	markup:    {"description", "summary", "content", "encoded", "subtitle"},
	paragraph: {"p", "div"},
	bullets:   {"ul", "ol"},
	item:      {"li"},
	inline:    {"a", "b", "i", "em", "strong", "span", "code", "name"},
})

// drawings are the names of SVG that hold words.
var drawings = byName(map[role][]string{
	skipped:   {"style", "script", "metadata"},
	heading:   {"title"},
	paragraph: {"text", "desc"},
	inline:    {"tspan", "textpath", "a"},
})

func byName(all map[role][]string) map[string]role {
	m := map[string]role{}
	for r, names := range all {
		for _, name := range names {
			m[name] = r
		}
	}
	return m
}

// mode is the kind of file.
type mode uint8

const (
	data mode = iota
	prose
	feed
	drawing
)

func modeOf(n names) mode {
	switch {
	case n.root == "svg":
		return drawing
	case n.root == "rss" || n.root == "feed" || n.root == "rdf" && n.feed:
		return feed
	case n.prose:
		return prose
	}
	return data
}

// roleOf returns the role of an element where it stands.
func (w *walker) roleOf(name string) role {
	r := generic
	switch w.mode {
	case drawing:
		return drawings[name]
	case feed:
		r = feeds[name]
	case prose:
		r = w.inDocument(name)
	}
	if r == generic && w.inline[name] {
		return inline
	}
	return r
}

// inDocument tells what names that mean several things mean here.
func (w *walker) inDocument(name string) role {
	r := documents[name]
	switch {
	case name == "entry" && len(w.tables) > 0:
		return cell
	case name == "article-title" && w.within[about] == 0:
		return inline // of a work that is cited
	case name == "code" && w.parent() != paragraph && !w.inline[name]:
		return listing
	case r == heading && (w.parent() == inline || w.parent() == paragraph && w.inlineText()):
		return inline
	case r == heading && (w.parent() == caption || w.parent() == table || len(w.open) > 0 && titled[w.open[len(w.open)-1].name]):
		return caption
	case r == heading && w.parent() != section && w.parent() != about && w.parent() != generic, r == heading && len(w.tables)+w.within[footnote] > 0:
		return paragraph
	case (r == author || r == date) && w.within[about] == 0:
		return generic
	}
	return r
}

// titled are elements whose title is a caption.
var titled = map[string]bool{"figure": true, "fig": true, "table-wrap": true, "example": true, "equation": true, "caption": true, "graphic": true}
