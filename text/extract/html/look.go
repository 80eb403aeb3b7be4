package html

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// Limits on what Look keeps.
const (
	maxLinks    = 20_000
	maxAddress  = 2048 // bytes of an address; longer ones are left out
	maxLinkText = 256  // bytes
	maxLinked   = 1 << 20
)

// Page is what a web page says of itself and of its neighbours, for programs that
// follow links. Texts are one clean line each, "" where the page says nothing;
// addresses are absolute, http or https, without a fragment.
type Page struct {
	Title       string
	Byline      string // who wrote it
	Date        string // when it was published, as the page writes it
	Modified    string // when it was last changed, as the page writes it
	Description string
	Language    string // ISO 639-1
	Canonical   string // the address under which the page wants to be known
	Base        string // what relative links are relative to, after <base>
	NoIndex     bool   // it asks not to be kept (meta robots)
	NoFollow    bool   // it asks that its links are not followed
	Refresh     string // where it sends its reader on to (meta refresh)
	Feeds       []Link // RSS, Atom and JSON feeds that it names
	Links       []Link // of a and area, in order, each address once
}

// Link is a reference to another page.
type Link struct {
	URL      string
	Text     string
	Rel      []string // lower case: nofollow, next, alternate, ...
	Language string   // hreflang, as written
}

// NoFollow reports whether the page asks that this link is not followed: it is
// marked nofollow, ugc or sponsored.
func (l Link) NoFollow() bool {
	return slices.ContainsFunc(l.Rel, func(r string) bool { return r == "nofollow" || r == "ugc" || r == "sponsored" })
}

// Look reads what a page in any encoding says of itself. address is where it was
// found, to resolve its links against; links that stay relative are left out. Any
// input is a page: the only error is that of ctx.
func Look(ctx context.Context, content []byte, address string) (Page, error) {
	source, _ := charset.Decode(content, declared(content))
	base, err := url.Parse(address)
	if err != nil {
		base = &url.URL{}
	}
	l := &looker{base: base, walker: walker{b: &clean.Builder{}}, seen: map[string]bool{}}
	l.page.Base = base.String()
	z := html.NewTokenizer(strings.NewReader(source))
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return Page{}, ctx.Err()
		}
		switch z.Next() {
		case html.ErrorToken:
			return l.done(), nil
		case html.TextToken:
			l.text(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			l.start(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			l.end(atom.Lookup(name))
		}
	}
}

// looker collects a Page. What the head says is gathered as for Extract.
type looker struct {
	walker
	page   Page
	base   *url.URL
	based  bool
	seen   map[string]bool
	data   bool // within a script that holds JSON-LD
	linked *Link
	label  strings.Builder // text of linked
}

func (l *looker) text(s []byte) {
	switch {
	case l.inTitle:
		l.walker.text(s)
	case l.data:
		l.data = false
		l.linkedData(s)
	case l.linked != nil && l.label.Len() < 4*maxLinkText:
		l.label.Write(s)
	}
}

func (l *looker) end(a atom.Atom) {
	switch a {
	case atom.Title:
		l.inTitle = false
	case atom.Script:
		l.data = false
	case atom.A:
		l.closeLink()
	}
}

func (l *looker) closeLink() {
	if l.linked == nil {
		return
	}
	l.linked.Text = clean.Cut(clean.Line(l.label.String()), maxLinkText)
	l.label.Reset()
	l.linked = nil
}

func (l *looker) start(z *html.Tokenizer) {
	name, more := z.TagName()
	a := atom.Lookup(name)
	switch a {
	case atom.Html, atom.Base, atom.Meta, atom.Link, atom.A, atom.Area, atom.Script, atom.Title:
	default:
		return
	}
	attr := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, twice := attr[string(key)]; !twice && len(value) <= 4096 && len(attr) < 64 {
			attr[string(key)] = string(value)
		}
	}
	switch a {
	case atom.Html:
		if l.language == "" {
			l.language = primary(attr["lang"])
		}
	case atom.Base:
		if at, ok := l.resolve(attr["href"]); ok && !l.based {
			l.based = true
			l.base, _ = url.Parse(at) // resolve has parsed it
			l.page.Base = at
		}
	case atom.Meta:
		l.meta(attr)
		l.instruct(attr)
	case atom.Title:
		l.inTitle = !l.titled
		l.titled = true
	case atom.Script:
		l.data = strings.EqualFold(strings.TrimSpace(attr["type"]), "application/ld+json")
	case atom.Link:
		l.relation(attr)
	case atom.A, atom.Area:
		l.closeLink()
		l.follow(attr)
	}
}

