package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/rest"
)

type api struct {
	*httptest.Server
	asked []string // path and query, then the body
}

func serve(t *testing.T, h func(w http.ResponseWriter, r *http.Request)) *api {
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.asked = append(a.asked, r.URL.RequestURI()+string(body))
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		h(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func secrets(name string) (string, error) { return "s3cret-" + name, nil }

func open(t *testing.T, set rest.Settings, deps fetch.Deps) *rest.Source {
	t.Helper()
	auth := set.Auth
	set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1, Concurrency: 1, Auth: auth}
	deps.Secret = secrets
	src, err := rest.New(set, deps)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// items returns n items from a number on.
func items(from, n int) []any {
	out := []any{}
	for i := from; i < from+n; i++ {
		out = append(out, map[string]any{"id": i, "name": "Item " + strconv.Itoa(i), "body": "Text " + strconv.Itoa(i)})
	}
	return out
}

func reply(t *testing.T, w http.ResponseWriter, v any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

var fields = rest.Fields{ID: "id", Title: "name", Text: "body"}

func TestPaging(t *testing.T) {
	number := func(r *http.Request, name string) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(name))
		return n
	}
	zero := 0
	for name, c := range map[string]struct {
		paging rest.Paging
		handle func(w http.ResponseWriter, r *http.Request)
		asked  int
	}{
		"none": {rest.Paging{}, func(w http.ResponseWriter, r *http.Request) {
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(0, 7)}})
		}, 1},
		"page": {rest.Paging{Kind: rest.Page, Size: 3, SizeParam: "n"}, func(w http.ResponseWriter, r *http.Request) {
			at := (number(r, "page") - 1) * number(r, "n")
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(at, min(3, 7-at))}})
		}, 3},
		"page from 0 without size": {rest.Paging{Kind: rest.Page, Start: &zero, Param: "p"}, func(w http.ResponseWriter, r *http.Request) {
			at := number(r, "p") * 4
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(at, max(0, min(4, 7-at)))}})
		}, 3},
		"offset": {rest.Paging{Kind: rest.Offset, Param: "skip"}, func(w http.ResponseWriter, r *http.Request) {
			at := number(r, "skip")
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(at, min(3, 7-at))}})
		}, 4},
		"cursor": {rest.Paging{Kind: rest.Cursor, Param: "after", Path: "meta.next"}, func(w http.ResponseWriter, r *http.Request) {
			at := number(r, "after")
			var next any
			if at == 0 {
				next = 4
			}
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(at, map[int]int{0: 4, 4: 3}[at])}, "meta": map[string]any{"next": next}})
		}, 2},
		"link": {rest.Paging{Kind: rest.Link}, func(w http.ResponseWriter, r *http.Request) {
			at := number(r, "at")
			if at == 0 {
				w.Header().Add("Link", `</?at=0>; rel="first", <?at=4>; title="a, b"; rel="next last"`)
			}
			reply(t, w, map[string]any{"data": map[string]any{"rows": items(at, map[int]int{0: 4, 4: 3}[at])}})
		}, 2},
		"next": {rest.Paging{Kind: rest.Next, Path: "next"}, func(w http.ResponseWriter, r *http.Request) {
			at := number(r, "at")
			out := map[string]any{"data": map[string]any{"rows": items(at, map[int]int{0: 4, 4: 3}[at])}}
			if at == 0 {
				out["next"] = "http://" + r.Host + "/list?at=4"
			}
			reply(t, w, out)
		}, 2},
	} {
		a := serve(t, c.handle)
		var store fetchtest.Store
		src := open(t, rest.Settings{URL: a.URL + "/list", List: "data.rows", Fields: fields, Paging: c.paging}, fetch.Deps{})
		told := (&store).Read(t, src)
		if len(told.Put) != 7 || !told.Complete || len(a.asked) != c.asked || store.Docs["6"].Body != "Text 6" || store.Docs["6"].Title != "Item 6" {
			t.Errorf("%s: %d items, complete %v, asked %q", name, len(told.Put), told.Complete, a.asked)
		}
		if told = (&store).Read(t, src); len(told.Same) != 7 {
			t.Errorf("%s again: %+v", name, told)
		}
	}
}

func TestChangesAndDeletions(t *testing.T) {
	list := items(0, 5)
	a := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(t, w, list) })
	var store fetchtest.Store
	src := open(t, rest.Settings{URL: a.URL, Fields: fields}, fetch.Deps{})
	(&store).Read(t, src)
	list = items(1, 4)
	list[0].(map[string]any)["body"] = "another"
	told := (&store).Read(t, src)
	if !slices.Equal(told.Put, []string{"1"}) || len(told.Same) != 3 || !slices.Equal(store.IDs(), []string{"1", "2", "3", "4"}) {
		t.Errorf("%+v %v", told, store.IDs())
	}
	store.Fail("3")
	if told = (&store).Read(t, src); !slices.Equal(told.Put, []string{"3"}) {
		t.Errorf("%+v", told)
	}
}

