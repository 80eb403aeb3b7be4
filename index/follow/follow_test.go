package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no feed":  {Index: indexConfig},
		"no index": {Feed: newFeed()},
		"negative": {Feed: newFeed(), Index: indexConfig, MaxOpen: -1},
	} {
		if _, err := New(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
}

func TestOpensFromStoreThenFromFile(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	s.put("a", "apple", "banana apple")
	f := start(t, Config{Feed: s, Dir: dir})
	expect(t, "apples", found(t, f, c, "apple", 0), 2)
	expect(t, "rebuilds", s.count("snapshot"), 1)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Open(t.Context(), c); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("after Close, Open gives %v", err)
	}

	s.put("b", "cherry apple")
	f = start(t, Config{Feed: s, Dir: dir})
	expect(t, "apples", found(t, f, c, "apple", 0), 3)
	expect(t, "rebuilds", s.count("snapshot"), 1)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	// A view that did not change is not saved again.
	before, err := os.Stat(manifest(f, 1))
	if err != nil {
		t.Fatal(err)
	}
	f = start(t, Config{Feed: s, Dir: dir})
	expect(t, "apples", found(t, f, c, "apple", 0), 3)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(manifest(f, 1)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written again (%v)", err)
	}

	// The file is of no use for another store.
	f = start(t, Config{Feed: s, Dir: dir, StoreID: "other"})
	expect(t, "apples", found(t, f, c, "apple", 0), 3)
	expect(t, "rebuilds", s.count("snapshot"), 2)
}

func TestDamagedFileIsIgnored(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	s.put("a", "apple")
	f := start(t, Config{Feed: s, Dir: dir})
	if err := os.MkdirAll(f.path(viewKey{1, 1}), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest(f, 1), []byte("no manifest"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	expect(t, "rebuilds", s.count("snapshot"), 1)
}

func TestReadYourOwnWrites(t *testing.T) {
	s, c := newFeed(), collection(1)
	f := start(t, Config{Feed: s, Poll: time.Hour})
	expect(t, "apples", found(t, f, c, "apple", 0), 0)
	seq := s.put("a", "apple")
	expect(t, "apples, not asked for", found(t, f, c, "apple", 0), 0)
	expect(t, "apples, asked for", found(t, f, c, "apple", seq), 1)
	seq = s.put("a", "pear")
	if err := f.Wait(t.Context(), 1, seq); err != nil {
		t.Fatal(err)
	}
	res, err := f.Search(t.Context(), 1, rag.IndexQuery{Text: "apple pear", K: 5}, 0)
	if err != nil || len(res.Keyword) != 1 || res.Seq != seq {
		t.Errorf("got %+v, %v", res, err)
	}
	// A number from another collection, which this one never reaches.
	if err := f.Wait(t.Context(), 1, seq+1000); err != nil {
		t.Errorf("waiting for a foreign number: %v", err)
	}
	if err := f.Wait(t.Context(), 77, 1); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("a collection that was never opened: %v", err)
	}
}

func TestNotifyAndPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		f := start(t, Config{Feed: s})
		expect(t, "pears", found(t, f, c, "pear", 0), 0)
		s.put("p", "pear") // before the first poll
		time.Sleep(time.Second)
		expect(t, "pears after a poll", found(t, f, c, "pear", 0), 1)
		reads := s.count("changes")
		time.Sleep(time.Minute)
		expect(t, "reads of the feed while nothing happens", s.count("changes"), reads)

		f.Notify(1, s.put("a", "apple"))
		f.Notify(99, 5)
		synctest.Wait()
		expect(t, "apples after Notify", found(t, f, c, "apple", 0), 1)

		s.put("b", "apple") // as another process would
		time.Sleep(DefaultPoll + time.Millisecond)
		synctest.Wait()
		expect(t, "apples after a poll", found(t, f, c, "apple", 0), 2)

		s.put("c", "apple") // anything may have changed
		f.Notify(0, 0)
		synctest.Wait()
		expect(t, "apples after word of all collections", found(t, f, c, "apple", 0), 3)
	})
}

