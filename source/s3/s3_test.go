package s3_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/s3"
)

// bucket is a double of a server, for faults that a real one does not show. It
// looks at no signature.
type bucket struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]object
	page    int // keys on a page of the list
	asked   []string
	spoil   func(w http.ResponseWriter, r *http.Request) bool
}

type object struct {
	body, class string
	meta        map[string]string
}

func (o object) etag() string { return fmt.Sprintf(`"%x"`, o.body) }

type content struct {
	Key, LastModified, ETag string
	Size                    int
	StorageClass            string `xml:",omitempty"`
}

func serve(t *testing.T, objects map[string]object) *bucket {
	t.Helper()
	b := &bucket{objects: objects, page: 1000}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		key := strings.TrimPrefix(r.URL.Path, "/docs/")
		b.asked = append(b.asked, r.Method+" "+key)
		if b.spoil != nil && b.spoil(w, r) {
			return
		}
		if r.URL.Query().Get("list-type") == "2" {
			b.list(t, w, r)
			return
		}
		o, ok := b.objects[key]
		switch {
		case !ok:
			fail(w, 404, "NoSuchKey")
		case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != o.etag():
			fail(w, 412, "PreconditionFailed")
		default:
			for k, v := range o.meta {
				w.Header().Set(k, v)
			}
			w.Header().Set("ETag", o.etag())
			w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:00:00 GMT")
			w.Header().Set("Content-Length", strconv.Itoa(len(o.body)))
			_, _ = io.WriteString(w, o.body)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func fail(w http.ResponseWriter, code int, name string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", name)
}

func (b *bucket) list(t *testing.T, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var keys []string
	for k := range b.objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	page := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		EncodingType          string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}{EncodingType: "url", IsTruncated: len(keys) > b.page}
	if page.IsTruncated {
		keys = keys[:b.page]
		page.NextContinuationToken = keys[b.page-1]
	}
	for _, k := range keys {
		o := b.objects[k]
		page.Contents = append(page.Contents, content{Key: url.QueryEscape(k), LastModified: "2026-11-02T09:00:00.000Z", ETag: o.etag(), Size: len(o.body), StorageClass: o.class})
	}
	if err := xml.NewEncoder(w).Encode(page); err != nil {
		t.Error(err)
	}
}

func secrets(name string) (string, error) { return "s3cret-" + name, nil }

func open(t *testing.T, set s3.Settings) *s3.Source {
	t.Helper()
	tries, size := set.Tries, set.MaxBytes
	set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: max(tries, 1), MaxBytes: size, Concurrency: 2}
	if set.Bucket == "" {
		set.Bucket = "docs"
	}
	if set.AccessKey == "" {
		set.AccessKey, set.SecretKey = "key", "secret"
	}
	src, err := s3.New(set, fetch.Deps{Secret: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestChanges(t *testing.T) {
	b := serve(t, map[string]object{
		"a.md": {body: "a"}, "sub/": {}, "sub/b c+d.txt": {body: "b"}, "sub/é#?.md": {body: "e"}, "logo.xcf": {body: "x"}, "other/c.md": {body: "c"},
		"old.md": {body: "o", class: "GLACIER"}, "older.md": {body: "o", class: "DEEP_ARCHIVE"}, "soon.md": {body: "i", class: "GLACIER_IR"}, "empty.md": {}, "big.md": {body: strings.Repeat("x", 101)},
	})
	b.page = 2
	set := s3.Settings{Endpoint: b.URL, Settings: fetch.Settings{MaxBytes: 100}, Exclude: []string{"other"}, Metadata: map[string]string{"team": "press"}, ACL: []string{"press"}}
	store, src := &fetchtest.Store{}, open(t, set)
	told := store.Read(t, src)
	if !slices.Equal(told.Put, []string{"a.md", "empty.md", "soon.md", "sub/b c+d.txt", "sub/é#?.md"}) || !slices.Equal(told.Broken, []string{"big.md", "old.md", "older.md"}) || !told.Complete {
		t.Errorf("%+v", told)
	}
	for id, want := range map[string]string{"big.md": "max_bytes", "old.md": "archived", "older.md": "archived"} {
		if !strings.Contains(told.Errs[id].Error(), want) {
			t.Errorf("%s: %v", id, told.Errs[id])
		}
	}
	doc := store.Docs["sub/é#?.md"]
	if doc.Body != "e" || doc.Name != "é#?.md" || doc.Source != "s3://docs/sub/%C3%A9%23%3F.md" || !slices.Equal(doc.ACL, []string{"press"}) || !doc.ModifiedAt.Equal(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", doc)
	}
	for k, v := range map[string]string{"bucket": "docs", "key": "sub/é#?.md", "last_modified": "2026-11-02T09:00:00Z", "team": "press"} {
		if got := doc.Metadata[k].Text(); got != v {
			t.Errorf("%s is %q", k, got)
		}
	}
	b.asked = nil
	if told := store.Read(t, src); len(told.Same) != 5 || len(told.Put) != 0 || len(b.asked) != 6 {
		t.Errorf("%+v, asked %q", told, b.asked)
	}
	b.objects["a.md"] = object{body: "a2"}
	delete(b.objects, "soon.md")
	store.Fail("empty.md")
	if told := store.Read(t, src); !slices.Equal(told.Put, []string{"a.md", "empty.md"}) || store.Docs["a.md"].Body != "a2" {
		t.Errorf("%+v", told)
	}
	if ids := store.IDs(); slices.Contains(ids, "soon.md") {
		t.Errorf("%q", ids)
	}
	set.Prefix = "sub/"
	if told := new(fetchtest.Store).Read(t, open(t, set)); len(told.Put) != 2 {
		t.Errorf("%+v", told)
	}
}

func TestHead(t *testing.T) {
	b := serve(t, map[string]object{"a.md": {body: "a", meta: map[string]string{"X-Amz-Meta-Author": "Ann", "X-Amz-Meta-Bucket": "forged", "X-Amz-Meta-Team": "forged", "Content-Type": "text/markdown"}}})
	store := &fetchtest.Store{}
	store.Read(t, open(t, s3.Settings{Endpoint: b.URL, Head: true, Metadata: map[string]string{"team": "press"}}))
	for k, v := range map[string]string{"author": "Ann", "bucket": "docs", "team": "press", "content_type": "text/markdown"} {
		if got := store.Docs["a.md"].Metadata[k].Text(); got != v {
			t.Errorf("%s is %q", k, got)
		}
	}
}

func TestListIsCutOff(t *testing.T) {
	objects := map[string]object{}
	for i := range 30 {
		objects[fmt.Sprintf("f%02d.md", i)] = object{body: "x"}
	}
	b := serve(t, objects)
	if told := new(fetchtest.Store).Read(t, open(t, s3.Settings{Endpoint: b.URL, MaxObjects: 20})); len(told.Put) != 20 || told.Complete {
		t.Errorf("%d objects, complete %v", len(told.Put), told.Complete)
	}
	if told := new(fetchtest.Store).Read(t, open(t, s3.Settings{Endpoint: b.URL, MaxObjects: 30})); len(told.Put) != 30 || !told.Complete {
		t.Errorf("%d objects, complete %v", len(told.Put), told.Complete)
	}
}

// TestFaultsOfTheList has lists that must not pass for that of an empty bucket, since
// everything would be taken to be gone.
func TestFaultsOfTheList(t *testing.T) {
	say := func(code int, body string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		spoil func(w http.ResponseWriter, r *http.Request) bool
		want  error
	}{
		"500":             {say(500, ""), rag.ErrUnavailable},
		"503":             {say(503, "<Error><Code>SlowDown</Code></Error>"), rag.ErrExhausted},
		"wrong signature": {say(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"), rag.ErrUnauthorized},
		"denied":          {say(403, "<Error><Code>AccessDenied</Code></Error>"), rag.ErrUnauthorized},
		"no bucket":       {say(404, "<Error><Code>NoSuchBucket</Code></Error>"), rag.ErrNotFound},
		"elsewhere":       {say(301, "<Error><Code>PermanentRedirect</Code></Error>"), rag.ErrInvalid},
		"error with 200":  {say(200, "<Error><Code>InternalError</Code></Error>"), rag.ErrInvalid},
		"a page":          {say(200, "<!DOCTYPE html><html><body>Log in</body></html>"), rag.ErrInvalid},
		"nothing":         {say(200, ""), rag.ErrInvalid},
		"cut":             {say(200, "<ListBucketResult><Contents><Key>a.md</Key>"), rag.ErrInvalid},
		"no token":        {say(200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"), rag.ErrInvalid},
		"too large":       {say(200, "<ListBucketResult>"+strings.Repeat(" ", 16<<20)+"</ListBucketResult>"), rag.ErrExhausted},
		"less than it has": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			return false
		}, rag.ErrUnavailable},
		"a redirect inward": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
			return true
		}, rag.ErrInvalid},
	} {
		b := serve(t, map[string]object{"a.md": {body: "a"}})
		store, src := &fetchtest.Store{}, open(t, s3.Settings{Endpoint: b.URL})
		store.Read(t, src)
		b.spoil = c.spoil
		if told, err := store.Sync(t, src); !errors.Is(err, c.want) || told.Complete || len(store.IDs()) != 1 {
			t.Errorf("%s: %v (%s)", name, err, rag.KindOf(err))
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s shows a secret: %v", name, err)
		}
	}
}

func TestAnEndlessListEnds(t *testing.T) {
	b := serve(t, nil)
	n := 0
	b.spoil = func(w http.ResponseWriter, _ *http.Request) bool {
		n++
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t%d</NextContinuationToken></ListBucketResult>", n)
		return true
	}
	if _, err := (&fetchtest.Store{}).Sync(t, open(t, s3.Settings{Endpoint: b.URL, MaxObjects: 10})); !errors.Is(err, rag.ErrExhausted) {
		t.Error(err)
	}
}

func TestItIsTriedAgain(t *testing.T) {
	b := serve(t, map[string]object{"a.md": {body: "a"}})
	n := 0
	b.spoil = func(w http.ResponseWriter, _ *http.Request) bool {
		if n++; n%2 == 1 {
			fail(w, 503, "SlowDown")
		}
		return n%2 == 1
	}
	store := &fetchtest.Store{}
	set := s3.Settings{Endpoint: b.URL}
	set.Tries = 2
	store.Read(t, open(t, set))
	if store.Docs["a.md"].Body != "a" || n != 4 {
		t.Errorf("%d requests, %+v", n, store.Docs)
	}
}

func TestObjectsThatChangeMeanwhile(t *testing.T) {
	b := serve(t, map[string]object{"a.md": {body: "a"}})
	src := open(t, s3.Settings{Endpoint: b.URL})
	for name, c := range map[string]struct {
		change func()
		want   error
	}{
		"other": {func() { b.objects["a.md"] = object{body: "b"} }, rag.ErrConflict},
		"gone":  {func() { delete(b.objects, "a.md") }, rag.ErrNotFound},
		"denied": {func() {
			b.spoil = func(w http.ResponseWriter, _ *http.Request) bool { fail(w, 403, "AccessDenied"); return true }
		}, rag.ErrUnauthorized},
		"longer": {func() {
			b.spoil = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("ETag", `"61"`)
				w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:00:00 GMT")
				_, _ = io.WriteString(w, "aaaa")
				return true
			}
		}, rag.ErrConflict},
	} {
		b.spoil = nil
		b.objects["a.md"] = object{body: "a"}
		var in rag.Input
		if _, err := src.Sync(t.Context(), &fetchtest.Store{}, func(ev source.Event) error { in = ev.Input; return nil }); err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		c.change()
		b.mu.Unlock()
		if _, err := io.ReadAll(in.Content); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, bad := range []string{
		`{}`, `{"bucket": "docs"}`, `{"bucket": "x", "anonymous": true}`, `{"bucket": "docs", "anonymous": true, "ambient": true}`, `{"bucket": "docs", "access_key": "a"}`,
		`{"bucket": "docs", "anonymous": true, "session_token": "x"}`, `{"bucket": "docs", "anonymous": true, "endpoint": "https://x/y"}`,
		`{"bucket": "docs", "anonymous": true, "endpoint": "https://a:pw@x"}`, `{"bucket": "docs", "anonymous": true, "endpoint": "x"}`, `{"bucket": "docs", "anonymous": true, "style": "x"}`,
		`{"bucket": "docs", "anonymous": true, "region": "a/b"}`, `{"bucket": "docs", "anonymous": true, "include": ["["]}`, `{"bucket": "docs", "anonymous": true, "max_objects": -1}`,
		`{"bucket": "docs", "anonymous": true, "auth": [{"origin": "https://x", "secret": "y"}]}`,
	} {
		var set s3.Settings
		if err := json.Unmarshal([]byte(bad), &set); err != nil {
			t.Fatal(err)
		}
		if err := set.Validate(); !errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := s3.New(s3.Settings{Bucket: "docs", Ambient: true}, fetch.Deps{Locked: true}); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	if _, err := s3.New(s3.Settings{Bucket: "docs", AccessKey: "a", SecretKey: "b"}, fetch.Deps{}); !errors.Is(err, rag.ErrInvalid) {
		t.Error(err)
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	b := serve(t, map[string]object{"a.md": {body: "a"}})
	src, err := s3.New(s3.Settings{Endpoint: b.URL, Bucket: "docs", Anonymous: true}, fetch.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&fetchtest.Store{}).Sync(t, src); !errors.Is(err, rag.ErrRefused) || len(b.asked) > 0 {
		t.Errorf("%v, asked %q", err, b.asked)
	}
}

// Keys are any text. None of them can be taken for a document of another source, none makes
// the server be asked for something else, and each is asked for as it is called.
func TestOddKeys(t *testing.T) {
	keys := map[string]string{ // with their IDs
		"a b.md": "", " .md": "", "ü/日本 語.md": "", "e\u0301.md": "", "\u00e9.md": "", "a+b%2Fc.md": "", "a%20b.md": "", "..": "-", "../../etc/passwd.md": "", "a/../b.md": "", "./c.md": "", "a//b.md": "",
		"/etc/motd.md": "key:/etc/motd.md", "//x.md": "key://x.md", "https://example.org/a.md": "key:https://example.org/a.md", "file:///etc/a.md": "key:file:///etc/a.md", "key:x.md": "key:key:x.md",
		"q?x=1&y.md": "", "#f.md": "", "line\nbreak.md": "", "tab\t.md": "", "'\"<&>.md": "", "back\\slash.md": "", "-rf.md": "", "docs/x.md": "", "a.md/": "-", "/": "-", strings.Repeat("k", 1021) + ".md": "",
	}
	objects := map[string]object{}
	var want []string
	for key, id := range keys {
		objects[key] = object{body: "text of " + key}
		switch id {
		case "":
			want = append(want, key)
		case "-":
		default:
			want = append(want, id)
		}
	}
	b := serve(t, objects)
	b.page = 3
	set := s3.Settings{Endpoint: b.URL, Include: []string{"*.md"}, Head: true}
	store, src := &fetchtest.Store{}, open(t, set)
	told := store.Read(t, src)
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(told.Put)); !slices.Equal(got, want) || len(told.Broken) > 0 || !told.Complete {
		t.Errorf("told %q, want %q; broken %q, %v", got, want, told.Broken, told.Errs)
	}
	for id, doc := range store.Docs {
		key := strings.TrimPrefix(id, "key:")
		if id == "key:key:x.md" {
			key = "key:x.md"
		}
		if doc.Body != "text of "+key {
			t.Errorf("%q holds %q", id, doc.Body)
		}
	}
	if told := store.Read(t, src); len(told.Same) != len(want) {
		t.Errorf("again: %+v", told)
	}
}

// Nobody but the endpoint is asked for anything, wherever it sends the client, so that no
// signature gets to another host.
func TestRedirectsLeadNowhere(t *testing.T) {
	other := serve(t, nil)
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, what := range []string{"list", "HEAD", "GET"} {
			b := serve(t, map[string]object{"a.md": {body: "a"}})
			b.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				if list := r.URL.Query().Get("list-type") == "2"; list != (what == "list") || !list && r.Method != what {
					return false
				}
				http.Redirect(w, r, other.URL+r.URL.Path, code)
				return true
			}
			var in rag.Input
			var broken error
			_, err := open(t, s3.Settings{Endpoint: b.URL, Head: what == "HEAD"}).Sync(t.Context(), &fetchtest.Store{}, func(ev source.Event) error {
				in, broken = ev.Input, ev.Err
				return nil
			})
			switch what {
			case "HEAD":
				err = broken
			case "GET":
				if in.Content != nil {
					_, err = io.ReadAll(in.Content)
				}
			}
			if err == nil || len(other.asked) > 0 || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%d for %s: %v; the other was asked %q", code, what, err, other.asked)
			}
		}
	}
}

// What Content-Length says counts for nothing: a document is whole, or there is an error.
func TestContentLengthLies(t *testing.T) {
	for name, tt := range map[string]struct {
		says string
		body string
		want error
	}{
		"more than it sends":          {"100", "text", rag.ErrUnavailable},
		"less than it has":            {"2", "text", rag.ErrUnavailable},
		"more than it was listed":     {"8", "texttext", rag.ErrConflict},
		"no length, less":             {"", "te", rag.ErrUnavailable},
		"no length, more":             {"", strings.Repeat("text", 1<<18), rag.ErrConflict},
		"the largest number there is": {"9223372036854775807", "text", rag.ErrUnavailable},
		"as it is":                    {"4", "text", nil},
	} {
		b := serve(t, map[string]object{"a.md": {body: "text"}})
		src := open(t, s3.Settings{Endpoint: b.URL})
		var in rag.Input
		if _, err := src.Sync(t.Context(), &fetchtest.Store{}, func(ev source.Event) error { in = ev.Input; return nil }); err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		b.spoil = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("ETag", object{body: "text"}.etag())
			w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:00:00 GMT")
			if tt.says != "" {
				w.Header().Set("Content-Length", tt.says)
			} else {
				w.(http.Flusher).Flush()
			}
			_, _ = io.WriteString(w, tt.body)
			return true
		}
		b.mu.Unlock()
		data, err := io.ReadAll(in.Content)
		if !errors.Is(err, tt.want) || len(data) > 1<<19 || err == nil && string(data) != "text" {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

// A bucket is listed page by page: what is held at a time does not grow with the text of
// its keys.
func TestManyKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("lists 120,000 keys")
	}
	const count, pageKeys = 120_000, 1000
	key := func(i int) string { return fmt.Sprintf("%s/%07d.md", strings.Repeat("long-name/", 60), i) }
	asked := 0
	b := serve(t, nil)
	b.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		asked++
		from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token"))
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", from+pageKeys < count, from+pageKeys)
		for i := from; i < from+pageKeys; i++ {
			fmt.Fprintf(w, `<Contents><Key>%s</Key><LastModified>2026-11-02T09:00:00.000Z</LastModified><ETag>"%d"</ETag><Size>1</Size></Contents>`, key(i), i)
		}
		_, _ = io.WriteString(w, "</ListBucketResult>")
		return true
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, told := held(), uint64(0), 0
	res, err := open(t, s3.Settings{Endpoint: b.URL, MaxObjects: 200_000}).Sync(t.Context(), &fetchtest.Store{}, func(ev source.Event) error {
		if told++; told%20_000 == 0 {
			most = max(most, held())
		}
		return nil
	})
	if err != nil || !res.Complete || told != count || asked != count/pageKeys {
		t.Errorf("%d objects in %d pages, complete %v, %v", told, asked, res.Complete, err)
	}
	if grown := int64(most) - int64(before); grown > 32<<20 { // the keys alone are 73 MB
		t.Errorf("%d MiB are held", grown>>20)
	} else {
		t.Logf("%d keys: %d MiB are held", count, grown>>20)
	}
}

// In a bucket with versions an object may be a mark that it was deleted: it is none, and one
// that was deleted since it was listed is gone.
func TestDeleteMarkers(t *testing.T) {
	b := serve(t, map[string]object{"a.md": {body: "a"}, "b.md": {body: "b"}})
	store, src := &fetchtest.Store{}, open(t, s3.Settings{Endpoint: b.URL})
	store.Read(t, src)
	list := func(what string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("list-type") != "2" {
				w.Header().Set("X-Amz-Delete-Marker", "true")
				fail(w, 404, "NoSuchKey")
				return true
			}
			fmt.Fprintf(w, `<ListBucketResult><IsTruncated>false</IsTruncated>%s<Contents><Key>b.md</Key><LastModified>2026-11-02T09:00:00.000Z</LastModified><ETag>%s</ETag><Size>1</Size></Contents></ListBucketResult>`, what, object{body: "b"}.etag())
			return true
		}
	}
	b.spoil = list(`<DeleteMarker><Key>a.md</Key><VersionId>2</VersionId><IsLatest>true</IsLatest></DeleteMarker><Version><Key>a.md</Key><VersionId>1</VersionId></Version>`)
	if told := store.Read(t, src); len(told.Same) != 1 || !told.Complete || slices.Contains(store.IDs(), "a.md") {
		t.Errorf("%+v, %q", told, store.IDs())
	}
	var in rag.Input
	if _, err := src.Sync(t.Context(), &fetchtest.Store{}, func(ev source.Event) error { in = ev.Input; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(in.Content); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("deleted since it was listed: %v", err)
	}
}
