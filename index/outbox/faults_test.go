package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/outbox"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// silent is a database that can stop answering: calls last until their context ends, and are counted.
type silent struct {
	*indextest.Memory
	hangs atomic.Bool
	calls atomic.Int64
	asked chan struct{} // if it is not nil, a token for every call that hangs
}

func (d *silent) wait(ctx context.Context) error {
	if !d.hangs.Load() {
		return nil
	}
	d.calls.Add(1)
	if d.asked != nil {
		d.asked <- struct{}{}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (d *silent) Describe(ctx context.Context) (external.Server, error) {
	if err := d.wait(ctx); err != nil {
		return external.Server{}, err
	}
	return d.Memory.Describe(ctx)
}

func (d *silent) Open(ctx context.Context, s external.Space) (external.Table, error) {
	t, err := d.Memory.Open(ctx, s)
	return silentTable{t, d}, err
}

type silentTable struct {
	external.Table
	db *silent
}

func (t silentTable) Search(ctx context.Context, q external.Query) (external.Result, error) {
	if err := t.db.wait(ctx); err != nil {
		return external.Result{}, err
	}
	return t.Table.Search(ctx, q)
}

func (t silentTable) Upsert(ctx context.Context, items []external.Item) error {
	if err := t.db.wait(ctx); err != nil {
		return err
	}
	return t.Table.Upsert(ctx, items)
}

// record is a chunk of a document of its own.
func record(id rag.ChunkID) rag.Record {
	return rag.Record{ChunkID: id, Document: &rag.Document{ID: rag.DocumentID(fmt.Sprint("d", id))}, Text: "apple", Vector: storetest.Vector(rag.Hash{byte(id)})}
}

func records(ids ...rag.ChunkID) (list []rag.Record) {
	for _, id := range ids {
		list = append(list, record(id))
	}
	return list
}

// reading is what Rebuild reads of a store that is at change seq.
func reading(seq int64, ids ...rag.ChunkID) func(func(rag.Record) error) (int64, error) {
	return func(add func(rag.Record) error) (int64, error) {
		for _, id := range ids {
			if err := add(record(id)); err != nil {
				return 0, err
			}
		}
		return seq, nil
	}
}

// made returns an index in a database, in step with a store that has some chunks at change 1.
func made(t *testing.T, db external.Database, s *sqlite.Store, change func(*outbox.Config), ids ...rag.ChunkID) *outbox.Index {
	t.Helper()
	c, err := s.Collection(t.Context(), "t", "c")
	if err != nil {
		c = collection(t, s, storetest.Dimensions)
	}
	ix, err := connect(t, db, s, change).Create(config(s, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	if err := ix.Rebuild(t.Context(), reading(1, ids...)); err != nil {
		t.Fatal(err)
	}
	return ix
}

var question = rag.IndexQuery{Text: "apple", Vector: storetest.Vector(rag.Hash{1}), K: 10, Scope: everybody}

// TestSilentDatabase: one that takes questions and does not answer is left alone after some of them, as one that cannot be reached is.
func TestSilentDatabase(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), &silent{Memory: newDatabase(1000)}
	ix := made(t, db, s, func(cfg *outbox.Config) {
		cfg.SearchTimeout, cfg.Tries, cfg.Failures, cfg.Pause = time.Second, 1, 3, time.Hour // the time of a read in the store as well
	}, 1, 2)
	db.hangs.Store(true)
	for range 6 {
		if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded == "" || len(res.Keyword) != 2 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if n := db.calls.Load(); n != 3 {
		t.Errorf("it was asked %d times, want 3", n)
	}
}

// TestCallersWhoLeave: that several in a row do not wait for their answers is not the database's fault.
func TestCallersWhoLeave(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), &silent{Memory: newDatabase(1000), asked: make(chan struct{})}
	ix := made(t, db, s, func(cfg *outbox.Config) { cfg.SearchTimeout, cfg.Failures, cfg.Pause = time.Minute, 3, time.Hour }, 1, 2)
	db.hangs.Store(true)
	for range 6 {
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-db.asked
			leave()
		}()
		if _, err := ix.Search(ctx, question); !errors.Is(err, context.Canceled) {
			t.Fatalf("a search that is given up: %v", err)
		}
	}
	db.hangs.Store(false)
	if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded != "" || len(res.Vector) != 2 {
		t.Errorf("the next search: %+v, %v", res, err)
	}
}

// TestChangesForASilentDatabase: once a batch has not reached it, the next try begins with a short question, and no search has to wait for the time of a batch again.
func TestChangesForASilentDatabase(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), &silent{Memory: newDatabase(1000)}
	ix := made(t, db, s, func(cfg *outbox.Config) {
		cfg.ApplyTimeout, cfg.Tries, cfg.Failures = time.Second, 1, 100
	}, 1)
	change := func() error { return ix.Apply(records(2), nil, 2) }
	db.hangs.Store(true)
	db.Set(func() { db.Fail = func(string, int) error { t.Error("a change was sent"); return nil } })
	if err := change(); err == nil {
		t.Fatal("the first try succeeds")
	}
	leases := turns(t, s)
	if err := change(); err == nil {
		t.Error("the second try succeeds")
	}
	if turns(t, s) != leases {
		t.Error("the second try took a turn of writing")
	}
	db.Set(func() { db.Fail = nil })
	db.hangs.Store(false)
	eventually(t, func() bool { return change() == nil })
	same(t, "kept", db.Held(), []rag.ChunkID{1, 2})
}

// turns returns how many turns of writing there have been.
func turns(t *testing.T, s *sqlite.Store) int64 {
	t.Helper()
	list, err := s.Spaces(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0].Turn
}

// slow is a database that opens a space when it is told to, however long that takes.
type slow struct {
	*indextest.Memory
	asked, resume chan struct{}
}

func (d *slow) Open(ctx context.Context, s external.Space) (external.Table, error) {
	if d.asked != nil {
		d.asked <- struct{}{}
		<-d.resume
	}
	return d.Memory.Open(ctx, s)
}

// TestOpeningIsSlow: who waits for another one who opens the space leaves when his time is over, and Close does not wait at all.
func TestOpeningIsSlow(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), &slow{Memory: newDatabase(1000)}
	made(t, db, s, nil, 1)
	db.asked, db.resume = make(chan struct{}), make(chan struct{})
	ix := made(t, db, s, nil, 1) // which finds the space filled
	var first sync.WaitGroup
	first.Go(func() { _, _ = ix.Search(context.Background(), question) })
	<-db.asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ix.Search(ctx, question); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second search: %v", err)
	}
	if err := ix.Close(); err != nil {
		t.Error(err)
	}
	close(db.resume)
	first.Wait()
}

