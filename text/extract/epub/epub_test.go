package epub_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/epub"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

const (
	containerXML = `<container><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`
	metadata     = `<metadata><dc:title>The Book</dc:title><dc:title>Second title</dc:title><dc:creator>Ada</dc:creator><dc:creator>Bob</dc:creator><dc:language>de-AT</dc:language>
		<dc:date>2025-05-01</dc:date><dc:publisher>ACME</dc:publisher><dc:subject>x</dc:subject><dc:subject>y</dc:subject><dc:description>&lt;p&gt;About &lt;b&gt;it&lt;/b&gt;.&lt;/p&gt;</dc:description><meta property="dcterms:modified">2026-01-02T00:00:00Z</meta></metadata>`
)

// book returns the parts of a book with three chapters.
func book() map[string]string {
	page := func(body string) string {
		return `<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head><body>` + body + `</body></html>`
	}
	return map[string]string{
		"META-INF/container.xml": containerXML,
		"OEBPS/book.opf": `<package>` + metadata + `<manifest>
			<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
			<item id="c1" href="text/one%20.xhtml" media-type="application/xhtml+xml"/><item id="c2" href="text/two.xhtml" media-type="application/xhtml+xml"/>
			<item id="c3" href="text/three.xhtml" media-type="application/xhtml+xml"/><item id="img" href="cover.svg" media-type="image/svg+xml"/></manifest>
			<spine><itemref idref="img"/><itemref idref="nav"/><itemref idref="c2"/><itemref idref="c1"/><itemref idref="c3"/><itemref idref="c1"/><itemref idref="none"/></spine></package>`,
		"OEBPS/nav.xhtml": page(`<nav epub:type="toc"><ol><li><a href="text/two.xhtml">Two</a></li><li><span>Part</span><ol><li><a href="text/one%20.xhtml#a">One</a></li><li><a href="text/one%20.xhtml#b">One b</a></li></ol></li><li><a href="text/three.xhtml">Three</a></li></ol></nav>
			<nav epub:type="page-list"><ol><li><a href="text/three.xhtml#p1">1</a></li></ol></nav>`),
		"OEBPS/text/one .xhtml": page(`<p>First words.</p><a id="x"/><p>More.</p>`),
		"OEBPS/text/two.xhtml": page(`<h2>Its own heading</h2><p>Text of two.</p><table><tr><th>a</th><th>b|c</th></tr><tr><td>1</td><td>2</td></tr></table><pre>x
   y</pre>`),
		"OEBPS/text/three.xhtml": page(`<p class="title">THREE</p><p>Text of three.</p><table><tr><th>only</th><th>header</th></tr></table>`),
		"OEBPS/cover.svg":        `<svg><text>Cover</text></svg>`,
	}
}

func extract(t testing.TB, content []byte) rag.Text {
	t.Helper()
	got, err := epub.Extract(t.Context(), content, epub.Options{})
	return extracttest.Checked(t, got, err)
}

const chapters = "heading 2: Its own heading\nparagraph: Text of two.\ntable: | a | b\\|c | / | --- | --- | / | 1 | 2 |\ncode: x /    y\n" +
	"heading 2: One\nparagraph: First words.\nparagraph: More.\n" +
	"heading 1: THREE\nparagraph: Text of three.\ntable: | only | header | / | --- | --- |"

func TestBook(t *testing.T) {
	got := extract(t, partstest.Sorted(t, book()))
	if extracttest.Outline(got) != chapters {
		t.Errorf("got\n%s\nwant\n%s", extracttest.Outline(got), chapters)
	}
	want := rag.Metadata{
		"author": rag.Str("Ada, Bob"), "language": rag.Str("de-AT"), "date": rag.Str("2025-05-01"), "publisher": rag.Str("ACME"),
		"subject": rag.Str("x, y"), "description": rag.Str("About it."), "modified": rag.Str("2026-01-02T00:00:00Z"),
	}
	if got.Title != "The Book" || got.Language != "de" || fmt.Sprint(got.Metadata) != fmt.Sprint(want) || len(got.Warnings) > 0 {
		t.Errorf("title %q, language %q, metadata %v, warnings %q", got.Title, got.Language, got.Metadata, got.Warnings)
	}
	for _, k := range got.Blocks {
		if k.Kind == rag.Table && !strings.HasSuffix(strings.TrimSpace(got.Content[k.Span.Start:k.HeaderEnd]), "--- |") {
			t.Errorf("a table's header is %q", got.Content[k.Span.Start:k.HeaderEnd])
		}
	}
}

func TestVersion2(t *testing.T) {
	parts := book()
	delete(parts, "OEBPS/nav.xhtml")
	parts["OEBPS/book.opf"] = strings.NewReplacer(`<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>`, `<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>`, `<spine>`, `<spine toc="ncx">`).Replace(parts["OEBPS/book.opf"])
	parts["OEBPS/toc.ncx"] = `<ncx><docTitle><text>The Book</text></docTitle><navMap><navPoint><navLabel><text>Two</text></navLabel><content src="text/two.xhtml"/>
		<navPoint><navLabel><text>One</text></navLabel><content src="text/one%20.xhtml#a"/></navPoint></navPoint><navPoint><navLabel><text>Three</text></navLabel><content src="text/three.xhtml"/></navPoint></navMap></ncx>`
	if got := extracttest.Outline(extract(t, partstest.Sorted(t, parts))); got != chapters {
		t.Errorf("got\n%s\nwant\n%s", got, chapters)
	}
}

