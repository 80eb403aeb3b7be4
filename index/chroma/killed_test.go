//go:build servers

package chroma_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/chroma"
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

// TestKilled kills the server (SIGKILL) while the outbox fills a space, and while it sends batches: between two requests, and in the middle of one, which the
// server has then done by half, or not at all, or altogether. Documents come, change and go meanwhile. When the server is back, what it holds is what the
// store holds: nothing is lost, nothing is there twice, and nothing that was deleted answers.
func TestKilled(t *testing.T) {
	server, address := start(t)
	for _, filling := range []shot{
		{op: "upsert", n: 1, delay: 40 * time.Millisecond},
		{op: "upsert", n: 2},
		{op: "upsert", n: 2, delay: 15 * time.Millisecond},
		{op: "delete where", n: 1}, // all is there, and what an earlier life has left is to be taken out
	} {
		t.Run(fmt.Sprintf("Filling, %s %d after %s", filling.op, filling.n, filling.delay), func(t *testing.T) {
			l := newLibrary(t, server, address)
			l.write(1200)
			l.shoot(filling, l.look)
			l.degraded()
			l.remove(0)
			l.write(30)
			l.degraded()
			server.Start(t)
			l.whole()
		})
	}
	t.Run("Batches", func(t *testing.T) {
		l := newLibrary(t, server, address)
		l.write(300)
		l.whole()
		for n, batch := range []shot{
			{op: "upsert", n: 1, delay: 5 * time.Millisecond},
			{op: "delete", n: 1},
			{op: "upsert", n: 1, delay: 25 * time.Millisecond},
			{op: "delete", n: 1, delay: 5 * time.Millisecond},
		} {
			l.shoot(batch, func() {
				l.replace(2 * n) // deletes its chunks and puts others
				l.write(200)
				l.look()
			})
			l.remove(2*n + 1)
			l.write(20)
			l.degraded()
			server.Start(t)
			l.whole()
		}
	})
}

// shot says when the server is killed: so long after the n-th request of a kind has begun.
type shot struct {
	op    string
	n     int64
	delay time.Duration
}

// fragile is a database whose server is killed on request.
type fragile struct {
	external.Database
	before atomic.Pointer[func(op string)] // called before every change, unless it is nil
}

func (d *fragile) Open(ctx context.Context, s external.Space) (external.Table, error) {
	t, err := d.Database.Open(ctx, s)
	return fragileTable{t, d}, err
}

func (d *fragile) begin(op string) {
	if before := d.before.Load(); before != nil {
		(*before)(op)
	}
}

type fragileTable struct {
	external.Table
	db *fragile
}

func (t fragileTable) Upsert(ctx context.Context, items []external.Item) error {
	t.db.begin("upsert")
	return t.Table.Upsert(ctx, items)
}

func (t fragileTable) Delete(ctx context.Context, ids []rag.ChunkID) error {
	t.db.begin("delete")
	return t.Table.Delete(ctx, ids)
}

func (t fragileTable) DeleteWhere(ctx context.Context, where external.Condition) error {
	t.db.begin("delete where")
	return t.Table.DeleteWhere(ctx, where)
}

// library is a collection with two processes that keep one space in step with it.
type library struct {
	t         *testing.T
	server    *indextest.Process
	db        *fragile
	store     *sqlite.Store
	c         rag.Collection
	followers []*follow.Follower
	written   int // paragraphs so far, each of which is another
	documents int
}