// TestGoneBeforeABatch: changes that were read when the space was still there, and are applied when a search has found it gone, do not pass for all that there is.
func TestGoneBeforeABatch(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	ix := made(t, db, s, nil, 1, 2)
	if ix.Seq() != 1 {
		t.Fatalf("the index is at %d", ix.Seq())
	}
	db.Wipe() // now a follower reads what comes after change 1
	if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded == "" {
		t.Fatalf("a search in a space that is gone: %+v, %v", res, err)
	}
	if err := ix.Apply(records(3), nil, 2); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("changes after 1 for an empty space: %v", err)
	}
	if ix.Seq() != 0 {
		t.Fatalf("the index is at %d, and its space is empty", ix.Seq())
	}
	if err := ix.Apply(records(1, 2, 3), nil, 2); err != nil {
		t.Error(err)
	}
	same(t, "kept", db.Held(), []rag.ChunkID{1, 2, 3})
}

// TestGoneForABatch: that the database has lost the space does not pass for the collection being gone, which is what a follower would take it for.
func TestGoneForABatch(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	ix := made(t, db, s, nil, 1, 2)
	db.Wipe()
	if err := ix.Apply(records(3), nil, 2); rag.KindOf(err) != rag.KindUnavailable || errors.Is(err, rag.ErrNotFound) {
		t.Errorf("changes for a space that is gone: %v (%s)", err, rag.KindOf(err))
	}
	if ix.Seq() != 0 {
		t.Errorf("the index is at %d, and its space is gone", ix.Seq())
	}
}

