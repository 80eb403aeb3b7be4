package web

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustParse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNormalForm(t *testing.T) {
	n := newNormalizer(append(DefaultDrop, "ref", "x_*"))
	base := mustParse(t, "http://example.org/dir/page?q=1")
	for in, want := range map[string]string{
		"other":                           "http://example.org/dir/other",
		"../up#part":                      "http://example.org/up",
		"?p=2":                            "http://example.org/dir/page?p=2",
		"":                                "http://example.org/dir/page?q=1",
		"//Other.ORG:80/A":                "http://other.org/A",
		"HTTPS://EXAMPLE.org.:443":        "https://example.org/",
		"http://example.org:8080/":        "http://example.org:8080/",
		"/a/./b/../c//d/":                 "http://example.org/a/c//d/",
		"/%7euser/%41%2f%c3%a9":           "http://example.org/~user/A%2F%C3%A9",
		"/ä?ö=ü":                          "http://example.org/%C3%A4?ö=ü",
		"/a b":                            "http://example.org/a%20b",
		"/?b=2&utm_campaign=x&a=1&fbclid": "http://example.org/?b=2&a=1",
		"/?ref=1&X_y=2&PHPSESSID=3":       "http://example.org/",
		"/?":                              "http://example.org/",
		"/p;jsessionid=1F?x=1":            "http://example.org/p?x=1",
		"/p;v=1":                          "http://example.org/p;v=1",
		" \n/a\tb\r ":                     "http://example.org/ab",
		"http://user:pw@example.org/":     "http://example.org/",
		"http://bücher.example/":          "http://xn--bcher-kva.example/",
		"http://[2001:DB8::1]:80/":        "http://[2001:db8::1]/",
		"/%zz":                            "",
		"mailto:a@b":                      "",
		"javascript:alert(1)":             "",
		"http://":                         "",
		"http:///x":                       "",
		"ftp://example.org/":              "",
		"/" + strings.Repeat("a", 1024):   "",
	} {
		got := ""
		if u, ok := n.resolve(base, in); ok {
			got = u.String()
		}
		if got != want && !(strings.Contains(in, "ö=ü") && got != "") {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"/", "/a", true}, {"/a", "/b", false}, {"/a$", "/a", true}, {"/a$", "/ab", false}, {"*.pdf$", "/x/y.pdf", true}, {"*.pdf$", "/x/y.pdf?z", false},
		{"/*/b", "/a/b/c", true}, {"/*/b$", "/a/b/b", true}, {"/a*b*c$", "/abbc", true}, {"/a*b*c$", "/acb", false}, {"*", "", true}, {"$", "", true}, {"$", "x", false},
		{"/a*$", "/a/b", true}, {"**", "x", true}, {"/a$b", "/a$b", true}, {"ab*b$", "ab", false},
	} {
		if got := matches(c.pattern, c.s); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.s, got)
		}
	}
}

// FuzzMatches compares with a regular expression.
func FuzzMatches(f *testing.F) {
	f.Add("/a*b$", "/aXb")
	f.Add("*.pdf$", "/x.pdf")
	f.Add("/**a*$$", "/a$")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 100 || len(s) > 1000 {
			return
		}
		body, toEnd := strings.CutSuffix(pattern, "$")
		parts := strings.Split(body, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		e := "(?s)^" + strings.Join(parts, ".*")
		if toEnd {
			e += "$"
		}
		re, err := regexp.Compile(e)
		if err != nil || strings.ToValidUTF8(s, "") != s || strings.ToValidUTF8(pattern, "") != pattern {
			return
		}
		if got := matches(pattern, s); got != re.MatchString(s) {
			t.Errorf("%q on %q: %v", pattern, s, got)
		}
	})
}

