//go:build servers

package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/blob/s3"
)

// noise is so many bytes that no memory holds.
func noise(size int64) io.Reader {
	var seed [32]byte
	return io.LimitReader(rand.NewChaCha8(seed), size)
}

// allocated is how many bytes do allocates, whether or not they are collected.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLargeFile has a file of 120 MiB go up in parts, down again, and through a
// clean-up that spares it, with memory for none of it.
func TestLargeFile(t *testing.T) {
	const size, most = 120<<20 + 12345, 24 << 20
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	s := b.open(t)
	var sha string
	up := allocated(func() {
		var n int64
		var err error
		if sha, n, err = s.Put(t.Context(), noise(size), 1<<30); err != nil || n != size {
			t.Fatalf("%d bytes, %v", n, err)
		}
	})
	want := sha256.New()
	if _, err := io.Copy(want, noise(size)); err != nil {
		t.Fatal(err)
	}
	if sha != hex.EncodeToString(want.Sum(nil)) {
		t.Fatal("another digest")
	}
	info, err := b.api.StatObject(t.Context(), b.cfg.Bucket, b.key(sha), minio.StatObjectOptions{})
	if err != nil || !strings.HasSuffix(info.ETag, "-25") {
		t.Errorf("not in 25 parts: %q, %v", info.ETag, err)
	}
	down := allocated(func() {
		r, n, err := s.Open(t.Context(), sha)
		if err != nil || n != size {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != size {
			t.Errorf("read %d bytes, %v", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("allocated %d KiB going up, %d KiB coming down", up>>10, down>>10)
	if up > most || down > most {
		t.Errorf("allocated %d MiB going up, %d MiB coming down, for %d MiB", up>>20, down>>20, size>>20)
	}
	// A document is committed while it is put aside.
	asked := 0
	swept, err := s.SweepThese(t.Context(), []string{sha}, func(_ context.Context, shas []string) ([]string, error) {
		if asked++; asked > 1 {
			return nil, nil
		}
		return shas, nil
	})
	if err != nil || swept.Files != 0 || asked != 2 {
		t.Errorf("swept %+v, asked %d times, %v", swept, asked, err)
	}
	r, _, err := s.Open(t.Context(), sha)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	if n := b.uploads(t); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// through is a transport that is told of every request.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// part tells the request that sends a part.
func part(r *http.Request) bool { return r.URL.Query().Get("partNumber") != "" }

// TestUploadIsCutOff has an upload whose caller goes away between two parts: it leaves
// nothing. One whose process is killed there leaves parts that nobody sees, until the
// clean-up takes them.
func TestUploadIsCutOff(t *testing.T) {
	const size = 16 << 20
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	var parts atomic.Int32
	s := b.open(t, func(c *s3.Config) {
		c.Parts = 1
		c.Transport = through(func(r *http.Request) (*http.Response, error) {
			if part(r) && parts.Add(1) == 2 {
				cancel()
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	if _, _, err := s.Put(ctx, noise(size), 1<<30); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if keys, n := b.keys(t), b.uploads(t); len(keys) != 0 || n != 0 {
		t.Errorf("cancelled: left %q, and %d uploads", keys, n)
	}

	child := exec.Command(os.Args[0], "-test.run=^TestUploadOfAChild$")
	child.Env = append(os.Environ(), "S3_TEST_CHILD_BUCKET="+b.cfg.Bucket)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, len(halfway))
	if _, err := io.ReadFull(out, said); err != nil || string(said) != halfway {
		t.Fatalf("the child said %q, %v", said, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	if keys, n := b.keys(t), b.uploads(t); len(keys) != 0 || n != 1 {
		t.Fatalf("killed: left %q, and %d uploads", keys, n)
	}
	s = b.open(t)
	sum := sha256.New()
	if _, err := io.Copy(sum, noise(size)); err != nil {
		t.Fatal(err)
	}
	if there, err := s.Keep(t.Context(), hex.EncodeToString(sum.Sum(nil)), size); err != nil || there {
		t.Errorf("half a file is there: %v", err)
	}
	none := func(context.Context, []string) ([]string, error) { return nil, nil }
	if swept, err := s.Sweep(t.Context(), none, time.Now()); err != nil || swept != (blob.Swept{}) || b.uploads(t) != 1 {
		t.Errorf("an upload that may be under way was thrown away: %+v, %v", swept, err)
	}
	if swept, err := s.Sweep(t.Context(), none, time.Now().Add(25*time.Hour)); err != nil || swept.Stale != 1 || b.uploads(t) != 0 {
		t.Errorf("a day later: %+v, %v, %d uploads", swept, err, b.uploads(t))
	}
	if _, _, err := s.Put(t.Context(), noise(size), 1<<30); err != nil {
		t.Error(err)
	}
}

const halfway = "halfway"

// TestUploadOfAChild is the process that TestUploadIsCutOff kills.
func TestUploadOfAChild(t *testing.T) {
	name := os.Getenv("S3_TEST_CHILD_BUCKET")
	if name == "" {
		return // it was not started by TestUploadIsCutOff
	}
	b := bucket{cfg: endpoint()}
	b.cfg.Bucket = name
	parts := 0
	s := b.open(t, func(c *s3.Config) {
		c.Parts = 1
		c.Transport = through(func(r *http.Request) (*http.Response, error) {
			if part(r) {
				if parts++; parts == 2 {
					_, _ = os.Stdout.WriteString(halfway)
					select {} // until it is killed
				}
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	_, _, err := s.Put(t.Context(), noise(16<<20), 1<<30)
	t.Errorf("it was not killed: %v", err)
}

// TestSameBytesAtOnce has 16 processes upload the same: it is stored once, small or in
// parts, which a bucket that keeps versions can tell; later uploads send next to
// nothing.
func TestSameBytesAtOnce(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	if err := b.api.EnableVersioning(t.Context(), b.cfg.Bucket); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{1000, 200 << 10, 11 << 20} {
		var wg sync.WaitGroup
		var sha string
		start := make(chan struct{})
		for i := range 16 {
			s := b.open(t)
			wg.Go(func() {
				<-start
				got, _, err := s.Put(t.Context(), noise(size), 1<<30)
				if err != nil {
					t.Error(err)
				}
				if i == 0 {
					sha = got
				}
			})
		}
		close(start)
		wg.Wait()
		stored := 0
		for _, key := range b.keys(t) {
			if key == b.key(sha) {
				stored++
			}
		}
		if stored != 1 || b.uploads(t) != 0 {
			t.Errorf("%d bytes: stored %d times, %d uploads are left", size, stored, b.uploads(t))
		}
		var sent atomic.Int64
		s := b.open(t, func(c *s3.Config) {
			c.Transport = through(func(r *http.Request) (*http.Response, error) {
				sent.Add(r.ContentLength)
				return http.DefaultTransport.RoundTrip(r)
			})
		})
		if _, _, err := s.Put(t.Context(), noise(size), 1<<30); err != nil || sent.Load() > 1000 {
			t.Errorf("%d bytes: once more sends %d, %v", size, sent.Load(), err)
		}
	}
}

// TestDamageOnTheWay has a byte changed between us and the server: the server finds it
// by the checksum that went ahead, and stores nothing.
func TestDamageOnTheWay(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	s := b.open(t, func(c *s3.Config) {
		c.Transport = through(func(r *http.Request) (*http.Response, error) {
			if r.ContentLength > 100 && r.Method == http.MethodPut {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				body[50] ^= 1
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	for _, size := range []int64{1000, 11 << 20} {
		if _, _, err := s.Put(t.Context(), noise(size), 1<<30); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if keys, n := b.keys(t), b.uploads(t); len(keys) != 0 || n != 0 {
		t.Errorf("left %q, and %d uploads", keys, n)
	}
}

// TestReadingGoesOn has connections break in the midst of a file: reading takes it up
// where it was, as often as it may try again, and the whole is compared all the same.
func TestReadingGoesOn(t *testing.T) {
	const size = 300_000
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	sha, _, err := b.open(t).Put(t.Context(), noise(size), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		breaks, retries int
		want            error
	}{{0, 3, nil}, {1, 3, nil}, {3, 3, nil}, {4, 3, rag.ErrUnavailable}, {1, -1, rag.ErrUnavailable}} {
		var ranges []string
		broke := 0
		s := b.open(t, func(c *s3.Config) {
			c.Retries = test.retries
			c.Transport = through(func(r *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err == nil && r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" {
					ranges = append(ranges, r.Header.Get("Range"))
					if broke < test.breaks {
						broke++
						resp.Body = struct {
							io.Reader
							io.Closer
						}{io.MultiReader(io.LimitReader(resp.Body, 50_000), broken{}), resp.Body}
					}
				}
				return resp, err
			})
		})
		r, _, err := s.Open(t.Context(), sha)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if !errors.Is(err, test.want) || err == nil && (n != size || hex.EncodeToString(sum.Sum(nil)) != sha) {
			t.Errorf("%d breaks: %d bytes, %v", test.breaks, n, err)
		}
		if test.breaks == 3 && (len(ranges) != 4 || ranges[0] != "" || ranges[3] != "bytes=150000-") {
			t.Errorf("asked for %q", ranges)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }
