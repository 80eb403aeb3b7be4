package rest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

const secret = "sesame-4711"

// serve returns a client of a server with one handler.
func serve(t *testing.T, cfg Config, handle http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(handle)
	t.Cleanup(srv.Close)
	cfg.Product, cfg.Address = "shop", srv.URL+"/base/"
	if cfg.Secrets == nil {
		cfg.Secrets = map[string]string{"Authorization": "Bearer " + secret}
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestDo(t *testing.T) {
	c := serve(t, Config{Header: http.Header{"X-Version": {"3"}}}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := fmt.Sprintf("%s %s %s %s %s %s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Version"), r.Header.Get("Content-Type"), body)
		w.Header().Set("X-Seq", "17")
		fmt.Fprintf(w, `{"got": %q, "more": 1}`, got)
	})
	for name, test := range map[string]struct {
		request Request
		want    string
	}{
		"none": {Request{Method: "GET", Path: "/a%2Fb"}, "GET /base/a%2Fb  Bearer sesame-4711 3  "},
		"json": {Request{Method: "POST", Path: "/x", Query: url.Values{"q": {"1 2"}}, Body: map[string]int{"k": 5}}, `POST /base/x q=1+2 Bearer sesame-4711 3 application/json {"k":5}`},
		"raw":  {Request{Method: "PUT", Path: "/x", Body: []byte("a\nb"), ContentType: "application/x-ndjson"}, "PUT /base/x  Bearer sesame-4711 3 application/x-ndjson a\nb"},
	} {
		var answer struct{ Got string }
		header, err := c.Do(t.Context(), test.request, &answer)
		if err != nil || answer.Got != test.want || header.Get("X-Seq") != "17" {
			t.Errorf("%s: the server got %q, want %q (%v)", name, answer.Got, test.want, err)
		}
	}
	var raw []byte
	if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}, &raw); err != nil || !strings.HasPrefix(string(raw), `{"got":`) {
		t.Errorf("as it came: %q, %v", raw, err)
	}
	if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}, nil); err != nil {
		t.Errorf("without looking at the answer: %v", err)
	}
	if _, err := c.Do(t.Context(), Request{Method: "POST", Path: "/", Body: map[string]any{"secret": func() {}}}, nil); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("what is no JSON: %v, want an invalid request", err)
	}
}

