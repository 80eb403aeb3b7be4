package html_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

const sentence = "The committee met on Thursday, discussed the report at length, and decided, after some debate, to publish it. "

func page(body string) []byte {
	return []byte(`<html lang=en><head><title>Report | Site</title><meta name=author content="A. Writer"></head><body>
<nav><ul><li><a href=/>Home</a><li><a href=/about>About us</a></ul></nav>` + body + `<footer><p>Imprint, terms, cookies</footer></body></html>`)
}

func TestMainContent(t *testing.T) {
	article := "<article><h2>First part</h2><p>" + strings.Repeat(sentence, 4) + "<p>" + strings.Repeat(sentence, 4) +
		"<ul><li>one thing, said here<li>another thing, said there</ul><table><tr><th>a<th>b<tr><td>1<td>2</table><p>" + strings.Repeat(sentence, 4) + "</article>"
	text, err := html.Extract(t.Context(), page(article), html.Options{Main: true})
	if err != nil {
		t.Fatal(err)
	}
	extracttest.Check(t, text)
	for _, gone := range []string{"About us", "Imprint"} {
		if strings.Contains(text.Content, gone) {
			t.Errorf("%q was kept", gone)
		}
	}
	kinds := map[rag.BlockKind]int{}
	for _, b := range text.Blocks {
		kinds[b.Kind]++
	}
	if kinds[rag.Heading] != 1 || kinds[rag.Paragraph] != 3 || kinds[rag.ListItem] != 2 || kinds[rag.Table] != 1 {
		t.Errorf("blocks %v in\n%s", kinds, text.Content)
	}
	if text.Title == "" || text.Language != "en" || text.Metadata["author"].Text() != "A. Writer" {
		t.Errorf("title %q, language %q, metadata %v", text.Title, text.Language, text.Metadata)
	}
}

func TestMainFallsBackToTheWholePage(t *testing.T) {
	for name, content := range map[string][]byte{
		"no article":   page("<div><a href=1>One</a> <a href=2>Two</a></div>"),
		"deep nesting": page(strings.Repeat("<div>", 2000) + "<p>" + sentence),
		"too large":    page(strings.Repeat("<p>"+sentence, 50_000)),
		"too costly":   page(strings.Repeat("<div>", 400) + strings.Repeat("<p>"+sentence, 10_000)),
		"empty":        nil,
	} {
		whole, err := html.Extract(t.Context(), content, html.Options{})
		if err != nil {
			t.Fatal(err)
		}
		main, err := html.Extract(t.Context(), content, html.Options{Main: true})
		if err != nil {
			t.Fatal(err)
		}
		extracttest.Check(t, main)
		if main.Content != whole.Content {
			t.Errorf("%s: %d bytes are not the whole page of %d", name, len(main.Content), len(whole.Content))
		}
	}
}

func TestMainLimit(t *testing.T) {
	if _, err := html.Extract(t.Context(), page("<p>"+sentence), html.Options{Main: true, Limit: 20}); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte("<p>one<p>two<table><tr><td>a<td>b</table>"))
	f.Add(page("<article><p>" + strings.Repeat(sentence, 6) + "</article>"))
	f.Add([]byte("<ul><li><ol start=5><li>x<pre>\n y</pre><blockquote>z"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, main := range []bool{false, true} {
			text, err := html.Extract(t.Context(), content, html.Options{Main: main})
			if err != nil {
				t.Fatal(err)
			}
			extracttest.Check(t, text)
		}
	})
}
