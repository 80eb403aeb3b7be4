//go:build servers

package s3_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/blob/s3"
)

// TestWhatIsWrongIsSaid has buckets that cannot be used, each for another reason. The
// error names the reason, the bucket and the key, and no secret.
func TestWhatIsWrongIsSaid(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	data, versions := t.TempDir(), t.TempDir()
	// A server of its own: first to be filled, then again and read-only.
	plain := &http.Client{}
	writable := b.cfg
	writable.Endpoint = gateway(t, "http", plain, nil, []string{"--versioning-dir", versions, data})
	full := newBucket(t, writable, nil, minio.MakeBucketOptions{})
	sha := put(t, full.open(t), "content")
	readOnly := full.cfg
	readOnly.Endpoint = gateway(t, "http", plain, []string{"--readonly"}, []string{"--versioning-dir", versions, data})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const secret = "wrong-s3cret-value"
	for what, test := range map[string]struct {
		change func(*s3.Config)
		want   error
	}{
		"a wrong secret":     {func(c *s3.Config) { c.Credentials.SecretKey = secret }, s3.ErrCredentials},
		"a wrong access key": {func(c *s3.Config) { c.Credentials.AccessKey = secret }, s3.ErrCredentials},
		"no bucket":          {func(c *s3.Config) { c.Bucket = "is-not-there" }, s3.ErrNoBucket},
		"read-only":          {func(c *s3.Config) { *c = readOnly }, s3.ErrDenied},
		"nobody there":       {func(c *s3.Config) { c.Endpoint = nobody }, s3.ErrAway},
	} {
		s := b.open(t, func(c *s3.Config) { test.change(c); c.Retries = -1 })
		name := b.cfg
		test.change(&name)
		_, _, err := s.Put(t.Context(), strings.NewReader("content"), 100)
		typed, ok := errors.AsType[*s3.Error](err)
		if !errors.Is(err, test.want) || rag.KindOf(err) != rag.KindUnavailable || !ok || typed.Bucket != name.Bucket || typed.Key == "" ||
			!strings.Contains(err.Error(), name.Bucket) || !strings.Contains(err.Error(), sha[2:]) {
			t.Errorf("%s: put: %v", what, err)
		}
		errs := []error{err, s.Ping(t.Context()), s.Walk(t.Context(), func(blob.Info) error { return nil }), s.Delete(t.Context(), sha)}
		_, _, err = s.Open(t.Context(), sha)
		errs = append(errs, err)
		_, err = s.Keep(t.Context(), sha, 7)
		errs = append(errs, err)
		_, err = s.Sweep(t.Context(), all, time.Now().Add(time.Hour))
		errs = append(errs, err)
		for i, err := range errs {
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), b.cfg.Credentials.SecretKey)) {
				t.Errorf("%s: the error tells the secret: %v", what, err)
			}
			if err == nil && what != "read-only" && !((what == "no bucket" || what == "a wrong access key") && i == 5) { // the answer to a look has no words
				t.Errorf("%s: %d: no error", what, i)
			}
		}
	}
	// A bucket that can only be read can be read, and what could not be deleted is there.
	s := full.open(t, func(c *s3.Config) { *c = readOnly })
	if got, err := get(t, s, sha); err != nil || got != "content" {
		t.Errorf("read-only: %q, %v", got, err)
	}
	if swept, err := s.Sweep(t.Context(), all, time.Now().Add(time.Hour)); !errors.Is(err, s3.ErrDenied) || swept.Files != 0 {
		t.Errorf("read-only: swept %+v, %v", swept, err)
	}
}

// TestTLS has a server whose certificate an authority of one's own has signed.
func TestTLS(t *testing.T) {
	ca, cert, key := certificate(t)
	trusted, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	to := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer to.CloseIdleConnections()
	cfg := endpoint()
	cfg.Endpoint = gateway(t, "https", &http.Client{Transport: to}, []string{"--cert", cert, "--key", key}, []string{t.TempDir()})
	b := newBucket(t, cfg, to, minio.MakeBucketOptions{})
	s := b.open(t, func(c *s3.Config) { c.CAFile = ca })
	for _, content := range []string{"content", strings.Repeat("0123456789", 1<<20)} {
		sha := put(t, s, content)
		if got, err := get(t, s, sha); err != nil || got != content {
			t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
		}
	}
	_, _, err = b.open(t).Put(t.Context(), strings.NewReader("content"), 100)
	if !errors.Is(err, s3.ErrAway) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the authority: %v", err)
	}
}

// TestPresign has addresses that anybody can download from, for a file and no other.
func TestPresign(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	b.cfg.Prefix = "of us/"
	s := b.open(t)
	sha, other := put(t, s, "content"), put(t, s, "other")
	at, err := s.Presign(t.Context(), sha, "Übersicht \"2026\".pdf", "application/pdf")
	if err != nil {
		t.Fatal(err)
	}
	download := func(at string) (*http.Response, string) {
		resp, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	resp, body := download(at)
	if resp.StatusCode != http.StatusOK || body != "content" || resp.Header.Get("Content-Type") != "application/pdf" ||
		!strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment; filename*=utf-8''%C3%9Cbersicht") {
		t.Errorf("%s: %q, %v", resp.Status, body, resp.Header)
	}
	u, err := url.Parse(at)
	if err != nil || u.Query().Get("X-Amz-Expires") != "300" || strings.Contains(at, b.cfg.Credentials.SecretKey) {
		t.Errorf("%s, %v", at, err)
	}
	for what, changed := range map[string]string{
		"another file":     strings.Replace(at, sha[2:], other[2:], 1),
		"a longer time":    strings.Replace(at, "X-Amz-Expires=300", "X-Amz-Expires=3000", 1),
		"another name":     strings.Replace(at, "bersicht", "bersehen", 1),
		"without a signer": strings.SplitN(at, "?", 2)[0],
	} {
		if changed == at {
			t.Errorf("%s: nothing to change in %s", what, at)
		}
		if resp, body := download(changed); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusNotFound || strings.Contains(body, "content") && !strings.Contains(body, "<Error>") {
			t.Errorf("%s: %s, %q", what, resp.Status, body)
		}
	}
	if _, err := s.Presign(t.Context(), digest("never put"), "x", ""); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}
