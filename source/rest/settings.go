// Package rest reads documents from APIs that answer in JSON, by a mapping in the
// settings: where the list is, how to come to its next page, and which fields of an
// item are its id, its title and its text.
//
// A Sync lists everything, or, where the API can be asked for what has changed since
// a time, only that, with a full listing now and then to learn what is gone. The
// listing is in list.go, the making of documents in item.go, and the small language
// of paths in path.go.
package rest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

// Settings describe an API. They are kept as JSON; tokens are named in Auth,
// SecretHeaders or SecretQuery.
type Settings struct {
	fetch.Settings

	URL    string            `json:"url"`              // of the list
	Method string            `json:"method,omitempty"` // GET (the default) or POST
	Query  map[string]string `json:"query,omitempty"`  // parameters besides those in URL
	// Headers are sent to the URL's own origin.
	Headers map[string]string `json:"headers,omitempty"`
	// SecretHeaders and SecretQuery are headers and parameters whose values are
	// secrets of these names. A header is sent to the URL's own origin; so is a
	// parameter.
	SecretHeaders map[string]string `json:"secret_headers,omitempty"`
	SecretQuery   map[string]string `json:"secret_query,omitempty"`
	// Body is the JSON that a POST sends. Where the page or the time to begin with
	// goes into the body, Paging.Param and Since.Param are names in it, with dots for
	// deeper ones.
	Body json.RawMessage `json:"body,omitempty"`

	List   string `json:"list,omitempty"` // path to the items; "" is the answer itself
	Paging Paging `json:"paging,omitzero"`
	Fields Fields `json:"fields"`
	Detail Detail `json:"detail,omitzero"`
	Since  Since  `json:"since,omitzero"`

	MaxPages int `json:"max_pages,omitempty"` // of a listing; 0 is 1,000, at most 100,000
	MaxItems int `json:"max_items,omitempty"` // of a listing; 0 is 100,000, at most 1,000,000

	Metadata map[string]string `json:"metadata,omitempty"` // of every item
	ACL      []string          `json:"acl,omitempty"`      // of every item, beside what Fields.ACL finds
}

// How the next page of a list is found, for Paging.Kind.
const (
	None   = "none"   // there is one page
	Cursor = "cursor" // the answer holds a value to be sent in a parameter
	Page   = "page"   // pages have numbers
	Offset = "offset" // a parameter says how many items to pass over
	Link   = "link"   // the header Link names the next page, rel="next" (RFC 8288)
	Next   = "next"   // the answer holds the address of the next page
)

// Paging says how the next page of a list is found. It ends when there is none,
// when a page holds no items, or, where Size is given, fewer items than that.
type Paging struct {
	Kind      string `json:"kind,omitempty"`       // "" is None
	Param     string `json:"param,omitempty"`      // that carries the cursor, the number or the offset; "" is cursor, page or offset
	Path      string `json:"path,omitempty"`       // of Cursor and Next: where the value stands in the answer
	Start     *int   `json:"start,omitempty"`      // number of the first page; not given is 1
	Size      int    `json:"size,omitempty"`       // items asked for a page; 0 leaves it to the server
	SizeParam string `json:"size_param,omitempty"` // that carries Size; "" sends none
}

// Formats of an item's text, for Fields.Format.
const (
	Plain    = "text"
	HTML     = "html"
	Markdown = "markdown"
)

// Fields say where in an item its parts are, as paths (see path.go).
type Fields struct {
	ID       string `json:"id"`
	Title    string `json:"title,omitempty"`
	Text     string `json:"text,omitempty"`     // several values are joined; may be left out if Detail.File is set
	Format   string `json:"format,omitempty"`   // of the text: Plain (the default), HTML or Markdown
	URL      string `json:"url,omitempty"`      // of the item, for people
	Modified string `json:"modified,omitempty"` // RFC 3339, or Unix seconds or milliseconds
	// ACL is who may see an item. An item in which it finds nobody is Broken, not open
	// to all, unless Open is set.
	ACL      string            `json:"acl,omitempty"`
	Open     bool              `json:"open,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"` // path by key
}

