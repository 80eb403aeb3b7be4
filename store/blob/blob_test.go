package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

var _ ingest.Blobs = (*blob.Store)(nil)

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
	r, size, err := s.Open(t.Context(), sha)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		t.Errorf("%d bytes where %d were said", len(data), size)
	}
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

func TestPutAndOpen(t *testing.T) {
	s, dir := open(t)
	for _, content := range []string{"", "hello", strings.Repeat("0123456789", 100_000)} {
		sha := put(t, s, content)
		if got, err := get(t, s, sha); err != nil || got != content {
			t.Errorf("%d bytes come back as %d, %v", len(content), len(got), err)
		}
		info, err := os.Stat(where(dir, sha))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file: %v, %v", info, err)
		}
	}
	if n := temporary(t, dir); n > 0 {
		t.Errorf("%d temporary files are left", n)
	}
	if _, err := get(t, s, digest("never put")); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	// Read byte by byte, and not to the end.
	r, _, err := s.Open(t.Context(), digest("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, []byte("hello")); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestPutFails(t *testing.T) {
	s, dir := open(t)
	broken := errors.New("broken pipe")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for what, test := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"too large":       {t.Context(), strings.NewReader("12345678901"), rag.ErrExhausted},
		"endless":         {t.Context(), endless{}, rag.ErrExhausted},
		"a broken source": {t.Context(), io.MultiReader(strings.NewReader("123"), iotest.ErrReader(broken)), broken},
		"a done context":  {done, strings.NewReader("123"), context.Canceled},
	} {
		if sha, _, err := s.Put(test.ctx, test.r, 10); !errors.Is(err, test.want) || sha != "" {
			t.Errorf("%s: %q, %v", what, sha, err)
		}
	}
	if sha, _, err := s.Put(t.Context(), strings.NewReader("1234567890"), 10); err != nil || sha == "" {
		t.Errorf("exactly the limit: %v", err)
	}
	if n := temporary(t, dir); n > 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestSameContentIsKeptOnce(t *testing.T) {
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
	// A file that lost its end is replaced.
	if err := os.Truncate(where(dir, sha), 3); err != nil {
		t.Fatal(err)
	}
	put(t, s, "content")
	if got, err := get(t, s, sha); err != nil || got != "content" {
		t.Errorf("after the repair: %q, %v", got, err)
	}
}

func TestKeep(t *testing.T) {
	s, dir := open(t)
	sha := put(t, s, "content")
	for _, test := range []struct {
		sha  string
		size int64
		want bool
	}{{sha, 7, true}, {sha, 8, false}, {digest("other"), 7, false}} {
		if got, err := s.Keep(t.Context(), test.sha, test.size); err != nil || got != test.want {
			t.Errorf("keep %s of %d bytes: %v, %v", test.sha, test.size, got, err)
		}
	}
	if err := os.Remove(where(dir, sha)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Keep(t.Context(), sha, 7); err != nil || got {
		t.Errorf("keep what is gone: %v, %v", got, err)
	}
}

func TestDamageIsAnError(t *testing.T) {
	s, dir := open(t)
	sha := put(t, s, strings.Repeat("a", 1000))
	damaged := []byte(strings.Repeat("a", 1000))
	damaged[500] = 'b'
	for what, content := range map[string][]byte{"a changed byte": damaged, "a lost end": damaged[:400], "nothing": {}} {
		if err := os.WriteFile(where(dir, sha), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := get(t, s, sha); !errors.Is(err, rag.ErrInternal) || !strings.Contains(err.Error(), sha) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNoPathButADigest(t *testing.T) {
	s, dir := open(t)
	secret := filepath.Join(dir, "..", "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sha := range []string{"", "..", "../secret", "ab", strings.ToUpper(digest("x")), digest("x") + "0", digest("x")[:63] + "g",
		"../" + strings.Repeat("a", 61), strings.Repeat("/", 64), strings.Repeat("\x00", 64)} {
		if _, err := get(t, s, sha); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("open %q: %v", sha, err)
		}
		if err := s.Delete(t.Context(), sha); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("delete %q: %v", sha, err)
		}
		if _, err := s.Keep(t.Context(), sha, 1); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("keep %q: %v", sha, err)
		}
	}
	if _, err := blob.Open(""); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := blob.Open(secret); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestWritersAtOnce(t *testing.T) {
	s, dir := open(t)
	other, err := blob.Open(dir) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				content := strings.Repeat(fmt.Sprint("content ", i%4), 5000)
				sha, _, err := []*blob.Store{s, other}[w%2].Put(t.Context(), strings.NewReader(content), 1<<20)
				if err != nil || sha != digest(content) {
					t.Errorf("put: %s, %v", sha, err)
				}
				if got, err := get(t, s, sha); err != nil || got != content {
					t.Errorf("open: %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	if err := s.Walk(t.Context(), func(blob.Info) error { n++; return nil }); err != nil || n != 4 {
		t.Errorf("%d files, %v", n, err)
	}
}

func TestWalkAndDelete(t *testing.T) {
	s, dir := open(t)
	want := map[string]int64{}
	for i := range 30 {
		content := strings.Repeat("x", i)
		want[put(t, s, content)] = int64(i)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := s.Walk(t.Context(), func(i blob.Info) error {
		seen = append(seen, i.SHA256)
		if i.Size != want[i.SHA256] || i.Modified.IsZero() {
			t.Errorf("%+v", i)
		}
		return nil
	})
	if err != nil || len(seen) != 30 || !slices.IsSorted(seen) {
		t.Errorf("walked over %d files: %v", len(seen), err)
	}
	enough := errors.New("enough")
	if err := s.Walk(t.Context(), func(blob.Info) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a stop: %v", err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), seen[0]); err != nil {
			t.Error(err)
		}
	}
	if _, err := get(t, s, seen[0]); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestSweep(t *testing.T) {
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
	// What processes that were killed leave: a half-written file, and a file that
	// a sweep had put aside.
	for _, name := range []string{"put-old", "put-new"} {
		if err := os.WriteFile(filepath.Join(dir, "tmp", name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(filepath.Join(dir, "tmp", "put-old"))
	if err := os.Rename(where(dir, aside), filepath.Join(dir, "tmp", "swept-"+aside)); err != nil {
		t.Fatal(err)
	}
	var asked []string
	unreferenced := func(_ context.Context, shas []string) ([]string, error) {
		asked = append(asked, shas...)
		return slices.DeleteFunc(slices.Clone(shas), func(sha string) bool { return sha == live || sha == aside }), nil
	}
	swept, err := s.Sweep(t.Context(), unreferenced, time.Now().Add(-time.Hour))
	if err != nil || swept != (blob.Swept{Files: 1, Stale: 1, Bytes: 8}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	slices.Sort(asked)
	want := []string{live, dead, aside}
	slices.Sort(want)
	if !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
	for sha, there := range map[string]bool{live: true, dead: false, young: true, aside: true} {
		if _, err := get(t, s, sha); (err == nil) != there {
			t.Errorf("%s: %v", sha, err)
		}
	}
	if n := temporary(t, dir); n != 1 {
		t.Errorf("%d temporary files are left", n)
	}
	broken := errors.New("store down")
	if _, err := s.Sweep(t.Context(), func(context.Context, []string) ([]string, error) { return nil, broken }, time.Now()); !errors.Is(err, broken) {
		t.Errorf("a store that is down: %v", err)
	}
}

// A writer that finds its content present while a sweep is about to delete it
// ends with a file that stays.
func TestSweepSparesWhatIsPutMeanwhile(t *testing.T) {
	s, dir := open(t)
	for round := range 50 {
		content := fmt.Sprint("content ", round)
		sha := put(t, s, content)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(where(dir, sha), old, old); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			all := func(_ context.Context, shas []string) ([]string, error) { return shas, nil }
			if _, err := s.Sweep(t.Context(), all, old.Add(time.Minute)); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, _, err := s.Put(t.Context(), bytes.NewReader([]byte(content)), 100); err != nil {
				t.Error(err)
			}
			// As ingestion does once the document is committed.
			if there, err := s.Keep(t.Context(), sha, int64(len(content))); err != nil || !there {
				if _, _, err := s.Put(t.Context(), bytes.NewReader([]byte(content)), 100); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Wait()
		if _, err := os.Stat(where(dir, sha)); errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("round %d: the writer's file is gone", round)
		}
	}
}
