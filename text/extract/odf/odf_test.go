package odf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/odf"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

// content is a content.xml with automatic styles and a body of some kind.
func content(styles, kind, body string) string {
	return `<?xml version="1.0"?><office:document-content xmlns:office="o"><office:automatic-styles>` + styles +
		`</office:automatic-styles><office:body><office:` + kind + `>` + body + `</office:` + kind + `></office:body></office:document-content>`
}

func text(t testing.TB, styles, body string) []byte {
	return partstest.Sorted(t, map[string]string{"content.xml": content(styles, "text", body)})
}

func extract(t testing.TB, content []byte, opt odf.Options) rag.Text {
	t.Helper()
	got, err := odf.Extract(t.Context(), content, opt)
	return extracttest.Checked(t, got, err)
}

const numbered = `<text:list-style style:name="N">
	<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
	<text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" style:num-suffix=")" text:start-value="3"/>
	<text:list-level-style-number text:level="3" style:num-format="I" style:num-suffix="." text:display-levels="3"/>
	</text:list-style><text:list-style style:name="B"><text:list-level-style-bullet text:level="1" text:bullet-char="•"/></text:list-style>`

func TestText(t *testing.T) {
	item := func(inner string) string { return `<text:list-item>` + inner + `</text:list-item>` }
	tests := []struct{ name, styles, body, want string }{
		{
			"headings and paragraphs", `<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>`,
			`<text:p text:style-name="P1">Report</text:p><text:h text:outline-level="2">Part</text:h><text:h text:outline-level="9">Deep</text:h><text:p>One <text:span>two</text:span></text:p>`,
			"heading 1: Report\nheading 2: Part\nheading 6: Deep\nparagraph: One two",
		},
		{
			"space", "", `<text:p>a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d
   e</text:p>`,
			"paragraph: a b c / d e",
		},
		{
			"lists", numbered,
			`<text:list text:style-name="N">` + item(`<text:p>one</text:p><text:list>`+item(`<text:p>sub</text:p><text:p>more</text:p><text:list>`+item(`<text:p>deep</text:p>`)+`</text:list>`)+item(`<text:p>sub two</text:p>`)+`</text:list>`) +
				`<text:list-header><text:p>unnumbered</text:p></text:list-header>` + item(`<text:p>two</text:p>`) + `</text:list>` +
				`<text:p>between</text:p>` +
				`<text:list text:style-name="N" text:continue-numbering="true">` + item(`<text:p>three</text:p>`) + `<text:list-item text:start-value="7"><text:p>seven</text:p></text:list-item></text:list>` +
				`<text:list text:style-name="N">` + item(`<text:p>anew</text:p>`) + `</text:list><text:list text:style-name="B">` + item(`<text:p>dot</text:p>`) + `</text:list>`,
			"list_item 1: 1. one\nlist_item 2: (c) sub\nlist_item 2: more\nlist_item 3: 1.c.I. deep\nlist_item 2: (d) sub two\nlist_item 1: unnumbered\nlist_item 1: 2. two\n" +
				"paragraph: between\nlist_item 1: 3. three\nlist_item 1: 7. seven\nlist_item 1: 1. anew\nlist_item 1: - dot",
		},
		{
			"a later list goes on with a named one", numbered,
			`<text:list xml:id="x" text:style-name="N">` + item(`<text:p>a</text:p>`) + `</text:list><text:list text:style-name="N">` + item(`<text:p>b</text:p>`) + `</text:list>` +
				`<text:list text:style-name="N" text:continue-list="x">` + item(`<text:p>c</text:p>`) + `</text:list>`,
			"list_item 1: 1. a\nlist_item 1: 1. b\nlist_item 1: 2. c",
		},
		{
			"what is not shown",
			`<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>
			 <style:style style:name="HP" style:family="paragraph"><style:text-properties text:display="none"/></style:style>`,
			`<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion></text:changed-region></text:tracked-changes>
			 <text:p>seen<office:annotation><text:p>comment</text:p></office:annotation><text:span text:style-name="H">hidden</text:span> too</text:p>
			 <text:p text:style-name="HP">hidden</text:p><text:section text:display="none"><text:p>hidden</text:p></text:section>
			 <text:p>gone<text:hidden-paragraph text:is-hidden="true"/></text:p>
			 <text:p><text:hidden-text text:is-hidden="true">hidden</text:hidden-text>kept</text:p>
			 <text:table-of-content><text:table-of-content-source><text:index-title-template>template</text:index-title-template></text:table-of-content-source><text:index-body><text:p>entry 1</text:p></text:index-body></text:table-of-content>
			 <office:forms><form:form><text:p>control</text:p></form:form></office:forms>`,
			"paragraph: seen too\nparagraph: kept\nparagraph: entry 1",
		},
		{
			"notes, boxes and captions", `<style:style style:name="F" style:family="paragraph" style:parent-style-name="Figure"/><style:style style:name="Figure" style:family="paragraph" style:parent-style-name="Caption"/>`,
			`<text:p>Text<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note> goes on<draw:frame><draw:text-box><text:p>in a box</text:p><text:p text:style-name="F">Figure 1: it</text:p></draw:text-box><svg:title>alt</svg:title></draw:frame>.</text:p>`,
			"paragraph: Text goes on.\nparagraph: in a box\ncaption: Figure 1: it\nfootnote: 1 A note.",
		},
		{
			"code", "", `<text:p text:style-name="Preformatted_20_Text">if x {</text:p><text:p text:style-name="Preformatted_20_Text"><text:s text:c="2"/>y</text:p><text:p>z</text:p>`,
			"code: if x { /   y\nparagraph: z",
		},
		{
			"a table", "",
			`<table:table><table:table-column/><table:table-header-rows><table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>Name</text:p></table:table-cell><table:covered-table-cell><text:p>lost</text:p></table:covered-table-cell><table:table-cell><text:p>Age</text:p></table:table-cell></table:table-row></table:table-header-rows>` +
				`<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>A</text:p></table:table-cell><table:table-cell table:number-columns-repeated="2"><text:p>x|y</text:p></table:table-cell></table:table-row>` +
				`<table:table-row><table:covered-table-cell/><table:table-cell/><table:table-cell><text:list><text:list-item><text:p>in list</text:p></text:list-item></text:list></table:table-cell></table:table-row></table:table>`,
			`table: | Name | Name | Age | / | --- | --- | --- | / | A | x\|y | x\|y | / | A |  | - in list |`,
		},
		{
			"a formula in flat markup", "",
			`<text:p>So <draw:frame><draw:object><math:math><math:semantics><math:mrow><math:msup><math:mi>a</math:mi><math:mn>2</math:mn></math:msup><math:mo>=</math:mo><math:mfrac><math:mrow><math:mi>b</math:mi><math:mo>+</math:mo><math:mi>c</math:mi></math:mrow><math:mn>2</math:mn></math:mfrac></math:mrow><math:annotation>a^2={b+c} over 2</math:annotation></math:semantics></math:math></draw:object></draw:frame> holds.</text:p>`,
			"paragraph: So a^2 = (b + c)/2 holds.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := extracttest.Outline(extract(t, text(t, test.styles, test.body), odf.Options{})); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestHeadersFootersAndMetadata(t *testing.T) {
	got := extract(t, partstest.Sorted(t, map[string]string{
		"content.xml": content("", "text", `<text:h text:outline-level="1">A</text:h><text:h text:outline-level="2">B</text:h><text:h text:outline-level="1">C</text:h>`),
		"styles.xml": `<office:document-styles><office:styles><text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>
			<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/></text:outline-style></office:styles>
			<office:master-styles><style:master-page><style:header><text:p>Confidential</text:p></style:header><style:header-left><text:p>Confidential</text:p></style:header-left>
			<style:footer><text:p>Page <text:page-number>1</text:page-number> / <text:page-count>9</text:page-count></text:p><text:p>ACME Ltd, all rights</text:p></style:footer>
			<style:footer-first style:display="false"><text:p>off</text:p></style:footer-first></style:master-page></office:master-styles></office:document-styles>`,
		"meta.xml": `<office:document-meta><office:meta><dc:title>The Title</dc:title><meta:initial-creator>Ada</meta:initial-creator><dc:creator>Bob</dc:creator><meta:keyword>x</meta:keyword><meta:keyword>y</meta:keyword><dc:language>de-AT</dc:language><meta:creation-date>2026-01-02</meta:creation-date></office:meta></office:document-meta>`,
	}), odf.Options{})
	want := "header: Confidential\nheading 1: 1 A\nheading 2: 1.1 B\nheading 1: 2 C\nfooter: ACME Ltd, all rights"
	if extracttest.Outline(got) != want {
		t.Errorf("got\n%s\nwant\n%s", extracttest.Outline(got), want)
	}
	meta := rag.Metadata{"author": rag.Str("Ada"), "keywords": rag.Str("x, y"), "language": rag.Str("de-AT"), "date": rag.Str("2026-01-02")}
	if got.Title != "The Title" || got.Language != "de" || fmt.Sprint(got.Metadata) != fmt.Sprint(meta) {
		t.Errorf("title %q, language %q, metadata %v", got.Title, got.Language, got.Metadata)
	}
}

func TestSheets(t *testing.T) {
	cell := func(s string) string {
		return `<table:table-cell office:value-type="string"><text:p>` + s + `</text:p></table:table-cell>`
	}
	body := `<table:content-validations><table:error-message><text:p>message</text:p></table:error-message></table:content-validations>
		<table:table table:name="Sales">
		<table:table-row>` + cell("Sales of the year") + `<table:table-cell table:number-columns-repeated="16383"/></table:table-row>
		<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
		<table:table-row><table:table-cell/>` + cell("Year") + cell("Sum") + `</table:table-row>
		<table:table-row><table:table-cell/><table:table-cell office:value-type="float" office:value="2024"><text:p>2024</text:p></table:table-cell><table:table-cell office:value-type="currency" office:value="1234.5"><text:p>1.234,50 €</text:p><office:annotation><text:p>note</text:p></office:annotation></table:table-cell></table:table-row>
		<table:table-row table:number-rows-repeated="2"><table:table-cell/><table:table-cell office:value-type="date" office:date-value="2025-01-01"/><table:table-cell table:number-columns-repeated="2"><text:p>0</text:p></table:table-cell></table:table-row>
		<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
		<table:shapes><draw:frame><draw:text-box><text:p>A remark</text:p></draw:text-box></draw:frame></table:shapes>
		</table:table>
		<table:table table:name="Empty"><table:table-row><table:table-cell/></table:table-row></table:table>
		<table:table table:name="Merged"><table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>North</text:p></table:table-cell>` + cell("a") + `</table:table-row>
		<table:table-row><table:covered-table-cell/>` + cell("b") + `</table:table-row></table:table>
		<table:table table:name="Secret" table:style-name="hid"><table:table-row>` + cell("hidden") + `</table:table-row></table:table>`
	styles := `<style:style style:name="hid" style:family="table"><style:table-properties table:display="false"/></style:style>`
	got := extracttest.Outline(extract(t, partstest.Sorted(t, map[string]string{"content.xml": content(styles, "spreadsheet", body)}), odf.Options{}))
	want := "heading 1: Sales\nparagraph: Sales of the year\n" +
		"table: | Year | Sum |  | / | --- | --- | --- | / | 2024 | 1.234,50 € | / | 2025-01-01 | 0 | 0 | / | 2025-01-01 | 0 | 0 |\n" +
		"paragraph: A remark\nheading 1: Merged\ntable: | North | a | / | --- | --- | / | North | b |"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSlides(t *testing.T) {
	body := `<presentation:footer-decl presentation:name="f">Board meeting</presentation:footer-decl>
		<draw:page draw:name="page1"><draw:frame presentation:class="title"><draw:text-box><text:p>Plan</text:p><text:p>2027</text:p></draw:text-box></draw:frame>
		<draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item><text:p>First</text:p><text:list><text:list-item><text:p>Detail</text:p></text:list-item></text:list></text:list-item></text:list></draw:text-box></draw:frame>
		<draw:custom-shape><text:p>In a shape</text:p><draw:enhanced-geometry/></draw:custom-shape>
		<draw:frame presentation:class="page-number"><draw:text-box><text:p>3</text:p></draw:text-box></draw:frame>
		<presentation:notes><draw:page-thumbnail/><draw:frame presentation:class="notes"><draw:text-box><text:p>Say hello</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
		<draw:page><draw:frame presentation:class="title" presentation:placeholder="true"><draw:text-box><text:p>Click to add</text:p></draw:text-box></draw:frame>
		<draw:frame><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table><draw:image/></draw:frame></draw:page>`
	got := extract(t, partstest.Sorted(t, map[string]string{"content.xml": content("", "presentation", body)}), odf.Options{})
	want := "heading 1 p1: Plan 2027\nlist_item 1 p1: - First\nlist_item 2 p1: - Detail\nparagraph p1: In a shape\nparagraph p1: Say hello\ntable p2: | a | b | / | --- | --- |\nfooter: Board meeting"
	if extracttest.Outline(got) != want || got.Pages != 2 {
		t.Errorf("%d pages, got\n%s\nwant\n%s", got.Pages, extracttest.Outline(got), want)
	}
}

func TestObjects(t *testing.T) {
	got := extracttest.Outline(extract(t, partstest.Sorted(t, map[string]string{
		"content.xml":          content("", "text", `<text:p>See <draw:frame><draw:object xlink:href="./Object 1"/></draw:frame><draw:frame><draw:object xlink:href="./Object 2"/></draw:frame>.</text:p><text:p>End</text:p>`),
		"Object 1/content.xml": `<math:math><math:msqrt><math:mi>x</math:mi></math:msqrt><math:mo>≤</math:mo><math:mi>sin</math:mi><math:mi>y</math:mi></math:math>`,
		"Object 2/content.xml": content("", "chart", `<chart:chart><chart:title><text:p>Growth</text:p></chart:title><table:table><table:table-row><table:table-cell><text:p>Year</text:p></table:table-cell><table:table-cell><text:p>7</text:p></table:table-cell></table:table-row></table:table></chart:chart>`),
	}), odf.Options{}))
	want := "paragraph: See √(x) ≤ sin y .\nparagraph: Growth\ntable: | Year | 7 | / | --- | --- |\nparagraph: End"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFlat(t *testing.T) {
	doc := `<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"><office:meta><dc:title>Flat</dc:title></office:meta>` +
		`<office:master-styles><style:master-page><style:footer><text:p>Footer of it all</text:p></style:footer></style:master-page></office:master-styles>` +
		`<office:body><office:text><text:p>Übersicht<draw:frame><draw:image><office:binary-data>` + strings.Repeat("AAAA", 5<<20) + `</office:binary-data></draw:image></draw:frame></text:p></office:text></office:body></office:document>`
	if !odf.IsFlat([]byte(doc)) {
		t.Error("a flat document is not recognised")
	}
	got := extract(t, []byte(doc), odf.Options{})
	if want := "paragraph: Übersicht\nfooter: Footer of it all"; extracttest.Outline(got) != want || got.Title != "Flat" {
		t.Errorf("title %q, got\n%s\nwant\n%s", got.Title, extracttest.Outline(got), want)
	}
	wide := []byte{0xff, 0xfe}
	for _, r := range strings.Replace(strings.Replace(doc, strings.Repeat("AAAA", 5<<20), "", 1), "UTF-8", "UTF-16", 1) {
		wide = append(wide, byte(r), byte(r>>8))
	}
	if got := extracttest.Outline(extract(t, wide, odf.Options{})); !strings.Contains(got, "Übersicht") {
		t.Errorf("UTF-16 gives %q", got)
	}
}

func TestFaults(t *testing.T) {
	long := text(t, "", `<text:p>`+strings.Repeat("word ", 1000)+`</text:p>`)
	tests := []struct {
		name    string
		content []byte
		limit   int
		kind    rag.Kind
	}{
		{"not a container", []byte("PK\x03\x04 nonsense"), 0, rag.KindInvalid},
		{"not XML", []byte("hello"), 0, rag.KindInvalid},
		{"nothing in it", partstest.Sorted(t, map[string]string{"mimetype": "x"}), 0, rag.KindInvalid},
		{"broken from the start", partstest.Sorted(t, map[string]string{"content.xml": "<office:document-content><office:body"}), 0, rag.KindInvalid},
		{"over the limit", long, 1000, rag.KindExhausted},
	}
	for _, test := range tests {
		_, err := odf.Extract(t.Context(), test.content, odf.Options{Limit: test.limit})
		if rag.KindOf(err) != test.kind {
			t.Errorf("%s: %v (%s)", test.name, err, rag.KindOf(err))
		}
	}
}

// TestDamage cuts a document off: what stands before the break counts.
func TestDamage(t *testing.T) {
	body := content("", "text", `<text:p>whole</text:p><table:table><table:table-row><table:table-cell><text:p>cell</text:p></table:table-cell><table:table-cell><text:p>other</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>late <text:span>sp`)
	body = body[:strings.Index(body, "<text:span>sp")+len("<text:span>sp")]
	got := extract(t, partstest.Sorted(t, map[string]string{"content.xml": body}), odf.Options{})
	for _, want := range []string{"whole", "cell", "other", "late"} {
		if !strings.Contains(got.Content, want) {
			t.Errorf("%q is lost in %q", want, got.Content)
		}
	}
	if len(got.Warnings) != 1 {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := odf.Extract(ctx, text(t, "", strings.Repeat(`<text:p>a</text:p>`, 10_000)), odf.Options{})
	if !errors.Is(err, ctx.Err()) {
		t.Errorf("got %v", err)
	}
}
