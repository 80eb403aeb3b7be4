//go:build servers

package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/smartretriever/smartretriever/store/blob/s3"
	"github.com/smartretriever/smartretriever/store/blobtest"
)

// bucket is a bucket of a server that scripts/s3-server.sh starts.
type bucket struct {
	cfg s3.Config
	api *minio.Client
}

// endpoint is the server that all tests share.
func endpoint() s3.Config {
	return s3.Config{
		Endpoint: os.Getenv("S3_ENDPOINT"), Timeout: 30 * time.Second, PartSize: 5 << 20,
		Credentials: s3.Credentials{AccessKey: os.Getenv("S3_ACCESS_KEY"), SecretKey: os.Getenv("S3_SECRET_KEY")},
	}
}

// newBucket makes an empty bucket.
func newBucket(t testing.TB, cfg s3.Config, to http.RoundTripper, opts minio.MakeBucketOptions) bucket {
	t.Helper()
	host, secure := strings.CutPrefix(cfg.Endpoint, "https://")
	api, err := minio.New(strings.TrimPrefix(host, "http://"), &minio.Options{
		Creds:  credentials.NewStaticV4(cfg.Credentials.AccessKey, cfg.Credentials.SecretKey, ""),
		Region: "us-east-1", Secure: secure, Transport: to,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Bucket = "b-" + strings.ToLower(rand.Text()[:20])
	if err := api.MakeBucket(t.Context(), cfg.Bucket, opts); err != nil {
		t.Fatal(err)
	}
	return bucket{cfg, api}
}

// open opens the store, its configuration changed by any of change.
func (b bucket) open(t testing.TB, change ...func(*s3.Config)) *s3.Store {
	t.Helper()
	cfg := b.cfg
	cfg.TempDir = t.TempDir()
	for _, c := range change {
		c(&cfg)
	}
	s, err := s3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// keys lists all that is in the bucket, in all versions.
func (b bucket) keys(t testing.TB) (keys []string) {
	t.Helper()
	for o := range b.api.ListObjectsIter(context.Background(), b.cfg.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func (b bucket) uploads(t testing.TB) (n int) {
	t.Helper()
	for u := range b.api.ListIncompleteUploads(context.Background(), b.cfg.Bucket, "", true) {
		if u.Err != nil {
			t.Fatal(u.Err)
		}
		n++
	}
	return n
}

// place is a bucket as the contract's tests want it.
func (b bucket) place() blobtest.Place {
	return blobtest.Place{
		Open: func(t testing.TB) blobtest.Store { return b.open(t) },
		Write: func(t testing.TB, sha string, content []byte) {
			key := b.cfg.Prefix + sha[:2] + "/" + sha[2:]
			if _, err := b.api.PutObject(t.Context(), b.cfg.Bucket, key, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{}); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blobtest.Place {
		return newBucket(t, endpoint(), nil, minio.MakeBucketOptions{}).place()
	})
}

// TestContractWithVersions has the store share a bucket that keeps old versions.
func TestContractWithVersions(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blobtest.Place {
		cfg := endpoint()
		cfg.Prefix = "files/of us/"
		b := newBucket(t, cfg, nil, minio.MakeBucketOptions{})
		if err := b.api.EnableVersioning(t.Context(), b.cfg.Bucket); err != nil {
			t.Fatal(err)
		}
		return b.place()
	})
}

// key is where the bucket has a content.
func (b bucket) key(sha string) string { return b.cfg.Prefix + sha[:2] + "/" + sha[2:] }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func put(t testing.TB, s *s3.Store, content string) string {
	t.Helper()
	sha, _, err := s.Put(t.Context(), strings.NewReader(content), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

// gateway starts a server of its own, with arguments before and behind the word posix,
// and returns its address. It ends with the test.
func gateway(t testing.TB, scheme string, client *http.Client, before, behind []string) string {
	t.Helper()
	for range 5 { // the port may be taken between the question and its use
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		cmd := exec.Command(os.Getenv("S3_SERVER"), append(append([]string{"--port", addr, "--health", "/health"}, before...), append([]string{"posix"}, behind...)...)...)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+os.Getenv("S3_ACCESS_KEY"), "ROOT_SECRET_KEY="+os.Getenv("S3_SECRET_KEY"))
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		stop := func() { _ = cmd.Process.Kill(); <-ended }
		up := false
		for dead := false; !up && !dead; {
			select {
			case <-ended:
				dead = true
			case <-time.After(20 * time.Millisecond): // asked again until it answers or ends
				resp, err := client.Get(scheme + "://" + addr + "/health")
				if err == nil {
					up = resp.StatusCode == http.StatusOK
					_ = resp.Body.Close()
				}
			}
		}
		if up {
			t.Cleanup(stop)
			return scheme + "://" + addr
		}
		stop()
		t.Logf("the server did not start:\n%s", log.String())
	}
	t.Fatal("no server")
	return ""
}
