package feed_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/feed"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
)

// server serves bodies by path; one that begins with # is an error of that status.
type server struct {
	*httptest.Server
	bodies map[string]string
	asked  map[string]int
	unseen int
}

func serve(t *testing.T, bodies map[string]string) *server {
	s := &server{bodies: bodies, asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked[r.URL.Path]++
		body, ok := s.bodies[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
			return
		case body == "#500":
			w.WriteHeader(500)
			return
		case body == "#403":
			w.WriteHeader(403)
			return
		}
		if strings.HasSuffix(r.URL.Path, ".html") {
			w.Header().Set("Content-Type", "text/html")
		}
		const modified = "Mon, 02 Nov 2026 10:00:00 GMT"
		w.Header().Set("Last-Modified", modified)
		if r.Header.Get("If-Modified-Since") == modified && !strings.Contains(body, "changed") {
			s.unseen++
			w.WriteHeader(304)
			return
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{site}", s.URL))
	}))
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, set feed.Settings) *feed.Source {
	t.Helper()
	set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1}
	src, err := feed.New(set, fetch.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func read(t *testing.T, store *fetchtest.Store, src *feed.Source) fetchtest.Told {
	t.Helper()
	told, err := store.Sync(t, src)
	if err != nil {
		t.Fatal(err)
	}
	if told.Complete {
		t.Error("complete")
	}
	return told
}

const rss = `<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>News &amp; more</title><link>{site}/</link>
<item><title>One &lt;b&gt;bold&lt;/b&gt;</title><link>{site}/one.html</link><guid isPermaLink="false">1</guid><pubDate>Mon, 02 Nov 2026 10:00:00 +0100</pubDate>
 <dc:creator>Ann</dc:creator><category>x</category><category>y</category><description>Short</description><content:encoded><![CDATA[<p>Long &amp; rich</p>]]></content:encoded><media:title>Not this</media:title></item>
<item><title>Two</title><guid>{site}/two.html</guid><description>&lt;p&gt;Only &amp;amp; this&lt;/p&gt;</description></item>
</channel></rss>`

func TestRSS(t *testing.T) {
	s := serve(t, map[string]string{"/rss": rss})
	src := open(t, feed.Settings{URLs: []string{s.URL + "/rss"}, Metadata: map[string]string{"team": "press"}})
	var store fetchtest.Store
	told := read(t, &store, src)
	one, two := store.Docs[s.URL+"/rss#1"], store.Docs[s.URL+"/two.html"]
	if len(told.Put) != 2 || one.Title != "One bold" || !strings.Contains(one.Body, "<p>Long &amp; rich</p>") || one.Name != "entry.html" || one.MainContent {
		t.Fatalf("%v %+v", told, one)
	}
	for k, v := range map[string]string{"author": "Ann", "keywords": "x, y", "date": "2026-11-02T09:00:00Z", "feed": "News & more", "url": s.URL + "/one.html", "team": "press"} {
		if got := one.Metadata[k].Text(); got != v {
			t.Errorf("%s is %q", k, got)
		}
	}
	if one.ModifiedAt.IsZero() || two.Source != s.URL+"/two.html" || !strings.Contains(two.Body, "<p>Only &amp; this</p>") {
		t.Errorf("%+v", two)
	}

	// Nothing new: one request, no body.
	told = read(t, &store, src)
	if s.unseen != 1 || len(told.Same) != 2 || len(told.Put) != 0 {
		t.Errorf("%d 304s, %+v", s.unseen, told)
	}
	// One that could not be stored is told again although the feed is as it was.
	store.Fail(s.URL + "/two.html")
	if told = read(t, &store, src); !slices.Equal(told.Put, []string{s.URL + "/two.html"}) {
		t.Errorf("%+v", told)
	}
	// A changed entry, a new one, and one that fell out and stays.
	s.bodies["/rss"] = strings.NewReplacer("Only", "changed", `isPermaLink="false">1<`, `>{site}/three.html<`).Replace(rss)
	told = read(t, &store, src)
	if len(told.Put) != 2 || len(told.Gone) != 0 || len(store.Docs) != 3 {
		t.Errorf("%+v, %v", told, store.IDs())
	}
}

func TestForms(t *testing.T) {
	s := serve(t, map[string]string{
		"/atom": `<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{site}/base/"><title>A</title>
			<entry><id>urn:uuid:1</id><title type="html">&lt;i&gt;T&lt;/i&gt;</title><link rel="edit" href="/edit"/><link href="one.html"/><updated>2026-11-02T10:00:00Z</updated>
			<author><name>Bo</name></author><category term="k"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p class="x">a &lt; b<br/></p></div></content></entry>
			<entry><id>2</id><title>Plain</title><summary>1 &lt; 2</summary></entry></feed>`,
		"/rdf":  `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><title>R</title></channel><item rdf:about="http://x.example/1"><title>One</title><link>http://x.example/1</link><description>d</description></item></rdf:RDF>`,
		"/json": `{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":7,"title":"Seven","url":"/seven.html","content_text":"seven","date_published":"2026-11-02T10:00:00+01:00","authors":[{"name":"Cy"}],"tags":["a","b"]},{"id":"https://x/8","content_html":"<p>8</p>"}]}`,
	})
	var store fetchtest.Store
	read(t, &store, open(t, feed.Settings{URLs: []string{s.URL + "/atom", s.URL + "/rdf", s.URL + "/json"}}))
	want := []string{s.URL + "/atom#2", s.URL + "/json#7", "http://x.example/1", "https://x/8", "urn:uuid:1"}
	slices.Sort(want)
	if got := store.IDs(); !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	one := store.Docs["urn:uuid:1"]
	if one.Title != "T" || one.Source != s.URL+"/base/one.html" || !strings.Contains(one.Body, `<p class="x">a &lt; b<br></p>`) || one.Metadata["author"].Text() != "Bo" {
		t.Errorf("%+v", one)
	}
	if two := store.Docs[s.URL+"/atom#2"]; !strings.Contains(two.Body, "<p>1 &lt; 2</p>") {
		t.Errorf("%+v", two)
	}
	if seven := store.Docs[s.URL+"/json#7"]; seven.Body != "seven" || seven.Source != s.URL+"/seven.html" || seven.Metadata["date"].Text() != "2026-11-02T09:00:00Z" {
		t.Errorf("%+v", seven)
	}
}

func TestFull(t *testing.T) {
	s := serve(t, map[string]string{"/rss": rss, "/one.html": "<html>The whole page</html>", "/two.html": "#500"})
	src := open(t, feed.Settings{URLs: []string{s.URL + "/rss"}, Full: true})
	var store fetchtest.Store
	told := read(t, &store, src)
	one := store.Docs[s.URL+"/rss#1"]
	if one.Body != "<html>The whole page</html>" || !one.MainContent || one.Name != "page.html" || !slices.Equal(told.Broken, []string{s.URL + "/two.html"}) {
		t.Fatalf("%+v %+v", told, one)
	}
	// The feed is looked at again, for the sake of the broken one, and the page of
	// the other is not.
	s.bodies["/two.html"] = "#403"
	told = read(t, &store, src)
	if s.asked["/one.html"] != 1 || !slices.Equal(told.Put, []string{s.URL + "/two.html"}) || !strings.Contains(store.Docs[s.URL+"/two.html"].Body, "Only") {
		t.Errorf("%+v, %v", told, s.asked)
	}
}

func TestBrokenFeeds(t *testing.T) {
	s := serve(t, map[string]string{"/good": rss, "/html": "<html></html>", "/down": "#500", "/json": `{"a":1}`, "/empty": "", "/text": "hello", "/array": "[1]", "/wide": `{"items":[` + strings.Repeat("{},", 300_000) + `{}]}`})
	for path, kind := range map[string]error{"/html": rag.ErrInvalid, "/down": rag.ErrUnavailable, "/json": rag.ErrInvalid, "/empty": rag.ErrInvalid, "/text": rag.ErrInvalid, "/none": rag.ErrNotFound, "/array": rag.ErrInvalid, "/wide": rag.ErrExhausted} {
		var store fetchtest.Store
		if _, err := store.Sync(t, open(t, feed.Settings{URLs: []string{s.URL + path}})); !errors.Is(err, kind) {
			t.Errorf("%s alone: %v", path, err)
		}
		told := read(t, &store, open(t, feed.Settings{URLs: []string{s.URL + path, s.URL + "/good"}}))
		if !slices.Equal(told.Broken, []string{s.URL + path}) || len(told.Put) != 2 {
			t.Errorf("%s beside a good one: %+v", path, told)
		}
	}
	// The entries before the damage count, and are looked at again.
	s.bodies["/good"] = rss[:strings.Index(rss, "<title>Two")-6]
	var store fetchtest.Store
	told := read(t, &store, open(t, feed.Settings{URLs: []string{s.URL + "/good"}}))
	if !slices.Equal(told.Put, []string{s.URL + "/good#1"}) || !slices.Equal(told.Broken, []string{s.URL + "/good"}) {
		t.Errorf("%+v", told)
	}
	s.bodies["/good"] = rss
	if told = read(t, &store, open(t, feed.Settings{URLs: []string{s.URL + "/good"}})); len(store.Docs) != 2 || len(told.Broken) > 0 {
		t.Errorf("%+v", told)
	}
}

func TestValidate(t *testing.T) {
	err := feed.Settings{MaxEntries: -1, Settings: fetch.Settings{Tries: 99}}.Validate()
	for _, name := range []string{"urls", "max_entries", "tries"} {
		if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
