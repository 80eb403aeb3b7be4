package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
)

// loopback allows the servers of tests.
func loopback() fetch.Settings {
	return fetch.Settings{Allow: []string{"127.0.0.1"}, RequestsPerSecond: 1e6, Tries: 1}
}

func client(t *testing.T, set fetch.Settings, deps fetch.Deps) *fetch.Client {
	t.Helper()
	c, err := fetch.New(set, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func secrets(name string) (string, error) { return "s3cret-" + name, nil }

func TestLoopbackIsRefusedUnlessAllowed(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1) })
	_, err := client(t, fetch.Settings{Tries: 1}, fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL})
	if !errors.Is(err, rag.ErrRefused) || asked.Load() != 0 {
		t.Errorf("%v, %d requests", err, asked.Load())
	}
	if _, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL}); err != nil {
		t.Error(err)
	}
	if _, err := client(t, fetch.Settings{}, fetch.Deps{Allow: []string{"127.0.0.0/8"}, Locked: true}).Do(t.Context(), fetch.Request{URL: s.URL}); err != nil {
		t.Error(err)
	}
	if _, err := fetch.New(loopback(), fetch.Deps{Locked: true}); !errors.Is(err, rag.ErrRefused) {
		t.Errorf("locked: %v", err)
	}
}

func TestRedirectToAPrivateAddressIsRefused(t *testing.T) {
	for _, to := range []string{"http://10.0.0.7/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:9/", "file:///etc/passwd", "gopher://127.0.0.1/"} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		_, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL})
		if !errors.Is(err, rag.ErrRefused) && !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestNamesThatResolveToPrivateAddressesAreRefused(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); io.WriteString(w, "inside") })
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	resolver := fetchtest.Resolver(func(string, int) [4]byte { return [4]byte{127, 0, 0, 1} })
	at := "http://rebound.example" + port

	_, err := client(t, fetch.Settings{Tries: 1}, fetch.Deps{Resolver: resolver}).Do(t.Context(), fetch.Request{URL: at})
	if !errors.Is(err, rag.ErrRefused) || asked.Load() != 0 || !strings.Contains(err.Error(), "rebound.example leads to 127.0.0.1") {
		t.Errorf("%v, %d requests", err, asked.Load())
	}
	resp, err := client(t, fetch.Settings{Tries: 1, Allow: []string{"rebound.example"}}, fetch.Deps{Resolver: resolver}).Do(t.Context(), fetch.Request{URL: at})
	if err != nil || string(resp.Body) != "inside" {
		t.Errorf("allowed by name: %v", err)
	}
}

// A name that was fine when it was first used is looked at again for each
// connection.
func TestDNSRebinding(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Connection", "close")
	})
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	resolver := fetchtest.Resolver(func(_ string, n int) [4]byte {
		if n == 0 {
			return [4]byte{127, 0, 0, 1} // stands for a public address: it is the allowed one
		}
		return [4]byte{127, 0, 0, 2}
	})
	c := client(t, loopback(), fetch.Deps{Resolver: resolver})
	if _, err := c.Do(t.Context(), fetch.Request{URL: "http://rebound.example" + port}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), fetch.Request{URL: "http://rebound.example" + port})
	if !errors.Is(err, rag.ErrRefused) || asked.Load() != 1 {
		t.Errorf("%v, %d requests", err, asked.Load())
	}
}

func TestCredentialsStayAtTheirOrigin(t *testing.T) {
	var got []http.Header
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Clone()) })
	own := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		http.Redirect(w, r, other.URL, http.StatusFound)
	})
	set := loopback()
	set.Auth = []fetch.Credential{{Origin: own.URL, Secret: "token"}, {Origin: own.URL, Header: "X-Key", Secret: "key"}}
	req := fetch.Request{URL: own.URL, Header: http.Header{"X-Own": {"1"}}}
	if _, err := client(t, set, fetch.Deps{Secret: secrets}).Do(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Get("Authorization") != "Bearer s3cret-token" || got[0].Get("X-Key") != "s3cret-key" || got[0].Get("X-Own") != "1" {
		t.Fatalf("own origin: %v", got)
	}
	if got[1].Get("Authorization") != "" || got[1].Get("X-Key") != "" || got[1].Get("X-Own") != "" || got[1].Get("Referer") != "" {
		t.Errorf("other origin was shown %v", got[1])
	}
}