func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		s.put("a", "apple")
		f := start(t, Config{Feed: s})
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		if h := f.Health(); !h.OK {
			t.Errorf("health %+v, want OK", h)
		}
		seq := s.put("b", "apple")
		down := rag.Errorf(rag.KindUnavailable, "the disk is away")
		s.with(func() { s.err = down })
		f.Notify(1, seq)
		time.Sleep(time.Minute)
		expect(t, "apples while the store is down", found(t, f, c, "apple", 0), 1)
		if n := s.count("changes"); n > 25 {
			t.Errorf("the feed was read %d times in a minute without success", n)
		}
		if n := s.count("version"); n > 40 {
			t.Errorf("the data version was asked for %d times in a minute without success", n)
		}
		h := f.Health()
		if h.OK || !bytes.Contains([]byte(h.Detail), []byte("disk is away")) {
			t.Errorf("health %+v, want the reason", h)
		}
		if st := f.Status(); len(st) != 1 || !errors.Is(st[0].Err, rag.ErrUnavailable) || st[0].Lag < 50*time.Second {
			t.Errorf("status %+v, want the error and a lag of a minute", st)
		}
		if _, err := f.Searcher(c, seq).Search(t.Context(), rag.IndexQuery{Text: "apple", K: 1}); !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("a search for what cannot be read: %v", err)
		}
		if err := f.Open(t.Context(), collection(2)); !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("opening without a store: %v", err)
		}
		s.with(func() { s.err = nil })
		time.Sleep(15 * time.Second)
		expect(t, "apples when the store is back", found(t, f, c, "apple", 0), 2)
		if h := f.Health(); !h.OK {
			t.Errorf("health %+v, want OK again", h)
		}
		if err := f.Open(t.Context(), collection(2)); err != nil {
			t.Errorf("opening when the store is back: %v", err)
		}
	})
}

// TestOneCallFails: the data version can be read, so that nothing but the failed
// view's own mark makes the loop try again.
func TestOneCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		f := start(t, Config{Feed: s})
		expect(t, "apples", found(t, f, c, "apple", 0), 0)
		s.with(func() { s.err, s.failing = rag.Errorf(rag.KindUnavailable, "records are away"), "records" })
		f.Notify(1, s.put("a", "apple"))
		time.Sleep(time.Minute)
		expect(t, "apples while records cannot be read", found(t, f, c, "apple", 0), 0)
		if h := f.Health(); h.OK {
			t.Errorf("health %+v, want the error", h)
		}
		s.with(func() { s.err = nil })
		time.Sleep(15 * time.Second)
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		if h := f.Health(); !h.OK {
			t.Errorf("health %+v, want OK again", h)
		}
	})
}

func TestFeedThatCannotBeContinued(t *testing.T) {
	s, c := newFeed(), collection(1)
	s.put("a", "apple")
	f := start(t, Config{Feed: s, Poll: time.Hour})
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	s.put("a", "pear")
	seq := s.put("b", "pear")
	s.with(func() { s.start, s.changes = s.last()-1, s.changes[len(s.changes)-1:] })
	expect(t, "pears", found(t, f, c, "pear", seq), 2)
	expect(t, "apples that are gone", found(t, f, c, "apple", 0), 0)
	expect(t, "rebuilds", s.count("snapshot"), 2)
}

func TestCollectionThatIsGone(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	seq := s.put("a", "apple")
	f := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	save(t, f, 1)
	s.with(func() { s.gone = true })
	if err := f.Wait(t.Context(), 1, seq+1); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("error %v, want not found", err)
	}
	absent(t, f, 1)
	expect(t, "open views", len(f.Status()), 0)
}

// manifest is the file that a collection's index begins with.
func manifest(f *Follower, collectionID int64) string {
	return filepath.Join(f.path(viewKey{collectionID, 1}), "manifest")
}

