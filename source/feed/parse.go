package feed

import (
	"bytes"
	"context"
	"encoding/xml"
	"html"
	"mime"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/xmlstream"
	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	maxContent = 4 << 20  // bytes of one entry's content
	maxField   = 64 << 10 // bytes of its title, names, addresses
	maxTags    = 100
)

// feed is what a feed holds, whatever its form.
type feed struct {
	title   string
	entries []entry
}

// entry is one entry. Times are in RFC 3339, "" if they are not known.
type entry struct {
	ID, Title, Link    string
	HTML, Text         string // one of both
	Author             string
	Published, Updated string
	Tags               []string

	summary string // HTML, for want of a content
}

// parse reads a feed of any form, its latest entries up to a number. If the feed is
// damaged it returns the entries before that, and an error of KindInvalid.
func parse(ctx context.Context, resp *fetch.Response, most int) (feed, error) {
	_, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	body := bytes.TrimLeft(resp.Body, "\ufeff \t\r\n")
	if bytes.HasPrefix(body, []byte("{")) {
		return parseJSON(body, resp.URL, most)
	}
	return parseXML(ctx, resp.Body, params["charset"], resp.URL, most)
}

// xmlFeed reads RSS and Atom.
type xmlFeed struct {
	*xmlstream.Reader
	feed
	base *url.URL
	most int
}

func parseXML(ctx context.Context, body []byte, charset string, base *url.URL, most int) (feed, error) {
	x := &xmlFeed{Reader: xmlstream.New(ctx, body, charset), base: base, most: most}
	root, err := x.Root()
	if err != nil {
		return feed{}, err
	}
	switch strings.ToLower(root.Name.Local) {
	case "rss", "rdf":
		err = x.Children(x.rss)
	case "feed":
		x.rebase(root)
		err = x.Children(x.atom)
	default:
		return feed{}, rag.Errorf(rag.KindInvalid, "it is no feed: its outermost element is %.40q", root.Name.Local)
	}
	return x.feed, err
}

// rss reads the children of rss, rdf:RDF (whose items stand beside the channel) and
// channel.
func (x *xmlFeed) rss(e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "channel":
		return x.Children(x.rss)
	case "item":
		if len(x.entries) >= x.most {
			return x.Skip()
		}
		item := entry{}
		item.ID = attr(e, "about")
		err := x.Children(func(e xml.StartElement) error { return x.rssItem(&item, e) })
		x.add(item)
		return err
	case "title":
		if e.Name.Space == "" || strings.HasPrefix(e.Name.Space, "http://purl.org/rss/") {
			return x.field(&x.title)
		}
	}
	return x.Skip()
}

func (x *xmlFeed) rssItem(item *entry, e xml.StartElement) error {
	space := e.Name.Space
	own := space == "" || strings.Contains(space, "/rss/") || strings.Contains(space, "rssboard") || strings.Contains(space, "netscape")
	switch name := strings.ToLower(e.Name.Local); {
	case name == "encoded": // content:encoded
		return x.content(&item.HTML)
	case name == "creator" && !own: // dc:creator
		return x.field(&item.Author)
	case name == "date" && !own: // dc:date
		return x.time(&item.Published)
	case name == "updated" && !own: // atom:updated
		return x.time(&item.Updated)
	case !own:
	case name == "title":
		return x.field(&item.Title)
	case name == "link":
		return x.link(&item.Link)
	case name == "guid":
		permanent := !strings.EqualFold(attr(e, "isPermaLink"), "false")
		err := x.field(&item.ID)
		if item.Link == "" && permanent && strings.HasPrefix(item.ID, "http") {
			item.Link = x.resolve(item.ID)
		}
		return err
	case name == "description":
		return x.content(&item.summary)
	case name == "author":
		if item.Author == "" {
			return x.field(&item.Author)
		}
	case name == "pubdate":
		return x.time(&item.Published)
	case name == "category":
		return x.tag(item)
	}
	return x.Skip()
}

// atom reads the children of feed.
func (x *xmlFeed) atom(e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "entry":
		if len(x.entries) >= x.most {
			return x.Skip()
		}
		var item entry
		outer := x.base
		x.rebase(e)
		err := x.Children(func(e xml.StartElement) error { return x.atomEntry(&item, e) })
		x.base = outer
		x.add(item)
		return err
	case "title":
		return x.field(&x.title)
	}
	return x.Skip()
}

