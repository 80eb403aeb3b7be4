package feed

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/source/fetch"
)

func TestTimes(t *testing.T) {
	for in, want := range map[string]string{
		"Mon, 02 Nov 2026 10:00:00 +0100": "2026-11-02T09:00:00Z", "02 Nov 26 10:00 GMT": "2026-11-02T10:00:00Z", "2026-11-02T10:00:00.5-05:00": "2026-11-02T15:00:00Z",
		"2026-11-02": "2026-11-02T00:00:00Z", "yesterday": "", "": "", "Monday, 02-Nov-26 10:00:00 GMT": "2026-11-02T10:00:00Z",
	} {
		if got := when(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}

func TestIdentities(t *testing.T) {
	const feed = "https://example.org/rss"
	for id, want := range map[string]string{
		"7": feed + "#7", "https://x/1": "https://x/1", "tag:x,2026:1": "tag:x,2026:1", "urn:isbn:1": "urn:isbn:1", "javascript:x": feed + "#javascript:x",
	} {
		if got := (entry{ID: id}).identity(feed); got != want {
			t.Errorf("%q is %q", id, got)
		}
	}
	long := entry{ID: "https://x/" + strings.Repeat("a", 5000)}.identity(feed)
	if len(long) > maxID || long == (entry{ID: "https://x/" + strings.Repeat("a", 5001)}).identity(feed) {
		t.Errorf("%q", long)
	}
	if a, b := (entry{Title: "a"}).identity(feed), (entry{Title: "b"}).identity(feed); a == b || !strings.HasPrefix(a, feed+"#") {
		t.Errorf("%q %q", a, b)
	}
}

func TestMostEntries(t *testing.T) {
	var b strings.Builder
	for range 50 {
		b.WriteString("<item><title>x</title></item>")
	}
	resp := &fetch.Response{URL: &url.URL{Scheme: "http", Host: "x"}, Header: http.Header{}, Body: []byte("<rss><channel>" + b.String() + "</channel></rss>")}
	if f, err := parse(t.Context(), resp, 20); err != nil || len(f.entries) != 20 {
		t.Errorf("%d entries, %v", len(f.entries), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<rss><channel><title>t</title><item><title>a &lt;b&gt;</title><guid>1</guid><link>/x</link><pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate><description><![CDATA[<p>]]></description></item></channel></rss>`))
	f.Add([]byte(`<feed xml:base="http://a/"><entry><id>1</id><title type="xhtml"><div>x<br/></div></title><link href="y"/><content type="html">&lt;p&gt;</content><author><name>n</name></author></entry></feed>`))
	f.Add([]byte(`<rdf:RDF><item rdf:about="x"><title>1</title></item></rdf:RDF>`))
	f.Add([]byte(`{"version":"https://jsonfeed.org/version/1","items":[{"id":1,"content_text":"x","tags":["a"]}]}`))
	f.Add([]byte("<?xml version='1.0' encoding='utf-16'?><rss>\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		resp := &fetch.Response{URL: &url.URL{Scheme: "http", Host: "x"}, Header: http.Header{}, Body: data}
		got, _ := parse(t.Context(), resp, 100)
		for _, e := range got.entries {
			if id := e.identity("http://x/feed"); id == "" || len(id) > maxID {
				t.Errorf("identity %q", id)
			}
			if strings.Contains(e.Title, "\n") {
				t.Errorf("title %q", e.Title)
			}
		}
	})
}
