package web_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/web"
)

// site is a server of pages that counts what it is asked for.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	pages  map[string]resource // by path and query
	asked  map[string]int
	fresh  int // answers with a body of status 200
	unseen int // 304s
}

type resource struct {
	body   string
	status int // 0 is 200
	header map[string]string
	bare   bool // without validators
}

func newSite(t *testing.T, pages map[string]resource) *site {
	s := &site{pages: pages, asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.URL.RequestURI()
	s.asked[key]++
	p, ok := s.pages[key]
	if !ok {
		http.NotFound(w, r)
		return
	}
	for k, v := range p.header {
		w.Header().Set(k, strings.ReplaceAll(v, "{site}", s.URL))
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	body := strings.ReplaceAll(p.body, "{site}", s.URL)
	etag := `"` + strconv.Itoa(len(body)) + "-" + strconv.Itoa(int(sum(body))) + `"`
	if !p.bare && p.status == 0 {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			s.unseen++
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if p.status != 0 {
		w.WriteHeader(p.status)
	} else if key != "/robots.txt" {
		s.fresh++
	}
	_, _ = io.WriteString(w, body)
}

func sum(s string) (n uint32) {
	for i := range len(s) {
		n = n*31 + uint32(s[i])
	}
	return n
}

// reset forgets what was counted.
func (s *site) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.fresh, s.unseen = map[string]int{}, 0, 0
}

func page(title string, links ...string) resource {
	b := "<html><head><title>" + title + "</title></head><body><p>About " + title + "</p>"
	for _, l := range links {
		b += `<a href="` + l + `">x</a>`
	}
	return resource{body: b + "</body></html>"}
}

func loopback() fetch.Settings {
	return fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1}
}

func open(t *testing.T, set web.Settings, deps fetch.Deps) *web.Source {
	t.Helper()
	if set.Settings.RequestsPerSecond == 0 {
		set.Settings = loopback()
	}
	src, err := web.New(set, deps)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func sync1(t *testing.T, store *fetchtest.Store, src *web.Source) fetchtest.Told {
	t.Helper()
	told, err := store.Sync(t, src)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// paths are IDs without the server's address, sorted.
func (s *site) paths(ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strings.TrimPrefix(id, s.URL)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s; want %s", what, got, want)
	}
}

func TestSite(t *testing.T) {
	s := newSite(t, map[string]resource{
		"/":          page("Home", "/a", "b/", "/a#top", "/a?utm_source=x&fbclid=1", "mailto:x@y", "javascript:void(0)", "http://elsewhere.example/", "/doc.pdf", "/logo.png"),
		"/a":         page("A", "/deep", "../b/./"),
		"/b/":        page("B", "c"),
		"/b/c":       page("C", "/"),
		"/deep":      page("Deep"),
		"/doc.pdf":   {body: "%PDF-1.4 x", header: map[string]string{"Content-Type": "application/pdf"}},
		"/logo.png":  {body: "png", header: map[string]string{"Content-Type": "image/png"}},
		"/unlinked":  page("Unlinked"),
		"/style.css": {body: "", header: map[string]string{"Content-Type": "text/css"}},
	})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, Metadata: map[string]string{"team": "docs"}, ACL: []string{"staff"}}, fetch.Deps{})

	told := sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/ /a /b/ /b/c /deep /doc.pdf")
	if !told.Complete || s.asked["/logo.png"] != 0 {
		t.Errorf("complete %v, logo asked for %d times", told.Complete, s.asked["/logo.png"])
	}
	a, pdf := store.Docs[s.URL+"/a"], store.Docs[s.URL+"/doc.pdf"]
	if a.Name != "a.html" || !a.MainContent || a.Source != s.URL+"/a" || a.Metadata["url"].Text() != s.URL+"/a" || a.Metadata["team"].Text() != "docs" || len(a.ACL) != 1 || !strings.Contains(a.Body, "About A") {
		t.Errorf("page: %+v", a)
	}
	if pdf.Name != "doc.pdf" || pdf.MainContent || pdf.Body != "%PDF-1.4 x" {
		t.Errorf("document: %+v", pdf)
	}

	// Nothing has changed: each page is a 304, and no link is lost.
	s.reset()
	told = sync1(t, &store, src)
	if s.fresh != 0 || s.unseen != 6 || !told.Complete {
		t.Errorf("%d bodies, %d 304s, complete %v", s.fresh, s.unseen, told.Complete)
	}
	check(t, "same", s.paths(told.Same), "/ /a /b/ /b/c /deep /doc.pdf")

	// A page changes, another goes, a third is not linked any more.
	s.reset()
	s.pages["/a"] = page("A again", "/new")
	s.pages["/new"] = page("New")
	delete(s.pages, "/b/c")
	told = sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/a /new")
	check(t, "same", s.paths(told.Same), "/ /b/ /doc.pdf")
	check(t, "gone", s.paths(told.Gone), "/b/c")
	check(t, "stored", s.paths(store.IDs()), "/ /a /b/ /doc.pdf /new")
	if s.fresh != 2 {
		t.Errorf("%d bodies", s.fresh)
	}

	// Another title for every item: other settings make other items.
	src = open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, Metadata: map[string]string{"team": "web"}}, fetch.Deps{})
	told = sync1(t, &store, src)
	check(t, "put under other settings", s.paths(told.Put), "/ /a /b/ /doc.pdf /new")
}

