package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

const maxCursor = 1 << 20

// cursor is kept between two readings.
type cursor struct {
	Shape string    `json:"shape"` // of the settings; under others everything is listed
	Since time.Time `json:"since"` // up to when everything is known
	Full  time.Time `json:"full"`  // the last time that everything was listed
	// Told are the items of the last reading that were told as Put: one of them that
	// could not be stored would not be listed again, so that everything is.
	Told []string `json:"told,omitempty"`
	// Lost says that there were too many of them to remember.
	Lost bool `json:"lost,omitempty"`
}

const maxTold = 5000

// Sync lists the items. The result is Complete if everything was asked for and
// nothing was cut off. A page of the list that cannot be read is an error of the
// whole; an item without an ID is an error, too, since nobody can tell which it is.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	defer s.client.CloseIdle()
	l := listing{s: s, have: have, tell: tell, begun: s.client.Deps().Now(), seen: map[string]bool{}}
	if err := json.Unmarshal(have.Cursor(), &l.old); err != nil || l.old.Shape != s.shape {
		l.old = cursor{}
	}
	if err := l.plan(ctx); err != nil {
		return source.Result{}, err
	}
	if err := l.run(ctx); err != nil {
		return source.Result{}, err
	}
	if l.cut != "" {
		s.client.Deps().Logger.Warn("a source was not read to its end", "url", fetch.Show(s.url), "reason", l.cut, "items", len(l.seen))
	}
	return source.Result{Cursor: l.cursor(), Complete: l.full && l.cut == ""}, nil
}

// listing is one Sync.
type listing struct {
	s     *Source
	have  source.State
	tell  func(source.Event) error
	begun time.Time
	old   cursor

	full   bool
	since  time.Time // zero lists everything
	seen   map[string]bool
	latest time.Time // of the items' times
	told   []string
	lost   bool
	broken bool
	cut    string // why the listing ended early
}

// plan decides whether everything is listed.
func (l *listing) plan(ctx context.Context) error {
	set := l.s.set.Since
	l.full = set.Param == "" || l.old.Since.IsZero() || l.old.Lost || set.Full > 0 && l.begun.Sub(l.old.Full) >= time.Duration(set.Full)
	for _, id := range l.old.Told {
		if l.full {
			break
		}
		item, known, err := l.have.Item(ctx, id)
		if err != nil {
			return err
		}
		l.full = !known || item.Failed
	}
	if !l.full {
		l.since = l.old.Since.Add(-time.Duration(set.Overlap))
	}
	return nil
}

// cursor is what the next listing begins with. After one that was cut off, or in
// which items were broken, it begins where this one began.
func (l *listing) cursor() []byte {
	c := cursor{Shape: l.s.shape, Since: l.old.Since, Full: l.old.Full, Told: l.told, Lost: l.lost}
	if l.cut == "" && !l.broken {
		c.Since = l.begun
		if len(l.s.modified) > 0 && !l.latest.IsZero() && l.latest.Before(l.begun) {
			c.Since = l.latest // the server's clock, where it tells
		}
		if c.Since.Before(l.old.Since) {
			c.Since = l.old.Since
		}
	}
	if l.cut == "" && l.full {
		c.Full = l.begun
	}
	for {
		data, err := json.Marshal(c)
		if err != nil {
			return nil // times far out of range; everything is listed next time
		}
		if len(data) <= maxCursor {
			return data
		}
		c.Told, c.Lost = nil, true
	}
}

// position is where in a list one is.
type position struct {
	number int    // of the page, or the offset
	value  string // of the cursor
	url    *url.URL
}

// run reads page after page.
func (l *listing) run(ctx context.Context) error {
	paging := l.s.set.Paging
	at := position{}
	if paging.Kind == Page {
		at.number = 1
		if paging.Start != nil {
			at.number = *paging.Start
		}
	}
	been := map[string]bool{}
	for pages := 0; ; pages++ {
		if pages == l.s.set.MaxPages {
			l.cut = "the list has more pages than max_pages"
			return nil
		}
		answer, resp, err := l.page(ctx, at)
		if err != nil {
			return err
		}
		items, err := l.items(answer)
		if err != nil {
			return err
		}
		fresh, err := l.take(ctx, items)
		if err != nil || l.cut != "" {
			return err
		}
		next, more, err := l.after(at, answer, resp, len(items))
		if err != nil || !more {
			return err
		}
		key := strconv.Itoa(next.number) + " " + next.value
		if next.url != nil {
			key = next.url.String()
		}
		if been[key] || len(items) > 0 && !fresh && (paging.Kind == Page || paging.Kind == Offset) {
			// The second: a server that does not know the parameter and sends the
			// same page again and again.
			l.cut = "the list leads back to a page that was read"
			return nil
		}
		been[key] = true
		at = next
	}
}