// Detail is a request for each item that is new or changed, where the list does
// not hold its text.
type Detail struct {
	// URL holds paths into the item of the list in braces, which are escaped:
	// "https://api.example.org/pages/{id}". None may stand before the path. It may
	// begin with / for the origin of the list.
	URL  string `json:"url,omitempty"`
	Item string `json:"item,omitempty"` // path to the item in the answer; Fields are read there, and in the item of the list where it has none
	File bool   `json:"file,omitempty"` // the answer is the document itself: HTML, PDF, ...
}

// Since asks for what has changed since the last Sync only.
type Since struct {
	Param   string         `json:"param,omitempty"`   // that carries the time; "" lists everything each time
	Format  string         `json:"format,omitempty"`  // rfc3339 (the default), date, unix or unix_ms
	Overlap fetch.Duration `json:"overlap,omitempty"` // asked for again, since clocks differ; 0 is 5m
	Full    fetch.Duration `json:"full,omitempty"`    // everything is listed this often, to learn what is gone; 0 is 24h, negative never
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.Settings = s.Settings.WithDefaults()
	s.Method = cmp.Or(strings.ToUpper(s.Method), http.MethodGet)
	s.Paging.Kind = cmp.Or(s.Paging.Kind, None)
	if s.Paging.Param == "" {
		s.Paging.Param = map[string]string{Cursor: "cursor", Page: "page", Offset: "offset"}[s.Paging.Kind]
	}
	s.Fields.Format = cmp.Or(s.Fields.Format, Plain)
	s.Since.Format = cmp.Or(s.Since.Format, "rfc3339")
	s.Since.Overlap = cmp.Or(s.Since.Overlap, fetch.Duration(5*time.Minute))
	s.Since.Full = cmp.Or(s.Since.Full, fetch.Duration(24*time.Hour))
	s.MaxPages = cmp.Or(s.MaxPages, 1000)
	s.MaxItems = cmp.Or(s.MaxItems, 100_000)
	return s
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error {
	f := fetch.Faults(s.Faults())
	s = s.WithDefaults()
	f.URL("url", s.URL)
	if s.Method != http.MethodGet && s.Method != http.MethodPost {
		f.Add("method must be GET or POST")
	}
	for _, m := range []map[string]string{s.Headers, s.SecretHeaders} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(m[name]) {
				f.Add("headers: %.80q or its value is malformed", name)
			}
		}
	}
	for name := range s.Headers {
		if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie") {
			f.Add("headers: %s holds a secret; name it in secret_headers or auth", name)
		}
	}
	if len(s.Body) > 0 {
		var object map[string]any
		if s.Method != http.MethodPost {
			f.Add("body goes with the method POST only")
		}
		if json.Unmarshal(s.Body, &object) != nil {
			f.Add("body must be a JSON object")
		}
	}
	s.faultsOfPaths(&f)
	s.faultsOfPaging(&f)
	if s.Since.Param != "" && !slices.Contains([]string{"rfc3339", "date", "unix", "unix_ms"}, s.Since.Format) {
		f.Add("since.format must be rfc3339, date, unix or unix_ms")
	}
	if s.Since.Overlap < 0 {
		f.Add("since.overlap is negative")
	}
	if s.Detail.URL != "" {
		if _, err := parseTemplate(s.Detail.URL); err != nil {
			f.Add("detail.url: %v", err)
		}
	} else if s.Detail.File || s.Detail.Item != "" {
		f.Add("detail.url is missing")
	}
	f.Between("max_pages", int64(s.MaxPages), 1, 100_000)
	f.Between("max_items", int64(s.MaxItems), 1, 1_000_000)
	if err := fetch.Metadata(s.Metadata).Validate(); err != nil {
		f.Add("metadata: %v", err)
	}
	return f.Err()
}