func TestPagesThatCannotBeStoredAreReadAgain(t *testing.T) {
	s := newSite(t, map[string]resource{"/": page("Home", "/a"), "/a": page("A")})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	sync1(t, &store, src)
	store.Fail(s.URL + "/a")
	check(t, "put", s.paths(sync1(t, &store, src).Put), "/a")
}

func TestPagesWithoutValidators(t *testing.T) {
	home := page("Home", "/a")
	home.bare = true
	s := newSite(t, map[string]resource{"/": home, "/a": page("A")})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	sync1(t, &store, src)
	s.reset()
	told := sync1(t, &store, src)
	check(t, "same", s.paths(told.Same), "/ /a")
	if s.fresh != 1 || s.unseen != 1 {
		t.Errorf("%d bodies, %d 304s", s.fresh, s.unseen)
	}
}

func TestBrokenPages(t *testing.T) {
	s := newSite(t, map[string]resource{"/": page("Home", "/a", "/private", "/b"), "/a": page("A", "/behind"), "/behind": page("Behind"), "/b": page("B"), "/private": {status: 403}})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	told := sync1(t, &store, src)
	check(t, "broken", s.paths(told.Broken), "/private")
	if !told.Complete || !errors.Is(told.Errs[s.URL+"/private"], rag.ErrUnauthorized) {
		t.Errorf("a page that is refused for good leaves the crawl incomplete, or %v", told.Errs)
	}

	// A page that fails now keeps what it led to; where it is not known what it led
	// to, nothing is gone.
	s.pages["/a"] = resource{status: 500}
	delete(s.pages, "/b")
	told = sync1(t, &store, src)
	check(t, "broken", s.paths(told.Broken), "/a /private")
	check(t, "gone", s.paths(told.Gone), "/b")
	check(t, "stored", s.paths(store.IDs()), "/ /a /behind")
	if !told.Complete {
		t.Error("known links of a broken page leave the crawl incomplete")
	}
	s.pages["/"] = page("Home", "/a", "/never")
	s.pages["/never"] = resource{status: 500}
	if told = sync1(t, &store, src); told.Complete {
		t.Error("a page that was never read leaves the crawl complete")
	}

	// A site that is down, or whose start is gone, is not an empty one.
	for _, status := range []int{500, 404, 403} {
		s.pages["/"] = resource{status: status}
		if told, err := store.Sync(t, src); told.Complete || err == nil && s.paths(told.Broken) != "/ /a /never" {
			t.Errorf("start of status %d: %v %v", status, told.Broken, err)
		}
		check(t, "stored", s.paths(store.IDs()), "/ /a /behind")
		var empty fetchtest.Store
		if _, err := empty.Sync(t, src); fetch.Status(err) != status {
			t.Errorf("start of status %d: %v", status, err)
		}
	}
}