func TestRefusals(t *testing.T) {
	for status, kind := range map[int]rag.Kind{
		400: rag.KindInvalid, 422: rag.KindInvalid, 405: rag.KindInvalid, 410: rag.KindInvalid, 302: rag.KindInvalid, 501: rag.KindInvalid,
		401: rag.KindUnauthorized, 403: rag.KindUnauthorized, 404: rag.KindNotFound, 409: rag.KindConflict, 413: rag.KindExhausted, 429: rag.KindExhausted,
		507: rag.KindExhausted, 408: rag.KindUnavailable, 500: rag.KindUnavailable, 502: rag.KindUnavailable, 503: rag.KindUnavailable, 504: rag.KindUnavailable,
	} {
		for _, private := range []bool{false, true} {
			c := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"error": "SomeError", "message": "you sent the words, with %s"}`, secret)
			})
			_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/", Body: "the words", Private: private}, nil)
			r := RefusalOf(fmt.Errorf("while testing: %w", err))
			if rag.KindOf(err) != kind || r == nil || r.Status != status || Status(err) != status || r.RetryAfter() != 7*time.Second || r.Code != "SomeError" {
				t.Fatalf("status %d: error %v (%s), refusal %+v, want %s", status, err, rag.KindOf(err), r, kind)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, r)} {
				if strings.Contains(text, secret) || strings.Contains(text, "the words") == private {
					t.Errorf("status %d, private %v: the error is %s", status, private, text)
				}
			}
		}
	}
}

func TestExplanations(t *testing.T) {
	c := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		_, _ = w.Write(body)
	})
	for body, want := range map[string]string{
		`{"error": "too long"}`:                                                               "HTTP status 400: too long",
		`{"error": "InvalidArgument", "message": "too long"}`:                                 "HTTP status 400, InvalidArgument: too long",
		`{"error": {"type": "parse_error", "code": 3, "message": "too long"}, "status": 400}`: "HTTP status 400, parse_error: too long",
		`{"error": {"code": "INVALID", "message": "too long"}}`:                               "HTTP status 400, INVALID: too long",
		`{"code": 3, "message": "too long", "details": []}`:                                   "HTTP status 400: too long",
		`{"detail": "too long"}`:                                                              "HTTP status 400: too long",
		`{"code": "a word with spaces", "message": "m\n m"}`:                                  "HTTP status 400: m m",
		`<html>Bad Request</html>`:                                                            "HTTP status 400",
		``:                                                                                    "HTTP status 400",
		`{"message": "` + strings.Repeat("ä", 400) + `"}`:                                     "HTTP status 400: " + strings.Repeat("ä", 150) + " ...",
	} {
		_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/", Body: []byte(body)}, nil)
		if r := RefusalOf(err); r == nil || r.Error() != want {
			t.Errorf("%s: %v, want %s", body, r, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "0.5": 500 * time.Millisecond, "-1": 0, "soon": 0, "1e300": 0, "NaN": 0,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestBrokenAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		kind   rag.Kind
		handle http.HandlerFunc
	}{
		"cut off": {rag.KindUnavailable, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"a": `)
		}},
		"no JSON":         {rag.KindInternal, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `<html>`) }},
		"nothing":         {rag.KindInternal, func(w http.ResponseWriter, r *http.Request) {}},
		"more than JSON":  {rag.KindInternal, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"a": 1} {"a": 2}`) }},
		"another type":    {rag.KindInternal, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"a": "`+secret+`"}`) }},
		"too large":       {rag.KindInternal, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, strings.Repeat(" ", 1001)) }},
		"no answer":       {rag.KindUnavailable, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }},
		"waits for good":  {rag.KindUnavailable, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		"waits for a bit": {rag.KindUnavailable, func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() }},
	} {
		c := serve(t, Config{MaxAnswer: 1000, Timeout: 300 * time.Millisecond}, test.handle)
		var answer struct{ A int }
		_, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}, &answer)
		if rag.KindOf(err) != test.kind || strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("%s: error %v (%s), want %s", name, err, rag.KindOf(err), test.kind)
		}
	}
}

func TestContexts(t *testing.T) {
	c := serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, Request{Method: "GET", Path: "/"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, Request{Method: "GET", Path: "/"}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's time is over: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}, nil); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	c, err := New(Config{Product: "shop", Address: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), Request{Method: "GET", Path: "/"}, nil); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("error %v, want that it is unavailable", err)
	}
}

func TestValidate(t *testing.T) {
	for _, address := range []string{"", "localhost:80", "ftp://a", "http://", "http://:80", "http://me:" + secret + "@a", "http://a?k=" + secret, "http://a/%zz" + secret} {
		_, err := New(Config{Product: "shop", Address: address, Timeout: -1, Secrets: map[string]string{"K": secret + "\n"}})
		if !errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "negative") || !strings.Contains(err.Error(), "line break") ||
			!strings.Contains(err.Error(), "the address") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := New(Config{Product: "shop", Address: "https://a.example/api/"}); err != nil {
		t.Error(err)
	}
}

// TestTLS: a server with a certificate of its own authority that asks for one of its clients.
func TestTLS(t *testing.T) {
	client, authority := certificate(t)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"who": %q}`, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that are to fail
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(srv.Certificate())
	for name, test := range map[string]struct {
		tls *tls.Config
		ok  bool
	}{
		"both":           {&tls.Config{RootCAs: trusted, Certificates: []tls.Certificate{client}}, true},
		"no certificate": {&tls.Config{RootCAs: trusted}, false},
		"no trust":       {nil, false},
	} {
		c, err := New(Config{Product: "shop", Address: srv.URL, TLS: test.tls})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Who string }
		_, err = c.Do(t.Context(), Request{Method: "GET", Path: "/"}, &answer)
		if test.ok && (err != nil || answer.Who != "a client") || !test.ok && !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("%s: %q, %v", name, answer.Who, err)
		}
		_ = c.Close()
	}
}

// certificate returns one that vouches for itself, and the authority that takes it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