func newLibrary(t *testing.T, server *indextest.Process, address string) *library {
	t.Helper()
	server.Start(t)
	l := &library{t: t, server: server, db: &fragile{Database: open(t, chroma.Config{Address: address, Prefix: "killed"})}}
	path := filepath.Join(t.TempDir(), "db")
	l.store = l.openStore(path)
	var err error
	if l.c, err = l.store.CreateCollection(t.Context(), storetest.Spec("t", "c")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		own := l.openStore(path)
		conn, err := outbox.New(outbox.Config{Database: l.db, Spaces: own, Name: "chroma", Lease: 3 * time.Second, Pause: 100 * time.Millisecond, SearchTimeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		f, err := follow.New(follow.Config{Feed: own, StoreID: own.ID(), Dir: t.TempDir(), Poll: 20 * time.Millisecond, Backend: follow.NewBackend(conn.Create, conn.Open),
			Index: func(c rag.Collection) engine.Config {
				return engine.Config{Dimensions: c.Generation.Dimensions, Analyzer: analyze.For("en")}
			}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		l.followers = append(l.followers, f)
	}
	return l
}

func (l *library) openStore(path string) *sqlite.Store {
	l.t.Helper()
	s, err := sqlite.Open(l.t.Context(), sqlite.Config{Path: path})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = s.Close() })
	return s
}

// put stores a document with so many chunks, none of which was there before.
func (l *library) put(name string, chunks int) {
	l.t.Helper()
	var paragraphs []string
	for range chunks {
		l.written++
		paragraphs = append(paragraphs, fmt.Sprint("apple number ", l.written))
	}
	res, err := l.store.PutDocuments(l.t.Context(), []rag.Put{storetest.Put(l.c.ID, name, paragraphs...)})
	if err != nil || res[0].Err != nil {
		l.t.Fatal(err, res)
	}
}

// write stores new documents, of thirty chunks at most.
func (l *library) write(chunks int) {
	l.t.Helper()
	for ; chunks > 0; chunks -= 30 {
		l.put(fmt.Sprint("d", l.documents), min(chunks, 30))
		l.documents++
	}
}

func (l *library) replace(document int) { l.put(fmt.Sprint("d", document), 17) }

func (l *library) remove(document int) {
	l.t.Helper()
	d, err := l.store.FindDocument(l.t.Context(), l.c.ID, fmt.Sprint("d", document))
	if err == nil {
		err = l.store.DeleteDocument(l.t.Context(), rag.Scope{Tenant: l.c.Tenant, Collection: l.c.Name, Admin: true}, d.ID)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// shoot has the server killed while do is done and what follows from it.
func (l *library) shoot(s shot, do func()) {
	l.t.Helper()
	var begun atomic.Int64
	dead := make(chan struct{})
	before := func(op string) {
		if op != s.op || begun.Add(1) != s.n {
			return
		}
		kill := func() {
			l.server.Kill(l.t)
			close(dead)
		}
		if s.delay == 0 {
			kill()
		} else {
			go func() {
				time.Sleep(s.delay)
				kill()
			}()
		}
	}
	l.db.before.Store(&before)
	do()
	select {
	case <-dead:
	case <-time.After(time.Minute):
		l.t.Fatalf("there was no %s to be shot at", s.op)
	}
	l.db.before.Store(nil)
}

// search asks a process for the state that the store has now.
func (l *library) search(f *follow.Follower, q rag.IndexQuery) (rag.IndexResult, error) {
	l.t.Helper()
	c, err := l.store.CollectionByID(l.t.Context(), l.c.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	q.Vector, q.K, q.Scope = storetest.Vector(rag.Hash{1}), 50, rag.Scope{Admin: true}
	return f.Searcher(c, c.Seq).Search(l.t.Context(), q)
}

// look has every process see the store as it is, whether the server is there or not.
func (l *library) look() {
	l.t.Helper()
	for _, f := range l.followers {
		if _, err := l.search(f, rag.IndexQuery{Text: "apple"}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// degraded: without the server every process answers by words, and says so.
func (l *library) degraded() {
	l.t.Helper()
	for _, f := range l.followers {
		res, err := l.search(f, rag.IndexQuery{Text: "apple"})
		if err != nil || res.Degraded == "" || len(res.Vector) > 0 || len(res.Keyword) != 50 {
			l.t.Fatalf("without a server: %d by meaning, %d by words, degraded %q, %v", len(res.Vector), len(res.Keyword), res.Degraded, err)
		}
	}
}

// whole waits until every process is in step with the server, and compares what that holds with the store.
func (l *library) whole() {
	l.t.Helper()
	chunks, _, err := l.store.ChunksAfter(l.t.Context(), l.c.ID, 0, 100_000)
	if err != nil {
		l.t.Fatal(err)
	}
	var want []rag.ChunkID
	for _, ch := range chunks {
		want = append(want, ch.ID)
	}
	slices.Sort(want)
	for n, f := range l.followers {
		var res rag.IndexResult
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if res, err = l.search(f, rag.IndexQuery{Text: "apple"}); err == nil && res.Degraded == "" {
				break
			}
			if time.Now().After(end) {
				l.t.Fatalf("process %d is not in step: %q, %v", n, res.Degraded, err)
			}
		}
		if len(res.Vector) != 50 || len(res.Keyword) != 50 {
			l.t.Errorf("process %d finds %d by meaning and %d by words", n, len(res.Vector), len(res.Keyword))
		}
		for _, h := range res.Vector {
			if _, there := slices.BinarySearch(want, h.ChunkID); !there {
				l.t.Errorf("process %d finds chunk %d, which was deleted", n, h.ChunkID)
			}
		}
	}
	table := l.table()
	ids, err := table.IDs(l.t.Context(), 0, 100_000)
	if err != nil || !slices.Equal(ids, want) {
		l.t.Errorf("the server holds %d chunks, the store %d: %v", len(ids), len(want), err)
	}
	if n, err := table.Count(l.t.Context()); err != nil || n != int64(len(want)) {
		l.t.Errorf("the server counts %d records of %d chunks: %v", n, len(want), err)
	}
	for n := 0; n < len(chunks); n += 7 {
		ch := chunks[n]
		res, err := table.Search(l.t.Context(), external.Query{Vector: storetest.Vector(ch.Hash), K: 3, Where: external.Condition{IDs: []rag.ChunkID{ch.ID}}})
		if err != nil || len(res.Vector) != 1 || res.Vector[0].Score < 0.999 || res.Vector[0].DocumentID != ch.DocumentID {
			l.t.Fatalf("chunk %d of document %s: %+v, %v", ch.ID, ch.DocumentID, res, err)
		}
	}
	if found, mended, err := l.followers[0].Verify(l.t.Context(), l.c); found != nil || mended || err != nil {
		l.t.Errorf("verify: %v, %v, %v", found, mended, err)
	}
}

// table is the space of the library as the server holds it.
func (l *library) table() external.Table {
	l.t.Helper()
	spaces, err := l.store.Spaces(l.t.Context())
	if err != nil || len(spaces) != 1 {
		l.t.Fatal(spaces, err)
	}
	table, err := l.db.Database.Open(l.t.Context(), external.Space{Name: filepath.Base(spaces[0].Name), Dimensions: storetest.Dimensions})
	if err != nil {
		l.t.Fatal(err)
	}
	return table
}
