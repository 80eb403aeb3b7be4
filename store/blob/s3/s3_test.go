package s3_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob/s3"
	"github.com/smartretriever/smartretriever/store/blobtest"
)

var (
	_ ingest.Blobs   = (*s3.Store)(nil)
	_ blobtest.Store = (*s3.Store)(nil)
)

// wire answers requests, and keeps them. What the server does with them is for the
// tests with a real one.
type wire struct {
	mu     sync.Mutex
	asked  []*http.Request
	answer func(n int, r *http.Request) (status int, header http.Header, body string)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	w.asked = append(w.asked, r)
	status, header, body := w.answer(len(w.asked), r)
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// fault is the body of an error.
func fault(code string) string { return "<Error><Code>" + code + "</Code></Error>" }

func made(int, *http.Request) (int, http.Header, string) { return 200, nil, "" }

const accessKey, secretKey = "access", "s3cret-value"

func open(t *testing.T, w *wire, change func(*s3.Config)) *s3.Store {
	t.Helper()
	cfg := s3.Config{Endpoint: "https://s3.example.org", Bucket: "docs", Credentials: s3.Credentials{AccessKey: accessKey, SecretKey: secretKey}, TempDir: t.TempDir()}
	if w != nil {
		cfg.Transport = w
	}
	if change != nil {
		change(&cfg)
	}
	s, err := s3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	good := s3.Config{Bucket: "docs"}
	for what, c := range map[string]struct {
		change func(*s3.Config)
		says   string // "" is fine
	}{
		"bucket alone":    {func(*s3.Config) {}, ""},
		"no bucket":       {func(c *s3.Config) { c.Bucket = "" }, "bucket"},
		"a path":          {func(c *s3.Config) { c.Endpoint = "https://x/docs" }, "endpoint"},
		"a user":          {func(c *s3.Config) { c.Endpoint = "https://a:" + secretKey + "@x" }, "endpoint"},
		"no scheme":       {func(c *s3.Config) { c.Endpoint = "x" }, "endpoint"},
		"style":           {func(c *s3.Config) { c.Style = "x" }, "style"},
		"region":          {func(c *s3.Config) { c.Region = "a/b" }, "region"},
		"prefix up":       {func(c *s3.Config) { c.Prefix = "a/../b" }, "prefix"},
		"prefix slash":    {func(c *s3.Config) { c.Prefix = "/a" }, "prefix"},
		"half a key":      {func(c *s3.Config) { c.Credentials.AccessKey = "a" }, "secret key"},
		"keys and a role": {func(c *s3.Config) { c.Credentials = s3.Credentials{From: s3.FromIAM, SecretKey: secretKey} }, "iam"},
		"who":             {func(c *s3.Config) { c.Credentials.From = "x" }, "credentials"},
		"a role":          {func(c *s3.Config) { c.Credentials.From = s3.FromIAM }, ""},
		"encryption":      {func(c *s3.Config) { c.Encryption.Kind = "x" }, "encryption"},
		"a short key":     {func(c *s3.Config) { c.Encryption = s3.Encryption{Kind: s3.WithCustomer, Key: "czNjcmV0LXZhbHVl"} }, "32 bytes"},
		"a key in clear": {func(c *s3.Config) {
			c.Endpoint, c.Encryption = "http://x", s3.Encryption{Kind: s3.WithCustomer, Key: key}
		}, "https"},
		"a key":              {func(c *s3.Config) { c.Encryption = s3.Encryption{Kind: s3.WithCustomer, Key: key} }, ""},
		"half a certificate": {func(c *s3.Config) { c.CertFile = "x" }, "certificate"},
		"parts":              {func(c *s3.Config) { c.PartSize = 1 << 20 }, "parts"},
		"too many parts":     {func(c *s3.Config) { c.Parts = 65 }, "parts"},
		"for ever":           {func(c *s3.Config) { c.PresignTime = 8 * 24 * time.Hour }, "downloads"},
		"no end of tries":    {func(c *s3.Config) { c.Retries = 11 }, "retries"},
	} {
		cfg := good
		c.change(&cfg)
		err := cfg.Validate()
		switch {
		case c.says == "" && err == nil:
		case c.says == "" || !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v", what, err)
		case strings.Contains(err.Error(), secretKey), strings.Contains(err.Error(), "czNj"):
			t.Errorf("%s tells a secret: %v", what, err)
		}
	}
	if err := (s3.Config{Style: "x", Region: "a/b"}).Validate(); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults together: %v", err)
	}
	for _, missing := range []func(*s3.Config){
		func(c *s3.Config) { c.CAFile = filepath.Join(t.TempDir(), "none") },
		func(c *s3.Config) {
			c.CAFile = filepath.Join(t.TempDir(), "ca")
			if err := os.WriteFile(c.CAFile, []byte(secretKey), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		func(c *s3.Config) { c.CertFile, c.KeyFile = "none", "none" },
	} {
		cfg := good
		missing(&cfg)
		if _, err := s3.New(cfg); !errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), secretKey) {
			t.Errorf("a file that is not there: %v", err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	cfg := s3.Config{Credentials: s3.Credentials{AccessKey: accessKey, SecretKey: secretKey, SessionToken: secretKey}, Encryption: s3.Encryption{Kind: s3.WithCustomer, Key: secretKey}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, cfg); strings.Contains(text, secretKey) || strings.Contains(text, fmt.Sprintf("%x", secretKey)) {
			t.Errorf("%s: %s", verb, text)
		}
	}
	w := &wire{answer: made}
	if text := fmt.Sprint(open(t, w, nil)); strings.Contains(text, accessKey) || !strings.Contains(text, "bucket docs at https://s3.example.org") {
		t.Error(text)
	}
}

// TestEncryption looks at what is asked of the server with each request.
func TestEncryption(t *testing.T) {
	const sse = "X-Amz-Server-Side-Encryption"
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	answer := func(_ int, r *http.Request) (int, http.Header, string) {
		if r.Method == http.MethodPut {
			return 200, nil, ""
		}
		return 200, http.Header{"Last-Modified": {"Mon, 02 Nov 2026 09:00:00 GMT"}, "Content-Length": {"7"}}, ""
	}
	for _, test := range []struct {
		set            s3.Encryption
		onPut, onOther map[string]string
	}{
		{s3.Encryption{}, map[string]string{sse: "", sse + "-Customer-Key": ""}, nil},
		{s3.Encryption{Kind: s3.WithS3}, map[string]string{sse: "AES256"}, map[string]string{sse: ""}},
		{s3.Encryption{Kind: s3.WithKMS, KMSKey: "ours"}, map[string]string{sse: "aws:kms", sse + "-Aws-Kms-Key-Id": "ours"}, map[string]string{sse: ""}},
		{s3.Encryption{Kind: s3.WithCustomer, Key: key}, map[string]string{sse + "-Customer-Algorithm": "AES256", sse + "-Customer-Key": key}, map[string]string{sse + "-Customer-Key": key}},
	} {
		w := &wire{answer: answer}
		s := open(t, w, func(c *s3.Config) { c.Encryption = test.set })
		sha, _, err := s.Put(t.Context(), strings.NewReader("content"), 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keep(t.Context(), sha, 7); err != nil {
			t.Fatal(err)
		}
		r, _, err := s.Open(t.Context(), sha)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if len(w.asked) != 3 {
			t.Errorf("%v: %d requests", test.set, len(w.asked))
		}
		for i, r := range w.asked {
			want := test.onOther
			if i == 0 {
				want = test.onPut
			}
			for name, value := range want {
				if got := r.Header.Get(name); got != value {
					t.Errorf("%v: %s with %s %q, want %q", test.set, r.Method, name, got, value)
				}
			}
		}
		if put := w.asked[0]; put.Header.Get("X-Amz-Content-Sha256") != sha || put.Header.Get("If-None-Match") != "*" || put.Header.Get("X-Amz-Checksum-Sha256") == "" {
			t.Errorf("upload with %v", put.Header)
		}
		if _, err := s.Presign(t.Context(), sha, "x", ""); (test.set.Kind == s3.WithCustomer) != errors.Is(err, rag.ErrRefused) {
			t.Errorf("%v: presign: %v", test.set, err)
		}
	}
}

// TestEncryptionOfParts looks at what is asked of the server for a file that goes up in parts:
// the upload says how all of it is encrypted, and only the customer's key goes with each part.
func TestEncryptionOfParts(t *testing.T) {
	const sse = "X-Amz-Server-Side-Encryption"
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	answer := func(_ int, r *http.Request) (int, http.Header, string) {
		switch {
		case r.Method == http.MethodHead:
			return 404, nil, ""
		case r.Method == http.MethodPut:
			return 200, http.Header{"Etag": {`"e"`}}, ""
		case r.URL.Query().Has("uploads"):
			return 200, nil, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
		}
		return 200, nil, "<CompleteMultipartUploadResult><Bucket>docs</Bucket><ETag>e-2</ETag></CompleteMultipartUploadResult>"
	}
	for _, test := range []struct {
		set                 s3.Encryption
		begins, parts, ends map[string]string
	}{
		{s3.Encryption{Kind: s3.WithS3}, map[string]string{sse: "AES256"}, map[string]string{sse: ""}, map[string]string{sse: ""}},
		{s3.Encryption{Kind: s3.WithKMS, KMSKey: "ours"}, map[string]string{sse: "aws:kms", sse + "-Aws-Kms-Key-Id": "ours"}, map[string]string{sse: ""}, map[string]string{sse: ""}},
		{s3.Encryption{Kind: s3.WithCustomer, Key: key}, map[string]string{sse + "-Customer-Key": key}, map[string]string{sse + "-Customer-Key": key}, map[string]string{sse + "-Customer-Key": key}},
	} {
		w := &wire{answer: answer}
		s := open(t, w, func(c *s3.Config) { c.Encryption, c.PartSize, c.Parts = test.set, 5<<20, 1 })
		if _, _, err := s.Put(t.Context(), strings.NewReader(strings.Repeat("x", 5<<20+1)), 10<<20); err != nil {
			t.Fatal(err)
		}
		var did []string
		for _, r := range w.asked {
			what, want := "part", test.parts
			switch {
			case r.Method == http.MethodHead:
				continue
			case r.URL.Query().Has("uploads"):
				what, want = "begin", test.begins
			case r.Method == http.MethodPost:
				what, want = "end", test.ends
			}
			did = append(did, what)
			for name, value := range want {
				if got := r.Header.Get(name); got != value {
					t.Errorf("%v: %s with %s %q, want %q", test.set, what, name, got, value)
				}
			}
			if sum := r.Header.Get("X-Amz-Content-Sha256"); what == "part" && len(sum) != 64 {
				t.Errorf("%v: a part is not signed with its digest: %q", test.set, sum)
			}
			if what == "end" && r.Header.Get("If-None-Match") != "*" {
				t.Errorf("%v: put together without a condition", test.set)
			}
		}
		if got := strings.Join(did, " "); got != "begin part part end" {
			t.Errorf("%v: %s", test.set, got)
		}
	}
}

// TestServerWithoutConditions has a server that does not know If-None-Match: the file
// is claimed, and stored without; it is asked only once for what it does not know.
func TestServerWithoutConditions(t *testing.T) {
	there := false
	w := &wire{answer: func(_ int, r *http.Request) (int, http.Header, string) {
		switch {
		case r.Header.Get("If-None-Match") != "":
			return 501, nil, fault("NotImplemented")
		case r.Method == http.MethodHead && !there:
			return 404, nil, ""
		case r.Method == http.MethodPut && !strings.Contains(r.URL.Path, "tmp/put"):
			there = true
		}
		return 200, http.Header{"Last-Modified": {"Mon, 02 Nov 2026 09:00:00 GMT"}, "Content-Length": {"7"}}, ""
	}}
	s := open(t, w, nil)
	var did []string
	for range 2 {
		if _, _, err := s.Put(t.Context(), strings.NewReader("content"), 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.asked {
		what := r.Method
		if strings.Contains(r.URL.Path, "/tmp/put/") {
			what = "claim"
		} else if r.Header.Get("If-None-Match") != "" {
			what = "try"
		}
		did = append(did, what)
	}
	if got := strings.Join(did, " "); got != "try HEAD claim PUT HEAD claim HEAD" {
		t.Error(got)
	}
}

func TestFaultsOfTheServer(t *testing.T) {
	for what, test := range map[string]struct {
		status int
		code   string
		want   error
		kind   rag.Kind
		tries  int
	}{
		"wrong signature": {403, "SignatureDoesNotMatch", s3.ErrCredentials, rag.KindUnavailable, 1},
		"expired":         {400, "InvalidToken", s3.ErrCredentials, rag.KindUnavailable, 1},
		"clock":           {403, "RequestTimeTooSkewed", s3.ErrCredentials, rag.KindUnavailable, 1},
		"denied":          {403, "AccessDenied", s3.ErrDenied, rag.KindUnavailable, 1},
		"no bucket":       {404, "NoSuchBucket", s3.ErrNoBucket, rag.KindUnavailable, 1},
		"elsewhere":       {301, "PermanentRedirect", s3.ErrElsewhere, rag.KindUnavailable, 1},
		"full":            {507, "XMinioStorageFull", rag.ErrExhausted, rag.KindExhausted, 1},
		"too large":       {400, "EntityTooLarge", rag.ErrExhausted, rag.KindExhausted, 1},
		"busy":            {503, "SlowDown", s3.ErrAway, rag.KindUnavailable, 3},
		"failing":         {500, "InternalError", s3.ErrAway, rag.KindUnavailable, 3},
		"a page":          {502, "<html>" + secretKey, s3.ErrAway, rag.KindUnavailable, 3},
	} {
		w := &wire{answer: func(int, *http.Request) (int, http.Header, string) { return test.status, nil, fault(test.code) }}
		s := open(t, w, func(c *s3.Config) { c.Retries = 2 })
		_, _, err := s.Put(t.Context(), strings.NewReader("content"), 100)
		if !errors.Is(err, test.want) || rag.KindOf(err) != test.kind || !strings.Contains(err.Error(), "docs") || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: %v (%s)", what, err, rag.KindOf(err))
		}
		if len(w.asked) != test.tries {
			t.Errorf("%s: tried %d times, want %d", what, len(w.asked), test.tries)
		}
	}
}

// TestCircuit has a server that fails again and again: it is left alone, until the
// pause is over and one request finds it well.
func TestCircuit(t *testing.T) {
	well := false
	w := &wire{answer: func(int, *http.Request) (int, http.Header, string) {
		if well {
			return 404, nil, ""
		}
		return 503, nil, fault("SlowDown")
	}}
	sha := strings.Repeat("0", 64)
	s := open(t, w, func(c *s3.Config) { c.Retries, c.Failures, c.Pause = -1, 3, time.Hour })
	for n := range 6 {
		if _, err := s.Keep(t.Context(), sha, 1); !errors.Is(err, s3.ErrAway) || strings.Contains(err.Error(), "left alone") != (n >= 3) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if len(w.asked) != 3 {
		t.Errorf("asked %d times", len(w.asked))
	}
	s = open(t, w, func(c *s3.Config) { c.Retries, c.Failures, c.Pause = -1, 3, time.Nanosecond })
	for range 3 {
		if _, err := s.Keep(t.Context(), sha, 1); !errors.Is(err, s3.ErrAway) {
			t.Errorf("%v", err)
		}
	}
	well = true
	if there, err := s.Keep(t.Context(), sha, 1); err != nil || there {
		t.Errorf("well again: %v", err)
	}
}

// TestSilence has a server that takes requests and says nothing.
func TestSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var taken sync.WaitGroup
	defer taken.Wait()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			taken.Go(func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() })
		}
	}()
	s := open(t, nil, func(c *s3.Config) {
		c.Endpoint, c.Timeout, c.Retries = "http://"+l.Addr().String(), 50*time.Millisecond, -1
	})
	defer s.Close()
	if _, _, err := s.Put(t.Context(), strings.NewReader("content"), 100); !errors.Is(err, s3.ErrAway) || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Put(ctx, strings.NewReader("content"), 100); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// answering answers requests with what a function returns.
type answering func(r *http.Request) *http.Response

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestNothingComes has connections break before the first byte of a file, again and again:
// reading gives up after as many tries as there may be.
func TestNothingComes(t *testing.T) {
	const content, longer = "content", 20
	sum := sha256.Sum256([]byte(content))
	for _, retries := range []int{2, -1} {
		asked := 0
		s := open(t, nil, func(c *s3.Config) {
			c.Retries = retries
			c.Transport = answering(func(r *http.Request) *http.Response {
				body := iotest.ErrReader(errors.New("connection reset by peer"))
				if asked++; asked > longer { // so that the test ends
					body = strings.NewReader(content)
				}
				return &http.Response{StatusCode: 200, Header: http.Header{"Last-Modified": {"Mon, 02 Nov 2026 09:00:00 GMT"}}, Body: io.NopCloser(body), ContentLength: int64(len(content)), Request: r}
			})
		})
		r, _, err := s.Open(t.Context(), hex.EncodeToString(sum[:]))
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(r); !errors.Is(err, s3.ErrAway) || asked != 1+max(0, retries) {
			t.Errorf("%d retries: asked %d times: %q, %v", retries, asked, data, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEndlessList has a server that lists without end.
func TestEndlessList(t *testing.T) {
	w := &wire{answer: func(n int, _ *http.Request) (int, http.Header, string) {
		return 200, nil, fmt.Sprintf("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t%d</NextContinuationToken><Contents><Key>a</Key></Contents></ListBucketResult>", n)
	}}
	s := open(t, w, nil)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Sweep(t.Context(), func(context.Context, []string) ([]string, error) { return nil, nil }, time.Now()); err == nil || !strings.Contains(err.Error(), "order") {
		t.Errorf("%v", err)
	}
}
