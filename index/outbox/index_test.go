package outbox_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/follow"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/outbox"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// TestIndex runs the suite of all indexes. That a search never sees half of a batch is more than a database beside the words can promise: what it gives
// too much the store takes out, and what is missing comes with the next search.
func TestIndex(t *testing.T) {
	parts := []string{"Empty", "PutReplaceDelete", "Batches", "Sides", "Ties", "Filters", "AccessLists", "DocumentChanges", "Refusals", "Cancelled", "RandomHistory"}
	for name, limits := range map[string]external.Limits{
		"wide":   {TopK: 100_000, Items: 10_000, IDs: 10_000},
		"narrow": {TopK: 7, Items: 3, IDs: 2, Bytes: 100},
		"tags":   {TopK: 100_000, Items: 1000, IDs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			run := parts
			switch name {
			case "narrow": // where the database gives seven results, no list is longer
				run = []string{"Empty", "PutReplaceDelete", "Refusals", "Cancelled"}
			case "tags": // these change a document through one of its chunks; a store tells of all of them
				run = slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return p == "DocumentChanges" || p == "RandomHistory" })
			}
			indextest.Run(t, func(t *testing.T, dims int) indextest.Index {
				s := openStore(t, filepath.Join(t.TempDir(), "db"))
				c := collection(t, s, dims)
				db := indextest.NewMemory(limits)
				ix, err := connect(t, db, s, nil).Create(config(s, c))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = ix.Close() })
				return ix
			}, run...)
		})
	}
}