// holds reports whether a word stands in the files of a collection's index.
func holds(t *testing.T, f *Follower, collectionID int64, word string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.path(viewKey{collectionID, 1}), "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no files (%v)", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(word)) {
			return true
		}
	}
	return false
}

// save makes a view durable as the loop would.
func save(t *testing.T, f *Follower, collectionID int64) {
	t.Helper()
	f.mu.Lock()
	v := f.views[viewKey{collectionID, 1}]
	f.mu.Unlock()
	if err := v.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.unlock()
	f.settle(t.Context(), v)
	if _, err := os.Stat(manifest(f, collectionID)); err != nil {
		t.Fatalf("no file was written: %v", err)
	}
}

func absent(t *testing.T, f *Follower, collectionID int64) {
	t.Helper()
	if _, err := os.Stat(manifest(f, collectionID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the index of collection %d is still there (%v)", collectionID, err)
	}
}

func TestDeleteMeansGone(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	s.put("a", "secretword")
	s.put("b", "apple")
	f := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	expect(t, "secrets", found(t, f, c, "secretword", 0), 1)
	save(t, f, 1)
	if !holds(t, f, 1, "secretword") {
		t.Fatal("the test looks for a word that is not in the files")
	}
	s.put("a")
	if err := f.Purge(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	expect(t, "secrets", found(t, f, c, "secretword", 0), 0)
	if holds(t, f, 1, "secretword") {
		t.Fatal("a deleted word is in the files")
	}
	expect(t, "apples", found(t, f, c, "apple", 0), 1)

	// The file of a collection that is not open goes as well.
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	if err := f.PurgeAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	absent(t, f, 1)
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	save(t, f, 1)
	if err := f.Drop(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	absent(t, f, 1)
	expect(t, "open views", len(f.Status()), 0)
}

func TestChangesAreSavedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir, c := newFeed(), t.TempDir(), collection(1)
		s.put("a", "apple")
		f := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		time.Sleep(DefaultSaveAfter - time.Second)
		absent(t, f, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		info, err := os.Stat(manifest(f, 1))
		if err != nil {
			t.Fatalf("nothing was saved: %v", err)
		}
		f.Notify(1, s.put("b", "pear"))
		time.Sleep(2 * DefaultSaveAfter)
		synctest.Wait()
		again, err := os.Stat(manifest(f, 1))
		if err != nil || os.SameFile(info, again) {
			t.Errorf("the file was not written again (%v)", err)
		}
		cfg := indexConfig(c)
		cfg.Dir = f.path(viewKey{1, 1})
		cfg.Identity = engine.Identity{Store: "store", Collection: 1, Generation: 1, Model: "m"}
		ix, err := backend.Open(cfg)
		if err != nil || ix.Stats().Chunks != 2 {
			t.Fatalf("the files hold something else: %v", err)
		}
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir := newFeed(), t.TempDir()
		s.put("a", "apple")
		f := start(t, Config{Feed: s, Dir: dir, MaxOpen: 3})
		for id := range int64(10) {
			time.Sleep(time.Second)
			expect(t, "apples", found(t, f, collection(id+1), "apple", 0), 1)
			synctest.Wait()
		}
		st := f.Status()
		if len(st) != 3 || st[0].Collection.ID != 8 {
			t.Errorf("open are %+v, want the last three", st)
		}
		rebuilds := s.count("snapshot")
		expect(t, "apples after eviction", found(t, f, collection(1), "apple", 0), 1)
		expect(t, "rebuilds", s.count("snapshot"), rebuilds)
		seq := s.put("b", "apple")
		if err := f.Wait(t.Context(), 2, seq); err != nil {
			t.Errorf("waiting for an evicted view: %v", err)
		}
	})
}

func TestMemoryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFeed()
		s.put("a", "apple")
		f := start(t, Config{Feed: s, MaxBytes: 1})
		for id := range int64(5) {
			time.Sleep(time.Second)
			expect(t, "apples", found(t, f, collection(id+1), "apple", 0), 1)
			synctest.Wait()
			expect(t, "open views", len(f.Status()), 1)
		}
	})
}

func TestAnotherGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		s.put("a", "apple")
		dir := t.TempDir()
		f := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		// A search that brings another generation gets its view, and one that began
		// before still gets the old one.
		s.with(func() { s.live = 2 })
		expect(t, "apples", found(t, f, generation(c, 2), "apple", 0), 1)
		expect(t, "rebuilds", s.count("snapshot"), 2)
		expect(t, "apples in the old one", found(t, f, c, "apple", 0), 1)
		expect(t, "apples", found(t, f, generation(c, 2), "apple", 0), 1)
		expect(t, "rebuilds", s.count("snapshot"), 2)
		expect(t, "open views", len(f.Status()), 2)
		// The old one is not kept up to date, does no harm, and goes.
		s.with(func() { s.lacks = map[int]bool{1: true} })
		seq := s.put("b", "apple")
		time.Sleep(time.Second)
		synctest.Wait()
		if h := f.Health(); !h.OK {
			t.Errorf("health: %+v", h)
		}
		for i, st := range f.Status() {
			if st.Shadow != (i == 0) || st.Stats.Chunks != 1+i {
				t.Errorf("view %d: %+v", i, st)
			}
		}
		time.Sleep(2 * retireAfter)
		synctest.Wait()
		expect(t, "open views", len(f.Status()), 1)
		expect(t, "apples", found(t, f, generation(c, 2), "apple", seq), 2)
	})
}

// A process in which nobody searches learns of the switch from the store, and has
// the view ready for the first who does.
func TestMovesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		s.put("a", "apple")
		f := start(t, Config{Feed: s})
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		s.with(func() { s.live = 2; s.version++ })
		time.Sleep(time.Second)
		synctest.Wait()
		expect(t, "rebuilds", s.count("snapshot"), 2)
		seq := s.put("b", "apple")
		f.Notify(1, seq)
		synctest.Wait()
		expect(t, "apples", found(t, f, generation(c, 2), "apple", seq), 2)
		expect(t, "rebuilds", s.count("snapshot"), 2)
	})
}

// A view in the shadow waits for embeddings, is written to a file that the switch
// finds, and leaves the live one alone.
func TestShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		s.put("a", "apple")
		dir := t.TempDir()
		f := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
		s.with(func() { s.lacks = map[int]bool{2: true} })
		if err := f.OpenShadow(t.Context(), generation(c, 2)); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("without embeddings: %v", err)
		}
		s.with(func() { s.lacks = nil })
		if err := f.OpenShadow(t.Context(), generation(c, 2)); err != nil {
			t.Fatal(err)
		}
		res, err := f.ShadowSearcher(generation(c, 2), 0).Search(t.Context(), rag.IndexQuery{Text: "apple", K: 10})
		if err != nil || len(res.Keyword) != 1 {
			t.Errorf("search in the shadow: %+v, %v", res, err)
		}
		s.with(func() { s.lacks = map[int]bool{2: true} })
		seq := s.put("b", "apple")
		f.Notify(1, seq)
		synctest.Wait()
		expect(t, "apples in the live one", found(t, f, c, "apple", seq), 2)
		if err := os.Remove(filepath.Join(f.path(viewKey{1, 2}), "manifest")); err != nil {
			t.Errorf("the file of the shadow: %v", err)
		}
		if err := f.OpenShadow(t.Context(), generation(c, 2)); err != nil {
			t.Errorf("as far as there are embeddings: %v", err)
		}
		if _, err := os.Stat(filepath.Join(f.path(viewKey{1, 2}), "manifest")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file of a view that lacks something: %v", err)
		}
		if _, err := f.ShadowSearcher(generation(c, 2), seq).Search(t.Context(), rag.IndexQuery{Text: "apple", K: 10}); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("a search that waits for an embedding: %v", err)
		}
		// Another process begins with the file.
		s.with(func() { s.lacks = nil })
		s.put("c", "pear") // so that there is something to save
		if err := f.OpenShadow(t.Context(), generation(c, 2)); err != nil {
			t.Fatal(err)
		}
		s.with(func() { s.live = 2 })
		rebuilds := s.count("snapshot")
		g := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples after the switch", found(t, g, generation(c, 2), "apple", seq), 2)
		expect(t, "rebuilds", s.count("snapshot"), rebuilds)
	})
}