func TestRobots(t *testing.T) {
	s := newSite(t, map[string]resource{
		"/robots.txt": {body: "User-agent: *\nDisallow: /no/\nAllow: /no/but/\nSitemap: {site}/map.xml\nSitemap: http://elsewhere.example/map.xml\n\nUser-agent: other\nDisallow: /\n"},
		"/map.xml":    {body: `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>{site}/listed</loc></url></urlset>`},
		"/":           {body: `<a href="/no/a">x</a><a href="/no/but/b">x</a><a rel="external nofollow" href="/paid">x</a><a href="/hidden">x</a><a href="/dead">x</a><a href="/tagged">x</a>`},
		"/no/a":       page("No"), "/no/but/b": page("But"), "/paid": page("Paid"), "/listed": page("Listed"),
		"/hidden":  {body: `<meta name="ROBOTS" content="NoIndex"><a href="/behind">x</a>`},
		"/behind":  page("Behind"),
		"/dead":    {body: `<meta name=robots content="noindex, nofollow"><a href="/behind2">x</a>`},
		"/tagged":  {body: `<a href="/behind3">x</a>`, header: map[string]string{"X-Robots-Tag": "none"}},
		"/behind2": page("2"), "/behind3": page("3"),
	})
	var store fetchtest.Store
	told := sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{}))
	check(t, "put", s.paths(told.Put), "/ /behind /listed /no/but/b")
	if s.asked["/no/a"]+s.asked["/paid"]+s.asked["/behind2"]+s.asked["/behind3"] > 0 || s.asked["/robots.txt"] != 1 {
		t.Errorf("asked for %v", s.asked)
	}
	store = fetchtest.Store{}
	told = sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, IgnoreRobots: true}, fetch.Deps{}))
	check(t, "put without robots", s.paths(told.Put), "/ /behind /behind2 /behind3 /dead /hidden /no/a /no/but/b /paid /tagged")

	// What is forbidden now is no part of the site any more.
	store = fetchtest.Store{}
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	sync1(t, &store, src)
	s.pages["/robots.txt"] = resource{body: "User-agent: SmartRetriever\nDisallow: /behind\nDisallow: /hidden\n"}
	sync1(t, &store, src)
	check(t, "stored", s.paths(store.IDs()), "/ /no/a /no/but/b")

	// A robots.txt that cannot be had forbids everything, and deletes nothing.
	s.pages["/robots.txt"] = resource{status: 503}
	if _, err := store.Sync(t, src); !errors.Is(err, rag.ErrUnavailable) {
		t.Error(err)
	}
	s.pages["/robots.txt"] = resource{body: "User-agent: *\nDisallow: /"}
	if _, err := store.Sync(t, src); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	check(t, "stored", s.paths(store.IDs()), "/ /no/a /no/but/b")
}

func TestCanonical(t *testing.T) {
	canonical := func(to string, links ...string) resource {
		r := page("Copy", links...)
		r.body = `<link rel=canonical href="` + to + `">` + r.body
		return r
	}
	s := newSite(t, map[string]resource{
		"/":         page("Home", "/print", "/print2", "/p?sort=1", "/self", "/lost1", "/lost2", "/abroad"),
		"/print":    canonical("/article"),
		"/print2":   canonical("/article", "/from-copy"),
		"/p?sort=1": canonical("{site}/p"), "/p": page("P"),
		"/article": page("Article"), "/self": canonical("/self"), "/from-copy": page("From copy"),
		"/lost1": canonical("/missing"), "/lost2": canonical("/missing"), "/abroad": canonical("http://elsewhere.example/x"),
	})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	told := sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/ /abroad /article /from-copy /lost1 /p /self")
	told = sync1(t, &store, src)
	check(t, "same", s.paths(told.Same), "/ /abroad /article /from-copy /lost1 /p /self")
	if len(told.Put)+len(told.Gone)+len(told.Broken) > 0 || !told.Complete {
		t.Errorf("%+v", told)
	}
	// The original appears: the copy goes.
	s.pages["/missing"] = page("Found")
	sync1(t, &store, src)
	check(t, "stored", s.paths(store.IDs()), "/ /abroad /article /from-copy /missing /p /self")

	store = fetchtest.Store{}
	told = sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, IgnoreCanonical: true}, fetch.Deps{}))
	check(t, "put", s.paths(told.Put), "/ /abroad /from-copy /lost1 /lost2 /p?sort=1 /print /print2 /self")
}

