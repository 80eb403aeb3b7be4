package html_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/extract/html"
)

func TestLook(t *testing.T) {
	const page = `<!doctype html><html lang="de-AT"><head><base href="/docs/">
<title>Ein  Titel</title><link rel=canonical href="../kanon#x"><meta name=robots content="NoIndex, nofollow">
<meta name="author" content="Head Author"><meta http-equiv=refresh content="5; url='next.html'">
<link rel="alternate feed" type="application/atom+xml" title="News" href="/feed">
<script type="application/ld+json">{"@graph":[{"author":[{"name":"Data Author"}],"datePublished":"2026-01-02","dateModified":"2026-02-03"}]}</script></head>
<body><a href="a.html#part">First <b>link</b></a> <a rel="NoFollow ugc" href=//other.example/b>b</a> <a href="a.html">again</a>
<a href="mailto:x@y.example">mail</a> <a href="javascript:x()">js</a> <a href="http://[">bad</a> <area alt="Map" href="?q=1" hreflang=fr><a href=c>open`
	got, err := html.Look(t.Context(), []byte(page), "https://example.org/x/y.html?z")
	if err != nil {
		t.Fatal(err)
	}
	want := html.Page{
		Title: "Ein Titel", Byline: "Head Author", Date: "2026-01-02", Modified: "2026-02-03", Language: "de",
		Canonical: "https://example.org/kanon", Base: "https://example.org/docs/", NoIndex: true, NoFollow: true,
		Refresh: "https://example.org/docs/next.html",
		Feeds:   []html.Link{{URL: "https://example.org/feed", Text: "News", Rel: []string{"alternate", "feed"}}},
		Links: []html.Link{
			{URL: "https://example.org/docs/a.html", Text: "First link"},
			{URL: "https://other.example/b", Text: "b", Rel: []string{"nofollow", "ugc"}},
			{URL: "https://example.org/docs/?q=1", Text: "Map", Language: "fr"},
			{URL: "https://example.org/docs/c", Text: "open"},
		},
	}
	for i := range got.Links {
		if len(got.Links[i].Rel) == 0 {
			got.Links[i].Rel = nil
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if !got.Links[1].NoFollow() || got.Links[0].NoFollow() {
		t.Error("rel=nofollow is not told apart")
	}
}

func TestDirectives(t *testing.T) {
	for value, want := range map[string][2]bool{
		"":                               {},
		"all":                            {},
		"noindex":                        {true, false},
		" NOFOLLOW ,max-snippet:20":      {false, true},
		"none":                           {true, true},
		"otherbot: noindex":              {},
		"noindex, unavailable_after: 25": {true, false},
	} {
		index, follow := html.Directives(value)
		if [2]bool{index, follow} != want {
			t.Errorf("%q: got %v %v, want %v", value, index, follow, want)
		}
	}
}

func TestLookWithoutAddress(t *testing.T) {
	got, err := html.Look(t.Context(), []byte(`<a href=x>x</a><a href="https://a.example">y</a>`), "")
	if err != nil || len(got.Links) != 1 || got.Links[0].URL != "https://a.example" {
		t.Errorf("got %+v, %v", got.Links, err)
	}
}

func FuzzLook(f *testing.F) {
	f.Add([]byte(`<html lang=en><base href=//b><a href=c rel=next>d<a href="e">f</a>`), "http://a/")
	f.Add([]byte(`<script type="application/ld+json">[{"author":"x"}]</script><meta name=robots content=none>`), "")
	f.Fuzz(func(t *testing.T, page []byte, address string) {
		got, err := html.Look(t.Context(), page, address)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range append(got.Links, got.Feeds...) {
			if !strings.HasPrefix(l.URL, "http") || strings.Contains(l.URL, "#") {
				t.Errorf("link %q", l.URL)
			}
		}
	})
}
