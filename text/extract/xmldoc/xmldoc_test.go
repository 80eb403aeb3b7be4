package xmldoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/xmldoc"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	text, err := xmldoc.Extract(t.Context(), []byte(content), xmldoc.Options{})
	return extracttest.Checked(t, text, err)
}

func TestExtract(t *testing.T) {
	for _, c := range []struct{ name, content, title, want string }{
		{"DocBook", `<?xml version="1.0"?><!DOCTYPE article [<!ENTITY x "expanded">]>
<article xmlns="http://docbook.org/ns/docbook" xml:lang="de-AT"><info><title>Pumps</title><author><personname>A. Writer</personname></author><pubdate>2026</pubdate><legalnotice><para>Law.</para></legalnotice></info>
<para>First <emphasis>word</emphasis>&x; of
 two<footnote><para>A note.</para></footnote> lines.</para>
<section><title>Use</title><itemizedlist><listitem><para>one</para><orderedlist><listitem><para>in</para></listitem></orderedlist></listitem><listitem><para>two</para></listitem></itemizedlist>
<programlisting>a
  b</programlisting><table><title>Sizes</title><tgroup><thead><row><entry>n</entry><entry>m</entry></row></thead><tbody><row><entry>1</entry><entry>2</entry></row></tbody></tgroup></table>
<figure><title>A figure</title><mediaobject><imageobject><imagedata fileref="x.png"/></imageobject></mediaobject></figure><blockquote><para>Said.</para></blockquote></section></article>`,
			"Pumps", `heading 1: Pumps
paragraph: First word&x; of two lines.
footnote: A note.
heading 2: Use
list_item 1: - one
list_item 2: 1. in
list_item 1: - two
code: a /   b
caption: Sizes
table: | n | m | / | --- | --- | / | 1 | 2 |
caption: A figure
quote: Said.`},
		{"JATS", `<article><front><article-meta><title-group><article-title>On <italic>E. coli</italic></article-title></title-group><contrib-group><contrib><name><surname>Roe</surname><given-names>J</given-names></name></contrib></contrib-group><abstract><p>Short.</p></abstract></article-meta></front>
<body><sec><title>Methods</title><p>We did <xref>[1]</xref> it.</p></sec></body><back><ref-list><title>References</title><ref><mixed-citation>Doe. <article-title>A paper</article-title>. 2020.</mixed-citation></ref></ref-list></back></article>`,
			"On E. coli", `heading 1: On E. coli
paragraph: Short.
heading 2: Methods
paragraph: We did [1] it.
paragraph: References
paragraph: Doe. A paper. 2020.`},
		{"TEI", `<TEI><teiHeader><fileDesc><titleStmt><title>Poem</title><author>Poet</author></titleStmt><publicationStmt><p>Nobody</p></publicationStmt></fileDesc></teiHeader><text><body><div><head>One</head><lg><l>line a</l><l>line b</l></lg><p>Prose.</p></div></body></text></TEI>`,
			"Poem", "heading 1: Poem\nheading 1: One\nparagraph: line a\nparagraph: line b\nparagraph: Prose."},
		{"a project file", `<project><groupId>org.x</groupId><deps><dep><id>a</id><version>1</version></dep><dep scope="test" xmlns:q="u"><id>b</id></dep></deps><!-- no --></project>`,
			"", "paragraph: groupId: org.x / deps.dep.id: a / deps.dep.version: 1\nparagraph: deps.dep (scope: test) / deps.dep.id: b"},
		{"data with mixed text", `<r><note>See <ref>this</ref> now</note></r>`, "", "paragraph: note: See this now"},
		{"RSS", `<rss version="2.0"><channel><title>News</title><link>http://a</link><item><title>First</title><description>&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;&lt;ul&gt;&lt;li&gt;x&lt;/ul&gt;</description><pubDate>Mon</pubDate><guid>9</guid></item></channel></rss>`,
			"News", "heading 1: News\nparagraph: link: http://a\nheading 2: First\nparagraph: Hello you\nlist_item 1: - x\nparagraph: pubDate: Mon"},
		{"Atom", `<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><entry><title>First</title><author><name>Ann</name></author><content type="xhtml"><div>Hello <b>you</b></div></content></entry></feed>`,
			"News", "heading 1: News\nheading 2: First\nparagraph: author: Ann\nparagraph: Hello you"},
		{"SVG", `<svg xmlns="http://www.w3.org/2000/svg"><title>Chart</title><style>.a{}</style><g><path d="M0 0"/><text>Axis <tspan>x</tspan></text></g></svg>`,
			"Chart", "heading 1: Chart\nparagraph: Axis x"},
		{"damage", `<doc><p>one</p><p>two<`, "", "paragraph: one\nparagraph: two"},
		{"wrong nesting", `<doc><p>one</b></p></x><p>two</p></doc>`, "", "paragraph: one\nparagraph: two"},
		{"an encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><d><p>Gr\xfcn</p></d>", "", "paragraph: Grün"},
		{"no XML", "just text", "", "code: just text"},
	} {
		text := extract(t, c.content)
		if got := extracttest.Outline(text); got != c.want || text.Title != c.title {
			t.Errorf("%s: got title %q and\n%s\nwant %q and\n%s", c.name, text.Title, got, c.title, c.want)
		}
		if c.name == "DocBook" && (text.Language != "de" || text.Metadata["author"].Text() != "A. Writer" || text.Metadata["date"].Text() != "2026") {
			t.Errorf("language %q, metadata %v", text.Language, text.Metadata)
		}
		if damaged := c.name == "damage" || c.name == "no XML"; damaged != (len(text.Warnings) == 1) {
			t.Errorf("%s: warnings %q", c.name, text.Warnings)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, content := range map[string]string{
		"depth":    strings.Repeat("<a>", 513),
		"elements": "<a>" + strings.Repeat("<b/>", 4_000_000),
		"bytes":    "<a><p>" + strings.Repeat("word ", 1000) + "</p></a>",
	} {
		if _, err := xmldoc.Extract(t.Context(), []byte(content), xmldoc.Options{Limit: 1000}); !errors.Is(err, rag.ErrExhausted) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestManyFootnotes reads a paragraph that is suspended often.
func TestManyFootnotes(t *testing.T) {
	text := extract(t, "<d><p>"+strings.Repeat("word <fn>note</fn>", 200_000)+"</p></d>")
	if n := len(text.Blocks); n != 200_001 {
		t.Errorf("%d blocks", n)
	}
}

func TestIs(t *testing.T) {
	for head, want := range map[string]bool{
		"<?xml version='1.0'?><a/>":                true,
		"\ufeff <!-- x --><rss version='2.0'>":     true,
		"<svg xmlns='http://www.w3.org/2000/svg'>": true,
		"<?xml version='1.0'?>\n<html>":            false,
		"<!DOCTYPE html><html>":                    false,
		"<p>text":                                  false,
		"a < b":                                    false,
	} {
		if xmldoc.Is(head) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(`<article><info><title>a</title></info><para>b<footnote><para>c</para></footnote></para><table><row><entry>d</entry></row></table></article>`)
	f.Add(`<rss><channel><item><title>x</title><description>&lt;p&gt;y</description></item></channel></rss>`)
	f.Add(`<a b="c"><d>e</d><f/></a>`)
	f.Add(`<svg><text>a<tspan>b</tspan></text></svg>`)
	f.Fuzz(func(t *testing.T, content string) {
		text, err := xmldoc.Extract(t.Context(), []byte(content), xmldoc.Options{})
		if err != nil && !errors.Is(err, rag.ErrExhausted) {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
		xmldoc.Is(content)
	})
}
