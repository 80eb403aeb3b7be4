package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/text/clean"
)

const maxID = 1024

// take tells of the items of one page. fresh is true if one of them was not on a
// page before.
func (l *listing) take(ctx context.Context, items []any) (fresh bool, err error) {
	var wanted []any
	for _, item := range items {
		id, err := l.s.identity(item)
		if err != nil {
			return false, err
		}
		if l.seen[id] {
			continue
		}
		if len(l.seen) >= l.s.set.MaxItems {
			l.cut = "the list has more items than max_items"
			break
		}
		l.seen[id], fresh = true, true
		wanted = append(wanted, item)
		if t := moment(l.s.modified.one(item)); t.After(l.latest) {
			l.latest = t
		}
	}
	err = fetch.InOrder(ctx, wanted, l.s.client.Settings().Concurrency,
		func(ctx context.Context, item any) source.Event { return l.event(ctx, item) },
		func(_ any, ev source.Event) error {
			switch ev.Change {
			case 0:
				return ev.Err
			case source.Put:
				if len(l.told) < maxTold {
					l.told = append(l.told, ev.ID)
				} else {
					l.lost = l.s.set.Since.Param != ""
				}
			case source.Broken:
				l.broken = true
			}
			return l.tell(ev)
		})
	return fresh, err
}

func (s *Source) identity(item any) (string, error) {
	id := scalar(s.id.one(item))
	if id == "" {
		return "", rag.Errorf(rag.KindInvalid, "%s: an item has nothing at %q (fields.id)", fetch.Show(s.url), s.set.Fields.ID)
	}
	if len(id) > maxID {
		id = id[:maxID-45] + "#" + fetch.Digest(id)
	}
	return strings.ToValidUTF8(id, "\ufffd"), nil
}

// event is what is to be told of an item. Change is 0 for an error that ends the
// Sync.
func (l *listing) event(ctx context.Context, item any) source.Event {
	s := l.s
	id, err := s.identity(item)
	if err != nil {
		return source.Event{Err: err}
	}
	// With a time of change in the list that is the version, and who may see it, since
	// servers change that without a change of the item; without one the whole item is.
	version := []any{item}
	if m := scalar(s.modified.one(item)); m != "" {
		version = append([]any{m}, s.access.all(item)...)
	}
	ev := source.Event{Change: source.Put, ID: id, Fingerprint: fetch.Digest(s.shape, version)}
	known, ok, err := l.have.Item(ctx, id)
	if err != nil {
		return source.Event{Err: err}
	}
	if ok && !known.Failed && known.Fingerprint == ev.Fingerprint {
		ev.Change = source.Same
		return ev
	}
	ev.Input, err = s.document(ctx, item)
	switch {
	case err == nil:
		return ev
	case ctx.Err() != nil:
		return source.Event{Err: ctx.Err()}
	case s.set.Detail.URL != "" && errors.Is(err, rag.ErrNotFound):
		// It was deleted between the list and the question.
		if ok {
			return source.Event{Change: source.Gone, ID: id}
		}
	}
	return source.Event{Change: source.Broken, ID: id, Err: rag.Wrap(rag.KindOf(err), err, fmt.Sprintf("item %.100q", id))}
}