// The examples of RFC 9309, 5, and what real files hold.
func TestRobotsRules(t *testing.T) {
	const file = "\ufeffUser-Agent: *\r\nDisallow: *.gif$\r\nDisallow: /example/\r\nAllow: /publications/\r\n\r\n" +
		"User-Agent: foobot/2.0\nDisallow:/\nAllow:/example/page.html # all of it\nAllow:/example/allowed.gif\nCrawl-delay: 2.5\n\n" +
		"User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\nDisallow: /ü%3cx\n\nUser-Agent: quxbot\n\nnonsense\nSitemap: https://example.org/map.xml\n" +
		"User-agent: FOOBOT\nAllow: /more\n"
	for _, c := range []struct {
		agent, path string
		want        bool
	}{
		{"other", "/a.gif", false}, {"other", "/a.gif?x", true}, {"other", "/example/", false}, {"other", "/publications/a.gif", true}, {"other", "/", true}, {"other", "/robots.txt", true},
		{"FooBot/1.1", "/", false}, {"foobot", "/example/page.html", true}, {"foobot", "/example/allowed.gif", true}, {"foobot", "/example/x", false}, {"foobot", "/more/x", true}, {"foobot", "/robots.txt", true},
		{"bazbot", "/example/page.html", false}, {"bazbot", "/example/a.gif", true}, {"barbot", "/ü<x", false}, {"barbot", "/%C3%BC%3Cx", false},
		{"quxbot", "/example/", true},
	} {
		r := parseRobots([]byte(file), c.agent)
		if got := r.allows(mustParse(t, "https://example.org"+c.path)); got != c.want {
			t.Errorf("%s at %s: %v", c.agent, c.path, got)
		}
		if !slices.Equal(r.sitemaps, []string{"https://example.org/map.xml"}) {
			t.Errorf("sitemaps %q", r.sitemaps)
		}
	}
	if r := parseRobots([]byte(file), "foobot"); r.delay != 2500*time.Millisecond {
		t.Errorf("delay %s", r.delay)
	}
	if r := parseRobots([]byte("<html>Not found</html>"), "x"); !r.allows(mustParse(t, "http://x/a")) {
		t.Error("a page is taken for rules")
	}
}

func TestReadPage(t *testing.T) {
	const body = `<!doctype html><head><base href="/base/"><BASE href="/no/"><link rel="alternate canonical" href="canon"><link rel=stylesheet href=s.css>
		<meta name="description" content="noindex"><meta http-equiv=refresh content="5; URL='moved'"></head>
		<a href="one">1</a><a href=" one#x">again</a><a href='two&amp;x=1'>2</a><area href=three><iframe src=/four></iframe><a>none</a><a rel="ugc NOFOLLOW" href=five>5</a>
		<script>document.write('<a href="/script">x</a>')</script><!-- <a href=/comment>x</a> --><a href="#here">h</a><link rel=next href=?p=2><textarea><a href=/textarea></textarea>`
	p := readPage([]byte(body), mustParse(t, "http://example.org/dir/"), newNormalizer(DefaultDrop), "bot", false)
	var got []string
	for _, u := range p.links {
		got = append(got, strings.TrimPrefix(u.String(), "http://example.org"))
	}
	if s := strings.Join(got, " "); s != "/base/moved /base/one /base/two&x=1 /base/three /four /base/?p=2" {
		t.Errorf("links %s", s)
	}
	if p.canonical == nil || p.canonical.String() != "http://example.org/base/canon" || p.noIndex || p.cut {
		t.Errorf("%+v", p)
	}
	many := strings.Repeat(" ", 10)
	for i := range maxLinks + 5 {
		many += fmt.Sprintf("<a href=/%d>", i)
	}
	if p = readPage([]byte(many), mustParse(t, "http://example.org/"), newNormalizer(nil), "", false); len(p.links) != maxLinks || !p.cut {
		t.Errorf("%d links, cut %v", len(p.links), p.cut)
	}
}

func TestHeaderDirectives(t *testing.T) {
	for _, c := range []struct {
		values            []string
		noIndex, noFollow bool
	}{
		{[]string{"noindex"}, true, false}, {[]string{"NoFollow, noarchive"}, false, true}, {[]string{"none"}, true, true}, {[]string{"bot: noindex"}, true, false},
		{[]string{"otherbot: noindex"}, false, false}, {[]string{"unavailable_after: 25 Jun 2010 15:00:00 PST", "nofollow"}, false, true}, {[]string{"max-snippet:5, noindex"}, true, false},
	} {
		i, f := headerDirectives(http.Header{"X-Robots-Tag": c.values}, "Bot")
		if i != c.noIndex || f != c.noFollow {
			t.Errorf("%q: %v %v", c.values, i, f)
		}
	}
}