// resolve makes an address absolute; ok is false for one that cannot be fetched.
func (l *looker) resolve(ref string) (address string, ok bool) {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > maxAddress {
		return "", false
	}
	u, err := l.base.Parse(ref)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", false
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), true
}

// follow keeps a link of the page's body.
func (l *looker) follow(attr map[string]string) {
	address, ok := l.resolve(attr["href"])
	if !ok || l.seen[address] || len(l.page.Links) >= maxLinks {
		return
	}
	l.seen[address] = true
	l.page.Links = append(l.page.Links, Link{URL: address, Rel: words(attr["rel"]), Language: clean.Line(attr["hreflang"]), Text: clean.Cut(clean.Line(attr["alt"]), maxLinkText)})
	if attr["alt"] == "" {
		l.linked = &l.page.Links[len(l.page.Links)-1]
	}
}

// relation keeps what a link element of the head says.
func (l *looker) relation(attr map[string]string) {
	rel := words(attr["rel"])
	address, ok := l.resolve(attr["href"])
	switch {
	case !ok:
	case slices.Contains(rel, "canonical"):
		if l.page.Canonical == "" {
			l.page.Canonical = address
		}
	case slices.Contains(rel, "alternate"):
		switch strings.ToLower(attr["type"]) {
		case "application/rss+xml", "application/atom+xml", "application/feed+json":
			if len(l.page.Feeds) < 100 {
				l.page.Feeds = append(l.page.Feeds, Link{URL: address, Text: clean.Cut(clean.Line(attr["title"]), maxLinkText), Rel: rel})
			}
		}
	}
}

// instruct takes what a meta element asks of crawlers and browsers.
func (l *looker) instruct(attr map[string]string) {
	if strings.EqualFold(attr["name"], "robots") {
		index, follow := Directives(attr["content"])
		l.page.NoIndex = l.page.NoIndex || index
		l.page.NoFollow = l.page.NoFollow || follow
	}
	if strings.EqualFold(attr["http-equiv"], "refresh") && l.page.Refresh == "" {
		_, to, found := strings.Cut(attr["content"], "=")
		if found {
			l.page.Refresh, _ = l.resolve(strings.Trim(strings.TrimSpace(to), `'"`)) // "" where it leads nowhere
		}
	}
	if strings.EqualFold(attr["property"], "article:modified_time") && l.page.Modified == "" {
		l.page.Modified = clean.Cut(clean.Line(attr["content"]), maxLinkText)
	}
}

// Directives reads the value of a robots meta element or of one X-Robots-Tag
// header: whether the page asks not to be kept, and that its links are not
// followed. A value for a named crawler ("otherbot: noindex") is for that one and
// counts as nothing.
func Directives(value string) (noIndex, noFollow bool) {
	if name, _, is := strings.Cut(value, ":"); is && !strings.ContainsAny(name, ", ") {
		return false, false
	}
	for d := range strings.SplitSeq(strings.ToLower(value), ",") {
		switch strings.TrimSpace(d) {
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

// linkedData takes author and dates from JSON-LD (schema.org), if the head has
// none.
func (l *looker) linkedData(s []byte) {
	var top any
	if len(s) > maxLinked || json.Unmarshal(s, &top) != nil {
		return
	}
	nodes, _ := top.([]any)
	if node, is := top.(map[string]any); is {
		nodes = []any{node}
		if graph, is := node["@graph"].([]any); is {
			nodes = append(nodes, graph...)
		}
	}
	first := func(at *string, value any) {
		if s, is := value.(string); is && *at == "" {
			*at = clean.Cut(clean.Line(s), maxLinkText)
		}
	}
	for _, n := range nodes[:min(len(nodes), 100)] {
		node, _ := n.(map[string]any)
		first(&l.page.Date, node["datePublished"])
		first(&l.page.Modified, node["dateModified"])
		author := node["author"]
		if several, is := author.([]any); is && len(several) > 0 {
			author = several[0]
		}
		if person, is := author.(map[string]any); is {
			author = person["name"]
		}
		first(&l.page.Byline, author)
	}
}

// done completes the page with what the head said, which comes before JSON-LD.
func (l *looker) done() Page {
	l.closeLink()
	p := l.page
	p.Title = clean.Line(l.title)
	p.Language = l.language
	for key, at := range map[string]*string{"author": &p.Byline, "date": &p.Date, "description": &p.Description} {
		if v := l.metadata[key]; v.Kind() == rag.StringValue {
			*at = clean.Cut(v.Text(), 2000)
		}
	}
	return p
}

func words(s string) []string { return strings.Fields(strings.ToLower(s)) }