func (s Settings) faultsOfPaths(f *fetch.Faults) {
	check := func(name, p string) {
		if _, err := parsePath(p); err != nil {
			f.Add("%s: %v", name, err)
		}
	}
	if s.Fields.ID == "" {
		f.Add("fields.id is missing")
	}
	if s.Fields.Text == "" && !s.Detail.File {
		f.Add("fields.text is missing")
	}
	if !slices.Contains([]string{Plain, HTML, Markdown}, s.Fields.Format) {
		f.Add("fields.format must be text, html or markdown")
	}
	for _, p := range []struct{ name, path string }{
		{"list", s.List}, {"fields.id", s.Fields.ID}, {"fields.title", s.Fields.Title}, {"fields.text", s.Fields.Text}, {"fields.url", s.Fields.URL},
		{"fields.modified", s.Fields.Modified}, {"fields.acl", s.Fields.ACL}, {"paging.path", s.Paging.Path}, {"detail.item", s.Detail.Item},
	} {
		check(p.name, p.path)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Fields.Metadata)) {
		if key == "" || len(key) > rag.MaxMetadataKey {
			f.Add("fields.metadata: a key has 1 to %d bytes", rag.MaxMetadataKey)
		}
		check(fmt.Sprintf("fields.metadata.%.40s", key), s.Fields.Metadata[key])
	}
}

func (s Settings) faultsOfPaging(f *fetch.Faults) {
	p := s.Paging
	if !slices.Contains([]string{None, Cursor, Page, Offset, Link, Next}, p.Kind) {
		f.Add("paging.kind must be none, cursor, page, offset, link or next")
	}
	if (p.Kind == Cursor || p.Kind == Next) == (p.Path == "") {
		f.Add("paging.path goes with the kinds cursor and next, and must be given there")
	}
	f.Between("paging.size", int64(p.Size), 0, 100_000)
	if p.SizeParam != "" && p.Size == 0 {
		f.Add("paging.size is missing")
	}
}

// Source reads an API. It is goroutine-safe.
type Source struct {
	set    Settings
	client *fetch.Client
	url    *url.URL
	header http.Header
	secret url.Values // of SecretQuery
	detail template

	list, next, item                        path
	id, title, text, link, modified, access path
	meta                                    map[string]path
	shape                                   string // of everything in the settings that items depend on
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
	s := &Source{set: set, client: client, header: http.Header{}, secret: url.Values{}, meta: map[string]path{}}
	if s.url, err = url.Parse(set.URL); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "url is malformed")
	}
	for name, value := range set.Headers {
		s.header.Set(name, value)
	}
	if set.Method == http.MethodPost {
		s.header.Set("Content-Type", "application/json")
	}
	for name, secret := range set.SecretHeaders {
		value, err := client.Secret("secret_headers", secret)
		if err != nil {
			return nil, err
		}
		s.header.Set(name, value)
	}
	for name, secret := range set.SecretQuery {
		value, err := client.Secret("secret_query", secret)
		if err != nil {
			return nil, err
		}
		s.secret.Set(name, value)
	}
	if set.Detail.URL != "" {
		if s.detail, err = parseTemplate(set.Detail.URL); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "detail.url")
		}
	}
	for _, p := range []struct {
		to   *path
		path string
	}{
		{&s.list, set.List}, {&s.next, set.Paging.Path}, {&s.item, set.Detail.Item}, {&s.id, set.Fields.ID}, {&s.title, set.Fields.Title},
		{&s.text, set.Fields.Text}, {&s.link, set.Fields.URL}, {&s.modified, set.Fields.Modified}, {&s.access, set.Fields.ACL},
	} {
		if *p.to, err = parsePath(p.path); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "a path")
		}
	}
	for key, p := range set.Fields.Metadata {
		if s.meta[key], err = parsePath(p); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "fields.metadata")
		}
	}
	s.shape = fetch.Digest(set.URL, set.Method, set.Query, string(set.Body), set.List, set.Fields, set.Detail, set.Since.Param, set.Metadata, set.ACL)
	return s, nil
}
