package source_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/feed"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/git"
	"github.com/smartretriever/smartretriever/source/rest"
	"github.com/smartretriever/smartretriever/source/s3"
	"github.com/smartretriever/smartretriever/source/web"
)

// place is a server on loopback that is good at first. What it is then is up to the test.
type place struct {
	*httptest.Server
	bad  http.HandlerFunc // nil while it is good
	sent atomic.Int64     // bytes of answers, of the whole server
}

// kind is a source that reads over the network, and a server that it likes.
type kind struct {
	open func(url string, set fetch.Settings, deps fetch.Deps, dir string) (source.Source, error)
	good map[string]string // answers by path
	// first, unit and last are a document of the kind with as many entries as are wanted.
	first, unit, last string
	mark              string // the media type
}

func xmlKind(mark string) string { return "application/" + mark + "+xml" }

var kinds = map[string]kind{
	"page": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return web.New(web.Settings{Settings: set, URLs: []string{url + "/a.html"}}, deps)
		},
		good:  map[string]string{"/a.html": "<html><body><main>One page.</main></body></html>"},
		first: "<html><body><main>", unit: `<p><a href="/x">word</a>`, last: "</main></body></html>", mark: "text/html",
	},
	"sitemap": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return web.New(web.Settings{Settings: set, Mode: web.Sitemap, URLs: []string{url + "/map.xml"}, MaxPages: 5, Recheck: fetch.Duration(-1)}, deps)
		},
		good: map[string]string{
			"/map.xml": "<urlset><url><loc>{}/a.html</loc></url><url><loc>{}/b.html</loc></url></urlset>",
			"/a.html":  "<html><body><main>One page.</main></body></html>", "/b.html": "<html><body><main>Another page.</main></body></html>",
		},
		first: "<urlset>", unit: "<url><loc>{}/a.html</loc></url>", last: "</urlset>", mark: "application/xml",
	},
	"site": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return web.New(web.Settings{Settings: set, Mode: web.Site, URLs: []string{url + "/"}, MaxPages: 50}, deps)
		},
		good:  map[string]string{"/": `<html><body><main>Start <a href="/b">b</a></main></body></html>`, "/b": "<html><body><main>More.</main></body></html>"},
		first: "<html><body><main>", unit: `<a href="/b">b</a>`, last: "</main></body></html>", mark: "text/html",
	},
	"feed": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return feed.New(feed.Settings{Settings: set, URLs: []string{url + "/feed"}}, deps)
		},
		good:  map[string]string{"/feed": "<rss><channel><title>News</title><item><guid>urn:x:1</guid><description>One</description></item></channel></rss>"},
		first: "<rss><channel>", unit: "<item><guid>urn:x:1</guid><description>One</description></item>", last: "</channel></rss>", mark: xmlKind("rss"),
	},
	"rest": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return rest.New(rest.Settings{Settings: set, URL: url + "/api", List: "items", Fields: rest.Fields{ID: "id", Text: "text"}}, deps)
		},
		good:  map[string]string{"/api": `{"items": [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]}`},
		first: `{"items": [{"id": 1, "text": "one"}`, unit: `,{"id": 1, "text": "one"}`, last: "]}", mark: "application/json",
	},
	"s3": {
		open: func(url string, set fetch.Settings, deps fetch.Deps, _ string) (source.Source, error) {
			return s3.New(s3.Settings{Settings: set, Endpoint: url, Bucket: "docs", Anonymous: true}, deps)
		},
		good: map[string]string{
			"/docs/":     "<ListBucketResult><Contents><Key>a.md</Key><LastModified>2026-11-02T09:00:00.000Z</LastModified><ETag>1</ETag><Size>1</Size></Contents></ListBucketResult>",
			"/docs/a.md": "a",
		},
		first: "<ListBucketResult>", unit: "<Contents><Key>a.md</Key><LastModified>2026-11-02T09:00:00.000Z</LastModified><ETag>1</ETag><Size>1</Size></Contents>", last: "</ListBucketResult>", mark: "application/xml",
	},
	"git": { // has nothing good: that takes a repository, see the package's own tests
		open: func(url string, set fetch.Settings, deps fetch.Deps, dir string) (source.Source, error) {
			return git.New(git.Settings{Settings: set, URL: url + "/x.git"}, git.Deps{Deps: deps, Dir: dir})
		},
		first: "001e# service=git-upload-pack\n0000" + packet(strings.Repeat("a", 40)+" HEAD\x00ofs-delta\n"), unit: packet(strings.Repeat("a", 40) + " refs/heads/" + strings.Repeat("b", 900) + "\n"),
		last: "0000", mark: "application/x-git-upload-pack-advertisement",
	},
}