func TestRedirectsWithinASite(t *testing.T) {
	to := func(where string) resource {
		return resource{status: 301, header: map[string]string{"Location": where}}
	}
	s := newSite(t, map[string]resource{
		"/": to("/en/"), "/en/": page("Home", "/old", "/out", "/loop1", "/private", "/self"), "/old": to("/new"), "/new": page("New"),
		"/out": to("http://elsewhere.example/"), "/loop1": to("/loop2"), "/loop2": to("/loop1"), "/private": to("http://169.254.169.254/latest/"), "/self": to("/self"),
	})
	var store fetchtest.Store
	src := open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}}, fetch.Deps{})
	told := sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/en/ /new")
	s.reset()
	if told = sync1(t, &store, src); s.fresh != 0 || !told.Complete {
		t.Errorf("%d bodies, %+v", s.fresh, told)
	}
	s.pages["/"] = to("http://elsewhere.example/login")
	if _, err := store.Sync(t, src); !errors.Is(err, rag.ErrRefused) || !strings.Contains(err.Error(), "hosts") {
		t.Error(err)
	}
}

func TestChoosingPages(t *testing.T) {
	s := newSite(t, map[string]resource{
		"/": page("Home", "/docs/", "/blog/"), "/docs/": page("Docs", "/docs/a", "/docs/a.pdf", "/docs/old/x", "/blog/"), "/docs/a": page("A"), "/blog/": page("Blog"),
		"/docs/a.pdf": {body: "%PDF-", header: map[string]string{"Content-Type": "application/pdf"}},
	})
	var store fetchtest.Store
	told := sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, Include: []string{"/docs/"}, Exclude: []string{"*.pdf$", "*/old/"}}, fetch.Deps{}))
	check(t, "put", s.paths(told.Put), "/docs/ /docs/a")
	if s.asked["/blog/"]+s.asked["/docs/old/x"] > 0 {
		t.Errorf("asked for %v", s.asked)
	}
}

