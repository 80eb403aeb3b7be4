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
)

// repeat yields s n times without holding it.
func repeat(s string, n int) io.Reader {
	return io.LimitReader(&cycle{s: strings.Repeat(s, max(1, 4096/len(s)))}, int64(len(s))*int64(n))
}

type cycle struct {
	s  string
	at int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.s[c.at:])
	c.at = (c.at + n) % len(c.s)
	return n, nil
}

// packed builds a DOCX whose body is what r holds.
func packed(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	body := io.MultiReader(strings.NewReader(`<w:document xmlns:w="w"><w:body>`), r, strings.NewReader(`</w:body></w:document>`))
	if _, err := io.Copy(w, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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
