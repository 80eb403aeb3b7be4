package extract_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

// repeat yields s n times without holding it.
var repeat = partstest.Repeat

// packed builds a DOCX whose body is what r holds.
func packed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	return container(t, "word/document.xml", around(`<w:document xmlns:w="w"><w:body>`, r, `</w:body></w:document>`))
}

// container builds a zip container of the named parts, each a string or what a reader
// holds.
func container(t *testing.T, parts ...any) []byte {
	t.Helper()
	var list []partstest.Part
	for i := 0; i < len(parts); i += 2 {
		content, isReader := parts[i+1].(io.Reader)
		if !isReader {
			content = strings.NewReader(parts[i+1].(string))
		}
		list = append(list, partstest.Part{Name: parts[i].(string), Content: content})
	}
	return partstest.Container(t, list...)
}

// around is r between two texts.
func around(before string, r io.Reader, after string) io.Reader {
	return io.MultiReader(strings.NewReader(before), r, strings.NewReader(after))
}

const relations = `<Relationships><Relationship Id="r1" Type="http://x/%s" Target="%s"/></Relationships>`

// workbook builds an XLSX of one sheet whose rows are what r holds.
func workbook(t *testing.T, r io.Reader) []byte {
	t.Helper()
	return container(t,
		"_rels/.rels", fmt.Sprintf(relations, "officeDocument", "xl/workbook.xml"),
		"xl/workbook.xml", `<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", fmt.Sprintf(relations, "worksheet", "worksheets/sheet1.xml"),
		"xl/worksheets/sheet1.xml", around("<worksheet><sheetData>", r, "</sheetData></worksheet>"))
}

// slides builds a PPTX of one slide whose shapes are what r holds.
func slides(t *testing.T, r io.Reader) []byte {
	t.Helper()
	return container(t,
		"_rels/.rels", fmt.Sprintf(relations, "officeDocument", "ppt/presentation.xml"),
		"ppt/presentation.xml", `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", fmt.Sprintf(relations, "slide", "slides/slide1.xml"),
		"ppt/slides/slide1.xml", around(`<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>`, r, "</p:spTree></p:cSld></p:sld>"))
}

// sheet builds an ODS whose table holds what r holds.
func sheet(t *testing.T, r io.Reader) []byte {
	t.Helper()
	return container(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml",
		around(`<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body><office:spreadsheet><table:table table:name="S">`, r,
			"</table:table></office:spreadsheet></office:body></office:document-content>"))
}

