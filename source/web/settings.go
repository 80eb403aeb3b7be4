// Package web reads documents from the web: single pages, what a sitemap lists, or
// a whole site by following its links.
//
// All three are one crawl (crawl.go) that begins with some addresses (seeds.go) and
// follows links or does not. What was read before is asked for with the validators
// of then, so that a page that has not changed costs an answer of a few bytes; where
// such a page leads is remembered in the cursor (cursor.go). Addresses are written in
// one form (urls.go), pages are looked at for links and for what they say to robots
// (page.go, robots.go), and what becomes an item of them is in item.go.
package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

// What is read, for Settings.Mode.
const (
	Pages   = "pages"   // the addresses themselves
	Sitemap = "sitemap" // the addresses are sitemaps; what they list is read
	Site    = "site"    // the addresses are where a crawl begins
)

// Settings say what is read. They are kept as JSON.
type Settings struct {
	fetch.Settings

	Mode string   `json:"mode,omitempty"` // Pages (the default), Sitemap or Site
	URLs []string `json:"urls"`           // at least one

	// Hosts are those besides the hosts of URLs that a site's or sitemap's pages may
	// lie on: "docs.example.org", with a port where it is not the usual one, or
	// "*.example.org" for all below.
	Hosts []string `json:"hosts,omitempty"`
	// Include and Exclude choose among the pages that are found, with the patterns of
	// robots.txt: "/docs/" is all that begins so, "*.pdf$" all that ends so. Those that
	// begin with / are held against path and query, others against the whole address.
	// What is not chosen is not read, and so not followed. The start of a site always is
	// read and followed, but kept only if it is chosen.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`

	MaxDepth int `json:"max_depth,omitempty"` // links followed from a start; 0 is 16, negative none
	MaxPages int `json:"max_pages,omitempty"` // addresses read in one Sync; 0 is 10,000, at most 100,000

	// MediaTypes are what pages of a site besides HTML are items: beginnings of media
	// types ("text/", "application/pdf"). Empty is DefaultMediaTypes.
	MediaTypes []string `json:"media_types,omitempty"`
	// DropParameters are left out of addresses, besides DefaultDrop; * at the end
	// stands for any rest.
	DropParameters []string `json:"drop_parameters,omitempty"`

	IgnoreRobots    bool `json:"ignore_robots,omitempty"`    // read what robots.txt, robots meta elements and nofollow ask not to; for sites of one's own
	IgnoreCanonical bool `json:"ignore_canonical,omitempty"` // keep pages that say that they are a copy of another
	SkipSitemaps    bool `json:"skip_sitemaps,omitempty"`    // a site: begin at URLs only, and not with the sitemaps that robots.txt names
	WholePage       bool `json:"whole_page,omitempty"`       // keep menus and footers, not the main content alone

	// Recheck is after which time pages are asked for although a sitemap says that
	// they have not changed; 0 is 168h, negative always.
	Recheck fetch.Duration `json:"recheck,omitempty"`

	Metadata map[string]string `json:"metadata,omitempty"` // of every item
	ACL      []string          `json:"acl,omitempty"`      // of every item
}

// DefaultMediaTypes are the documents that are kept of a site besides its pages.
var DefaultMediaTypes = []string{
	"application/pdf", "application/msword", "application/vnd.ms-", "application/vnd.openxmlformats-officedocument.",
	"application/vnd.oasis.opendocument.", "application/rtf", "text/rtf", "application/epub+zip", "text/plain", "text/markdown",
	"text/x-markdown", "text/csv", "message/rfc822",
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.Settings = s.Settings.WithDefaults()
	s.Mode = cmp.Or(s.Mode, Pages)
	s.MaxDepth = cmp.Or(s.MaxDepth, 16)
	s.MaxPages = cmp.Or(s.MaxPages, 10_000)
	s.Recheck = cmp.Or(s.Recheck, fetch.Duration(7*24*time.Hour))
	if len(s.MediaTypes) == 0 {
		s.MediaTypes = DefaultMediaTypes
	}
	return s
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error {
	f := fetch.Faults(s.Faults())
	s = s.WithDefaults()
	if !slices.Contains([]string{Pages, Sitemap, Site}, s.Mode) {
		f.Add("mode must be pages, sitemap or site")
	}
	if len(s.URLs) == 0 {
		f.Add("urls is empty")
	}
	if len(s.URLs) > 50_000 {
		f.Add("urls has %d entries; at most 50000 are taken", len(s.URLs))
	}
	for _, u := range s.URLs {
		f.URL("urls: "+fetch.ShowRaw(u), u)
		if v, err := url.Parse(u); err == nil && v.Host != "" {
			if _, ok := (normalizer{}).normal(v); !ok {
				f.Add("urls: %s is longer than %d bytes or has no proper host", fetch.ShowRaw(u), maxURL)
			}
		}
	}
	for _, h := range s.Hosts {
		if name := strings.TrimPrefix(h, "*."); name == "" || strings.ContainsAny(name, "*/@?# ") {
			f.Add("hosts: %.80q is no host", h)
		}
	}
	for _, p := range slices.Concat(s.Include, s.Exclude) {
		if p == "" || len(p) > maxURL {
			f.Add("include, exclude: a pattern has 1 to %d bytes", maxURL)
		}
	}
	if len(s.Include)+len(s.Exclude) > 1000 {
		f.Add("include, exclude: at most 1000 patterns are taken")
	}
	f.Between("max_pages", int64(s.MaxPages), 1, 100_000)
	if s.MaxDepth > 1000 {
		f.Add("max_depth must be at most 1000")
	}
	if err := fetch.Metadata(s.Metadata).Validate(); err != nil {
		f.Add("metadata: %v", err)
	}
	return f.Err()
}

// Source reads what its settings say. It is goroutine-safe.
type Source struct {
	set    Settings
	client *fetch.Client
	n      normalizer
	seeds  []*url.URL
	hosts  []string // that pages may lie on, "*.example.org" for all below
	salt   string   // of everything in the settings that items depend on
	shape  uint64   // of everything in the settings that the links of a crawl depend on
}

var _ source.Source = (*Source)(nil)

// New returns a source, or an error as fetch.New does. It connects to nothing.
func New(settings Settings, deps fetch.Deps) (*Source, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	set := settings.WithDefaults()
	client, err := fetch.New(set.Settings, deps)
	if err != nil {
		return nil, err
	}
	s := &Source{set: set, client: client, n: newNormalizer(slices.Concat(DefaultDrop, set.DropParameters))}
	keep := s.n
	if set.Mode == Pages {
		keep = normalizer{} // whoever names an address means all of it
	}
	twice := map[string]bool{}
	for _, raw := range set.URLs {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "urls: an address is malformed")
		}
		u.User = nil
		u, ok := keep.normal(u)
		if !ok {
			return nil, rag.Errorf(rag.KindInvalid, "urls: an address is malformed")
		}
		if !twice[u.String()] {
			twice[u.String()] = true
			s.seeds = append(s.seeds, u)
		}
	}
	for _, h := range set.Hosts {
		s.hosts = append(s.hosts, strings.ToLower(h))
	}
	for _, u := range s.seeds {
		if !slices.Contains(s.hosts, u.Host) && len(s.hosts) < 10_000 {
			s.hosts = append(s.hosts, u.Host)
		}
	}
	s.salt = fetch.Digest(set.Metadata, set.ACL, set.WholePage)
	s.shape = short(fetch.Digest(set.Mode, set.URLs, s.hosts, set.Include, set.Exclude, set.DropParameters, set.MediaTypes, set.IgnoreRobots, set.IgnoreCanonical))
	return s, nil
}
