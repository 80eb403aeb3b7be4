package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// book is a State and notes what it is told.
type book struct {
	mu     sync.Mutex
	items  map[string]source.Item
	events []string
}

func (b *book) Cursor() []byte { return nil }

func (b *book) Item(_ context.Context, id string) (source.Item, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, ok := b.items[id]
	return i, ok, nil
}

// read reads a part of a folder and returns what it tells, by base name.
func (b *book) read(ctx context.Context, s source.Source) (events []string, res source.Result, err error) {
	if b.items == nil {
		b.items = map[string]source.Item{}
	}
	res, err = s.Sync(ctx, b, func(e source.Event) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		what := map[source.Change]string{source.Put: "put", source.Same: "same", source.Gone: "gone", source.Broken: "broken", source.Skipped: "skipped"}[e.Change]
		line := what + " " + filepath.Base(e.ID)
		switch e.Change {
		case source.Put:
			content, err := io.ReadAll(e.Input.Content)
			if err != nil {
				return err
			}
			line += " " + string(content)
			b.items[e.ID] = source.Item{Fingerprint: e.Fingerprint}
			if e.Input.ExternalID != "" || e.Input.Source != e.ID || e.Input.Name != filepath.Base(e.ID) {
				line += " wrong input"
			}
		case source.Gone:
			delete(b.items, e.ID)
		case source.Broken:
			line += " " + string(rag.KindOf(e.Err))
		}
		events = append(events, line)
		return nil
	})
	slices.Sort(events)
	b.mu.Lock()
	b.events = append(b.events, events...)
	b.mu.Unlock()
	return events, res, err
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// later is a clock by which every file was written long ago.
func later() time.Time { return time.Now().Add(time.Hour) }

func folderOf(t *testing.T, dir string, change func(*Config)) *Source {
	t.Helper()
	cfg := Config{Settings: Settings{Path: dir}, Clock: later}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOnlyWhatChangedIsRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", "one")
	write(t, dir, "sub/b.md", "two")
	write(t, dir, "c.bin", "\x00\x01")
	write(t, dir, ".hidden.md", "no")
	var b book
	s := folderOf(t, dir, nil)
	check := func(what, want string) {
		t.Helper()
		got, res, err := b.read(t.Context(), s)
		if err != nil || !res.Complete || len(res.Unseen) > 0 || strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, %+v, %v; want %q", what, got, res, err, want)
		}
	}
	check("first", "put a.md one, put b.md two, skipped c.bin")
	check("again", "same a.md, same b.md, skipped c.bin")
	write(t, dir, "a.md", "three")
	if err := os.Rename(filepath.Join(dir, "sub", "b.md"), filepath.Join(dir, "sub", "d.md")); err != nil {
		t.Fatal(err)
	}
	check("changed", "put a.md three, put d.md two, skipped c.bin")
	item := b.items[filepath.Join(dir, "a.md")]
	item.Failed = true
	b.items[filepath.Join(dir, "a.md")] = item
	check("failed before", "put a.md three, same d.md, skipped c.bin")
	s = folderOf(t, dir, func(c *Config) { c.Include, c.Hidden, c.MaxBytes = []string{"*.md"}, true, 3 })
	b.items = nil
	check("options", "broken a.md exhausted, put .hidden.md no, put d.md two, skipped c.bin")
}

