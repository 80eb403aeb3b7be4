//go:build servers

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/blob/s3"
)

func all(_ context.Context, shas []string) ([]string, error) { return shas, nil }

// but finds that documents refer to live alone.
func but(live ...string) func(context.Context, []string) ([]string, error) {
	return func(_ context.Context, shas []string) ([]string, error) {
		return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return slices.Contains(live, sha) }), nil
	}
}

func get(t testing.TB, s *s3.Store, sha string) (string, error) {
	t.Helper()
	r, _, err := s.Open(t.Context(), sha)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

// TestGoneInAllVersions has a bucket that keeps versions: what is deleted, or swept, is
// in none of them, and what the clean-up needs itself neither.
func TestGoneInAllVersions(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	if err := b.api.EnableVersioning(t.Context(), b.cfg.Bucket); err != nil {
		t.Fatal(err)
	}
	s := b.open(t)
	write := b.place().Write
	for _, how := range []func(sha string) error{
		func(sha string) error { return s.Delete(t.Context(), sha) },
		func(sha string) error {
			swept, err := s.SweepThese(t.Context(), []string{sha}, all)
			if swept != (blob.Swept{Files: 1, Bytes: 7}) {
				t.Errorf("swept %+v", swept)
			}
			if err == nil { // which removes the claims
				_, err = s.Sweep(t.Context(), all, time.Now().Add(time.Hour))
			}
			return err
		},
		func(sha string) error {
			// Somebody deleted it with a tool that leaves the versions.
			if err := b.api.RemoveObject(t.Context(), b.cfg.Bucket, b.key(sha), minio.RemoveObjectOptions{}); err != nil {
				return err
			}
			swept, err := s.Sweep(t.Context(), all, time.Now().Add(time.Hour))
			if swept.Stale != 1 || swept.Files != 0 {
				t.Errorf("swept %+v", swept)
			}
			return err
		},
	} {
		sha := put(t, s, "content")
		write(t, sha, []byte("con"))
		put(t, s, "content") // over the damage, and with a claim
		put(t, s, "content")
		if n := len(slices.DeleteFunc(b.keys(t), func(key string) bool { return key != b.key(sha) })); n != 3 {
			t.Errorf("%d versions of 3", n)
		}
		if err := how(sha); err != nil {
			t.Error(err)
		}
		if _, err := get(t, s, sha); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("it can be read: %v", err)
		}
		if left := slices.DeleteFunc(b.keys(t), func(key string) bool { return strings.HasPrefix(key, "tmp/put/") }); len(left) != 0 {
			t.Errorf("left: %q", left)
		}
	}
	if _, err := s.Sweep(t.Context(), all, time.Now().Add(time.Hour)); err != nil || len(b.keys(t)) != 0 {
		t.Errorf("left in the end: %q, %v", b.keys(t), err)
	}
}

// TestObjectLock has a bucket that refuses to delete one file: that is reported, and
// keeps no other.
func TestObjectLock(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{ObjectLocking: true})
	s := b.open(t)
	locked, free := put(t, s, "locked"), put(t, s, "free")
	mode, until := minio.Compliance, time.Now().Add(time.Hour)
	if err := b.api.PutObjectRetention(t.Context(), b.cfg.Bucket, b.key(locked), minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := s.SweepThese(t.Context(), []string{locked, free}, all)
		if !errors.Is(err, s3.ErrLocked) || rag.KindOf(err) != rag.KindRefused || !strings.Contains(err.Error(), b.key(locked)) || !strings.Contains(err.Error(), b.cfg.Bucket) {
			t.Errorf("swept: %v", err)
		}
		if _, err := s.Sweep(t.Context(), all, time.Now().Add(time.Hour)); !errors.Is(err, s3.ErrLocked) || !errors.Is(err, rag.ErrRefused) {
			t.Errorf("swept all: %v", err)
		}
		if err := s.Delete(t.Context(), locked); !errors.Is(err, s3.ErrLocked) {
			t.Errorf("deleted: %v", err)
		}
	}
	if keys := b.keys(t); len(keys) != 1 || keys[0] != b.key(locked) {
		t.Errorf("left: %q", keys)
	}
	if got, err := get(t, s, locked); err != nil || got != "locked" {
		t.Errorf("%q, %v", got, err)
	}
}

