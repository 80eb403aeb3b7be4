package web

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxLinks bounds the links of a page that are looked at.
const maxLinks = 10_000

// page is what a crawler reads in an HTML page: where it leads, and what it says
// about being read by machines.
type page struct {
	links     []*url.URL // in normal form, each once, in order
	cut       bool       // there were more than maxLinks
	canonical *url.URL   // nil if there is none
	noIndex   bool
}

// readPage reads the tokens of a page. Any input is a page. product is the name
// under which a page may speak to this robot; free leaves out what pages ask of robots.
func readPage(content []byte, at *url.URL, n normalizer, product string, free bool) page {
	r := pageReader{base: at, at: at, n: n, product: strings.ToLower(product), free: free, seen: map[string]bool{}}
	z := html.NewTokenizer(bytes.NewReader(content))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if r.noFollow {
				r.links = nil
			}
			return r.page
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := atom.Lookup(name)
			switch tag {
			case atom.A, atom.Area, atom.Frame, atom.Iframe, atom.Link, atom.Base, atom.Meta:
				r.tag(tag, attributes(z, more))
			}
		}
	}
}

// attributes reads those of the current tag; the first of a name counts.
func attributes(z *html.Tokenizer, more bool) map[string]string {
	attr := map[string]string{}
	for more {
		var k, v []byte
		k, v, more = z.TagAttr()
		if _, twice := attr[string(k)]; !twice && len(attr) < 64 {
			attr[string(k)] = string(v)
		}
	}
	return attr
}

type pageReader struct {
	page
	base, at *url.URL
	based    bool
	n        normalizer
	product  string
	free     bool
	noFollow bool
	seen     map[string]bool
}

func (r *pageReader) tag(tag atom.Atom, attr map[string]string) {
	switch tag {
	case atom.Base:
		if href, ok := attr["href"]; ok && !r.based {
			r.based = true
			if b, err := r.at.Parse(strings.TrimSpace(href)); err == nil && b.Host != "" {
				r.base = b
			}
		}
	case atom.A, atom.Area:
		if href, ok := attr["href"]; ok && (r.free || !hasWord(attr["rel"], "nofollow")) {
			r.link(href)
		}
	case atom.Frame, atom.Iframe:
		if src := attr["src"]; src != "" {
			r.link(src)
		}
	case atom.Link:
		switch href := attr["href"]; {
		case href == "":
		case hasWord(attr["rel"], "canonical"):
			if u, ok := r.n.resolve(r.base, href); ok && r.canonical == nil {
				r.canonical = u
			}
		case hasWord(attr["rel"], "next"), hasWord(attr["rel"], "prev"):
			r.link(href)
		}
	case atom.Meta:
		r.meta(attr)
	}
}

func (r *pageReader) meta(attr map[string]string) {
	name := strings.ToLower(attr["name"])
	if r.free {
		name = ""
	}
	if name == "robots" || name == r.product && name != "" {
		noIndex, noFollow := directives(attr["content"])
		r.noIndex, r.noFollow = r.noIndex || noIndex, r.noFollow || noFollow
	}
	if strings.EqualFold(attr["http-equiv"], "refresh") {
		_, to, ok := strings.Cut(attr["content"], ";")
		if key, value, is := strings.Cut(to, "="); ok && is && strings.EqualFold(strings.TrimSpace(key), "url") {
			r.link(strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
}

func (r *pageReader) link(href string) {
	if strings.HasPrefix(strings.TrimSpace(href), "#") {
		return
	}
	u, ok := r.n.resolve(r.base, href)
	if !ok || r.seen[u.String()] {
		return
	}
	if len(r.links) >= maxLinks {
		r.cut = true
		return
	}
	r.seen[u.String()] = true
	r.links = append(r.links, u)
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// directives reads the content of a robots meta element.
func directives(content string) (noIndex, noFollow bool) {
	for w := range strings.SplitSeq(strings.ToLower(content), ",") {
		switch strings.TrimSpace(w) {
		case "noindex":
			noIndex = true
		case "nofollow":
			noFollow = true
		case "none":
			noIndex, noFollow = true, true
		}
	}
	return noIndex, noFollow
}

// headerDirectives reads X-Robots-Tag, whose values may begin with the name of the
// crawler that they are for.
func headerDirectives(h http.Header, product string) (noIndex, noFollow bool) {
	for _, v := range h.Values("X-Robots-Tag") {
		if name, rest, ok := strings.Cut(v, ":"); ok && !strings.ContainsAny(name, ",") {
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, product):
				v = rest
			case strings.EqualFold(name, "unavailable_after"), strings.HasPrefix(strings.ToLower(name), "max-"):
			default:
				continue
			}
		}
		i, f := directives(v)
		noIndex, noFollow = noIndex || i, noFollow || f
	}
	return noIndex, noFollow
}

// isHTML reports whether an answer is a page: by its type, or where there is none
// by its beginning.
func isHTML(h http.Header, body []byte) bool {
	switch mediaType(h) {
	case "text/html", "application/xhtml+xml":
		return true
	case "":
		return strings.HasPrefix(http.DetectContentType(body), "text/html")
	}
	return false
}

func mediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
		t = strings.TrimSpace(t)
	}
	return t
}
