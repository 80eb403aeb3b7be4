package odf_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/odf"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

func nested(open, inner, shut string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

// TestHostile reads what only someone who means harm writes: each ends in little text
// or in an error that names the limit.
func TestHostile(t *testing.T) {
	const row, cell, p = "table:table-row", "table:table-cell", "text:p"
	filled := `<` + cell + ` table:number-columns-repeated="1000000"><` + p + `>x</` + p + `></` + cell + `>`
	sheet := func(rows string) []byte {
		return partstest.Sorted(t, map[string]string{"content.xml": content("", "spreadsheet", `<table:table table:name="S">`+rows+`</table:table>`)})
	}
	var diagonal strings.Builder
	for i := range 20_000 {
		diagonal.WriteString(`<table:table-row><table:table-cell table:number-columns-repeated="` + strings.Repeat("9", 1+i%6) + `"/><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>`)
	}
	tests := []struct {
		name    string
		content []byte
		most    int      // bytes of text
		kind    rag.Kind // "" for none
	}{
		{"a million filled cells by repetition", sheet(`<table:table-row table:number-rows-repeated="1048576">` + filled + `</table:table-row>`), 8 << 20, ""},
		{"empty rows and columns", sheet(strings.Repeat(`<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="2147483647"/></table:table-row>`, 1000)), 0, ""},
		{"cells in far columns", sheet(diagonal.String()), 2 << 20, ""},
		{"merged cells everywhere", sheet(strings.Repeat(`<table:table-row><table:table-cell table:number-columns-spanned="1000000" table:number-rows-spanned="1000000"><text:p>merged</text:p></table:table-cell><table:covered-table-cell table:number-columns-repeated="1000000"/></table:table-row>`, 2000)), 8 << 20, ""},
		{"repeated cells in a text", text(t, "", `<table:table><table:table-row table:number-rows-repeated="1000000">`+filled+filled+`</table:table-row></table:table>`), 8 << 20, ""},
		{"tables in tables", text(t, "", nested(`<table:table><table:table-row><table:table-cell>`, `<text:p>x</text:p>`, `</table:table-cell></table:table-row></table:table>`, 150)), 1000, ""},
		{"elements in elements", text(t, "", nested(`<text:section>`, `<text:p>x</text:p>`, `</text:section>`, 5000)), 0, rag.KindExhausted},
		{"lists in lists", text(t, numbered, nested(`<text:list text:style-name="N"><text:list-item>`, `<text:p>x</text:p>`, `</text:list-item></text:list>`, 200)), 1000, ""},
		{"boxes in boxes", text(t, "", nested(`<text:p><draw:frame><draw:text-box>`, `<text:p>x</text:p>`, `</draw:text-box></draw:frame></text:p>`, 100)), 0, rag.KindExhausted},
		{"notes in notes", text(t, "", nested(`<text:p>y<text:note><text:note-body>`, `<text:p>x</text:p>`, `</text:note-body></text:note></text:p>`, 100)), 0, rag.KindExhausted},
		{"spaces", text(t, "", `<text:p>a`+strings.Repeat(`<text:s text:c="2000000000"/>`, 1000)+`b</text:p>`), 10, ""},
		{"an object that holds itself", partstest.Sorted(t, map[string]string{"content.xml": content("", "text", `<text:p>a</text:p><draw:frame><draw:object xlink:href="."/></draw:frame>`)}), 100, ""},
		{"a style that inherits from itself", text(t, `<style:style style:name="A" style:family="paragraph" style:parent-style-name="A"/>`, `<text:p text:style-name="A">x</text:p>`), 1, ""},
		{"a bomb", text(t, "", strings.Repeat(" ", 40<<20)), 0, rag.KindExhausted},
		{"a deep formula", text(t, "", `<math:math>`+nested(`<m:mfrac>`, `<m:mi>x</m:mi>`, `</m:mfrac>`, 400)+`</math:math>`), 2000, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := odf.Extract(t.Context(), test.content, odf.Options{Limit: 64 << 20})
			if rag.KindOf(err) != test.kind {
				t.Fatalf("%v (%s)", err, rag.KindOf(err))
			}
			extracttest.Check(t, got)
			if len(got.Content) > test.most {
				t.Errorf("%d bytes of text", len(got.Content))
			}
		})
	}
}

// FuzzContent reads any markup as the content of a container, and as a flat file.
func FuzzContent(f *testing.F) {
	f.Add(content(numbered, "text", `<text:h text:outline-level="1">A</text:h><text:list text:style-name="N"><text:list-item><text:p>x<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n</text:p></text:note-body></text:note></text:p></text:list-item></text:list>`))
	f.Add(content("", "spreadsheet", `<table:table table:name="S"><table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-spanned="2" table:number-rows-spanned="2"><text:p>x</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table>`))
	f.Add(content("", "presentation", `<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>T</text:p></draw:text-box></draw:frame><presentation:notes><text:p>n</text:p></presentation:notes></draw:page>`))
	f.Add(`<office:document xmlns="opendocument"><office:master-styles><style:header><text:p>h<text:page-number>1</text:page-number></text:p></style:header></office:master-styles><office:body><math:math><m:mfrac><m:mi>a</m:mi><m:mn>2</m:mn></m:mfrac></math:math></office:body></office:document>`)
	f.Fuzz(func(t *testing.T, markup string) {
		for _, file := range [][]byte{partstest.Sorted(t, map[string]string{"content.xml": markup, "styles.xml": markup}), []byte(markup)} {
			got, err := odf.Extract(t.Context(), file, odf.Options{Limit: 1 << 20})
			extracttest.Survived(t, got, err)
		}
	})
}

var large = regexp.MustCompile(`[0-9]{4,}`)

// FuzzManifest opens a container whose manifest is anything.
func FuzzManifest(f *testing.F) {
	f.Add(manifest("content.xml", `<manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="AAAA"><manifest:algorithm manifest:algorithm-name="Blowfish CFB" manifest:initialisation-vector="AAAAAAAAAAA="/><manifest:key-derivation manifest:key-derivation-name="PBKDF2" manifest:iteration-count="2" manifest:salt="AAAA"/></manifest:encryption-data>`), []byte("0123456789abcdef"))
	f.Add(manifest("content.xml", `<manifest:encryption-data><manifest:algorithm manifest:algorithm-name="x#aes256-cbc" manifest:initialisation-vector="AAAAAAAAAAAAAAAAAAAAAA=="/><manifest:key-derivation manifest:key-derivation-name="PBKDF2" manifest:key-size="32" manifest:iteration-count="2" manifest:salt="AAAA"/></manifest:encryption-data>`), []byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, markup string, sealed []byte) {
		if large.MatchString(markup) {
			return // many rounds are allowed, and slow
		}
		file := partstest.Sorted(t, map[string]string{"META-INF/manifest.xml": markup, "content.xml": string(sealed), "encrypted-package": string(sealed)})
		if got, err := odf.Extract(t.Context(), file, odf.Options{Limit: 1 << 20, Password: "x"}); err == nil {
			extracttest.Check(t, got)
		}
	})
}