// document makes the document of an item of the list.
func (s *Source) document(ctx context.Context, item any) (rag.Input, error) {
	values := []any{item}
	var file *fetch.Response
	if s.set.Detail.URL != "" {
		resp, err := s.details(ctx, item)
		if err != nil {
			return rag.Input{}, err
		}
		if s.set.Detail.File {
			file = resp
		} else {
			answer, err := decode(resp.Body)
			if err != nil {
				return rag.Input{}, rag.Wrap(jsonKind(err), err, "its details are no JSON as it should be")
			}
			if answer = s.item.one(answer); answer == nil {
				return rag.Input{}, rag.Errorf(rag.KindInvalid, "its details have nothing at %q (detail.item)", s.set.Detail.Item)
			}
			values = []any{answer, item}
		}
	}
	acl, err := s.acl(values)
	if err != nil {
		return rag.Input{}, err
	}
	in := rag.Input{
		Title: fetch.Cut(clean.Line(first(s.title, values)), 4096), Source: s.address(values), ACL: acl,
		ModifiedAt: moment(find(s.modified, values)), Metadata: s.metadata(values),
	}
	if file != nil {
		in.Name, in.Content = name(file), bytes.NewReader(file.Body)
		return in, nil
	}
	body := first(s.text, values)
	switch s.set.Fields.Format {
	case HTML:
		in.Name = "item.html"
		in.Content = strings.NewReader("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>" + html.EscapeString(in.Title) + "</title></head><body>" + body + "</body></html>")
	case Markdown:
		in.Text, in.MediaType = body, "text/markdown"
	default:
		in.Text = body
	}
	if body == "" {
		return rag.Input{}, rag.Errorf(rag.KindInvalid, "it has no text at %q (fields.text)", s.set.Fields.Text)
	}
	return in, nil
}

// find returns what the first of values that has something at a path has there. A
// path that is not given finds nothing.
func find(p path, values []any) any {
	for _, v := range values {
		if found := p.one(v); len(p) > 0 && found != nil {
			return found
		}
	}
	return nil
}

func first(p path, values []any) string {
	for _, v := range values {
		if s := p.text(v); len(p) > 0 && s != "" {
			return s
		}
	}
	return ""
}

// acl returns who may see an item. Where the settings say where that stands and
// nobody stands there, the item is not opened to all.
func (s *Source) acl(values []any) ([]string, error) {
	acl := slices.Clone(s.set.ACL)
	if len(s.access) == 0 {
		return acl, nil
	}
	named := 0
	for _, v := range values {
		for _, found := range s.access.all(v) {
			list, ok := found.([]any)
			if !ok {
				list = []any{found}
			}
			for _, who := range list {
				if w := strings.TrimSpace(scalar(who)); w != "" {
					named++
					acl = append(acl, w)
				}
			}
		}
		if named > 0 {
			break
		}
	}
	if named == 0 && !s.set.Fields.Open {
		return nil, rag.Errorf(rag.KindInvalid, "nobody is named at %q (fields.acl), so it is not let in", s.set.Fields.ACL)
	}
	slices.Sort(acl)
	return slices.Compact(acl), nil
}

// address returns the item's own address, resolved against the list's, or the
// list's.
func (s *Source) address(values []any) string {
	if raw := scalar(find(s.link, values)); raw != "" {
		if u, err := s.url.Parse(raw); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			u.User = nil
			return u.String()
		}
	}
	u := *s.url
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

func (s *Source) metadata(values []any) rag.Metadata {
	m := fetch.Metadata(s.set.Metadata)
	if u := scalar(find(s.link, values)); u != "" {
		m["url"] = rag.Str(fetch.Cut(s.address(values), rag.MaxMetadataString))
	}
	for key, p := range s.meta {
		for _, v := range values {
			if value, ok := flat(p.all(v)); ok {
				m[key] = value
				break
			}
		}
	}
	return m
}

// flat makes a value of metadata of what was found: one value as it is, several
// as a list. Objects have no place in metadata and are left out.
func flat(found []any) (rag.Value, bool) {
	var values []rag.Value
	listed := len(found) > 1
	var add func(v any)
	add = func(v any) {
		if list, ok := v.([]any); ok {
			listed = true
			for _, w := range list {
				if _, deeper := w.([]any); !deeper {
					add(w)
				}
			}
			return
		}
		if str, ok := v.(string); ok {
			v = fetch.Cut(clean.Line(str), rag.MaxMetadataString)
		}
		if value, err := rag.ValueOf(v); err == nil && v != nil && len(values) < rag.MaxMetadataItems {
			values = append(values, value)
		}
	}
	for _, v := range found {
		add(v)
	}
	switch {
	case len(values) == 0:
		return rag.Value{}, false
	case !listed:
		return values[0], true
	}
	return rag.List(values...), true
}

