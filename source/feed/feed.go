// Package feed reads the entries of feeds: RSS 0.9x, 1.0 and 2.0, Atom 1.0 and JSON
// Feed 1.
//
// An entry is an item, with the content that the feed carries or, if asked for, that
// of the page it links to. A feed shows its latest entries only, so what falls out of
// it is kept: a Sync is never Complete. The forms of feeds are read in parse.go and
// json.go.
package feed

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"html"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

// Settings say which feeds are read, and how. They are kept as JSON.
type Settings struct {
	fetch.Settings

	URLs []string `json:"urls"` // of the feeds; at least one, at most 1,000
	// Full reads the page that an entry links to, its main content, instead of what
	// the feed carries. If the server refuses the page for good (4xx) and the feed
	// carries something, that counts.
	Full       bool              `json:"full,omitempty"`
	MaxEntries int               `json:"max_entries,omitempty"` // of one feed that are looked at; 0 is 1,000, at most 10,000
	Metadata   map[string]string `json:"metadata,omitempty"`    // of every item
	ACL        []string          `json:"acl,omitempty"`         // of every item
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.Settings = s.Settings.WithDefaults()
	s.MaxEntries = cmp.Or(s.MaxEntries, 1000)
	return s
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error {
	f := fetch.Faults(s.Faults())
	s = s.WithDefaults()
	if len(s.URLs) == 0 || len(s.URLs) > 1000 {
		f.Add("urls must name 1 to 1000 feeds")
	}
	for _, u := range s.URLs {
		f.URL("urls: "+fetch.ShowRaw(u), u)
		if len(u) > maxID {
			f.Add("urls: %s is longer than %d bytes", fetch.ShowRaw(u), maxID)
		}
	}
	f.Between("max_entries", int64(s.MaxEntries), 1, 10_000)
	if err := fetch.Metadata(s.Metadata).Validate(); err != nil {
		f.Add("metadata: %v", err)
	}
	return f.Err()
}

// Source reads feeds. It is goroutine-safe.
type Source struct {
	set    Settings
	client *fetch.Client
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
	return &Source{set: set, client: client}, nil
}

const (
	maxID     = 1024
	maxCursor = 1 << 20
)

// cursor is kept between two readings: of each feed the validators, and the IDs of
// the entries that it held, so that one that could not be stored is found again in
// a feed that has not changed.
type cursor struct {
	Shape string          `json:"shape"` // of the settings
	Feeds map[string]seen `json:"feeds"`
}

type seen struct {
	ETag         string   `json:"etag,omitempty"`
	LastModified string   `json:"modified,omitempty"`
	IDs          []string `json:"ids,omitempty"`
}

// Sync tells of the entries that the feeds hold. A feed that cannot be read is
// told as Broken under its own address; if none can, the error is that of the first.
// The ID of an entry is the one that the feed gives, with the feed's address before
// it unless it is unique in the world, being an address or a URN itself.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	defer s.client.CloseIdle()
	shape := fetch.Digest(s.set.Full, s.set.MaxEntries, s.set.Metadata, s.set.ACL)
	var old cursor
	if err := json.Unmarshal(have.Cursor(), &old); err != nil || old.Shape != shape {
		old = cursor{}
	}
	now := cursor{Shape: shape, Feeds: map[string]seen{}}
	var first error
	read := 0
	r := reading{s: s, shape: shape, have: have, tell: tell, told: map[string]bool{}}
	for _, address := range s.set.URLs {
		left, err := r.feed(ctx, address, old.Feeds[address])
		if ctx.Err() != nil {
			return source.Result{}, ctx.Err()
		}
		if fatal, ok := errors.AsType[*fatalError](err); ok {
			return source.Result{}, fatal.error
		}
		if err := r.tellFeed(ctx, address, err); err != nil {
			return source.Result{}, err
		}
		if _, some := errors.AsType[*partError](err); err != nil && !some {
			first = cmpErr(first, err)
			continue
		}
		read++
		now.Feeds[address] = left
	}
	if read == 0 {
		return source.Result{}, first
	}
	data, err := now.encode()
	return source.Result{Cursor: data}, err
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// encode drops what is remembered of the largest feeds until the rest fits; these
// are read whole next time.
func (c cursor) encode() ([]byte, error) {
	for {
		data, err := json.Marshal(c)
		if err != nil || len(data) <= maxCursor || len(c.Feeds) == 0 {
			return data, err
		}
		largest := slices.MaxFunc(slices.Sorted(maps.Keys(c.Feeds)), func(a, b string) int {
			return cmp.Compare(len(c.Feeds[a].IDs), len(c.Feeds[b].IDs))
		})
		delete(c.Feeds, largest)
	}
}

// fatalError is an error of the store or of tell, which ends a Sync.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

// partError is the damage of a feed of which some entries could be read.
type partError struct{ error }

func (e *partError) Unwrap() error { return e.error }

// reading is one Sync.
type reading struct {
	s     *Source
	shape string
	have  source.State
	tell  func(source.Event) error
	told  map[string]bool // entries may stand in several feeds
}

func (r *reading) tellFeed(ctx context.Context, address string, err error) error {
	if err != nil {
		return r.tell(source.Event{Change: source.Broken, ID: address, Err: err})
	}
	_, known, err := r.have.Item(ctx, address)
	if err != nil || !known || r.told[address] {
		return err
	}
	return r.tell(source.Event{Change: source.Gone, ID: address})
}

// feed reads one feed and returns what is to be remembered of it.
func (r *reading) feed(ctx context.Context, address string, old seen) (seen, error) {
	req := fetch.Request{URL: address, Accept: "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, application/json;q=0.9, */*;q=0.5"}
	failed, err := r.anyFailed(ctx, old.IDs)
	if err != nil {
		return seen{}, &fatalError{err}
	}
	if !failed {
		req.ETag, req.LastModified = old.ETag, old.LastModified
	}
	resp, err := r.s.client.Do(ctx, req)
	if err != nil {
		return seen{}, err
	}
	if resp.NotModified {
		return old, r.unchanged(ctx, old.IDs)
	}
	f, damage := parse(ctx, resp, r.s.set.MaxEntries)
	if damage != nil {
		damage = rag.Wrap(rag.KindOf(damage), damage, fetch.ShowRaw(address))
		if len(f.entries) == 0 {
			return seen{}, damage
		}
	}
	left := seen{ETag: resp.ETag(), LastModified: resp.LastModified()}
	broken := false
	err = fetch.InOrder(ctx, f.entries, r.s.client.Settings().Concurrency,
		func(ctx context.Context, e entry) source.Event { return r.event(ctx, address, f, e) },
		func(_ entry, ev source.Event) error {
			if ev.Change == 0 {
				return ev.Err
			}
			broken = broken || ev.Change == source.Broken
			left.IDs = append(left.IDs, ev.ID)
			if r.told[ev.ID] {
				return nil
			}
			r.told[ev.ID] = true
			return r.tell(ev)
		})
	if err != nil {
		return seen{}, &fatalError{err}
	}
	if broken || damage != nil {
		left = seen{} // another look is worth it even if the feed stays as it is
	}
	if damage != nil {
		return left, &partError{damage}
	}
	return left, nil
}

func (r *reading) anyFailed(ctx context.Context, ids []string) (bool, error) {
	for _, id := range ids {
		if item, known, err := r.have.Item(ctx, id); err != nil || !known || item.Failed {
			return true, err
		}
	}
	return false, nil
}

// unchanged tells of the entries of a feed that is as it was.
func (r *reading) unchanged(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if r.told[id] {
			continue
		}
		r.told[id] = true
		item, _, err := r.have.Item(ctx, id)
		if err == nil {
			err = r.tell(source.Event{Change: source.Same, ID: id, Fingerprint: item.Fingerprint})
		}
		if err != nil {
			return &fatalError{err}
		}
	}
	return nil
}