var errCut = errors.New("cut off")

// TestCutOffAnywhere has a clean-up lose its connection before, and after, each of its
// requests, as if its process was killed there, while a document is committed that
// needs what is being taken away. The document has its original at once and for ever;
// what nobody needs is gone in the end.
func TestCutOffAnywhere(t *testing.T) {
	const most = 26 // requests of the clean-up, and some more
	for _, how := range []struct{ versions, after bool }{{false, false}, {false, true}, {true, true}} {
		var done [most]bool
		t.Run(fmt.Sprintf("versions=%v,after=%v", how.versions, how.after), func(t *testing.T) {
			for n := range most {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					t.Parallel() // most of it is waiting
					done[n] = cutOff(t, how.versions, how.after, n)
				})
			}
		})
		places := slices.Index(done[:], true)
		t.Logf("%+v: %d places", how, places)
		if places < 15 {
			t.Errorf("%d places", places)
		}
	}
}

// cutOff cuts a clean-up off at its nth request and reports whether it ended before.
func cutOff(t *testing.T, versions, after bool, n int) (done bool) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	if versions {
		if err := b.api.EnableVersioning(t.Context(), b.cfg.Bucket); err != nil {
			t.Fatal(err)
		}
	}
	other := b.open(t)
	wanted, dead := put(t, other, "wanted"), put(t, other, "dead")
	requests := 0
	s := b.open(t, func(c *s3.Config) {
		c.Retries, c.Failures = -1, 1000
		c.Transport = through(func(r *http.Request) (*http.Response, error) {
			requests++
			if requests > n+1 || requests == n+1 && !after {
				return nil, errCut
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if requests == n+1 && err == nil {
				_ = resp.Body.Close()
				return nil, errCut
			}
			return resp, err
		})
	})
	committed := false
	for _, sha := range []string{wanted, dead} { // one after the other, so that the requests come in one order
		_, err := s.SweepThese(t.Context(), []string{sha}, func(_ context.Context, shas []string) ([]string, error) {
			if !slices.Contains(shas, wanted) || !committed {
				if shas[0] == wanted {
					committed = true // the answer is older than the document
				}
				return shas, nil
			}
			return nil, nil
		})
		if err != nil && !strings.Contains(err.Error(), errCut.Error()) {
			t.Errorf("request %d: %v", n, err)
		}
	}
	// The document is there: what ingestion does next, and what a reader finds.
	if got, err := get(t, other, wanted); err != nil || got != "wanted" {
		t.Errorf("request %d: a committed document has no original: %v", n, err)
	}
	if there, err := other.Keep(t.Context(), wanted, 6); err != nil {
		t.Error(err)
	} else if !there {
		put(t, other, "wanted")
	}
	// Later, another process cleans up: nothing is under way any more.
	later := b.open(t, func(c *s3.Config) { c.Clock = func() time.Time { return time.Now().Add(3 * time.Hour) } })
	if _, err := later.Sweep(t.Context(), but(wanted), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if got, err := get(t, other, wanted); err != nil || got != "wanted" {
		t.Errorf("request %d: later the original is gone: %v", n, err)
	}
	if keys := slices.Compact(b.keys(t)); len(keys) != 1 || keys[0] != b.key(wanted) {
		t.Errorf("request %d: left: %q", n, keys)
	}
	return requests <= n
}

// TestASweepThatDied finds what it had put aside: nobody else deletes what it may still
// delete, until it cannot any more.
func TestASweepThatDied(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	s := b.open(t)
	wanted, dead := put(t, s, "wanted"), put(t, s, "dead")
	for _, sha := range []string{wanted, dead} {
		aside := "tmp/swept/" + sha + "/X"
		dst, src := minio.CopyDestOptions{Bucket: b.cfg.Bucket, Object: aside}, minio.CopySrcOptions{Bucket: b.cfg.Bucket, Object: b.key(sha)}
		if _, err := b.api.CopyObject(t.Context(), dst, src); err != nil {
			t.Fatal(err)
		}
		if err := b.api.RemoveObject(t.Context(), b.cfg.Bucket, b.key(sha), minio.RemoveObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := get(t, s, wanted); err != nil || got != "wanted" {
		t.Errorf("what is aside cannot be read: %v", err)
	}
	for _, sha := range []string{wanted, dead} {
		if there, err := s.Keep(t.Context(), sha, 6); err != nil || there {
			t.Errorf("what is aside is said to be kept: %v", err)
		}
	}
	put(t, s, "dead")
	if swept, err := s.SweepThese(t.Context(), []string{dead}, all); err != nil || swept.Files != 0 {
		t.Errorf("swept %+v beside another, %v", swept, err)
	}
	if swept, err := s.Sweep(t.Context(), but(wanted), time.Now().Add(time.Hour)); err != nil || swept.Stale != 0 {
		t.Errorf("settled too early: %+v, %v", swept, err)
	}
	later := b.open(t, func(c *s3.Config) { c.Clock = func() time.Time { return time.Now().Add(3 * time.Hour) } })
	if swept, err := later.Sweep(t.Context(), but(wanted), time.Now().Add(time.Hour)); err != nil || swept.Files != 1 || swept.Stale != 2 {
		t.Errorf("settled: %+v, %v", swept, err)
	}
	if there, err := s.Keep(t.Context(), wanted, 6); err != nil || !there {
		t.Errorf("it was not given back: %v", err)
	}
	if keys := b.keys(t); len(keys) != 1 {
		t.Errorf("left: %q", keys)
	}
}

// TestOtherObjects under the prefix are neither listed nor deleted.
func TestOtherObjects(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	b.cfg.Prefix = "ours/"
	s := b.open(t)
	sha := put(t, s, "content")
	for _, key := range []string{"README", "ab/x", "ours/README", "ours/ab/x", "ours/" + sha, "ours/xx/" + sha[2:], "other/" + sha[:2] + "/" + sha[2:], "ours/tmp/x", "ours/tmp/put/x", "ours/tmp/swept/x/y"} {
		if _, err := b.api.PutObject(t.Context(), b.cfg.Bucket, key, bytes.NewReader(nil), 0, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	later := b.open(t, func(c *s3.Config) { c.Clock = func() time.Time { return time.Now().Add(3 * time.Hour) } })
	swept, err := later.Sweep(t.Context(), all, time.Now().Add(time.Hour))
	if err != nil || swept != (blob.Swept{Files: 1, Bytes: 7}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	// What lies under tmp/put is the store's own, whatever it is called.
	if keys := b.keys(t); len(keys) != 9 || slices.Contains(keys, "ours/tmp/put/x") {
		t.Errorf("left: %q", keys)
	}
}

// TestManyFilesGo has more than a batch of them go at once, some of them claimed.
func TestManyFilesGo(t *testing.T) {
	b := newBucket(t, endpoint(), nil, minio.MakeBucketOptions{})
	s := b.open(t)
	var shas []string
	for i := range 60 {
		shas = append(shas, put(t, s, fmt.Sprint("content ", i)))
		if i%3 == 0 {
			put(t, s, fmt.Sprint("content ", i))
		}
	}
	if swept, err := s.SweepThese(t.Context(), shas, all); err != nil || swept.Files != 60 {
		t.Errorf("swept %+v, %v", swept, err)
	}
	if _, err := s.Sweep(t.Context(), all, time.Now().Add(time.Hour)); err != nil || len(b.keys(t)) != 0 {
		t.Errorf("left: %q, %v", b.keys(t), err)
	}
}
