package kept

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "written")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	f := In(dir, clock)
	key, other := [32]byte{1}, [32]byte{2}
	if _, ok := f.Kept(key); ok {
		t.Error("found before it was kept")
	}
	if err := f.Keep(key, "the passage is about pumps"); err != nil {
		t.Fatal(err)
	}
	if got, ok := In(dir, clock).Kept(key); !ok || got != "the passage is about pumps" {
		t.Errorf("%q %v", got, ok)
	}
	if _, ok := f.Kept(other); ok {
		t.Error("found under another key")
	}
	list := files(t, dir)
	if len(list) != 1 {
		t.Fatalf("%d files", len(list))
	}
	data, err := os.ReadFile(list[0])
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("pumps")) {
		t.Error("can be read without the key")
	}
	if err := os.WriteFile(list[0], append(data, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Kept(key); ok {
		t.Error("a damaged entry is used")
	}
	if err := f.Keep(key, strings.Repeat("x", maxEntry+1)); rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("too long: %v", err)
	}
	if err := f.Keep(key, "again"); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Kept(key); !ok { // is used, and so as young as the clock says
		t.Fatal("not found")
	}
	now = now.Add(maxAge + time.Hour)
	if err := In(dir, clock).Keep(other, "new"); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Kept(key); ok {
		t.Error("an entry that nobody asked for is still there")
	}
	if _, ok := f.Kept(other); !ok {
		t.Error("the new entry is gone")
	}
}