// details asks for one item.
func (s *Source) details(ctx context.Context, item any) (*fetch.Response, error) {
	raw, err := s.detail.fill(item)
	if err != nil {
		return nil, err
	}
	u, err := s.url.Parse(raw)
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the address of its details is malformed")
	}
	req := fetch.Request{Accept: "application/json"}
	if s.set.Detail.File {
		req.Accept = "*/*"
	}
	if fetch.Origin(u) == fetch.Origin(s.url) {
		req.Header = s.header.Clone()
		req.Header.Del("Content-Type")
		if len(s.secret) > 0 {
			q := u.Query()
			for k, v := range s.secret {
				q[k] = v
			}
			u.RawQuery = q.Encode()
		}
	}
	req.URL = u.String()
	return s.do(ctx, req)
}

// template is an address with paths into an item in it.
type template struct {
	words []string // one more than paths
	paths []path
}

func parseTemplate(s string) (template, error) {
	var t template
	for rest := s; ; {
		word, after, more := strings.Cut(rest, "{")
		t.words = append(t.words, word)
		if !more {
			break
		}
		in, after, ok := strings.Cut(after, "}")
		if !ok {
			return t, errors.New("a brace is not closed")
		}
		p, err := parsePath(in)
		if err != nil {
			return t, err
		}
		if len(p) == 0 {
			return t, errors.New("a path in braces is empty")
		}
		t.paths, rest = append(t.paths, p), after
	}
	u, err := url.Parse(t.words[0])
	switch {
	case err != nil, u.User != nil,
		u.Host == "" && !strings.HasPrefix(t.words[0], "/"), strings.HasPrefix(t.words[0], "//"),
		u.Host != "" && u.Scheme != "http" && u.Scheme != "https",
		u.Host != "" && u.Path == "" && len(t.paths) > 0:
		return t, errors.New("it must begin with http://HOST/, https://HOST/ or /, without braces in there")
	}
	return t, nil
}

// fill puts the values of an item into the address, escaped so that none can leave
// its place.
func (t template) fill(item any) (string, error) {
	var b strings.Builder
	for i, word := range t.words {
		b.WriteString(word)
		if i == len(t.paths) {
			break
		}
		v := scalar(t.paths[i].one(item))
		if v == "" || v == "." || v == ".." {
			return "", rag.Errorf(rag.KindInvalid, "it has no value for the address of its details (detail.url)")
		}
		if strings.Contains(b.String(), "?") {
			b.WriteString(url.QueryEscape(v))
		} else {
			b.WriteString(url.PathEscape(v))
		}
	}
	return b.String(), nil
}

// name is what the file of an item is called, for its format.
func name(resp *fetch.Response) string {
	base := resp.URL.Path[strings.LastIndex(resp.URL.Path, "/")+1:]
	if base = clean.Line(base); base == "" || len(base) > 200 {
		base = "item"
	}
	if t := resp.Header.Get("Content-Type"); strings.HasPrefix(t, "text/html") && !strings.HasSuffix(base, ".html") {
		base += ".html"
	} else if strings.HasPrefix(t, "application/pdf") && !strings.HasSuffix(base, ".pdf") {
		base += ".pdf"
	} else if strings.HasPrefix(t, "text/markdown") && !strings.HasSuffix(base, ".md") {
		base += ".md"
	}
	return base
}

// moment reads a time: RFC 3339 or a part of it, Unix seconds or milliseconds. The
// zero time stands for what is none.
func moment(v any) time.Time {
	s := scalar(v)
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 0 && n < 1e14 {
		if n > 1e11 { // seconds of that size are in the year 5138
			return time.UnixMilli(int64(n)).UTC()
		}
		return time.Unix(int64(n), 0).UTC()
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