// While the view of a new generation is being built, the old one serves.
func TestServing(t *testing.T) {
	s, c := newFeed(), collection(1)
	s.put("a", "apple")
	f := start(t, Config{Feed: s, Poll: time.Hour})
	expect(t, "generation that serves", f.Serving(c).Generation.Number, 1)
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	block := make(chan struct{})
	s.with(func() { s.live, s.block = 2, block })
	expect(t, "generation that serves during the switch", f.Serving(generation(c, 2)).Generation.Number, 1)
	expect(t, "generation that serves during the switch", f.Serving(generation(c, 2)).Generation.Number, 1)
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	s.with(func() { s.block = nil })
	close(block)
	if err := f.Open(t.Context(), generation(c, 2)); err != nil {
		t.Fatal(err)
	}
	expect(t, "generation that serves afterwards", f.Serving(generation(c, 2)).Generation.Number, 2)
	// One in the shadow does not serve before it is live.
	s.with(func() { s.block = make(chan struct{}) })
	g := start(t, Config{Feed: newFeed(), Poll: time.Hour})
	if err := g.OpenShadow(t.Context(), generation(c, 3)); err != nil {
		t.Fatal(err)
	}
	expect(t, "generation that serves beside a shadow", g.Serving(c).Generation.Number, 1)
	s.with(func() { close(s.block); s.block = nil })
}