func (x *xmlFeed) atomEntry(item *entry, e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "id":
		return x.field(&item.ID)
	case "title":
		s, err := x.construct(e, maxField)
		item.Title = text(s)
		return err
	case "link":
		if rel := attr(e, "rel"); (rel == "" || rel == "alternate") && item.Link == "" {
			item.Link = x.resolve(attr(e, "href"))
		}
	case "content":
		t := attr(e, "type")
		if attr(e, "src") != "" || strings.Contains(t, "/") && !strings.HasPrefix(t, "text/") && !strings.HasSuffix(t, "xhtml+xml") {
			break // elsewhere, or no text
		}
		s, err := x.construct(e, maxContent)
		item.HTML = s
		return err
	case "summary":
		s, err := x.construct(e, maxContent)
		item.summary = s
		return err
	case "published", "issued":
		return x.time(&item.Published)
	case "updated", "modified":
		return x.time(&item.Updated)
	case "author":
		return x.Children(func(e xml.StartElement) error {
			if strings.EqualFold(e.Name.Local, "name") && item.Author == "" {
				return x.field(&item.Author)
			}
			return x.Skip()
		})
	case "category":
		if t := clean.Line(attr(e, "term")); t != "" && len(item.Tags) < maxTags {
			item.Tags = append(item.Tags, t)
		}
	}
	return x.Skip()
}

// construct reads a text construct of Atom (RFC 4287, 3.1) as HTML.
func (x *xmlFeed) construct(e xml.StartElement, limit int) (string, error) {
	switch t := strings.ToLower(attr(e, "type")); {
	case t == "xhtml", strings.HasSuffix(t, "xhtml+xml"):
		return x.Markup(limit)
	case t == "html", t == "text/html":
		return x.Text(limit)
	}
	s, err := x.Text(limit)
	return paragraphs(s), err
}

// paragraphs turns plain text into HTML.
func paragraphs(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	return "<p>" + strings.ReplaceAll(html.EscapeString(s), "\n", "<br>") + "</p>"
}

// text returns the words of a short piece of HTML.
func text(s string) string {
	var b strings.Builder
	for {
		before, rest, more := strings.Cut(s, "<")
		b.WriteString(before)
		if !more {
			break
		}
		_, after, closed := strings.Cut(rest, ">")
		if !closed {
			b.WriteString("<" + rest)
			break
		}
		s = after
	}
	return clean.Line(html.UnescapeString(b.String()))
}

func (x *xmlFeed) add(item entry) {
	if item.HTML == "" {
		item.HTML = item.summary
	}
	if item.ID != "" || item.Link != "" || item.Title != "" || item.HTML != "" {
		x.entries = append(x.entries, item)
	}
}

func (x *xmlFeed) field(to *string) error {
	s, err := x.Text(maxField)
	*to = text(s)
	return err
}

func (x *xmlFeed) content(to *string) error {
	s, err := x.Text(maxContent)
	if s = strings.TrimSpace(s); s != "" {
		*to = s
	}
	return err
}

func (x *xmlFeed) link(to *string) error {
	s, err := x.Text(maxField)
	*to = x.resolve(strings.TrimSpace(s))
	return err
}

func (x *xmlFeed) tag(item *entry) error {
	s, err := x.Text(maxField)
	if s = clean.Line(s); s != "" && len(item.Tags) < maxTags {
		item.Tags = append(item.Tags, s)
	}
	return err
}

func (x *xmlFeed) time(to *string) error {
	s, err := x.Text(maxField)
	*to = when(s)
	return err
}

func (x *xmlFeed) rebase(e xml.StartElement) {
	if b, err := x.base.Parse(attr(e, "base")); err == nil && b.Host != "" {
		x.base = b
	}
}

func (x *xmlFeed) resolve(link string) string { return resolve(x.base, link) }

// resolve returns an address as it stands in a feed, "" if it is no http address.
func resolve(base *url.URL, link string) string {
	if link == "" || len(link) > 8<<10 {
		return ""
	}
	u, err := base.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	u.User = nil
	return u.String()
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// when returns a time of a feed, in any of the forms that feeds have, in RFC 3339.
func when(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return ""
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05", time.DateOnly, time.RFC1123, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return ""
}