func TestListsWithoutEnd(t *testing.T) {
	n := 0
	for name, c := range map[string]struct {
		paging rest.Paging
		body   func(r *http.Request) any
		most   int
	}{
		"the same page for ever": {rest.Paging{Kind: rest.Page}, func(*http.Request) any { return map[string]any{"l": items(0, 3)} }, 2},
		"a cursor in a circle": {rest.Paging{Kind: rest.Cursor, Path: "c"}, func(r *http.Request) any {
			return map[string]any{"l": items(0, 3), "c": map[string]string{"": "x", "x": "y", "y": "x"}[r.URL.Query().Get("cursor")]}
		}, 3},
		"new items for ever": {rest.Paging{Kind: rest.Offset}, func(*http.Request) any { n += 3; return map[string]any{"l": items(n, 3)} }, 10},
		"cursors for ever":   {rest.Paging{Kind: rest.Cursor, Path: "c"}, func(*http.Request) any { n++; return map[string]any{"l": nil, "c": n} }, 10},
	} {
		a := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(t, w, c.body(r)) })
		var store fetchtest.Store
		told := (&store).Read(t, open(t, rest.Settings{URL: a.URL, List: "l", Fields: fields, Paging: c.paging, MaxPages: 10}, fetch.Deps{}))
		if told.Complete || len(a.asked) != c.most {
			t.Errorf("%s: complete %v after %d requests", name, told.Complete, len(a.asked))
		}
	}
	a := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(t, w, items(0, 50)) })
	var store fetchtest.Store
	told := (&store).Read(t, open(t, rest.Settings{URL: a.URL, Fields: fields, MaxItems: 20}, fetch.Deps{}))
	if told.Complete || len(told.Put) != 20 {
		t.Errorf("complete %v, %d items", told.Complete, len(told.Put))
	}
}

func TestIncremental(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	type row = map[string]any
	rows := []row{{"id": "a", "body": "A", "at": "2026-10-01T00:00:00Z"}, {"id": "b", "body": "B", "at": "2026-10-02T00:00:00Z"}}
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		since := r.URL.Query().Get("since")
		out := []row{}
		for _, x := range rows {
			if x["at"].(string) >= since {
				out = append(out, x)
			}
		}
		reply(t, w, out)
	})
	set := rest.Settings{URL: a.URL + "/l", Fields: rest.Fields{ID: "id", Text: "body", Modified: "at"}, Since: rest.Since{Param: "since"}}
	src := open(t, set, fetch.Deps{Now: func() time.Time { return now }})
	var store fetchtest.Store
	if told := (&store).Read(t, src); !told.Complete || len(told.Put) != 2 {
		t.Fatalf("%+v", told)
	}
	rows = append(rows[1:], row{"id": "c", "body": "C", "at": "2026-11-01T13:00:00Z"})
	now = now.Add(2 * time.Hour)
	told := (&store).Read(t, src)
	if told.Complete || !slices.Equal(told.Put, []string{"c"}) || len(store.Docs) != 3 || a.asked[1] != "/l?since=2026-10-01T23%3A55%3A00Z" {
		t.Errorf("%+v, asked %q", told, a.asked)
	}
	now = now.Add(time.Hour)
	if (&store).Read(t, src); a.asked[2] != "/l?since=2026-11-01T12%3A55%3A00Z" {
		t.Errorf("asked %q", a.asked)
	}
	// What is gone is learned once a day.
	now = now.Add(22 * time.Hour)
	if told = (&store).Read(t, src); !told.Complete || !slices.Equal(store.IDs(), []string{"b", "c"}) || a.asked[3] != "/l" {
		t.Errorf("%+v, asked %q", told, a.asked)
	}
	// One that could not be stored is not listed among the changes.
	rows[1]["at"] = "2026-11-02T13:00:00Z"
	now = now.Add(3 * time.Hour)
	(&store).Read(t, src)
	store.Fail("c")
	rows[1]["at"] = "2026-01-01T00:00:00Z"
	now = now.Add(time.Hour)
	if told = (&store).Read(t, src); !told.Complete || !slices.Equal(told.Put, []string{"c"}) {
		t.Errorf("%+v", told)
	}
}