// The same host without TLS is another origin.
func TestCredentialsAreNotDowngraded(t *testing.T) {
	var shown []string
	rt := transport(func(r *http.Request) *http.Response {
		shown = append(shown, r.URL.Scheme+" "+r.Header.Get("Authorization"))
		if r.URL.Scheme == "https" {
			return answer(302, "", "Location", "http://example.org/")
		}
		return answer(200, "ok")
	})
	set := fetch.Settings{RequestsPerSecond: 1e6, Auth: []fetch.Credential{{Origin: "https://example.org", Scheme: "basic", User: "u", Secret: "p"}}}
	if _, err := client(t, set, fetch.Deps{Transport: rt, Secret: secrets}).Do(t.Context(), fetch.Request{URL: "https://example.org/x"}); err != nil {
		t.Fatal(err)
	}
	if len(shown) != 2 || !strings.HasPrefix(shown[0], "https Basic ") || shown[1] != "http " {
		t.Errorf("%q", shown)
	}
}

type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := f(r)
	if resp == nil {
		return nil, errors.New("connection refused")
	}
	return resp, nil
}

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestBombs(t *testing.T) {
	zeros := make([]byte, 8<<20)
	pack := func(w io.WriteCloser, b *bytes.Buffer) []byte {
		_, _ = w.Write(zeros)
		_ = w.Close()
		return b.Bytes()
	}
	var g, br, z bytes.Buffer
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	bombs := map[string][]byte{"gzip": pack(gzip.NewWriter(&g), &g), "br": pack(brotli.NewWriter(&br), &br), "zstd": pack(zw, &z), "identity": zeros}
	for name, body := range bombs {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", name)
			_, _ = w.Write(body)
		})
		set := loopback()
		set.MaxBytes = 1 << 20
		_, err := client(t, set, fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL})
		if !errors.Is(err, rag.ErrExhausted) {
			t.Errorf("%s: %v", name, err)
		}
		set.MaxBytes = 8 << 20
		resp, err := client(t, set, fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL})
		if err != nil || len(resp.Body) != 8<<20 {
			t.Errorf("%s as large as allowed: %v", name, err)
		}
	}
	if _, err := fetch.Gunzip(bombs["gzip"], 1<<20); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("Gunzip: %v", err)
	}
	for _, encoding := range []string{"gzip, gzip", "compress", "deflate"} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			io.WriteString(w, "x")
		})
		if _, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL}); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}

// A body that never ends, or comes byte by byte, ends with idle_timeout and
// timeout.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, every := range map[string]time.Duration{"idle": time.Hour, "drip": 10 * time.Second} {
			body := &drip{every: every}
			rt := contextTransport(func(ctx context.Context) *http.Response {
				body.ctx = ctx
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}
			})
			c := client(t, fetch.Settings{Tries: 1}, fetch.Deps{Transport: rt})
			begun := time.Now()
			_, err := c.Do(t.Context(), fetch.Request{URL: "http://example.org"})
			if !errors.Is(err, rag.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			want := map[string]time.Duration{"idle": 20 * time.Second, "drip": 2 * time.Minute}[name]
			if took := time.Since(begun).Truncate(time.Second); took != want { // what has come extends it a little
				t.Errorf("%s: given up after %s, not %s", name, took, want)
			}
		}
	})
}

type contextTransport func(context.Context) *http.Response

func (f contextTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return f(r.Context()), nil
}

// drip gives a byte now and then.
type drip struct {
	ctx   context.Context
	every time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(d.every):
		p[0] = 'x'
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		for _, c := range []struct {
			name  string
			reply func() *http.Response // of all tries but the third
			tries int
			least time.Duration
			kind  error
		}{
			{"502", func() *http.Response { return answer(502, "") }, 3, 0, nil},
			{"connection", func() *http.Response { return nil }, 3, 0, nil},
			{"429 with seconds", func() *http.Response { return answer(429, "", "Retry-After", "20") }, 3, 40 * time.Second, nil},
			{"503 with a date", func() *http.Response {
				return answer(503, "", "Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
			}, 3, 58 * time.Second, nil},
			{"too long a wait", func() *http.Response { return answer(429, "", "Retry-After", "3600") }, 1, 0, rag.ErrExhausted},
			{"absurd", func() *http.Response { return answer(503, "", "Retry-After", "99999999999999999999") }, 3, 0, nil},
			{"404", func() *http.Response { return answer(404, "") }, 1, 0, rag.ErrNotFound},
			{"401", func() *http.Response { return answer(401, "") }, 1, 0, rag.ErrUnauthorized},
			{"400", func() *http.Response { return answer(400, "") }, 1, 0, rag.ErrInvalid},
			{"501", func() *http.Response { return answer(501, "") }, 1, 0, rag.ErrUnavailable},
		} {
			tries = 0
			rt := transport(func(*http.Request) *http.Response {
				if tries++; tries == 3 {
					return answer(200, "ok")
				}
				return c.reply()
			})
			begun := time.Now()
			_, err := client(t, fetch.Settings{RequestsPerSecond: 1e6}, fetch.Deps{Transport: rt}).Do(t.Context(), fetch.Request{URL: "http://example.org"})
			if tries != c.tries || c.kind == nil && err != nil || c.kind != nil && !errors.Is(err, c.kind) {
				t.Errorf("%s: %d tries, %v", c.name, tries, err)
			}
			if took := time.Since(begun); took < c.least || took > c.least+30*time.Second {
				t.Errorf("%s took %s", c.name, took)
			}
		}
	})
}

func TestCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, down := 0, true
		rt := transport(func(r *http.Request) *http.Response {
			if r.URL.Host == "up.org" {
				return answer(200, "ok")
			}
			asked++
			if down {
				return nil
			}
			return answer(200, "ok")
		})
		c := client(t, fetch.Settings{RequestsPerSecond: 1e6, Tries: 2}, fetch.Deps{Transport: rt})
		get := func(u string) error {
			_, err := c.Do(t.Context(), fetch.Request{URL: u})
			return err
		}
		for range 5 {
			if _, left := fetch.LeftAlone(get("http://down.org")); left {
				t.Error("left alone too early")
			}
		}
		pause, left := fetch.LeftAlone(get("http://down.org"))
		if !left || asked != 10 {
			t.Errorf("not left alone after %d requests", asked)
		}
		if err := get("http://up.org"); err != nil {
			t.Errorf("another host: %v", err)
		}
		time.Sleep(pause)
		down = false
		if err := get("http://down.org"); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

// A page that fails says nothing about its server.
func TestServerErrorsOfPagesDoNotOpenTheCircuit(t *testing.T) {
	rt := transport(func(*http.Request) *http.Response { return answer(500, "") })
	c := client(t, fetch.Settings{RequestsPerSecond: 1e6, Tries: 1}, fetch.Deps{Transport: rt})
	for range 20 {
		if _, err := c.Do(t.Context(), fetch.Request{URL: "http://example.org"}); fetch.Status(err) != 500 {
			t.Fatal(err)
		}
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		rt := transport(func(*http.Request) *http.Response {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(10 * time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return answer(200, "ok")
		})
		c := client(t, fetch.Settings{RequestsPerSecond: 4, Concurrency: 3}, fetch.Deps{Transport: rt})
		begun := time.Now()
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				if _, err := c.Do(t.Context(), fetch.Request{URL: "http://example.org"}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != 3 {
			t.Errorf("%d at once", most)
		}
		if took := time.Since(begun); took < 30*time.Second || took > 32*time.Second {
			t.Errorf("took %s", took)
		}
		c.Slow("http://example.org:80", 5*time.Second)
		begun = time.Now()
		for range 2 {
			all.Go(func() { _, _ = c.Do(t.Context(), fetch.Request{URL: "http://example.org"}) })
		}
		all.Wait()
		if took := time.Since(begun); took < 15*time.Second {
			t.Errorf("two requests, 5 s apart and of 10 s each, took %s", took)
		}
	})
}

func TestCertificates(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.WriteString(w, r.Proto)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	set := loopback()
	set.Tries = 4
	if _, err := client(t, set, fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL}); !errors.Is(err, rag.ErrUnavailable) || asked.Load() != 0 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v, %d requests", err, asked.Load())
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	resp, err := client(t, set, fetch.Deps{RootCAs: pool}).Do(t.Context(), fetch.Request{URL: s.URL})
	if err != nil || string(resp.Body) != "HTTP/2.0" {
		t.Errorf("%v", err)
	}
}

func TestRedirects(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusMovedPermanently)
	})
	_, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL + "/"})
	if !errors.Is(err, rag.ErrExhausted) || !strings.Contains(err.Error(), "5 redirects") {
		t.Error(err)
	}
	resp, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL + "/", Stay: true})
	if err != nil || resp.Location == nil || resp.Location.Path != "/x" {
		t.Errorf("%+v, %v", resp, err)
	}
	_, err = client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL + "/", Within: func(*url.URL) bool { return false }})
	if !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
}

