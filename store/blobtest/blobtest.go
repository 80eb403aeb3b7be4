// Package blobtest is the contract of a store of original files, written once: what
// every such store, be it a folder or a bucket, has to do. Run takes a store through
// it; what is special to files on a disk, or to objects behind a protocol, is tested
// beside that store.
//
//	content.go  put, open, keep, delete, walk, damage
//	sweep.go    what a clean-up takes and what it spares
//	together.go writers and clean-ups at once, in the order that chance gives
package blobtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/store/blob"
)

// Store is a store of original files. Safe for concurrent use, and by any number of
// processes.
type Store interface {
	// Put stores what r holds under the SHA-256 of its bytes. More than limit bytes is
	// KindExhausted and stores nothing; an error of r is returned as it is. Content that
	// is there is not stored again, but is as young as if it were: a clean-up that is
	// told to spare what is as young does so, even one that is under way.
	Put(ctx context.Context, r io.Reader, limit int64) (sha string, size int64, err error)
	// Keep reports whether content of this size is there. A document that was committed
	// before the call has its original after it, if the answer was yes.
	Keep(ctx context.Context, sha string, size int64) (bool, error)
	// Open returns the content; damage is KindInternal in place of io.EOF. KindNotFound
	// if there is none. What a committed document refers to is found at any time.
	Open(ctx context.Context, sha string) (io.ReadCloser, int64, error)
	// Delete removes content; none there is no error.
	Delete(ctx context.Context, sha string) error
	// Walk calls fn for all content in ascending order of the digests. An error of fn
	// ends it and is returned.
	Walk(ctx context.Context, fn func(blob.Info) error) error
	// Sweep deletes what unreferenced returns of the digests that it is given and that
	// was stored, or stored again, before olderThan, which is not after now where writers
	// are at work. unreferenced answers by what is
	// committed when it is asked, and may be asked about a digest again.
	Sweep(ctx context.Context, unreferenced func(context.Context, []string) ([]string, error), olderThan time.Time) (blob.Swept, error)
	// SweepThese is Sweep for some digests, and spares none for its age but those that
	// are stored again while it runs.
	SweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error)) (blob.Swept, error)
}

// Place is where the content of one store lies.
type Place struct {
	// Open opens the store, as one more process would.
	Open func(t testing.TB) Store
	// Write replaces what lies under a digest, behind the store's back.
	Write func(t testing.TB, sha string, content []byte)
}

// Run takes stores through the contract; place returns an empty place for one.
func Run(t *testing.T, place func(t testing.TB) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"PutAndOpen":           putAndOpen,
		"PutFails":             putFails,
		"SameContentOnce":      sameContentOnce,
		"Keep":                 keep,
		"Damage":               damage,
		"NothingButDigests":    nothingButDigests,
		"WalkAndDelete":        walkAndDelete,
		"EndsWithItsContext":   endsWithItsContext,
		"Sweep":                sweep,
		"SweepThese":           sweepThese,
		"SweepAsksInBatches":   sweepAsksInBatches,
		"SweepFails":           sweepFails,
		"WritersAtOnce":        writersAtOnce,
		"SweepSparesTheNew":    sweepSparesTheNew,
		"WritersAndSweepers":   writersAndSweepers,
		"PutsDuringSweepsStay": putsDuringSweepsStay,
	} {
		t.Run(name, func(t *testing.T) { test(t, place(t)) })
	}
}

const limit = 1 << 30

func put(t testing.TB, s Store, content string) string {
	t.Helper()
	sha, size, err := s.Put(t.Context(), strings.NewReader(content), limit)
	if err != nil || size != int64(len(content)) || sha != digest(content) {
		t.Fatalf("put: %s, %d, %v", sha, size, err)
	}
	return sha
}

func get(t testing.TB, s Store, sha string) (string, error) {
	t.Helper()
	r, size, err := s.Open(t.Context(), sha)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		t.Errorf("%d bytes where %d were said", len(data), size)
	}
	if closeErr := r.Close(); closeErr != nil {
		t.Errorf("close: %v", closeErr)
	}
	return string(data), err
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// held returns what the store says it holds, by digest.
func held(t testing.TB, s Store) map[string]blob.Info {
	t.Helper()
	all := map[string]blob.Info{}
	if err := s.Walk(t.Context(), func(i blob.Info) error { all[i.SHA256] = i; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// later puts contents until one is younger than what is there, by the store's own
// times, which may have no more than whole seconds; it returns that one's digest and
// age.
func later(t testing.TB, s Store, what string, than time.Time) (string, time.Time) {
	t.Helper()
	for i := range 1_000_000 {
		content := strings.Repeat(what, i+1)
		sha := put(t, s, content)
		at := held(t, s)[sha].Modified
		if at.After(than) {
			return sha, at
		}
		if err := s.Delete(t.Context(), sha); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the times of the store stand still")
	return "", time.Time{}
}