func TestDetails(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/list":
			reply(t, w, map[string]any{"items": []any{
				map[string]any{"key": "a/../b", "rev": 1}, map[string]any{"key": "gone", "rev": 1}, map[string]any{"key": "..", "rev": 1}, map[string]any{"key": "bad", "rev": 1},
			}})
		case r.URL.Path == "/item/gone":
			http.NotFound(w, r)
		case r.URL.Path == "/item/bad":
			w.WriteHeader(500)
		default:
			reply(t, w, map[string]any{"result": map[string]any{"title": "T", "html": "<p>B</p>", "tags": []string{"x", "y"}, "who": []any{map[string]any{"name": "ann"}}, "n": 3, "link": "/show/1"}})
		}
	})
	src := open(t, rest.Settings{
		URL: a.URL + "/list", List: "items", Detail: rest.Detail{URL: "/item/{key}?full={rev}", Item: "result"},
		Fields: rest.Fields{ID: "key", Title: "title", Text: "html", Format: rest.HTML, URL: "link", ACL: "who[*].name", Metadata: map[string]string{"tags": "tags", "n": "n", "rev": "rev", "no": "nothing"}},
	}, fetch.Deps{})
	var store fetchtest.Store
	told := (&store).Read(t, src)
	doc := store.Docs["a/../b"]
	if !slices.Equal(told.Put, []string{"a/../b"}) || !slices.Equal(told.Broken, []string{"gone", "..", "bad"}) {
		t.Fatalf("%+v, asked %q", told, a.asked)
	}
	if a.asked[1] != "/item/a%2F..%2Fb?full=1" || doc.Title != "T" || !strings.Contains(doc.Body, "<p>B</p>") || doc.Source != a.URL+"/show/1" || !slices.Equal(doc.ACL, []string{"ann"}) {
		t.Errorf("%+v, asked %q", doc, a.asked)
	}
	if m := doc.Metadata; m["n"].Number() != 3 || len(m["tags"].Items()) != 2 || m["rev"].Number() != 1 || len(m) != 4 {
		t.Errorf("%v", m)
	}
	a.asked = nil
	if told = (&store).Read(t, src); !slices.Equal(told.Same, []string{"a/../b"}) || len(a.asked) != 3 {
		t.Errorf("%+v, asked %q", told, a.asked)
	}
}

func TestFilesAndFormats(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/file") {
			w.Header().Set("Content-Type", "application/pdf")
			io.WriteString(w, "%PDF-1.4")
			return
		}
		reply(t, w, []any{map[string]any{"id": 1, "md": "# T"}})
	})
	var store fetchtest.Store
	(&store).Read(t, open(t, rest.Settings{URL: a.URL, Fields: rest.Fields{ID: "id"}, Detail: rest.Detail{URL: a.URL + "/file/{id}", File: true}}, fetch.Deps{}))
	if d := store.Docs["1"]; d.Body != "%PDF-1.4" || d.Name != "1.pdf" {
		t.Errorf("%+v", d)
	}
	store = fetchtest.Store{}
	(&store).Read(t, open(t, rest.Settings{URL: a.URL, Fields: rest.Fields{ID: "id", Text: "md", Format: rest.Markdown}}, fetch.Deps{}))
	if d := store.Docs["1"]; d.Text != "# T" || d.MediaType != "text/markdown" {
		t.Errorf("%+v", d)
	}
}

// Nobody named is not everybody.
func TestMissingAccessListIsNotOpen(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reply(t, w, []any{map[string]any{"id": 1, "body": "x", "groups": []any{}}, map[string]any{"id": 2, "body": "x"}, map[string]any{"id": 3, "body": "x", "groups": []any{"g"}}})
	})
	f := fields
	f.ACL = "groups"
	var store fetchtest.Store
	told := (&store).Read(t, open(t, rest.Settings{URL: a.URL, Fields: f}, fetch.Deps{}))
	if !slices.Equal(told.Broken, []string{"1", "2"}) || !slices.Equal(store.Docs["3"].ACL, []string{"g"}) {
		t.Errorf("%+v", told)
	}
	f.Open, store = true, fetchtest.Store{}
	if told = (&store).Read(t, open(t, rest.Settings{URL: a.URL, Fields: f}, fetch.Deps{})); len(told.Put) != 3 {
		t.Errorf("%+v", told)
	}
}