// TestFarBehind: when the database is further behind than a batch reaches, words follow the store all the same, with what comes and what goes.
func TestFarBehind(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	paragraphs := make([]string, 50)
	for d := range 22 {
		for p := range paragraphs {
			paragraphs[p] = fmt.Sprintf("apple %d of tree %d", p, d)
		}
		c = put(t, s, c, fmt.Sprint("d", d), paragraphs...)
	}
	db.Down = rag.Errorf(rag.KindUnavailable, "nobody there")
	f := process(t, db, s, t.TempDir(), nil)
	if res := search(t, f, c, "apple"); res.Degraded == "" || len(res.Keyword) != 1000 {
		t.Fatalf("%d by words, degraded: %s", len(res.Keyword), res.Degraded)
	}
	for round := range 3 {
		c = put(t, s, c, fmt.Sprint("late", round), fmt.Sprintf("quince%d and pear", round))
		c = remove(t, s, c, fmt.Sprint("d", round))
		if res := search(t, f, c, fmt.Sprint("quince", round)); res.Degraded == "" || len(res.Keyword) != 1 || len(res.Vector) != 0 {
			t.Errorf("round %d: %+v", round, res)
		}
	}
	if res := search(t, f, c, "tree 1"); slices.ContainsFunc(res.Keyword, func(h rag.Scored) bool { return h.ChunkID <= 50 }) {
		t.Error("chunks of a document that was removed are found")
	}
	db.Set(func() { db.Down = nil })
	eventually(t, func() bool { return search(t, f, c, "apple").Degraded == "" })
	if held, want := db.Held(), live(t, s, c); !slices.Equal(held, want) {
		t.Errorf("a search is not degraded while %d chunks of %d are kept", len(held), len(want))
	}
}

// TestCatchingUp: a database that is back and has been told of a part of what it has missed is not taken for one that has all of it, and nobody has to wait for the rest.
func TestCatchingUp(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	ix := made(t, db, s, nil, 1)
	db.Set(func() { db.Down = rag.Errorf(rag.KindUnavailable, "nobody there") })
	if err := ix.Apply(records(2), nil, 2); err == nil {
		t.Fatal("changes reach a database that is away")
	}
	if err := ix.Ahead(records(3), nil, 3); err != nil {
		t.Fatal(err)
	}
	db.Set(func() { db.Down = nil })
	for seq := int64(2); seq <= 3; seq++ {
		if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded == "" || len(res.Keyword) != 3 || ix.Serves() != 3 {
			t.Errorf("before change %d: %+v, %v", seq, res, err)
		}
		eventually(t, func() bool { return ix.Apply(records(rag.ChunkID(seq)), nil, seq) == nil })
	}
	if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded != "" || len(res.Vector) != 3 {
		t.Errorf("in the end: %+v, %v", res, err)
	}
}

// mortal is where a process keeps how far spaces are, until it dies.
type mortal struct {
	*sqlite.Store
	dead atomic.Bool
}

func (m *mortal) AdvanceSpace(ctx context.Context, p rag.Space, ttl time.Duration) error {
	if m.dead.Load() {
		return rag.Errorf(rag.KindUnavailable, "this process is dead")
	}
	return m.Store.AdvanceSpace(ctx, p, ttl)
}