// A calendar has a next month for ever, and each page of a trap a new address.
func TestInfiniteSites(t *testing.T) {
	var asked atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		w.Header().Set("Content-Type", "text/html")
		for i := range 50 {
			fmt.Fprintf(w, `<a href="%s/%d?t=%d">next</a>`, strings.TrimSuffix(r.URL.Path, "/"), i, n)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(h))
	t.Cleanup(s.Close)
	var store fetchtest.Store
	told := sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, MaxPages: 300, IgnoreRobots: true}, fetch.Deps{}))
	if told.Complete || len(told.Put) != 300 || asked.Load() != 300 {
		t.Errorf("complete %v, %d items, %d requests", told.Complete, len(told.Put), asked.Load())
	}
	store = fetchtest.Store{}
	told = sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{s.URL}, MaxDepth: 1, IgnoreRobots: true}, fetch.Deps{}))
	if !told.Complete || len(told.Put) != 51 {
		t.Errorf("complete %v, %d items", told.Complete, len(told.Put))
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, map[string]resource{
		"/a?utm_source=kept": page("A", "/b"), "/b": page("B"), "/moved": {status: 302, header: map[string]string{"Location": "/b"}},
		"/latin": {body: "caf\xe9", header: map[string]string{"Content-Type": "text/html; charset=iso-8859-1"}, bare: true},
		"/file":  {body: "%PDF-1.4", header: map[string]string{"Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="../../etc/Plan 7.pdf"`}},
	})
	set := web.Settings{URLs: []string{s.URL + "/a?utm_source=kept", s.URL + "/moved", s.URL + "/latin", s.URL + "/file", s.URL + "/gone", "http://10.0.0.1/", s.URL + "/a?utm_source=kept#again"}, WholePage: true}
	var store fetchtest.Store
	src := open(t, set, fetch.Deps{})
	told := sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/a?utm_source=kept /file /latin /moved")
	check(t, "broken", s.paths(told.Broken), "/gone http://10.0.0.1/")
	if !errors.Is(told.Errs["http://10.0.0.1/"], rag.ErrRefused) || !told.Complete {
		t.Errorf("%v", told.Errs)
	}
	if d := store.Docs[s.URL+"/latin"]; d.Body != "\ufeffcafé" || d.MainContent {
		t.Errorf("%q", d.Body)
	}
	if d := store.Docs[s.URL+"/file"]; d.Name != "Plan 7.pdf" {
		t.Errorf("%q", d.Name)
	}
	if d := store.Docs[s.URL+"/moved"]; d.Source != s.URL+"/b" {
		t.Errorf("%q", d.Source)
	}
	delete(s.pages, "/b")
	s.pages["/file"] = resource{status: 410}
	told = sync1(t, &store, src)
	check(t, "gone", s.paths(told.Gone), "/file /moved")
	check(t, "same", s.paths(told.Same), "/a?utm_source=kept /latin")
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

func TestSitemap(t *testing.T) {
	xml := map[string]string{"Content-Type": "application/xml"}
	list := `<urlset><url><loc>{site}/a</loc><lastmod>2026-01-01</lastmod></url><url><loc> {site}/b?x=1&amp;y=2 </loc></url><url><loc>http://elsewhere.example/</loc></url></urlset>`
	s := newSite(t, map[string]resource{
		"/map.xml":   {body: `<?xml version="1.0"?><sitemapindex><sitemap><loc>{site}/one.xml</loc></sitemap><sitemap><loc>{site}/two.xml.gz</loc></sitemap><sitemap><loc>/map.xml</loc></sitemap></sitemapindex>`, header: xml},
		"/one.xml":   {body: list, header: xml},
		"/a":         page("A", "/not-listed"),
		"/b?x=1&y=2": page("B"), "/c": page("C"), "/not-listed": page("N"),
	})
	s.pages["/two.xml.gz"] = resource{body: gzipped(`<urlset><url><loc>` + s.URL + `/c</loc><lastmod>2026-01-01T10:00:00Z</lastmod></url></urlset>`), header: map[string]string{"Content-Type": "application/gzip"}}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	src := open(t, web.Settings{Mode: web.Sitemap, URLs: []string{s.URL + "/map.xml"}}, fetch.Deps{Now: func() time.Time { return now }})
	var store fetchtest.Store
	told := sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/a /b?x=1&y=2 /c")
	if !told.Complete {
		t.Error("not complete")
	}

	// What has the same date is not asked for, until it is time to look.
	s.reset()
	now = now.Add(time.Hour)
	told = sync1(t, &store, src)
	check(t, "same", s.paths(told.Same), "/a /b?x=1&y=2 /c")
	if s.asked["/a"]+s.asked["/c"] != 0 || s.asked["/b?x=1&y=2"] != 1 {
		t.Errorf("asked for %v", s.asked)
	}
	s.reset()
	now = now.Add(8 * 24 * time.Hour)
	sync1(t, &store, src)
	if s.asked["/a"] != 1 || s.fresh-3 != 0 || s.unseen != 3 {
		t.Errorf("asked for %v, %d bodies, %d 304s", s.asked, s.fresh, s.unseen)
	}

	// Another date, and one page less.
	s.reset()
	s.pages["/one.xml"] = resource{body: strings.ReplaceAll(list, "2026-01-01", "2026-01-02"), header: xml}
	s.pages["/a"] = page("A2")
	s.pages["/two.xml.gz"] = resource{body: "<urlset></urlset>", header: xml}
	told = sync1(t, &store, src)
	check(t, "put", s.paths(told.Put), "/a")
	check(t, "stored", s.paths(store.IDs()), "/a /b?x=1&y=2")

	// A part that fails takes nothing away, and is told of until it is back.
	s.pages["/two.xml.gz"] = resource{status: 500}
	told = sync1(t, &store, src)
	check(t, "broken", s.paths(told.Broken), "/two.xml.gz")
	if told.Complete {
		t.Error("complete without a part")
	}
	s.pages["/map.xml"] = resource{status: 500}
	if _, err := store.Sync(t, src); fetch.Status(err) != 500 {
		t.Error(err)
	}
	s.pages["/map.xml"] = resource{body: "<urlset/>"}
	if _, err := store.Sync(t, src); !errors.Is(err, rag.ErrInvalid) {
		t.Error(err)
	}
}

func TestMalformedSitemaps(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "html": "<html><body>login</body></html>", "text": "hello", "cut": "<urlset><url><loc>http", "binary": "\x00\x01\x02",
		"bomb": gzipped(strings.Repeat(" ", 60<<20)), "deep": strings.Repeat("<a>", 5000), "damaged gzip": "\x1f\x8b\x08zzzz",
		"entities": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><urlset><url><loc>http://&b;/</loc></url></urlset>`,
	} {
		s := newSite(t, map[string]resource{"/map.xml": {body: body, header: map[string]string{"Content-Type": "application/xml"}}})
		var store fetchtest.Store
		if _, err := store.Sync(t, open(t, web.Settings{Mode: web.Sitemap, URLs: []string{s.URL + "/map.xml"}}, fetch.Deps{})); !errors.Is(err, rag.ErrInvalid) && !errors.Is(err, rag.ErrExhausted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What stands before the damage counts.
	s := newSite(t, map[string]resource{"/a": page("A")})
	s.pages["/map.xml"] = resource{body: "<urlset><url><loc>" + s.URL + "/a</loc></url><url><loc>" + s.URL + "/b</l"}
	var store fetchtest.Store
	told := sync1(t, &store, open(t, web.Settings{Mode: web.Sitemap, URLs: []string{s.URL + "/map.xml"}}, fetch.Deps{}))
	check(t, "put", s.paths(told.Put), "/a")
	if told.Complete {
		t.Error("complete")
	}
}

// tripper serves a site without a network, so that time can be a fake.
type tripper func(*http.Request) (int, string)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestCrawlDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := tripper(func(r *http.Request) (int, string) {
			switch r.URL.Path {
			case "/robots.txt":
				return 200, "User-agent: *\nCrawl-delay: 7"
			case "/":
				return 200, `<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>`
			}
			return 200, "x"
		})
		begun := time.Now()
		var store fetchtest.Store
		sync1(t, &store, open(t, web.Settings{Mode: web.Site, URLs: []string{"http://example.org"}}, fetch.Deps{Transport: rt}))
		if took := time.Since(begun); took < 21*time.Second || took > 30*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A server that is down for a while is left alone, and the rest is read afterwards.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		var back time.Time
		rt := tripper(func(r *http.Request) (int, string) {
			if r.URL.Path == "/robots.txt" {
				return 404, ""
			}
			asked++
			if r.URL.Path == "/" {
				b := ""
				for i := range 40 {
					b += fmt.Sprintf("<a href=/%d>x</a>", i)
				}
				return 200, b
			}
			if asked == 10 {
				back = time.Now().Add(20 * time.Second)
			}
			if time.Now().Before(back) {
				return 0, ""
			}
			return 200, "page " + r.URL.Path
		})
		var store fetchtest.Store
		src := open(t, web.Settings{Mode: web.Site, URLs: []string{"http://example.org"}}, fetch.Deps{Transport: rt})
		told := sync1(t, &store, src)
		if len(told.Put)+len(told.Broken) != 41 || len(told.Broken) < 5 || len(told.Broken) > 7 || told.Complete {
			t.Errorf("%d put, %d broken, complete %v", len(told.Put), len(told.Broken), told.Complete)
		}
		told = sync1(t, &store, src)
		if len(told.Broken) != 0 || len(store.Docs) != 41 || !told.Complete {
			t.Errorf("afterwards: %d broken, %d stored", len(told.Broken), len(store.Docs))
		}
	})
}

func TestValidate(t *testing.T) {
	err := web.Settings{
		Settings: fetch.Settings{Tries: -1}, Mode: "spider", URLs: []string{"ftp://x", "http://u:hunter2@x/"}, Hosts: []string{"http://x"},
		Include: []string{""}, MaxPages: -1, Metadata: map[string]string{"": "x"},
	}.Validate()
	if !errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
		t.Fatal(err)
	}
	for _, name := range []string{"tries", "mode", "urls: ftp", "auth", "hosts", "include", "max_pages", "metadata"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