func TestDropGeneration(t *testing.T) {
	s, c := newFeed(), collection(1)
	s.put("a", "apple")
	f := start(t, Config{Feed: s, Dir: t.TempDir(), Poll: time.Hour})
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	save(t, f, 1)
	if err := f.OpenShadow(t.Context(), generation(c, 2)); err != nil {
		t.Fatal(err)
	}
	expect(t, "folders", len(f.folders(1)), 2)
	if err := f.DropGeneration(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	expect(t, "folders", len(f.folders(1)), 1)
	expect(t, "open views", len(f.Status()), 1)
	// A purge leaves no file of a generation that is not live.
	if err := f.OpenShadow(t.Context(), generation(c, 2)); err != nil {
		t.Fatal(err)
	}
	if err := f.Purge(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	expect(t, "folders", len(f.folders(1)), 1)
	expect(t, "open views", len(f.Status()), 1)
	if err := f.Drop(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	expect(t, "folders", len(f.folders(1)), 0)
	expect(t, "open views", len(f.Status()), 0)
}

func TestFilesOfOlderVersions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1.index"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, Config{Feed: newFeed(), Dir: dir, Poll: time.Hour})
	if _, err := os.Stat(filepath.Join(dir, "1.index")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that nobody reads or purges stays: %v", err)
	}
}

func TestFaultyRecords(t *testing.T) {
	s, c := newFeed(), collection(1)
	s.put("a", "apple", "apple pie")
	s.with(func() {
		r := s.chunks[1]
		r.Vector = []float32{1}
		s.chunks[1] = r
	})
	f := start(t, Config{Feed: s, Poll: time.Hour})
	expect(t, "apples", found(t, f, c, "apple", 0), 2)
	seq := s.put("b", "apple")
	s.with(func() {
		r := s.chunks[3]
		r.Document = nil
		s.chunks[3] = r
	})
	expect(t, "apples", found(t, f, c, "apple", seq), 2)
	st := f.Status()[0]
	expect(t, "faults", st.Faults, 2)
	expect(t, "vectors", st.Stats.Vectors, 1)
}

func TestOpeningGoesOnWithoutTheCaller(t *testing.T) {
	s, c := newFeed(), collection(1)
	s.put("a", "apple")
	block := make(chan struct{})
	s.with(func() { s.block = block })
	f := start(t, Config{Feed: s, Poll: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Open(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	s.with(func() { s.block = nil })
	close(block)
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	expect(t, "rebuilds", s.count("snapshot"), 1)
}

func TestCloseWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFeed()
		s.with(func() { s.block = make(chan struct{}) })
		f := start(t, Config{Feed: s, Dir: t.TempDir()})
		errs := make(chan error)
		go func() { errs <- f.Open(t.Context(), collection(1)) }()
		synctest.Wait()
		expect(t, "rebuilds begun", s.count("snapshot"), 1)
		go func() { errs <- f.Close() }()
		for range 2 {
			if err := <-errs; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of a cancelled context", err)
			}
		}
		expect(t, "open views", len(f.Status()), 0)
	})
}

func TestWholeDocuments(t *testing.T) {
	changes := func(documents string) []rag.Change {
		var out []rag.Change
		for i, d := range documents {
			out = append(out, rag.Change{Seq: int64(i + 1), DocumentID: rag.DocumentID(d)})
		}
		return out
	}
	for in, want := range map[string]int{"a": 0, "aaa": 0, "ab": 1, "aabb": 2, "abab": 3} {
		expect(t, in, len(wholeDocuments(changes(in))), want)
	}
}

// TestBatchesEndBetweenDocuments reads a feed that is longer than a batch, with a
// document that is longer than a batch by itself, while searches look on.
func TestBatchesEndBetweenDocuments(t *testing.T) {
	s, c := newFeed(), collection(1)
	f := start(t, Config{Feed: s, Poll: time.Hour})
	expect(t, "chunks", found(t, f, c, "word", 0), 0)
	sizes := map[string]int{}
	for i, n := range []int{700, 600, 3000, 1, 1023, 1024, 1025, 5} {
		texts := make([]string, n)
		for j := range texts {
			texts[j] = "word d" + strconv.Itoa(i)
		}
		sizes["d"+strconv.Itoa(i)] = n
		s.put("d"+strconv.Itoa(i), texts...)
	}
	done := make(chan error, 1)
	go func() { done <- f.Wait(t.Context(), 1, s.last()) }()
	for {
		res, err := f.Search(t.Context(), 1, rag.IndexQuery{Text: "word", K: 10000}, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, h := range res.Keyword {
			seen[string(h.DocumentID)]++
		}
		for d, n := range seen {
			if n != sizes[d] {
				t.Fatalf("at change %d document %s has %d chunks, want %d", res.Seq, d, n, sizes[d])
			}
		}
		if len(seen) == len(sizes) {
			break
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestManyReadersAndWriters(t *testing.T) {
	s, dir := newFeed(), t.TempDir()
	f := start(t, Config{Feed: s, Dir: dir, Poll: time.Millisecond, SaveAfter: time.Millisecond, MaxOpen: 2})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				word := fmt.Sprintf("w%dx%d", w, i)
				seq := s.put("d"+strconv.Itoa(w), word, "other")
				c := collection(int64(i%3 + 1))
				f.Notify(c.ID, seq)
				res, err := f.Searcher(c, seq).Search(t.Context(), rag.IndexQuery{Text: word, K: 5})
				if err != nil || len(res.Keyword) != 1 {
					t.Errorf("writer %d does not find %s: %+v, %v", w, word, res, err)
					return
				}
				if i%10 == 9 {
					if err := f.Purge(t.Context(), c.ID); err != nil {
						t.Error(err)
					}
				}
				f.Health()
			}
		})
	}
	wg.Wait()
}

// TestTwoProcesses: the second follower of a folder reads what the first has written and follows by itself; when the first has ended, it takes the
// folder over.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir, c := newFeed(), t.TempDir(), collection(1)
		s.put("a", "apple")
		first := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples", found(t, first, c, "apple", 0), 1)
		save(t, first, 1)
		second := start(t, Config{Feed: s, Dir: dir})
		expect(t, "apples", found(t, second, c, "apple", 0), 1)
		expect(t, "rebuilds", s.count("snapshot"), 1)
		seq := s.put("b", "apple pie")
		expect(t, "apples", found(t, second, c, "apple", seq), 2)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second.Notify(1, s.put("c", "pear"))
		time.Sleep(2 * DefaultSaveAfter)
		synctest.Wait()
		second.Notify(1, s.put("d", "pear"))
		expect(t, "pears", found(t, second, c, "pear", 0), 2)
		time.Sleep(2 * DefaultSaveAfter)
		synctest.Wait()
		for _, st := range second.Status() {
			if !st.Saved {
				t.Errorf("the folder was not taken over: %+v", st)
			}
		}
		expect(t, "rebuilds", s.count("snapshot"), 1)
	})
}