func openStore(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func collection(t *testing.T, s *sqlite.Store, dims int) rag.Collection {
	t.Helper()
	spec := storetest.Spec("t", "c")
	spec.Generation.Dimensions = dims
	c, err := s.CreateCollection(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func config(s *sqlite.Store, c rag.Collection) engine.Config {
	return engine.Config{Dimensions: c.Generation.Dimensions, Analyzer: analyze.For("en"),
		Identity: engine.Identity{Store: s.ID(), Collection: c.ID, Generation: c.Generation.Number, Model: c.Generation.Model}}
}

func newDatabase(items int) *indextest.Memory {
	return indextest.NewMemory(external.Limits{TopK: 10_000, Items: items, IDs: 500})
}

// connect is a process that uses the database.
func connect(t *testing.T, db external.Database, s *sqlite.Store, change func(*outbox.Config)) *outbox.Connection {
	t.Helper()
	cfg := outbox.Config{Database: db, Spaces: s, Name: "memory", Tries: 2, Pause: 20 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	conn, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// process follows the store with an index in the database.
func process(t *testing.T, db external.Database, s *sqlite.Store, dir string, change func(*outbox.Config)) *follow.Follower {
	t.Helper()
	conn := connect(t, db, s, change)
	f, err := follow.New(follow.Config{Feed: s, StoreID: s.ID(), Dir: dir, Poll: 10 * time.Millisecond, Backend: follow.NewBackend(conn.Create, conn.Open),
		Index: func(c rag.Collection) engine.Config {
			return engine.Config{Dimensions: c.Generation.Dimensions, Analyzer: analyze.For("en")}
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// put stores a document of some paragraphs and returns the collection as it is then.
func put(t *testing.T, s *sqlite.Store, c rag.Collection, name string, paragraphs ...string) rag.Collection {
	t.Helper()
	res, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, name, paragraphs...)})
	if err != nil || res[0].Err != nil {
		t.Fatal(err, res)
	}
	return now(t, s, c)
}

func remove(t *testing.T, s *sqlite.Store, c rag.Collection, name string) rag.Collection {
	t.Helper()
	d, err := s.FindDocument(t.Context(), c.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteDocument(t.Context(), rag.Scope{Tenant: c.Tenant, Collection: c.Name, Admin: true}, d.ID); err != nil {
		t.Fatal(err)
	}
	return now(t, s, c)
}

func now(t *testing.T, s *sqlite.Store, c rag.Collection) rag.Collection {
	t.Helper()
	c, err := s.CollectionByID(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// live lists the chunks of the store.
func live(t *testing.T, s *sqlite.Store, c rag.Collection) []rag.ChunkID {
	t.Helper()
	chunks, _, err := s.ChunksAfter(t.Context(), c.ID, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var ids []rag.ChunkID
	for _, ch := range chunks {
		ids = append(ids, ch.ID)
	}
	return ids
}

var everybody = rag.Scope{Admin: true}

// search asks for everything near a vector, or with the words.
func search(t *testing.T, f *follow.Follower, c rag.Collection, text string) rag.IndexResult {
	t.Helper()
	res, err := f.Searcher(c, c.Seq).Search(t.Context(), rag.IndexQuery{Text: text, Vector: storetest.Vector(rag.Hash{1}), K: 1000, Scope: everybody})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func idsOf(list []rag.Scored) []rag.ChunkID {
	var ids []rag.ChunkID
	for _, h := range list {
		ids = append(ids, h.ChunkID)
	}
	slices.Sort(ids)
	return ids
}

func same(t *testing.T, what string, got, want []rag.ChunkID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestFollowsTheStore(t *testing.T) {
	s, db, dir := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000), t.TempDir()
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple", "two apples")
	f := process(t, db, s, dir, nil)
	same(t, "found at first", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	c = put(t, s, c, "b", "three apples")
	same(t, "found after another", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	c = put(t, s, c, "a", "one pear")
	same(t, "found after a change", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	c = remove(t, s, c, "b")
	same(t, "found after a deletion", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	same(t, "kept", db.Held(), live(t, s, c))
	if db.Upserts() != 4 {
		t.Errorf("%d upserts of 4 chunks", db.Upserts())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	// Another process finds all of it there.
	c = put(t, s, c, "c", "four apples")
	f = process(t, db, s, dir, nil)
	res := search(t, f, c, "apples")
	same(t, "found by the next process", idsOf(res.Vector), live(t, s, c))
	if len(res.Keyword) != 1 || res.Degraded != "" || db.Upserts() != 5 {
		t.Errorf("the next process: %+v after %d upserts", res, db.Upserts())
	}
	found, mended, err := f.Verify(t.Context(), c)
	if err != nil || found != nil || mended {
		t.Errorf("verify: %v, %v, %v", found, mended, err)
	}
}

// TestTwoProcesses has two processes write and search at once: they share the work of telling the database, and both see everything. A batch that was read
// before the other process applied its beginning sends that part again, so the bound is what two processes would send that each apply everything.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s, db := openStore(t, path), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "first", "one apple")
	var all sync.WaitGroup
	for p := range 2 {
		own := openStore(t, path)
		f := process(t, db, own, t.TempDir(), nil)
		all.Go(func() {
			for i := range 25 {
				name := fmt.Sprintf("p%d-%d", p, i)
				col := put(t, own, c, name, "apple "+name, "pear "+name)
				if i%3 == 0 {
					col = remove(t, own, c, name)
				}
				res, err := f.Searcher(col, col.Seq).Search(context.Background(), rag.IndexQuery{Vector: storetest.Vector(rag.Hash{1}), K: 1000, Scope: everybody})
				if err != nil {
					t.Error(err)
					return
				}
				if found := len(res.Vector); i%3 != 0 && found < 3 {
					t.Errorf("%d chunks found after a write", found)
				}
			}
		})
	}
	all.Wait()
	f := process(t, db, s, t.TempDir(), nil)
	c = now(t, s, c)
	same(t, "found", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	same(t, "kept", db.Held(), live(t, s, c))
	if n := db.Upserts(); n >= 2*101 {
		t.Errorf("%d upserts of 101 chunks: both processes apply everything", n)
	}
}

// TestDatabaseAway has the database go while an index is open, before it is opened, and come back.
func TestDatabaseAway(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple", "two apples")
	away := rag.Errorf(rag.KindUnavailable, "nobody there")
	db.Down = away
	f := process(t, db, s, t.TempDir(), nil)
	check := func(when string, words int) {
		t.Helper()
		res := search(t, f, c, "apple apples")
		if res.Degraded == "" || len(res.Vector) != 0 || len(res.Keyword) != words {
			t.Errorf("%s: %+v", when, res)
		}
		_, err := f.Searcher(c, c.Seq).Search(t.Context(), rag.IndexQuery{Vector: storetest.Vector(rag.Hash{1}), K: 10, Scope: everybody})
		if rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("%s, without words: %v", when, err)
		}
	}
	check("before it was ever there", 2)
	c = put(t, s, c, "b", "three apples")
	check("after a change", 3)
	back := func() {
		t.Helper()
		db.Set(func() { db.Down = nil })
		eventually(t, func() bool {
			res := search(t, f, c, "apples")
			return res.Degraded == "" && slices.Equal(idsOf(res.Vector), live(t, s, c))
		})
		same(t, "kept", db.Held(), live(t, s, c))
	}
	back()
	db.Set(func() { db.Down = away })
	c = remove(t, s, c, "a")
	c = put(t, s, c, "c", "four apples")
	check("away again", 2)
	back()
}

// eventually waits until what happens in the background has happened.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen")
		}
	}
}

// TestHalfABatch has every second change be done by half and answered with an error.
func TestHalfABatch(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(4)
	c := collection(t, s, storetest.Dimensions)
	n := 0
	db.Fail = func(string, int) error {
		if n++; n%2 == 1 {
			return rag.Errorf(rag.KindUnavailable, "cut off")
		}
		return nil
	}
	f := process(t, db, s, t.TempDir(), nil)
	for i := range 10 {
		c = put(t, s, c, fmt.Sprint("d", i%4), "apple "+fmt.Sprint(i), "pear", "plum "+fmt.Sprint(i), "cherry", "grape", "fig "+fmt.Sprint(i))
		same(t, "found", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	}
	same(t, "kept", db.Held(), live(t, s, c))
}

// TestWriterDies leaves a lease behind, and half of a filling.
func TestWriterDies(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple", "two apples")
	c = put(t, s, c, "b", "three apples")
	short := func(cfg *outbox.Config) { cfg.Lease, cfg.Patience = 300*time.Millisecond, time.Millisecond }
	f := process(t, db, s, t.TempDir(), short)
	search(t, f, c, "")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := s.Spaces(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	p, err := s.LeaseSpace(t.Context(), list[0].Name, c.ID, c.Generation.Number, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	c = put(t, s, c, "c", "four apples")
	f = process(t, db, s, t.TempDir(), short)
	if res := search(t, f, c, "apples"); res.Degraded == "" || len(res.Keyword) != 4 || len(res.Vector) != 3 {
		t.Errorf("while somebody else has the turn: %+v", res)
	}
	eventually(t, func() bool { return search(t, f, c, "apples").Degraded == "" })
	same(t, "found after the lease", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	p.Seq = 1
	if err := s.AdvanceSpace(t.Context(), p, 0); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("the late writer: %v", err)
	}

	// A filling that was broken off: something of it is there, and the space counts as empty.
	stray := external.Item{ID: 4711, Document: "gone", Vector: storetest.Vector(rag.Hash{3})}
	items := db.Items(db.Names()[0])
	db.Set(func() { items[stray.ID] = stray })
	if p, err = s.LeaseSpace(t.Context(), list[0].Name, c.ID, c.Generation.Number, time.Hour); err != nil {
		t.Fatal(err)
	}
	p.Seq = -1
	if err := s.AdvanceSpace(t.Context(), p, 0); err != nil {
		t.Fatal(err)
	}
	f = process(t, db, s, t.TempDir(), short)
	same(t, "found after filling", idsOf(search(t, f, c, "").Vector), live(t, s, c))
	same(t, "kept after filling", db.Held(), live(t, s, c))
}

// TestDatabaseWiped takes the space away from under an open index, and from one that is opened later.
func TestDatabaseWiped(t *testing.T) {
	s, db, dir := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000), t.TempDir()
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple", "two apples")
	f := process(t, db, s, dir, nil)
	search(t, f, c, "")
	wipe := db.Wipe
	whole := func() bool {
		res := search(t, f, c, "apples")
		return res.Degraded == "" && slices.Equal(idsOf(res.Vector), live(t, s, c))
	}
	wipe()
	eventually(t, whole)
	wipe()
	c = put(t, s, c, "b", "three apples")
	eventually(t, whole)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wipe()
	f = process(t, db, s, dir, nil)
	eventually(t, whole)
	same(t, "kept", db.Held(), live(t, s, c))
}

func TestVerifyMends(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple", "two apples", "three apples")
	f := process(t, db, s, t.TempDir(), nil)
	search(t, f, c, "")
	items := db.Items(db.Names()[0])
	db.Set(func() {
		items[99] = external.Item{ID: 99, Vector: storetest.Vector(rag.Hash{3})}
		delete(items, live(t, s, c)[1])
	})
	found, mended, err := f.Verify(t.Context(), c)
	if err != nil || !mended || found == nil || found.Error() != "index: memory lacks 1 chunks, and has 1 that are gone" {
		t.Errorf("verify: %v, %v, %v", found, mended, err)
	}
	same(t, "kept", db.Held(), live(t, s, c))
	if found, _, err = f.Verify(t.Context(), c); err != nil || found != nil {
		t.Errorf("verify again: %v, %v", found, err)
	}
	if _, err := f.Rebuild(t.Context(), c); err != nil {
		t.Error(err)
	}
	same(t, "kept after a rebuilding", db.Held(), live(t, s, c))
}

// TestWordsInTheDatabase has the database search words as well: with a filter, and not for queries with operators, which the engine answers.
func TestWordsInTheDatabase(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "db"))
	db := indextest.NewMemory(external.Limits{TopK: 1000, Items: 100, IDs: 2, Words: true})
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "apples", "apple", "pear")
	c = put(t, s, c, "b", "apple apple", "plum", "apple", "fig")
	f := process(t, db, s, t.TempDir(), func(cfg *outbox.Config) { cfg.Words = true })
	if res := search(t, f, c, "apple"); len(res.Keyword) != 3 || res.Keyword[0].Score != 2 || len(res.Vector) != 7 {
		t.Errorf("the database does not stem, and counts: %+v", res)
	}
	ask := func(q rag.IndexQuery) []rag.Scored {
		t.Helper()
		q.K, q.Scope = 10, everybody
		res, err := f.Searcher(c, c.Seq).Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return res.Keyword
	}
	only := rag.Eq(rag.KeyExternalID, rag.Str("b"))
	if found := ask(rag.IndexQuery{Text: "apple plum", Filter: only}); len(found) != 3 {
		t.Errorf("with a filter: %+v", found)
	}
	if found := ask(rag.IndexQuery{Text: "apple", Operators: "+apple -pear"}); len(found) != 4 || found[0].Score == 2 {
		t.Errorf("with operators: %+v", found)
	}
	if names := db.Names(); len(names) != 1 || !strings.HasSuffix(names[0], "_w") {
		t.Errorf("spaces: %v", names)
	}
}

func TestSweep(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	c = put(t, s, c, "a", "one apple")
	f := process(t, db, s, t.TempDir(), nil)
	search(t, f, c, "")
	if _, err := db.Open(t.Context(), external.Space{Name: "somebody_elses", Dimensions: 1}); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, db, s, nil)
	if n, err := conn.Sweep(t.Context(), s.ID()); n != 0 || err != nil {
		t.Errorf("dropped %d (%v) with the collection there", n, err)
	}
	if err := s.DeleteCollection(t.Context(), c.Tenant, c.Name); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Sweep(t.Context(), "another store"); n != 0 || err != nil {
		t.Errorf("dropped %d (%v) of another store", n, err)
	}
	db.Set(func() { db.Down = rag.Errorf(rag.KindUnavailable, "away") })
	if n, err := conn.Sweep(t.Context(), s.ID()); n != 0 || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("dropped %d (%v) while the database was away", n, err)
	}
	db.Set(func() { db.Down = nil })
	eventually(t, func() bool { n, err := conn.Sweep(t.Context(), s.ID()); return n == 1 && err == nil })
	if names := db.Names(); len(names) != 1 || names[0] != "somebody_elses" {
		t.Errorf("left: %v", names)
	}
	if n, err := conn.Sweep(t.Context(), s.ID()); n != 0 || err != nil {
		t.Errorf("dropped %d (%v) again", n, err)
	}
}