// event is what is to be told of an entry. Change is 0 for an error of the store.
func (r *reading) event(ctx context.Context, address string, f feed, e entry) source.Event {
	ev := source.Event{Change: source.Put, ID: e.identity(address), Fingerprint: fetch.Digest(r.shape, e.ID, e.Title, e.Link, e.HTML, e.Text, e.Updated)}
	item, known, err := r.have.Item(ctx, ev.ID)
	if err != nil {
		return source.Event{Err: err}
	}
	if known && !item.Failed && item.Fingerprint == ev.Fingerprint {
		ev.Change = source.Same
		return ev
	}
	ev.Input = r.s.input(f, e)
	if !r.s.set.Full || e.Link == "" {
		return ev
	}
	resp, err := r.s.client.Do(ctx, fetch.Request{URL: e.Link, Accept: "text/html, application/xhtml+xml, */*;q=0.8"})
	switch {
	case err == nil:
		fill(&ev.Input, resp)
	case fetch.Final(err) && e.HTML+e.Text != "":
	default:
		return source.Event{Change: source.Broken, ID: ev.ID, Err: err}
	}
	return ev
}

// identity returns the ID of an entry's item.
func (e entry) identity(feed string) string {
	id := cmp.Or(e.ID, e.Link)
	if id == "" {
		id = "#" + fetch.Digest(e.Title, e.HTML, e.Text)[:16]
	}
	world := false
	for _, scheme := range []string{"http://", "https://", "urn:", "tag:"} {
		world = world || strings.HasPrefix(id, scheme)
	}
	if !world {
		id = feed + "#" + strings.TrimPrefix(id, "#")
	}
	if len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' }) {
		id = feed[:min(len(feed), maxID-20)] + "#" + fetch.Digest(id)[:16]
	}
	return id
}

