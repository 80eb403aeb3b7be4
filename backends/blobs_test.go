package backends_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob/s3"
)

// bucketSettings returns a configuration with a bucket and nothing else outside.
func bucketSettings(t *testing.T, endpoint, bucket, access, secret string) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	c.Blobs.Name, c.Blobs.Endpoint, c.Blobs.Bucket, c.Blobs.Retries = "s3", endpoint, bucket, 0
	c.Blobs.AccessKey, c.Blobs.SecretKey = config.NewSecret(access), config.NewSecret(secret)
	return c
}

// TestBucketThatIsAway opens all the same: what is stored is found, what is added
// fails and is told why, and health says so, without secrets.
func TestBucketThatIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	set := bucketSettings(t, away, "docs", "access-0123", key)
	r := open(t, set)
	_, err = r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Text: "A tower of iron stands in Paris."})
	if !errors.Is(err, s3.ErrAway) || !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "docs") {
		t.Errorf("add: %v", err)
	}
	if res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "tower"}); err != nil || len(res.Hits) != 0 {
		t.Errorf("search: %+v, %v", res, err)
	}
	found := false
	for _, h := range r.Health(t.Context()) {
		if h.Name == "originals" {
			found = !h.OK && h.Needed && strings.Contains(h.Detail, "bucket docs")
		}
		if strings.Contains(h.Detail, key) || strings.Contains(h.Detail, "access-0123") {
			t.Errorf("health tells a secret: %s", h.Detail)
		}
	}
	if !found {
		t.Errorf("health: %+v", r.Health(t.Context()))
	}
	if text := fmt.Sprintf("%v %+v", set, set.Blobs); strings.Contains(text, key) {
		t.Error("the settings print the secret")
	}
}

func TestBlobSettings(t *testing.T) {
	set := bucketSettings(t, "", "docs", "a", "b")
	set.Blobs.Presign, set.Blobs.PresignFor = true, time.Minute
	cfg, err := backends.Open(set, backends.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := cfg.Blobs.(root.Presigner); !ok || !cfg.PresignOriginals || cfg.Validate() != nil {
		t.Errorf("%T, %v", cfg.Blobs, cfg.Validate())
	}
	set.Blobs.Name = "ftp"
	if _, err := backends.Open(set, backends.Deps{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("an unknown name: %v", err)
	}
	set.Blobs.Name, set.Blobs.Bucket = "s3", "No Bucket"
	if _, err := backends.Open(set, backends.Deps{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("no bucket's name: %v", err)
	}
	if err := (root.Config{Dir: t.TempDir(), PresignOriginals: true}).Validate(); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("addresses of a folder: %v", err)
	}
}