// book builds an EPUB of one chapter.
func book(t *testing.T, r io.Reader) []byte {
	t.Helper()
	return container(t, "mimetype", "application/epub+zip",
		"META-INF/container.xml", `<container><rootfiles><rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
		"c.opf", `<package><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>`,
		"a.xhtml", around("<html><body>", r, "</body></html>"))
}

// letters nests messages, or sets parts side by side.
func letters(nested bool, n int) []byte {
	var b strings.Builder
	b.WriteString("From: a@b.c\nSubject: s\nMIME-Version: 1.0\n")
	if nested {
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\nContent-Type: message/rfc822\n\nSubject: s\nMIME-Version: 1.0\n", i, i)
		}
		b.WriteString("\ntext")
		return []byte(b.String())
	}
	b.WriteString("Content-Type: multipart/mixed; boundary=b\n\n")
	for range n {
		b.WriteString("--b\n\na\n")
	}
	return []byte(b.String())
}

// portable builds a PDF of one page whose content stream unpacks to what r holds.
func portable(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var stream bytes.Buffer
	z := zlib.NewWriter(&stream)
	if _, err := io.Copy(z, r); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return objects(
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream", stream.Len(), stream.String()),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	)
}

// objects writes a PDF file of the given objects, the first being its root.
func objects(all ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range all {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(all)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(all)+1, start)
	return b.Bytes()
}

func manyEntries(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range n {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("word/%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHostile reads files that are made to hang or to fill the memory. Each must
// end as text or as an error that says which limit it passed or that it is
// damaged, and the file after it must be read as if nothing had been.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	const (
		anyEnd    = ""
		text      = "text"
		exhausted = string(rag.KindExhausted)
		invalid   = string(rag.KindInvalid)
	)
	config := isolated(t)
	config.Timeout = 20 * time.Second
	config.Workers = 1
	e := open(t, config)
	for _, c := range []struct {
		name string
		make func() []byte
		want string
	}{
		{"docx of one text of 1 GB.docx", func() []byte {
			return packed(t, io.MultiReader(strings.NewReader("<w:p><w:r><w:t>"), repeat("a", 1<<30), strings.NewReader("</w:t></w:r></w:p>")))
		}, exhausted},
		{"docx of 6 M paragraphs.docx", func() []byte { return packed(t, repeat("<w:p><w:r><w:t>a</w:t></w:r></w:p>", 6_000_000)) }, exhausted},
		{"docx of 6 M empty paragraphs.docx", func() []byte { return packed(t, repeat("<w:p/>", 6_000_000)) }, exhausted},
		{"docx of a comment of 1 GB.docx", func() []byte {
			return packed(t, io.MultiReader(strings.NewReader("<!--"), repeat("<", 1<<30), strings.NewReader("-->")))
		}, exhausted},
		{"docx of a tag with 100 MB of attributes.docx", func() []byte {
			return packed(t, io.MultiReader(strings.NewReader("<w:p "), repeat(`a="b" `, 100<<20/6), strings.NewReader("/>")))
		}, exhausted},
		{"docx of 200,000 nested tables.docx", func() []byte {
			return packed(t, repeat("<w:tbl><w:tr><w:tc>", 200_000))
		}, exhausted},
		{"docx of entities.docx", func() []byte {
			return packed(t, strings.NewReader("<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]><w:p><w:r><w:t>&c;&c;</w:t></w:r></w:p>"))
		}, anyEnd},
		{"docx of 60,000 parts.docx", func() []byte { return manyEntries(t, 60_000) }, invalid},
		{"pdf of a stream of 1 GB.pdf", func() []byte { return portable(t, repeat("\x00", 1<<30)) }, anyEnd},
		{"pdf of 3 M text operators.pdf", func() []byte {
			return portable(t, io.MultiReader(strings.NewReader("BT /F 12 Tf "), repeat("(a) Tj ", 3_000_000)))
		}, anyEnd},
		{"pdf of 2 M saved states.pdf", func() []byte { return portable(t, repeat("q ", 2_000_000)) }, anyEnd},
		{"pdf of a page tree that is a loop.pdf", func() []byte {
			return objects("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>")
		}, anyEnd},
		{"pdf of a million pages.pdf", func() []byte {
			return objects("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids["+strings.Repeat("3 0 R ", 1_000_000)+"]/Count 1000000>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
		}, anyEnd},
		{"pdf of an outline that is a loop.pdf", func() []byte {
			return objects("<</Type/Catalog/Pages 2 0 R/Outlines 4 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
				"<</First 5 0 R/Last 5 0 R>>", "<</Title(a)/Next 5 0 R/First 5 0 R/Parent 4 0 R>>")
		}, text},
		{"html of 1 M nested elements.html", func() []byte { return []byte(strings.Repeat("<div>", 1_000_000)) }, text},
		{"html of 1 M nested tables.html", func() []byte { return []byte(strings.Repeat("<table><tr><td>a", 1_000_000)) }, text},
		{"html of 1 M nested lists.html", func() []byte { return []byte(strings.Repeat("<ul><li>a", 1_000_000)) }, text},
		{"html of elements without ends.html", func() []byte {
			return []byte(strings.Repeat("<div>", 500_000) + strings.Repeat("</p></li></td></h1>", 500_000))
		}, text},
		{"html of wide spans.html", func() []byte {
			return []byte("<table><tr><td>a" + strings.Repeat("<tr><td colspan=1000000 rowspan=1000000>"+strings.Repeat("b", 200)+"<td>c", 20_000))
		}, text},
		{"html of one tag of 30 MB.html", func() []byte { return []byte("<p " + strings.Repeat("a=b ", 30<<20/4) + ">text") }, text},
		{"html of a line of 30 MB.html", func() []byte { return []byte("<p>" + strings.Repeat("word ", 30<<20/5)) }, text},
		{"html of open signs.html", func() []byte { return []byte(strings.Repeat("<", 20<<20)) }, text},
		{"md of brackets.md", func() []byte { return []byte(strings.Repeat("[", 1<<20)) }, text},
		{"md of nested quotes.md", func() []byte { return []byte(strings.Repeat(">", 1<<20) + "a") }, text},
		{"md of nested lists.md", func() []byte { return []byte(strings.Repeat("1. ", 1<<19) + "a") }, text},
		{"md of nested lines.md", func() []byte {
			var b strings.Builder
			for i := range 3000 {
				b.WriteString(strings.Repeat("  ", i) + "- a\n")
			}
			return []byte(b.String())
		}, text},
		{"md of definitions.md", func() []byte { return []byte(strings.Repeat("[a]: b\n", 200_000)) }, text},
		{"md of open definitions.md", func() []byte { return []byte(strings.Repeat("[a]:\n", 200_000)) }, text},
		{"md of a wide table.md", func() []byte {
			return []byte(strings.Repeat("|a", 300_000) + "\n" + strings.Repeat("|-", 300_000) + "\n" + strings.Repeat("|a|\n", 10_000))
		}, text},
		{"md of a front matter of aliases.md", func() []byte {
			return []byte("---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\ntags: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n---\ntext")
		}, text},
		{"md of a deep front matter.md", func() []byte {
			return []byte("---\ntags: " + strings.Repeat("[", 8000) + "\n---\ntext")
		}, text},
		{"xlsx of 10 M rows.xlsx", func() []byte { return workbook(t, repeat(`<row><c><v>1</v></c></row>`, 10_000_000)) }, exhausted},
		{"xlsx of a text of 1 GB.xlsx", func() []byte {
			return workbook(t, around(`<row><c t="inlineStr"><is><t>`, repeat("a", 1<<30), `</t></is></c></row>`))
		}, exhausted},
		{"xlsx of one cell far away.xlsx", func() []byte {
			return workbook(t, strings.NewReader(`<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>`))
		}, text},
		{"xlsx of 20,000 cells far away.xlsx", func() []byte {
			var b strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&b, `<row r="%d"><c r="XFD%d"><v>1</v></c></row>`, 50*i+1, 50*i+1)
			}
			return workbook(t, strings.NewReader(b.String()))
		}, text},
		{"pptx of 6 M shapes.pptx", func() []byte {
			return slides(t, repeat("<p:sp><p:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></p:txBody></p:sp>", 6_000_000))
		}, exhausted},
		{"pptx of nested groups.pptx", func() []byte { return slides(t, repeat("<p:grpSp>", 200_000)) }, exhausted},
		{"ods of repeated cells.ods", func() []byte {
			return sheet(t, strings.NewReader(`<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"><text:p>a</text:p></table:table-cell></table:table-row>`))
		}, anyEnd},
		{"ods of 6 M cells.ods", func() []byte {
			return sheet(t, around("<table:table-row>", repeat("<table:table-cell><text:p>a</text:p></table:table-cell>", 6_000_000), "</table:table-row>"))
		}, exhausted},
		{"epub of a chapter of 1 GB.epub", func() []byte { return book(t, repeat("<p>a</p>", 1<<27)) }, exhausted},
		{"epub of nested elements.epub", func() []byte { return book(t, repeat("<div>", 1_000_000)) }, anyEnd},
		{"fb2 of nested sections.fb2", func() []byte {
			return []byte("<FictionBook><body>" + strings.Repeat("<section>", 1_000_000))
		}, exhausted},
		{"rtf of 1 M groups.rtf", func() []byte { return []byte(`{\rtf1 ` + strings.Repeat("{", 1_000_000) + "a") }, anyEnd},
		{"rtf of 30 MB.rtf", func() []byte { return []byte(`{\rtf1\ansi ` + strings.Repeat(`word \par `, 30<<20/10) + "}") }, text},
		{"eml of 20,000 nested messages.eml", func() []byte { return letters(true, 20_000) }, text},
		{"eml of 300,000 parts.eml", func() []byte { return letters(false, 300_000) }, text},
		{"mbox of 200,000 messages.mbox", func() []byte {
			return []byte(strings.Repeat("From a@b.c Mon Jan  2 15:04:05 2006\nFrom: a@b.c\nSubject: s\n\ntext\n\n", 200_000))
		}, anyEnd},
		{"json of brackets.json", func() []byte { return []byte(strings.Repeat("[", 10_000_000)) }, anyEnd},
		{"json of 3 M objects.json", func() []byte { return []byte("[" + strings.Repeat(`{"a":1},`, 3_000_000) + "{}]") }, anyEnd},
		{"xml of 1 M nested elements.xml", func() []byte { return []byte("<?xml version='1.0'?>" + strings.Repeat("<a>", 1_000_000)) }, anyEnd},
		{"xml of entities.xml", func() []byte {
			return []byte(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;&c;</a>`)
		}, anyEnd},
		{"csv of 5 M rows.csv", func() []byte { return []byte("a,b\n" + strings.Repeat("1,2\n", 5_000_000)) }, exhausted},
		{"csv of one record.csv", func() []byte { return []byte(strings.Repeat(`a,`, 5_000_000)) }, anyEnd},
		{"csv of an open quote.csv", func() []byte { return []byte("a,b\n1,\"" + strings.Repeat("x\n", 10_000_000)) }, anyEnd},
		{"rst of adornments.rst", func() []byte { return []byte(strings.Repeat("a\n=\n\n", 500_000)) }, text},
		{"rst of nested quotes.rst", func() []byte {
			var b strings.Builder
			for i := range 3000 {
				b.WriteString(strings.Repeat(" ", i) + "a\n\n")
			}
			return []byte(b.String())
		}, text},
		{"org of stars.org", func() []byte { return []byte(strings.Repeat("*", 5_000_000) + " a") }, text},
		{"org of open blocks.org", func() []byte { return []byte(strings.Repeat("#+BEGIN_SRC\n", 500_000)) }, anyEnd},
		{"vtt of 1 M cues.vtt", func() []byte {
			return []byte("WEBVTT\n\n" + strings.Repeat("00:01.000 --> 00:02.000\na\n\n", 1_000_000))
		}, text},
		{"text of a line of 30 MB.txt", func() []byte { return []byte(strings.Repeat("a", 30<<20)) }, text},
		{"text of 90 MB.txt", func() []byte { return []byte(strings.Repeat("word ", 90<<20/5)) }, exhausted},
		{"text of line breaks.txt", func() []byte { return []byte(strings.Repeat("a\n\n", 1<<20)) }, text},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := c.make()
			start := time.Now()
			got, err := e.Extract(t.Context(), rag.File{Name: c.name, Content: content})
			t.Logf("%d bytes, %s: %d bytes of text, %v", len(content), time.Since(start).Round(time.Millisecond), len(got.Content), err)
			verdict := string(rag.KindOf(err))
			if err == nil {
				verdict = text
				if fault := extracttest.Fault(got); fault != "" {
					t.Error(fault)
				}
			}
			switch {
			case c.want != anyEnd && verdict != c.want:
				t.Errorf("ended as %s, want %s", verdict, c.want)
			case verdict != text && verdict != exhausted && verdict != invalid:
				t.Errorf("ended as %s", verdict)
			}
			after, err := e.Extract(t.Context(), rag.File{Name: "after.html", Content: []byte("<p>still here")})
			if err != nil || after.Content != "still here" {
				t.Errorf("the next file: %q, %v", after.Content, err)
			}
		})
	}
}