func TestOldEncoding(t *testing.T) {
	parts := book()
	parts["OEBPS/text/one .xhtml"] = "<?xml version='1.0' encoding='windows-1251'?><html><body><p>\xcf\xf0\xe8\xe2\xe5\xf2</p></body></html>"
	if got := extract(t, partstest.Sorted(t, parts)); !strings.Contains(got.Content, "Привет") {
		t.Errorf("got %q", got.Content)
	}
}

func encryption(algorithm, part string) string {
	return `<encryption><enc:EncryptedData><enc:EncryptionMethod Algorithm="` + algorithm + `"/><ds:KeyInfo><enc:EncryptedKey><enc:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/></enc:EncryptedKey></ds:KeyInfo>
		<enc:CipherData><enc:CipherReference URI="` + part + `"/></enc:CipherData></enc:EncryptedData></encryption>`
}

func TestDRM(t *testing.T) {
	tests := []struct {
		algorithm, part string
		kind            rag.Kind
	}{
		{"http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/text/two.xhtml", rag.KindUnauthorized},
		{"http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/cover.jpg", ""},
		{"http://www.idpf.org/2008/embedding", "OEBPS/font.otf", ""},
		{"http://ns.adobe.com/pdf/enc#RC", "OEBPS/font.otf", ""},
	}
	for _, test := range tests {
		parts := book()
		parts["META-INF/encryption.xml"] = encryption(test.algorithm, test.part)
		_, err := epub.Extract(t.Context(), partstest.Sorted(t, parts), epub.Options{})
		if rag.KindOf(err) != test.kind || err != nil && !strings.Contains(err.Error(), "DRM") {
			t.Errorf("%s of %s: %v (%s)", test.algorithm, test.part, err, rag.KindOf(err))
		}
	}
}

func TestFaults(t *testing.T) {
	without := func(names ...string) []byte {
		parts := book()
		for _, name := range names {
			delete(parts, name)
		}
		return partstest.Sorted(t, parts)
	}
	with := func(name, content string) []byte {
		parts := book()
		parts[name] = content
		return partstest.Sorted(t, parts)
	}
	tests := []struct {
		name    string
		content []byte
		limit   int
		kind    rag.Kind
		says    string // in the text or in a warning
	}{
		{"no container", []byte("PK\x03\x04 no"), 0, rag.KindInvalid, ""},
		{"no book", without("OEBPS/book.opf"), 0, rag.KindInvalid, ""},
		{"the container does not say where the book is", without("META-INF/container.xml"), 0, "", "First words."},
		{"an empty package document", with("OEBPS/book.opf", "<package/>"), 0, rag.KindInvalid, ""},
		{"no reading order", with("OEBPS/book.opf", `<package><manifest><item id="a" href="x.css"/></manifest></package>`), 0, "", "First words."},
		{"a chapter is missing", without("OEBPS/text/two.xhtml"), 0, "", "First words."},
		{"no navigation", without("OEBPS/nav.xhtml"), 0, "", "First words."},
		{"broken navigation", with("OEBPS/nav.xhtml", `<html><nav><ol><li><a href="text/one%20.xhtml">The one</a>`), 0, "", "The one"},
		{"over the limit", with("OEBPS/text/one .xhtml", strings.Repeat("<p>words</p>", 1000)), 1000, rag.KindExhausted, ""},
		{"a chapter of 40 MB", with("OEBPS/text/one .xhtml", strings.Repeat("<p>words words words</p> ", 40<<20/25)), 0, rag.KindExhausted, ""},
		{"deep navigation", with("OEBPS/nav.xhtml", strings.Repeat("<ol>", 2000)), 0, rag.KindExhausted, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := epub.Extract(t.Context(), test.content, epub.Options{Limit: test.limit})
			if rag.KindOf(err) != test.kind {
				t.Fatalf("%v (%s)", err, rag.KindOf(err))
			}
			extracttest.Check(t, got)
			if !strings.Contains(got.Content, test.says) {
				t.Errorf("%q is not in %q", test.says, got.Content)
			}
		})
	}
	if got := extract(t, without("OEBPS/text/two.xhtml")); len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "two.xhtml is missing") {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := epub.Extract(ctx, partstest.Sorted(t, book()), epub.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents", "other", "epub")

// TestDocuments reads the real books.
func TestDocuments(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(documents, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	phrases := map[string]string{"tika-testEPUB.epub": "Subchapter 2.1", "unstructured-eng_spa_mult.epub": "Todos los seres humanos nacen libres e iguales"}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := extract(t, content); !strings.Contains(got.Content, phrases[filepath.Base(file)]) || got.Title == "" {
			t.Errorf("%s: title %q, text %q", filepath.Base(file), got.Title, got.Content)
		}
	}
}

func FuzzExtract(f *testing.F) {
	parts := book()
	f.Add(parts["OEBPS/book.opf"], parts["OEBPS/nav.xhtml"], parts["OEBPS/text/two.xhtml"], encryption("x", "y"))
	f.Add(`<package><manifest><item id="a" href="../x.html" media-type="text/html"/></manifest><spine toc="a"><itemref idref="a"/></spine></package>`, `<ncx><navPoint><navLabel>x</navLabel><content src="text/two.xhtml"/></navPoint></ncx>`, `<p>x<br/>y<div/>`, "")
	f.Fuzz(func(t *testing.T, opf, nav, page, encrypted string) {
		parts := book()
		parts["OEBPS/book.opf"], parts["OEBPS/nav.xhtml"], parts["OEBPS/text/two.xhtml"], parts["META-INF/encryption.xml"] = opf, nav, page, encrypted
		got, err := epub.Extract(t.Context(), partstest.Sorted(t, parts), epub.Options{Limit: 1 << 20})
		extracttest.Survived(t, got, err, rag.KindInvalid, rag.KindExhausted, rag.KindUnauthorized)
	})
}