// TestDeletionsByOthersAreGoneSoon: nobody asks for a purge of what another process has deleted.
func TestDeletionsByOthersAreGoneSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFeed(), collection(1)
		s.put("a", "secretword")
		s.put("b", "apple")
		f := start(t, Config{Feed: s, Dir: t.TempDir()})
		expect(t, "secrets", found(t, f, c, "secretword", 0), 1)
		save(t, f, 1)
		if !holds(t, f, 1, "secretword") {
			t.Fatal("the test looks for a word that is not in the files")
		}
		s.put("a") // found by polling
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if holds(t, f, 1, "secretword") {
			t.Error("a word that another process deleted is in the files three seconds later")
		}
		expect(t, "apples", found(t, f, c, "apple", 0), 1)
	})
}

// TestFolderThatCannotBeUsed: searches go on without files.
func TestFolderThatCannotBeUsed(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	s.put("a", "apple")
	f := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	if err := os.WriteFile(f.path(viewKey{1, 1}), []byte("a file where the folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "apples", found(t, f, c, "apple", 0), 1)
	expect(t, "pears", found(t, f, c, "pear", s.put("b", "pear")), 1)
}

// TestGuests: what only the process can do that writes an index's files is refused to others, in words.
func TestGuests(t *testing.T) {
	s, dir, c := newFeed(), t.TempDir(), collection(1)
	s.put("a", "apple")
	owner := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	expect(t, "apples", found(t, owner, c, "apple", 0), 1)
	save(t, owner, 1)
	guest := start(t, Config{Feed: s, Dir: dir, Poll: time.Hour})
	if _, err := guest.Rebuild(t.Context(), c); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("rebuild: %v", err)
	}
	if _, tunes := guest.open()[0].held().(tuner); tunes {
		if _, err := guest.Tune(t.Context(), c, nil, 10, .9, true); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("tune: %v", err)
		}
		if _, err := guest.Tune(t.Context(), c, nil, 10, .9, false); err != nil {
			t.Errorf("tune, measuring only: %v", err)
		}
	}
	segments, err := filepath.Glob(filepath.Join(guest.path(viewKey{1, 1}), "*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%q, %v", segments, err)
	}
	expectSound(t, guest, c)
	if err := os.Truncate(segments[0], 100); err != nil { // under both mappings
		t.Fatal(err)
	}
	if found, mended, err := guest.Verify(t.Context(), c); found == nil || mended || err != nil {
		t.Errorf("verify of a damaged file by a guest: %v, %v, %v", found, mended, err)
	}
	if found, mended, err := owner.Verify(t.Context(), c); found == nil || !mended || err != nil {
		t.Errorf("by the owner: %v, %v, %v", found, mended, err)
	}
	expectSound(t, owner, c)
}

func expectSound(t *testing.T, f *Follower, c rag.Collection) {
	t.Helper()
	if found, _, err := f.Verify(t.Context(), c); found != nil || err != nil {
		t.Errorf("verify: %v, %v", found, err)
	}
}