// TestProcessDiesWhileFilling: what it has put there, and is deleted before another process fills the space, goes.
func TestProcessDiesWhileFilling(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	spaces := &mortal{Store: s}
	db.Fail = func(op string, n int) error {
		if op == "delete where" { // all is there, and nothing of an earlier life has been taken out
			spaces.dead.Store(true)
			return rag.Errorf(rag.KindInternal, "this process is dead")
		}
		return nil
	}
	c := collection(t, s, storetest.Dimensions)
	short := func(cfg *outbox.Config) { cfg.Lease, cfg.Patience = 2*time.Second, time.Minute }
	ix, err := connect(t, db, s, func(cfg *outbox.Config) { short(cfg); cfg.Spaces = spaces }).Create(config(s, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	if err := ix.Rebuild(t.Context(), reading(1, 1, 2, 3)); err == nil || !spaces.dead.Load() {
		t.Fatalf("the process lives: %v", err)
	}
	same(t, "left behind", db.Held(), []rag.ChunkID{1, 2, 3})
	db.Fail = nil
	made(t, db, s, short, 1, 3)
	same(t, "kept", db.Held(), []rag.ChunkID{1, 3})
}

// TestFilledByAnother: while another process fills the space, words are made once, and not for every try.
func TestFilledByAnother(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), newDatabase(1000)
	c := collection(t, s, storetest.Dimensions)
	conn := connect(t, db, s, func(cfg *outbox.Config) { cfg.Patience = time.Millisecond })
	ix, err := conn.Create(config(s, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	if err := ix.Apply(nil, nil, 0); err != nil { // which makes the space
		t.Fatal(err)
	}
	name := func() string {
		list, err := s.Spaces(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return list[0].Name
	}()
	p, err := s.LeaseSpace(t.Context(), name, c.ID, c.Generation.Number, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p.Seq = -1
	if err := s.AdvanceSpace(t.Context(), p, time.Hour); err != nil {
		t.Fatal(err)
	}
	other, err := conn.Create(config(s, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	if err := other.Rebuild(t.Context(), reading(1, 1, 2)); err != nil {
		t.Errorf("the first time: %v", err)
	}
	if res, err := other.Search(t.Context(), question); err != nil || res.Degraded == "" || len(res.Keyword) != 2 {
		t.Errorf("by words: %+v, %v", res, err)
	}
	err = other.Rebuild(t.Context(), func(func(rag.Record) error) (int64, error) {
		t.Error("the store was read again")
		return 0, nil
	})
	if rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("the second time: %v", err)
	}
}

// picky is a database that refuses some chunks for good, with the batch that they are in.
type picky struct {
	*indextest.Memory
	refuses func(rag.ChunkID) bool
}

func (d *picky) Open(ctx context.Context, s external.Space) (external.Table, error) {
	t, err := d.Memory.Open(ctx, s)
	return pickyTable{t, d}, err
}

type pickyTable struct {
	external.Table
	db *picky
}

func (t pickyTable) Upsert(ctx context.Context, items []external.Item) error {
	for _, i := range items {
		if t.db.refuses(i.ID) {
			return rag.Errorf(rag.KindInvalid, "chunk %d has too many tags", i.ID)
		}
	}
	return t.Table.Upsert(ctx, items)
}

// TestRefusedChunks: a chunk that the database does not take does not stop those that come with it and after it; where it takes none at all, nothing is passed over.
func TestRefusedChunks(t *testing.T) {
	s, db := openStore(t, filepath.Join(t.TempDir(), "db")), &picky{Memory: newDatabase(4)}
	db.refuses = func(id rag.ChunkID) bool { return id == 3 }
	ix := made(t, db, s, nil, 1, 2, 3, 4, 5, 6, 7)
	same(t, "filled with", db.Held(), []rag.ChunkID{1, 2, 4, 5, 6, 7})
	db.refuses = func(id rag.ChunkID) bool { return id == 5 || id == 9 }
	if err := ix.Apply(records(5, 8, 9), nil, 2); err != nil { // of an older document, chunk 5 was taken
		t.Error(err)
	}
	same(t, "kept", db.Held(), []rag.ChunkID{1, 2, 4, 6, 7, 8})
	if res, err := ix.Search(t.Context(), question); err != nil || res.Degraded != "" || len(res.Keyword) != 9 || len(res.Vector) != 6 {
		t.Errorf("%d by words, %d by meaning, %q, %v", len(res.Keyword), len(res.Vector), res.Degraded, err)
	}
	db.refuses = func(rag.ChunkID) bool { return true }
	if err := ix.Apply(records(10, 11), nil, 3); rag.KindOf(err) != rag.KindInvalid || ix.Seq() != 2 {
		t.Errorf("nothing is taken: %v, and the index is at %d", err, ix.Seq())
	}
}