func TestConditionalRequestAndAgent(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") != "Product/1 (+mailto:ops@example.org)" {
			t.Errorf("User-Agent %q", r.Header.Get("User-Agent"))
		}
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
		}
	})
	set := loopback()
	set.Contact = "mailto:ops@example.org"
	c := client(t, set, fetch.Deps{Product: "Product/1"})
	resp, err := c.Do(t.Context(), fetch.Request{URL: s.URL})
	if err != nil || resp.NotModified || resp.ETag() != `"1"` {
		t.Fatalf("%+v, %v", resp, err)
	}
	if resp, err = c.Do(t.Context(), fetch.Request{URL: s.URL, ETag: resp.ETag()}); err != nil || !resp.NotModified {
		t.Errorf("%+v, %v", resp, err)
	}
}

func TestProxyOnlyBySetting(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var through []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		through = append(through, r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
		io.WriteString(w, "proxied")
	})
	set := fetch.Settings{Proxy: proxy.URL, ProxySecret: "p", Tries: 1, RequestsPerSecond: 1e6}
	c := client(t, set, fetch.Deps{Secret: func(string) (string, error) { return "me:pw", nil }})
	resp, err := c.Do(t.Context(), fetch.Request{URL: "http://example.org/a"})
	if err != nil || string(resp.Body) != "proxied" || len(through) != 1 || through[0] != "http://example.org/a Basic bWU6cHc=" {
		t.Errorf("%q, %v", through, err)
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "http://10.0.0.1/a"}); !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) })
	set := loopback()
	set.Auth = []fetch.Credential{{Origin: s.URL, Secret: "token"}}
	u := strings.Replace(s.URL, "http://", "http://user:hunter2@", 1) + "/a?api_key=hunter2&q=words&access_token=hunter2&sig=hunter2#hunter2"
	_, err := client(t, set, fetch.Deps{Secret: secrets}).Do(t.Context(), fetch.Request{URL: u})
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "q=words") {
		t.Error(err)
	}
	rt := failing{fmt.Errorf("proxy said: s3cret-token")}
	_, err = client(t, set, fetch.Deps{Secret: secrets, Transport: rt}).Do(t.Context(), fetch.Request{URL: u})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
	for _, raw := range []string{"http://user:hunter2@%zz/?token=hunter2", "http:user:hunter2@x/", "https:/user:hunter2@x/", "user:hunter2@x", "//user:hunter2@x", "http://x/?a%5Ftoken=hunter2&X-Amz-Signature=hunter2&client_secret=hunter2"} {
		if got := fetch.ShowRaw(raw); strings.Contains(got, "hunter2") {
			t.Errorf("%s is shown as %s", raw, got)
		}
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestValidateReportsAllFaults(t *testing.T) {
	err := fetch.Settings{
		Allow: []string{"a b"}, Proxy: "socks://x", Tries: -1, Concurrency: 99, RequestsPerSecond: -1, Timeout: -1, MaxBytes: -1, Contact: "ü",
		Auth: []fetch.Credential{{Origin: "https://x/path", Scheme: "digest"}},
	}.Validate()
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatal(err)
	}
	for _, name := range []string{"allow", "proxy", "tries", "concurrency", "requests_per_second", "timeout", "max_bytes", "contact", "auth[0].origin", "auth[0].scheme", "auth[0].secret"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
	if err := (fetch.Settings{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestInOrder(t *testing.T) {
	in := make([]int, 200)
	for i := range in {
		in[i] = i
	}
	var running, most atomic.Int32
	next := 0
	err := fetch.InOrder(t.Context(), in, 7, func(_ context.Context, i int) int {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		return i * i
	}, func(i, square int) error {
		if i != next || square != i*i {
			t.Fatalf("%d came as %d", next, i)
		}
		next++
		return nil
	})
	if err != nil || next != 200 || most.Load() > 7 {
		t.Errorf("%v, %d, %d at once", err, next, most.Load())
	}
	stop := errors.New("stop")
	err = fetch.InOrder(t.Context(), in, 7, func(ctx context.Context, i int) int { return i }, func(i, _ int) error {
		if i == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = fetch.InOrder(ctx, in, 3, func(ctx context.Context, i int) int {
		if i == 2 {
			cancel()
		}
		<-ctx.Done()
		return 0
	}, func(int, int) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