// items returns those of an answer.
func (l *listing) items(answer any) ([]any, error) {
	p := l.s.list
	found := p.all(answer)
	if len(p) > 0 && p[len(p)-1].kind == each {
		return found, nil
	}
	switch {
	case len(found) == 0 && len(p) > 0 && absent(answer, p):
		return nil, rag.Errorf(rag.KindInvalid, "%s: the answer has nothing at %q (list)", fetch.Show(l.s.url), l.s.set.List)
	case len(found) == 0:
		return nil, nil // null, as some servers write an empty list
	}
	var items []any
	for _, v := range found {
		list, ok := v.([]any)
		if !ok {
			return nil, rag.Errorf(rag.KindInvalid, "%s: what stands at %q (list) is no list", fetch.Show(l.s.url), l.s.set.List)
		}
		items = append(items, list...)
	}
	return items, nil
}

// absent reports whether the last name of a path is missing, and not null.
func absent(answer any, p path) bool {
	last := p[len(p)-1]
	for _, v := range p[:len(p)-1].all(answer) {
		if len(last.of(v)) > 0 {
			return false
		}
	}
	return true
}

// page asks for one page.
func (l *listing) page(ctx context.Context, at position) (any, *fetch.Response, error) {
	s, set := l.s, l.s.set
	sent := map[string]any{}
	if at.url == nil {
		switch set.Paging.Kind {
		case Page:
			sent[set.Paging.Param] = at.number
		case Offset:
			sent[set.Paging.Param] = at.number
		case Cursor:
			if at.value != "" {
				sent[set.Paging.Param] = at.value
			}
		}
		if set.Paging.SizeParam != "" {
			sent[set.Paging.SizeParam] = set.Paging.Size
		}
		if !l.since.IsZero() {
			sent[set.Since.Param] = since(l.since, set.Since.Format)
		}
	}
	u := *s.url
	if at.url != nil {
		u = *at.url
	}
	q := u.Query()
	if at.url == nil {
		for k, v := range set.Query {
			q.Set(k, v)
		}
	}
	req := fetch.Request{Method: set.Method, Accept: "application/json", Header: s.header}
	if set.Method == http.MethodPost {
		body, err := withParams(set.Body, sent)
		if err != nil {
			return nil, nil, rag.Wrap(rag.KindInvalid, err, "body")
		}
		req.Body = body
	} else {
		for k, v := range sent {
			q.Set(k, text(v))
		}
	}
	for k, v := range s.secret {
		q[k] = v
	}
	if len(q) > 0 {
		u.RawQuery = q.Encode()
	}
	req.URL = u.String()
	resp, err := s.do(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	answer, err := decode(resp.Body)
	if err != nil {
		return nil, nil, rag.Wrap(jsonKind(err), err, fetch.Show(s.url)+" does not answer in JSON as it should")
	}
	return answer, resp, nil
}

// do makes a request. Its errors do not show the parameters of SecretQuery,
// whatever their names.
func (s *Source) do(ctx context.Context, req fetch.Request) (*fetch.Response, error) {
	resp, err := s.client.Do(ctx, req)
	if err == nil || len(s.secret) == 0 || ctx.Err() != nil {
		return resp, err
	}
	return nil, &hiding{err, s.secret}
}

// hiding is an error without the values of secret parameters in its text.
type hiding struct {
	error
	secret url.Values
}

func (h *hiding) Unwrap() error { return h.error }

func (h *hiding) Error() string {
	said := h.error.Error()
	for _, values := range h.secret {
		for _, v := range values {
			said = strings.ReplaceAll(strings.ReplaceAll(said, url.QueryEscape(v), "***"), v, "***")
		}
	}
	return said
}

// The limits of an answer: what takes two bytes there, an empty object, takes some
// fifty when it has been read. Characters within texts count, too.
const (
	maxContainers = 1_000_000
	maxValues     = 4_000_000
)

// decode reads JSON, its numbers as they stand there.
func decode(data []byte) (any, error) {
	if bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("[")) > maxContainers || bytes.Count(data, []byte(",")) > maxValues {
		return nil, rag.Errorf(rag.KindExhausted, "it holds more than %d objects and lists, or more than %d values", maxContainers, maxValues)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

func jsonKind(err error) rag.Kind {
	if errors.Is(err, rag.ErrExhausted) {
		return rag.KindExhausted
	}
	return rag.KindInvalid
}

func text(v any) string {
	if n, ok := v.(int); ok {
		return strconv.Itoa(n)
	}
	return scalar(v)
}

func since(t time.Time, format string) any {
	t = t.UTC()
	switch format {
	case "date":
		return t.Format(time.DateOnly)
	case "unix":
		return json.Number(strconv.FormatInt(t.Unix(), 10))
	case "unix_ms":
		return json.Number(strconv.FormatInt(t.UnixMilli(), 10))
	}
	return t.Format(time.RFC3339)
}

// withParams puts values into the object of a body.
func withParams(body json.RawMessage, params map[string]any) ([]byte, error) {
	object := map[string]any{}
	if len(body) > 0 {
		v, err := decode(body)
		if err != nil {
			return nil, err
		}
		if object, _ = v.(map[string]any); object == nil {
			return nil, errors.New("it is no JSON object")
		}
	}
	for name, v := range params {
		in := object
		keys := strings.Split(name, ".")
		for _, k := range keys[:len(keys)-1] {
			deeper, ok := in[k].(map[string]any)
			if !ok {
				deeper = map[string]any{}
				in[k] = deeper
			}
			in = deeper
		}
		in[keys[len(keys)-1]] = v
	}
	return json.Marshal(object)
}

// after returns where the next page is.
func (l *listing) after(at position, answer any, resp *fetch.Response, items int) (position, bool, error) {
	paging := l.s.set.Paging
	ended := items == 0 || paging.Size > 0 && items < paging.Size
	switch paging.Kind {
	case Page:
		return position{number: at.number + 1}, !ended, nil
	case Offset:
		return position{number: at.number + items}, !ended, nil
	case Cursor:
		value := scalar(l.s.next.one(answer))
		return position{value: value}, value != "" && value != "false", nil
	case Link:
		return l.at(resp, nextLink(resp.Header))
	case Next:
		return l.at(resp, scalar(l.s.next.one(answer)))
	}
	return position{}, false, nil
}

// at is the position of an address that the server gave. It has to be of the
// list's own origin, for which the credentials are.
func (l *listing) at(resp *fetch.Response, address string) (position, bool, error) {
	if address == "" {
		return position{}, false, nil
	}
	u, err := resp.URL.Parse(address)
	if err != nil {
		return position{}, false, rag.Errorf(rag.KindInvalid, "%s: the address of the next page is malformed", fetch.Show(l.s.url))
	}
	if fetch.Origin(u) != fetch.Origin(l.s.url) {
		return position{}, false, rag.Errorf(rag.KindRefused, "%s: the next page is said to be on another server, %s", fetch.Show(l.s.url), fetch.Origin(u))
	}
	u.User = nil
	return position{url: u}, true, nil
}

// nextLink returns the target of rel=next of a Link header (RFC 8288), "" if there
// is none.
func nextLink(h http.Header) string {
	for _, line := range h.Values("Link") {
		for rest := line; rest != ""; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			target, params, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			params, rest = params[:linkEnd(params)], params[linkEnd(params):]
			for p := range strings.SplitSeq(params, ";") {
				key, value, _ := strings.Cut(p, "=")
				value = strings.Trim(strings.TrimSpace(value), `"`)
				if strings.EqualFold(strings.TrimSpace(key), "rel") && hasWord(value, "next") {
					return target
				}
			}
		}
	}
	return ""
}

// linkEnd is where the parameters of one link end: at a comma outside of quotes.
func linkEnd(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return i
		}
	}
	return len(s)
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