// input makes the document of an entry of what the feed carries.
func (s *Source) input(f feed, e entry) rag.Input {
	m := fetch.Metadata(s.set.Metadata)
	for k, v := range map[string]string{"url": e.Link, "feed": f.title, "author": e.Author, "date": e.Published, "modified": e.Updated} {
		if _, given := m[k]; !given && v != "" {
			m[k] = rag.Str(fetch.Cut(v, rag.MaxMetadataString))
		}
	}
	if _, given := m["keywords"]; !given && len(e.Tags) > 0 {
		m["keywords"] = rag.Str(fetch.Cut(strings.Join(e.Tags, ", "), rag.MaxMetadataString))
	}
	in := rag.Input{Title: fetch.Cut(e.Title, 4096), Source: cmp.Or(e.Link, f.title), Metadata: m, ACL: s.set.ACL}
	in.ModifiedAt, _ = time.Parse(time.RFC3339, cmp.Or(e.Updated, e.Published)) // without a date it has none
	switch {
	case e.HTML != "":
		in.Name = "entry.html"
		in.Content = strings.NewReader("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>" + html.EscapeString(e.Title) + "</title></head><body>" + e.HTML + "</body></html>")
	default:
		in.Text = cmp.Or(e.Text, e.Title)
	}
	return in
}

// fill puts the page of an entry in the place of what the feed carries.
func fill(in *rag.Input, resp *fetch.Response) {
	in.Text = ""
	in.Content, in.Name, in.MainContent = bytes.NewReader(resp.Body), "page", true
	switch t := resp.Header.Get("Content-Type"); {
	case strings.HasPrefix(t, "text/html"), strings.HasPrefix(t, "application/xhtml"):
		in.Name, in.Content = "page.html", bytes.NewReader(resp.Page())
	case strings.HasPrefix(t, "application/pdf"):
		in.Name = "page.pdf"
	}
	in.Source = resp.URL.String()
}