func TestPostAndSecrets(t *testing.T) {
	status := 200
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != "s3cret-key" || r.URL.Query().Get("who") != "s3cret-who" || r.Header.Get("Authorization") != "Bearer s3cret-tok" || r.Header.Get("X-Plain") != "p" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		if status != 200 {
			w.WriteHeader(status)
			return
		}
		reply(t, w, map[string]any{"l": items(0, 1)})
	})
	set := rest.Settings{
		URL: a.URL + "/q?a=1", Method: "post", Body: json.RawMessage(`{"query":{"type":"page"},"n":10}`), List: "l", Fields: fields,
		Paging: rest.Paging{Kind: rest.Offset, Param: "query.from", Size: 5}, Query: map[string]string{"b": "2"},
		Headers: map[string]string{"X-Plain": "p"}, SecretHeaders: map[string]string{"X-Api-Key": "key"}, SecretQuery: map[string]string{"who": "who"},
	}
	set.Auth = []fetch.Credential{{Origin: a.URL, Secret: "tok"}}
	var store fetchtest.Store
	src := open(t, set, fetch.Deps{})
	(&store).Read(t, src)
	if a.asked[0] != `/q?a=1&b=2&who=s3cret-who{"n":10,"query":{"from":0,"type":"page"}}` {
		t.Errorf("asked %q", a.asked)
	}
	for _, status = range []int{401, 500, 404} {
		_, err := store.Sync(t, src)
		if fetch.Status(err) != status || strings.Contains(fmt.Sprint(err), "s3cret") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if d := store.Docs["0"]; strings.Contains(d.Source, "s3cret") || strings.Contains(fmt.Sprint(d.Metadata), "s3cret") || strings.Contains(string(store.Cursor()), "s3cret") {
		t.Errorf("%+v", d)
	}
}

func TestNextPageElsewhereIsRefused(t *testing.T) {
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reply(t, w, map[string]any{"l": items(0, 1), "next": "http://elsewhere.example/?token=x"})
	})
	var store fetchtest.Store
	_, err := store.Sync(t, open(t, rest.Settings{URL: a.URL, List: "l", Fields: fields, Paging: rest.Paging{Kind: rest.Next, Path: "next"}}, fetch.Deps{}))
	if !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for body, kind := range map[string]error{
		"": rag.ErrInvalid, "<html>": rag.ErrInvalid, `{"l":[`: rag.ErrInvalid, `{"x":1}`: rag.ErrInvalid, `{"l":5}`: rag.ErrInvalid, `{"l":{"a":1}}`: rag.ErrInvalid,
		`{"l":[{"noid":1}]}`: rag.ErrInvalid, `{"l":[1]}`: rag.ErrInvalid, `{"l":[]} x`: rag.ErrInvalid, strings.Repeat("[", 20000): rag.ErrInvalid,
		`{"l":[` + strings.Repeat("{},", 1_000_000) + `{}]}`: rag.ErrExhausted,
		`{"l":[]}`: nil, `{"l":null}`: nil,
	} {
		a := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) })
		var store fetchtest.Store
		_, err := store.Sync(t, open(t, rest.Settings{URL: a.URL, List: "l", Fields: fields}, fetch.Deps{}))
		if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

func TestValidate(t *testing.T) {
	err := rest.Settings{
		Settings: fetch.Settings{Tries: 99}, URL: "x", Method: "PUT", Headers: map[string]string{"a b": "", "Authorization": "x"}, Body: json.RawMessage(`[]`), List: "a[",
		Paging: rest.Paging{Kind: "cursor", SizeParam: "n"}, Fields: rest.Fields{Format: "rtf", Title: "a..b"}, Detail: rest.Detail{URL: "https://{host}/x"},
		Since: rest.Since{Param: "s", Format: "x"}, MaxPages: -1,
	}.Validate()
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatal(err)
	}
	for _, name := range []string{"tries", "url must", "method", "headers: \"a b\"", "secret_headers", "body", "list", "paging.path", "paging.size", "fields.id", "fields.text", "fields.format", "fields.title", "detail.url", "since.format", "max_pages"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
	for _, bad := range []string{"https://example.org{path}", "https://u:p@example.org/{id}", "//{id}", "{id}", "/x/{", "/x/{}", "ftp://x/{id}"} {
		set := rest.Settings{URL: "https://example.org/", Fields: fields, Detail: rest.Detail{URL: bad}}
		if err := set.Validate(); err == nil {
			t.Errorf("%s is let through", bad)
		}
	}
	var set rest.Settings
	in := `{"url":"https://example.org/","fields":{"id":"id","text":"t"},"since":{"param":"s","full":"12h"},"timeout":"30s","requests_per_second":5}`
	if err := json.Unmarshal([]byte(in), &set); err != nil || set.Validate() != nil || time.Duration(set.Timeout) != 30*time.Second || time.Duration(set.Since.Full) != 12*time.Hour {
		t.Errorf("%+v, %v", set, err)
	}
	out, err := json.Marshal(set)
	if err != nil || string(out) != `{"timeout":"30s","requests_per_second":5,"url":"https://example.org/","fields":{"id":"id","text":"t"},"since":{"param":"s","full":"12h0m0s"}}` {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := url.Parse(set.URL); err != nil {
		t.Error(err)
	}
}