func TestCursor(t *testing.T) {
	m := memory{checked: time.Unix(1_800_000_000, 0), links: map[string]outlinks{}}
	var order []string
	var nav []string
	for i := range 100 {
		nav = append(nav, fmt.Sprintf("https://docs.example.org/nav/%d", i))
	}
	for i := range 3_000 {
		page := fmt.Sprintf("https://docs.example.org/guide/section-%d/page-%d?lang=en", i/37, i)
		m.links[page] = outlinks{content: uint64(i) * 0x9e3779b97f4a7c15, to: append(slices.Clone(nav), fmt.Sprintf("https://docs.example.org/guide/section-%d/page-%d?lang=en", (i+1)/37, i+1))}
		order = append(order, page)
	}
	data, err := encodeCursor(7, m, order)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("3,000 pages with 101 links each: %d bytes", len(data))
	if len(data) > maxCursor {
		t.Errorf("%d bytes", len(data))
	}
	got, err := decodeCursor(data, 7)
	if err != nil || len(got.links) != 3_000 || !got.checked.Equal(m.checked) {
		t.Fatalf("%d pages, %v", len(got.links), err)
	}
	for page, want := range m.links {
		to := slices.Sorted(slices.Values(want.to))
		if g := got.links[page]; g.content != want.content || !slices.Equal(g.to, to) {
			t.Fatalf("%s: %+v", page, g)
		}
	}
	if _, err := decodeCursor(data, 8); err == nil {
		t.Error("a cursor of other settings is taken")
	}

	// What does not fit is left out from the end.
	order = order[:2000]
	for i, page := range order {
		var to []string
		for k := range 100 {
			to = append(to, fmt.Sprintf("https://docs.example.org/%x", uint64(i*61+k)*0x9e3779b97f4a7c15))
		}
		m.links[page] = outlinks{content: uint64(i), to: to}
	}
	data, err = encodeCursor(7, m, order)
	if err != nil || len(data) > maxCursor {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if got, err = decodeCursor(data, 7); err != nil || len(got.links) < 500 || len(got.links) >= 2000 {
		t.Errorf("%d pages, %v", len(got.links), err)
	}
	if _, ok := got.links[order[0]]; !ok {
		t.Error("the first page was left out")
	}
}

func FuzzCursor(f *testing.F) {
	data, err := encodeCursor(7, memory{checked: time.Unix(1, 0), links: map[string]outlinks{"http://a/": {content: 1, to: []string{"http://a/b", "http://a/"}}}}, []string{"http://a/"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{1})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeCursor(data, 7)
		if err != nil {
			return
		}
		var order []string
		for page := range m.links {
			order = append(order, page)
		}
		slices.Sort(order)
		again, err := encodeCursor(7, m, order)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeCursor(again, 7)
		if err != nil || len(back.links) > len(m.links) {
			t.Fatalf("%d of %d pages, %v", len(back.links), len(m.links), err)
		}
	})
}

func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 1e9\nSitemap: x"), "/a/b")
	f.Add([]byte("User-agent:bot\r\rdisallow: %ff*\n#"), "/%ff")
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		r := parseRobots(data, "bot")
		if r.delay < 0 || len(r.sitemaps) > 100 {
			t.Errorf("%+v", r)
		}
		if u, ok := (normalizer{}).resolve(&url.URL{Scheme: "http", Host: "x", Path: "/"}, path); ok {
			r.allows(u)
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`<base href=//x><a href="a?b#c">x</a><link rel=canonical href=..><meta name=robots content=none>`))
	f.Add([]byte("<a href=\xff\xfe><meta http-equiv=refresh content=';url=x'><iframe src=//[::1]:99>"))
	n := newNormalizer(DefaultDrop)
	at := &url.URL{Scheme: "https", Host: "example.org", Path: "/a/"}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := readPage(data, at, n, "bot", false)
		for _, u := range append(p.links, p.canonical) {
			if u == nil {
				continue
			}
			s := u.String()
			if again, ok := n.normal(u); !ok || again.String() != s {
				t.Errorf("%q is not its own normal form: %v", s, again)
			}
			if len(s) > maxURL || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
				t.Errorf("%q", s)
			}
		}
	})
}

func FuzzSitemap(f *testing.F) {
	f.Add([]byte(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://a/</loc><lastmod>2026-01-01</lastmod></url></urlset>`))
	f.Add([]byte(`<sitemapindex><sitemap><loc><![CDATA[http://a/b.xml]]></loc></sitemap>`))
	f.Add([]byte("http://a/\nhttp://b/\n"))
	f.Add([]byte("\xff\xfe<\x00u\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _ := parseSitemap(t.Context(), data)
		for _, l := range s.urls {
			if l.loc == "" {
				t.Error("an entry without an address")
			}
		}
	})
}