// A file that was written just now may be written again within the same step of the
// file system's clock: its fingerprint is not trusted.
func TestYoungFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", "one")
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "a.md"), now, now); err != nil {
		t.Fatal(err)
	}
	var b book
	s := folderOf(t, dir, func(c *Config) { c.Clock = func() time.Time { return now.Add(time.Second) } })
	for range 2 {
		if got, _, err := b.read(t.Context(), s); err != nil || fmt.Sprint(got) != "[put a.md one]" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestWhatIsBelowAnUnreadableFolderStays(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.md", "one")
	write(t, dir, "closed/b.md", "two")
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	var b book
	got, res, err := b.read(t.Context(), folderOf(t, dir, nil))
	if os.Geteuid() == 0 { // who may read everything
		if err != nil || len(res.Unseen) != 0 {
			t.Errorf("%+v, %v", res, err)
		}
		return
	}
	if err != nil || strings.Join(got, ", ") != "broken closed unauthorized, put a.md one" || !res.Complete || !slices.Equal(res.Unseen, []string{filepath.Join(dir, "closed") + "/"}) {
		t.Errorf("%q, %+v, %v", got, res, err)
	}
}

func TestFaults(t *testing.T) {
	for what, s := range map[string]Settings{"relative": {Path: "a"}, "empty": {}, "pattern": {Path: "/a", Include: []string{"["}}, "empty pattern": {Path: "/a", Exclude: []string{""}}} {
		if _, err := New(Config{Settings: s}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	dir := t.TempDir()
	write(t, dir, "file", "x")
	var b book
	for path, kind := range map[string]rag.Kind{"none": rag.KindNotFound, "file": rag.KindInvalid} {
		if _, _, err := b.read(t.Context(), folderOf(t, filepath.Join(dir, path), nil)); rag.KindOf(err) != kind {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.read(ctx, folderOf(t, dir, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop := errors.New("stop")
	if _, err := folderOf(t, dir, nil).Sync(t.Context(), &b, func(source.Event) error { return stop }); err != stop {
		t.Errorf("told to stop: %v", err)
	}
}

// watching follows a folder until the test's end.
type watching struct {
	t     *testing.T
	dir   string
	book  book
	reads chan []string
}

func watchFolder(t *testing.T, change func(*Config)) *watching {
	w := &watching{t: t, dir: t.TempDir(), reads: make(chan []string, 100)}
	write(t, w.dir, "a.md", "one")
	ctx, cancel := context.WithCancel(t.Context())
	s := folderOf(t, w.dir, func(c *Config) {
		c.Quiet, c.Longest = 5*time.Millisecond, time.Second
		if change != nil {
			change(c)
		}
	})
	ended := make(chan error)
	go func() {
		ended <- s.Watch(ctx, func(part source.Source) error {
			events, _, err := w.book.read(ctx, part)
			if err == nil {
				w.reads <- events
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: %v", err)
		}
	})
	return w
}

// until waits for an event, which is not the first one to be told.
func (w *watching) until(want string) {
	w.t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case events := <-w.reads:
			if slices.Contains(events, want) {
				return
			}
		case <-deadline:
			w.t.Fatalf("%q did not come", want)
		}
	}
}

func TestWatch(t *testing.T) {
	w := watchFolder(t, nil)
	at := func(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }
	w.until("put a.md one")
	write(t, w.dir, "b.md", "two")
	w.until("put b.md two")
	write(t, w.dir, "b.md", "three")
	w.until("put b.md three")
	if err := os.Remove(at("a.md")); err != nil {
		t.Fatal(err)
	}
	w.until("gone a.md")
	write(t, w.dir, "new/deep/c.md", "four")
	w.until("put c.md four")
	write(t, w.dir, "new/deep/d.md", "five") // in a folder that came later
	w.until("put d.md five")
	if err := os.Rename(at("new"), at("moved")); err != nil {
		t.Fatal(err)
	}
	w.until("put d.md five")
	write(t, w.dir, "moved/deep/e.md", "six")
	w.until("put e.md six")
}

func TestWatchFallsBackToPolling(t *testing.T) {
	w := watchFolder(t, func(c *Config) { c.MaxWatches, c.Poll = 1, time.Millisecond })
	w.until("put a.md one")
	write(t, w.dir, "sub/b.md", "two")
	w.until("put b.md two")
	write(t, w.dir, "sub/c.md", "three")
	w.until("put c.md three")
}

func TestWatchLooksThroughTheWholeAgain(t *testing.T) {
	w := watchFolder(t, func(c *Config) { c.Rescan = time.Millisecond })
	w.until("put a.md one")
	for range 3 {
		w.until("same a.md")
	}
}

func TestWatchWaitsForTheFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "later")
	w := &watching{t: t, dir: dir, reads: make(chan []string, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	failed := make(chan error, 1000)
	s := folderOf(t, dir, func(c *Config) { c.Poll, c.Quiet = time.Millisecond, time.Millisecond })
	go func() {
		ended <- s.Watch(ctx, func(part source.Source) error {
			events, _, err := w.book.read(ctx, part)
			if err != nil {
				select {
				case failed <- err:
				default:
				}
				return nil
			}
			w.reads <- events
			return nil
		})
	}()
	if err := <-failed; rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("without the folder: %v", err)
	}
	write(t, parent, "later/a.md", "one")
	w.until("put a.md one")
	write(t, parent, "later/b.md", "two")
	w.until("put b.md two")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}
