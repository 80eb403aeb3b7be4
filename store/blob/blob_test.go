package blob_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/blobtest"
)

var (
	_ ingest.Blobs   = (*blob.Store)(nil)
	_ blobtest.Store = (*blob.Store)(nil)
)

// TestContract holds the folder to what every store of originals does. What stands
// below is about files on a disk.
func TestContract(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blobtest.Place {
		dir := filepath.Join(t.TempDir(), "new", "blobs")
		return blobtest.Place{
			Open: func(t testing.TB) blobtest.Store {
				s, err := blob.Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				return s
			},
			Write: func(t testing.TB, sha string, content []byte) {
				if err := os.WriteFile(where(dir, sha), content, 0o600); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func open(t *testing.T) (*blob.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new", "blobs")
	s, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func put(t *testing.T, s *blob.Store, content string) string {
	t.Helper()
	sha, size, err := s.Put(t.Context(), strings.NewReader(content), 1<<30)
	if err != nil || size != int64(len(content)) || sha != digest(content) {
		t.Fatalf("put: %s, %d, %v", sha, size, err)
	}
	return sha
}

func get(t *testing.T, s *blob.Store, sha string) (string, error) {
	t.Helper()
	r, _, err := s.Open(t.Context(), sha)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func where(dir, sha string) string { return filepath.Join(dir, sha[:2], sha[2:]) }

func temporary(t *testing.T, dir string) int {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestFiles(t *testing.T) {
	s, dir := open(t)
	for _, content := range []string{"", "hello", strings.Repeat("0123456789", 100_000)} {
		info, err := os.Stat(where(dir, put(t, s, content)))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file: %v, %v", info, err)
		}
	}
	for what, r := range map[string]io.Reader{"too large": strings.NewReader("12345678901"), "a broken source": iotest.ErrReader(errors.New("broken"))} {
		if _, _, err := s.Put(t.Context(), r, 10); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if n := temporary(t, dir); n > 0 {
		t.Errorf("%d temporary files are left", n)
	}
	if _, err := blob.Open(""); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := blob.Open(where(dir, digest("hello"))); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestSameFileIsNotWrittenAgain(t *testing.T) {
	s, dir := open(t)
	sha := put(t, s, "content")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(where(dir, sha), old, old); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(where(dir, sha))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "content")
	after, err := os.Stat(where(dir, sha))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("content that is there was written again: %v", err)
	}
	if !after.ModTime().After(old) {
		t.Error("content that was put again is as old as before")
	}
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	s, dir := open(t)
	put(t, s, "content")
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Walk(t.Context(), func(blob.Info) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d files, %v", n, err)
	}
}

// TestSweepAfterACrash finds what processes that were killed leave: a half-written
// file, and a file that a sweep had put aside.
func TestSweepAfterACrash(t *testing.T) {
	s, dir := open(t)
	old := time.Now().Add(-48 * time.Hour)
	age := func(name string) {
		t.Helper()
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	live, dead, young, aside := put(t, s, "live"), put(t, s, "dead"), put(t, s, "young"), put(t, s, "aside")
	for _, sha := range []string{live, dead, aside} {
		age(where(dir, sha))
	}
	for _, name := range []string{"put-old", "put-new"} {
		if err := os.WriteFile(filepath.Join(dir, "tmp", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(filepath.Join(dir, "tmp", "put-old"))
	if err := os.Rename(where(dir, aside), filepath.Join(dir, "tmp", "swept-"+aside+"-X")); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s, aside); err != nil || got != "aside" {
		t.Errorf("a file that was put aside cannot be read: %v", err)
	}
	unreferenced := func(_ context.Context, shas []string) ([]string, error) {
		return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return sha == live || sha == aside }), nil
	}
	swept, err := s.Sweep(t.Context(), unreferenced, time.Now().Add(-time.Hour))
	if err != nil || swept != (blob.Swept{Files: 1, Stale: 1, Bytes: 8}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	for sha, there := range map[string]bool{live: true, dead: false, young: true, aside: true} {
		if _, err := os.Stat(where(dir, sha)); (err == nil) != there || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", sha, err)
		}
	}
	if n := temporary(t, dir); n != 1 {
		t.Errorf("%d temporary files are left", n)
	}
}

func TestBelongTo(t *testing.T) {
	dir := t.TempDir()
	s, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.BelongTo("one"); err != nil {
			t.Fatal(err)
		}
	}
	again, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.BelongTo("two"); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("another store: %v", err)
	}
	if swept, err := s.Sweep(t.Context(), func(_ context.Context, shas []string) ([]string, error) { return shas, nil }, time.Now().Add(time.Hour)); err != nil || swept.Files != 0 {
		t.Errorf("a sweep of an empty folder: %+v, %v", swept, err)
	}
	if err := again.BelongTo("one"); err != nil {
		t.Errorf("after a sweep: %v", err)
	}
}
