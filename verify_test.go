package smartretriever_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// verify returns the faults of each part, and which were mended.
func verify(t *testing.T, r *smartretriever.Retriever) (faults []string, mended bool) {
	t.Helper()
	parts := 0
	err := r.VerifyAll(t.Context(), rag.Scope{}, func(v smartretriever.Verified) {
		parts++
		for _, f := range v.Faults {
			faults = append(faults, v.Part+": "+f)
		}
		mended = mended || v.Mended
	})
	if err != nil || parts < 3 {
		t.Fatalf("%d parts, %v", parts, err)
	}
	return faults, mended
}

// inMemory has a Retriever keep its vectors in a database.
func inMemory(db *indextest.Memory) func(*smartretriever.Config) {
	return func(c *smartretriever.Config) {
		c.Index.Vectors, c.Index.Database = "memory", db
	}
}

func TestVectorsInADatabase(t *testing.T) {
	db := indextest.NewMemory(external.Limits{TopK: 10_000, Items: 1000, IDs: 1000})
	dir := t.TempDir()
	r := open(t, dir, inMemory(db))
	tower := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "bridge", Title: "Golden Gate", Text: bridgeText})
	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"})
	if err != nil || len(a.Citations) == 0 || len(a.Degraded) > 0 {
		t.Fatalf("an answer: %+v, %v", a, err)
	}
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "suspension", Mode: rag.ModeVector, K: 1}); len(hits) != 1 || hits[0].Document.ExternalID != "bridge" {
		t.Errorf("by vectors: %+v", hits)
	}

	db.Set(func() { db.Down = rag.Errorf(rag.KindUnavailable, "away") })
	res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "Gustave Eiffel", NoCache: true})
	if err != nil || len(res.Hits) == 0 || strings.Join(res.Degraded, " ") != "vectors" {
		t.Errorf("without the database: %+v, %v", res, err)
	}
	for _, h := range r.Health(t.Context()) {
		if h.Name == "vectors" && (h.OK || h.Needed) {
			t.Errorf("health without the database: %+v", h)
		}
	}
	db.Set(func() { db.Down = nil })

	held := len(db.Held())
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, tower.ID); err != nil {
		t.Fatal(err)
	}
	if faults, _ := verify(t, r); len(faults) > 0 {
		t.Errorf("after a deletion: %v", faults)
	}
	if len(db.Held()) >= held {
		t.Errorf("the database has %d chunks, and %d before the deletion", len(db.Held()), held)
	}
	items := db.Items(db.Names()[0])
	db.Set(func() { items[99] = external.Item{ID: 99, Vector: storetest.Vector(rag.Hash{3})} })
	if faults, mended := verify(t, r); len(faults) != 1 || !strings.Contains(faults[0], "has 1 that are gone") || !mended {
		t.Errorf("with a stray: %v, mended %v", faults, mended)
	}
	if faults, _ := verify(t, r); len(faults) > 0 {
		t.Errorf("after mending: %v", faults)
	}
	if err := r.DeleteCollection(t.Context(), rag.Scope{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if names := db.Names(); len(names) > 0 {
		t.Errorf("after the collection is gone the database has %v", names)
	}
}

// TestDeletedIsNotCached looks into the cache for words of a document that was deleted.
func TestDeletedIsNotCached(t *testing.T) {
	c := memory.New(memory.Config{})
	kept := &keeping{Cache: c, keys: map[string]bool{}}
	r := open(t, t.TempDir(), func(cfg *smartretriever.Config) { cfg.Cache = kept })
	tower := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "bridge", Title: "Golden Gate", Text: bridgeText})
	ask := func() (holding int) {
		t.Helper()
		if _, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"}); err != nil {
			t.Fatal(err)
		}
		return kept.holding(t, "Gustave")
	}
	if ask() == 0 {
		t.Fatal("the answer is not cached, and so the test shows nothing")
	}
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, tower.ID); err != nil {
		t.Fatal(err)
	}
	if faults, _ := verify(t, r); len(faults) > 0 {
		t.Error(faults)
	}
	if n := kept.holding(t, "Gustave"); n > 0 {
		t.Errorf("%d cached values hold words of the deleted document", n)
	}
	if n := ask(); n > 0 {
		t.Errorf("%d cached values hold words of the deleted document after another question", n)
	}
}

// TestVerifyWaitsForTheCleanUp asks for everything to be verified while the clean-up, which runs
// by itself, is at it: what that has begun is done before anything is compared.
func TestVerifyWaitsForTheCleanUp(t *testing.T) {
	s := &slowPurge{begun: make(chan struct{}, 10), goOn: make(chan struct{})}
	path := filepath.Join(t.TempDir(), "store.db")
	r := open(t, t.TempDir(), func(c *smartretriever.Config) {
		c.OpenStore = func(ctx context.Context) (_ smartretriever.Store, err error) {
			s.Store, err = sqlite.Open(ctx, sqlite.Config{Path: path})
			return s, err
		}
	})
	tower := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Text: towerText})
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, tower.ID); err != nil {
		t.Fatal(err)
	}
	<-s.begun
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-s.begun:
			t.Error("two clean-ups run at once")
		case <-time.After(100 * time.Millisecond): // the second waits, or has not come so far
		}
		close(s.goOn)
	})
	faults, _ := verify(t, r)
	waiting.Wait()
	if len(faults) > 0 {
		t.Error(faults)
	}
}

// slowPurge is a store whose purges wait to be let go on.
type slowPurge struct {
	*sqlite.Store
	begun, goOn chan struct{}
}

func (s *slowPurge) Purge(ctx context.Context, olderThan time.Time) (store.PurgeReport, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.goOn
	return s.Store.Purge(ctx, olderThan)
}

// keeping is a cache that remembers which keys it was given.
type keeping struct {
	*memory.Cache
	mu   sync.Mutex
	keys map[string]bool
}

func (k *keeping) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	k.mu.Lock()
	k.keys[key] = true
	k.mu.Unlock()
	return k.Cache.Set(ctx, key, value, ttl)
}

// holding counts the values that hold some text.
func (k *keeping) holding(t *testing.T, text string) (n int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range k.keys {
		value, ok, err := k.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if ok && strings.Contains(string(value), text) {
			n++
		}
	}
	return n
}

func TestVerifyFindsStrays(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, nil)
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText})
	if faults, _ := verify(t, r); len(faults) > 0 {
		t.Fatalf("at first: %v", faults)
	}
	// The clean-up has just looked for strays, and does so once an hour.
	stray := filepath.Join(dir, "blobs", "ab", strings.Repeat("c", 62))
	old := time.Now().Add(-2 * time.Hour)
	err := os.MkdirAll(filepath.Dir(stray), 0o700)
	if err == nil {
		err = os.WriteFile(stray, []byte("secret"), 0o600)
	}
	if err == nil {
		err = os.Chtimes(stray, old, old)
	}
	if err != nil {
		t.Fatal(err)
	}
	if faults, _ := verify(t, r); len(faults) != 1 || !strings.Contains(faults[0], "belongs to no document") {
		t.Errorf("with a stray original: %v", faults)
	}
}