func packet(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }

func (k kind) serve(t *testing.T) *place {
	p := &place{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.bad != nil {
			p.bad(w, r)
			return
		}
		body, ok := k.good[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", k.mark)
		if strings.HasSuffix(r.URL.Path, ".html") {
			w.Header().Set("Content-Type", "text/html")
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:00:00 GMT")
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{}", "http://"+r.Host))
	}))
	t.Cleanup(p.Close)
	return p
}

// enough is more than any source reads of one server in these tests, with what lies in the
// buffers of the connections.
const enough = 300 << 20

// pour sends text until there is enough of it, or nobody reads on.
func (p *place) pour(w io.Writer, text string) {
	piece := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
	for p.sent.Load() < 2*enough {
		n, err := w.Write(piece)
		p.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// names answers for any name with the address that was said last.
type names struct{ leadTo atomic.Pointer[[4]byte] }

func (n *names) resolver() *net.Resolver {
	return fetchtest.Resolver(func(string, int) [4]byte { return *n.leadTo.Load() })
}

// TestHostileServers has every source that reads over the network read a server that turns
// hostile. The reading ends, having read a bounded amount, and nothing that was known before
// is taken to be gone.
func TestHostileServers(t *testing.T) {
	if testing.Short() {
		t.Skip("sends gigabytes")
	}
	var squeezed bytes.Buffer
	z := gzip.NewWriter(&squeezed)
	zeros := make([]byte, 1<<20)
	for range 512 {
		_, _ = z.Write(zeros)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	laughs := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">`
	for c := 'b'; c < 'z'; c++ {
		laughs += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 20))
	}
	laughs += "]>"
	type attack func(p *place, k kind, w http.ResponseWriter, r *http.Request)
	attacks := map[string]attack{
		"a body without end": func(p *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, k.first)
			p.pour(w, " ")
		},
		"ten million entries": func(p *place, k kind, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, k.first)
			p.pour(w, strings.ReplaceAll(k.unit, "{}", "http://"+r.Host))
			_, _ = io.WriteString(w, k.last)
		},
		"half a gibibyte in half a mebibyte": func(p *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			w.Header().Set("Content-Encoding", "gzip")
			n, _ := w.Write(squeezed.Bytes())
			p.sent.Add(int64(n))
		},
		"the same as a file": func(p *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/gzip")
			n, _ := w.Write(squeezed.Bytes())
			p.sent.Add(int64(n))
		},
		"entities of entities": func(_ *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, laughs+k.first+"&y;&y;&y;"+k.last)
		},
		"an entity from a file": func(_ *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>`+k.first+"&y;"+k.last)
		},
		"brackets": func(p *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, strings.Repeat("[", 1<<20))
		},
		"elements within elements": func(p *place, k kind, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", k.mark)
			_, _ = io.WriteString(w, strings.Repeat("<a>", 300_000))
		},
		"a redirect to itself": func(_ *place, _ kind, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.RequestURI(), http.StatusFound)
		},
		"redirects without end": func(p *place, _ kind, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("/x.git/info/refs?n=%d", p.sent.Add(1)), http.StatusFound)
		},
		"a redirect to a private address": func(_ *place, _ kind, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.7"+r.URL.Path, http.StatusFound)
		},
		"a redirect to a metadata address": func(_ *place, _ kind, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254"+r.URL.Path, http.StatusTemporaryRedirect)
		},
		"a redirect to a file": func(_ *place, _ kind, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		},
		"a header without end": func(p *place, _ kind, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				defer conn.Close()
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
				p.pour(conn, "a")
			}
		},
		"headers without end": func(p *place, _ kind, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				defer conn.Close()
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
				p.pour(conn, "A: b\r\n")
			}
		},
		"one 100 after the other": func(p *place, _ kind, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				defer conn.Close()
				p.pour(conn, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
			}
		},
		"a chunk of all there is": func(_ *place, k kind, w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				defer conn.Close()
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: "+k.mark+"\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"+k.first)
			}
		},
	}
	// To a site these are pages like any other, which lead nowhere, or have become something
	// that it does not take.
	pages := map[string]bool{"the same as a file": true, "entities of entities": true, "an entity from a file": true, "brackets": true, "elements within elements": true, "redirects without end": true}
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			for what, do := range attacks {
				p := k.serve(t)
				store, dir := &fetchtest.Store{}, t.TempDir()
				set := fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1, MaxBytes: 8 << 20}
				src, err := k.open(p.URL, set, fetch.Deps{}, dir)
				if err != nil {
					t.Fatal(err)
				}
				k.read(t, store, src)
				before := store.IDs()
				p.bad = func(w http.ResponseWriter, r *http.Request) { do(p, k, w, r) }
				told, err := store.Sync(t, src)
				if now := store.IDs(); !slices.Equal(now, before) && !(name == "site" && pages[what] && len(now) > 0) {
					t.Errorf("%s: there were %q, and now %q: %+v, %v", what, before, now, told, err)
				}
				if sent := p.sent.Load(); sent > enough {
					t.Errorf("%s: %d MiB were sent", what, sent>>20)
				}
				if err == nil && len(before) == 0 {
					t.Errorf("%s: no error: %+v", what, told)
				}
				p.CloseClientConnections()
			}
		})
	}
}

// A name that leads elsewhere when it is asked for again, to a place that must not be
// reached, leads nowhere.
func TestRebinding(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			p := k.serve(t)
			n := &names{}
			n.leadTo.Store(&[4]byte{127, 0, 0, 1})
			set := fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1}
			src, err := k.open(strings.Replace(p.URL, "127.0.0.1", "rebind.test", 1), set, fetch.Deps{Resolver: n.resolver()}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			store := &fetchtest.Store{}
			k.read(t, store, src)
			before := store.IDs()
			p.CloseClientConnections()
			for _, inner := range [][4]byte{{10, 0, 0, 7}, {169, 254, 169, 254}, {127, 0, 0, 2}} {
				n.leadTo.Store(&inner)
				told, err := store.Sync(t, src)
				if err == nil && len(told.Broken) > 0 {
					err = told.Errs[told.Broken[0]]
				}
				if !errors.Is(err, rag.ErrRefused) || !slices.Equal(store.IDs(), before) {
					t.Errorf("%v: %v; %q", inner, err, store.IDs())
				}
			}
		})
	}
}

// read reads a server while it is good.
func (k kind) read(t *testing.T, store *fetchtest.Store, src source.Source) {
	t.Helper()
	if k.good == nil {
		return
	}
	if told, err := store.Sync(t, src); err != nil || len(told.Put) == 0 || len(told.Broken) > 0 {
		t.Fatalf("the server is good: %+v, %v", told, err)
	}
}

// A robots.txt of any size is read as far as the protocol wants it, and the site with it.
func TestLargeRobots(t *testing.T) {
	k := kinds["site"]
	p := k.serve(t)
	p.bad = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			_, _ = io.WriteString(w, "User-agent: *\nDisallow: /b\n")
			for p.sent.Load() < 100<<20 {
				n, err := io.WriteString(w, strings.Repeat("Disallow: /no\n", 10_000))
				p.sent.Add(int64(n))
				if err != nil {
					return
				}
			}
			return
		}
		w.Header().Set("Content-Type", k.mark)
		_, _ = io.WriteString(w, k.good[r.URL.Path])
	}
	src, err := k.open(p.URL, fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1}, fetch.Deps{}, "")
	if err != nil {
		t.Fatal(err)
	}
	told, err := (&fetchtest.Store{}).Sync(t, src)
	if err != nil || !slices.Equal(told.Put, []string{p.URL + "/"}) {
		t.Errorf("%+v, %v", told, err)
	}
	if sent := p.sent.Load(); sent >= 50<<20 {
		t.Errorf("%d MiB were sent", sent>>20)
	}
}
