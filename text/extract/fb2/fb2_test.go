package fb2_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/fb2"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

func book(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0"><stylesheet type="text/css">p{}</stylesheet><description>
	<title-info><genre>prose</genre><genre>history</genre><author><first-name>Ada</first-name><last-name>Byron</last-name><email>a@b</email></author><author><nickname>bob</nickname></author>
	<book-title>The Book</book-title><annotation><p>About</p> <p>it.</p></annotation><keywords>x, y</keywords><date value="2025-01-02">then</date><coverpage><image l:href="#c"/></coverpage><lang>de</lang><translator><first-name>T</first-name></translator></title-info>
	<document-info><author><nickname>scanner</nickname></author><date>2026</date></document-info><publish-info><book-name>Other</book-name><publisher>ACME</publisher></publish-info><custom-info info-type="x">no</custom-info></description>` +
		body + `<binary id="c">` + strings.Repeat("AAAA", 1000) + `</binary></FictionBook>`
}

func extract(t testing.TB, content []byte) rag.Text {
	t.Helper()
	got, err := fb2.Extract(t.Context(), content, fb2.Options{})
	return extracttest.Checked(t, got, err)
}

const body = `<body><title><p>Ada</p><p>The Book</p></title><epigraph><p>Motto</p><text-author>Someone</text-author></epigraph>
	<section><title><p>Part</p></title><section><title><p>Chapter</p><empty-line/></title><p>First <strong>words</strong><a l:href="#n1" type="note">1</a>
	go on.</p><subtitle>* * *</subtitle><cite><p>Cited</p></cite><poem><title><p>Ode</p></title><stanza><v>one</v><v>two</v></stanza><stanza><v>three</v></stanza><text-author>Poet</text-author></poem>
	<image l:href="#c"/><table><tr><th>a</th><th colspan="2">b|c</th></tr><tr><td>1</td><td>2</td><td>3</td></tr></table><p>See <a l:href="http://x">there</a>.</p></section></section></body>
	<body name="notes"><title><p>Notes</p></title><section id="n1"><title><p>1</p></title><p>The note.</p><p>More of it.</p></section></body>`

const want = "heading 1: Ada The Book\nquote: Motto\nquote: Someone\nheading 2: Part\nheading 3: Chapter\nparagraph: First words go on.\nheading 4: * * *\nquote: Cited\n" +
	"paragraph: Ode\nparagraph: one / two\nparagraph: three\nparagraph: Poet\ntable: | a | b\\|c | b\\|c | / | --- | --- | --- | / | 1 | 2 | 3 |\nparagraph: See there.\n" +
	"heading 1: Notes\nfootnote: 1 The note.\nfootnote: More of it."

func TestBook(t *testing.T) {
	for name, content := range map[string][]byte{"bare": []byte(book(body)), "zipped": partstest.Zip(t, "The Book.fb2", book(body))} {
		got := extract(t, content)
		if extracttest.Outline(got) != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, extracttest.Outline(got), want)
		}
		meta := rag.Metadata{
			"author": rag.Str("Ada Byron, bob"), "subject": rag.Str("prose, history"), "description": rag.Str("About it."), "keywords": rag.Str("x, y"),
			"date": rag.Str("2025-01-02"), "language": rag.Str("de"), "modified": rag.Str("2026"), "publisher": rag.Str("ACME"),
		}
		if got.Title != "The Book" || got.Language != "de" || fmt.Sprint(got.Metadata) != fmt.Sprint(meta) || len(got.Warnings) > 0 {
			t.Errorf("%s: title %q, language %q, metadata %v, warnings %q", name, got.Title, got.Language, got.Metadata, got.Warnings)
		}
	}
}

func TestEncodings(t *testing.T) {
	cyrillic := strings.Replace(book("<body><section><p>PLACE</p></section></body>"), "UTF-8", "windows-1251", 1)
	if got := extract(t, []byte(strings.Replace(cyrillic, "PLACE", "\xcf\xf0\xe8\xe2\xe5\xf2", 1))); got.Content != "Привет" {
		t.Errorf("windows-1251 gives %q", got.Content)
	}
	wide := []byte{0xff, 0xfe}
	for _, r := range strings.Replace(book("<body><section><p>Привет</p></section></body>"), "UTF-8", "UTF-16", 1) {
		wide = append(wide, byte(r), byte(r>>8))
	}
	if !fb2.Is(wide) {
		t.Error("UTF-16 is not recognised")
	}
	if got := extract(t, wide); got.Content != "Привет" || got.Title != "The Book" {
		t.Errorf("UTF-16 gives %q", got.Content)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name    string
		content []byte
		limit   int
		kind    rag.Kind
	}{
		{"no XML", []byte("hello"), 0, rag.KindInvalid},
		{"other XML", []byte("<html/>"), 0, rag.KindInvalid},
		{"an archive of something else", partstest.Zip(t, "a.txt", "x"), 0, rag.KindInvalid},
		{"a broken archive", []byte("PK\x03\x04 no"), 0, rag.KindInvalid},
		{"cut off before any text", []byte(book("")[:400]), 0, rag.KindInvalid},
		{"over the limit", []byte(book("<body><section>" + strings.Repeat("<p>words</p>", 1000) + "</section></body>")), 1000, rag.KindExhausted},
		{"over the limit in a table", []byte(book("<body><table><tr>" + strings.Repeat("<td>words</td>", 1000) + "</tr></table></body>")), 1000, rag.KindExhausted},
		{"sections in sections", []byte(book("<body>" + strings.Repeat("<section>", 5000))), 0, rag.KindExhausted},
		{"a bomb", partstest.Zip(t, "a.fb2", book("<body><p>"+strings.Repeat(" ", 40<<20)+"</p></body>")), 0, rag.KindExhausted},
	}
	for _, test := range tests {
		_, err := fb2.Extract(t.Context(), test.content, fb2.Options{Limit: test.limit})
		if rag.KindOf(err) != test.kind {
			t.Errorf("%s: %v (%s)", test.name, err, rag.KindOf(err))
		}
	}
	cut := book("<body><section><title><p>Part</p></title><p>First.</p><p>Second and")
	cut = cut[:strings.Index(cut, "<binary")]
	if got := extract(t, []byte(cut)); !strings.HasSuffix(got.Content, "Second and") || len(got.Warnings) != 1 {
		t.Errorf("cut off: %q with warnings %q", got.Content, got.Warnings)
	}
	if got := extract(t, []byte(book("<body><section>"+strings.Repeat("<cite>", 400)+"<p>x</p>"))); got.Content != "x" {
		t.Errorf("deep citations: %q", got.Content)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fb2.Extract(ctx, []byte(book(strings.Repeat("<body/>", 5000))), fb2.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestDocument reads the real book that there is.
func TestDocument(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "documents", "other", "fb2", "tika-test.fb2"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	got := extract(t, content)
	if got.Title != "Война и мир" || got.Language != "ru" || !strings.Contains(got.Content, "Рыба (1.IV.в.A.0.q)") || len(got.Warnings) > 0 {
		t.Errorf("title %q, language %q, warnings %q", got.Title, got.Language, got.Warnings)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(book(body))
	f.Add(`<FictionBook><body name="notes"><section><title><p>1</p></title><p>x<a type="note">y</a></p><table><tr><td rowspan="3" colspan="-1">z`)
	f.Fuzz(func(t *testing.T, content string) {
		got, err := fb2.Extract(t.Context(), []byte(content), fb2.Options{Limit: 1 << 20})
		extracttest.Survived(t, got, err)
	})
}
