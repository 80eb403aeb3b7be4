package sqlite_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// faults makes the statements of a store's writing connection fail.
type faults struct {
	mu    sync.Mutex
	fails func(n int, query string) bool // of the n-th statement since armed; nil for none
	n     int
	hits  int
}

var errInjected = errors.New("injected fault")

func (f *faults) arm(fails func(n int, query string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails, f.n, f.hits = fails, 0, 0
}

func (f *faults) disarm() (hits int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = nil
	return f.hits
}

func (f *faults) check(query string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		return nil
	}
	if f.n++; f.fails(f.n, query) {
		f.hits++
		return errInjected
	}
	return nil
}

func (f *faults) wrap(inner driver.Connector) driver.Connector { return faultyConnector{inner, f} }

type faultyConnector struct {
	driver.Connector
	faults *faults
}

func (c faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	return faultyConn{conn, c.faults}, err
}

type faultyConn struct {
	driver.Conn
	faults *faults
}

func (c faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return faultyStmt{s, query, c.faults}, err
}

type faultyStmt struct {
	driver.Stmt
	query  string
	faults *faults
}

func (s faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.faults.check(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.faults.check(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// Whichever statement of an operation fails, the operation is an error and leaves
// nothing; the store works on; and the operation succeeds when it is tried again.
func TestEveryStatementMayFail(t *testing.T) {
	for _, op := range []struct {
		name string
		run  func(context.Context, *sqlite.Store, fixture) error
	}{
		{"put", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			results, err := s.PutDocuments(ctx, []rag.Put{
				storetest.Put(f.c.ID, "live", "Replaced one.", "One."),
				storetest.Put(f.c.ID, "new", "New one.", "New two.", strings.Repeat("long ", 5000)),
			})
			for _, r := range results {
				err = errors.Join(err, r.Err)
			}
			return err
		}},
		{"delete", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.DeleteDocument(ctx, f.scope, f.live)
		}},
		{"restore", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.RestoreDocument(ctx, f.scope, f.deleted)
		}},
		{"update", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			title := "Changed"
			_, err := s.UpdateDocument(ctx, f.scope, f.live, rag.DocumentChange{Title: &title})
			return err
		}},
		{"create collection", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			_, err := s.CreateCollection(ctx, storetest.Spec("", "another"))
			return err
		}},
		{"rename collection", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			name := "renamed"
			_, err := s.UpdateCollection(ctx, "", f.c.Name, rag.CollectionChange{Name: &name})
			return err
		}},
		{"delete collection", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.DeleteCollection(ctx, "", f.c.Name)
		}},
		{"record", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.RecordQuery(ctx, rag.QueryRecord{Scope: f.scope, Answer: "x", Hits: []rag.ChunkID{1}})
		}},
		{"start generation", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			_, err := s.StartGeneration(ctx, f.c.ID, "yet another", 2)
			return err
		}},
		{"put embeddings", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			_, err := s.PutEmbeddings(ctx, f.moving.ID, 3, []rag.Embedding{{Hash: f.hash, Vector: []float32{1, 2}}})
			return err
		}},
		{"put comparison", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.PutComparison(ctx, f.moving.ID, 1, &rag.GenerationComparison{Asked: 1})
		}},
		{"switch generation", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			_, err := s.SwitchGeneration(ctx, f.moving.ID, 1, 0, nil)
			return err
		}},
		{"drop generation", func(ctx context.Context, s *sqlite.Store, f fixture) error {
			return s.DropGeneration(ctx, f.moving.ID, 1)
		}},
	} {
		t.Run(op.name, func(t *testing.T) {
			var flt faults
			s := open(t, sqlite.Config{Wrap: flt.wrap})
			f := fill(t, s)
			f.moving, f.hash = move(t, s)
			before := dump(t, s)
			for at := 1; ; at++ {
				for _, after := range []bool{false, true} { // one statement, or all from it on
					flt.arm(func(n int, _ string) bool { return n == at || (after && n > at) })
					err := op.run(t.Context(), s, f)
					hits := flt.disarm()
					if hits == 0 {
						if err != nil {
							t.Fatalf("without a fault: %v", err)
						}
						if at < 4 {
							t.Fatalf("the operation has %d statements", at-1)
						}
						t.Logf("%d statements", at-1)
						if dump(t, s) == before {
							t.Error("the operation did nothing")
						}
						storetest.Sound(t, s)
						return
					}
					if rag.KindOf(err) != rag.KindInternal || errors.Is(err, errInjected) {
						t.Fatalf("statement %d fails: %v", at, err)
					}
					if now := dump(t, s); now != before {
						t.Fatalf("statement %d fails, and of the operation is left:\n%s\nwas:\n%s", at, now, before)
					}
				}
				storetest.Sound(t, s)
			}
		})
	}
}

// Whichever statement of the first Open fails, the next one finds a new file or a
// whole one.
func TestOpenMayFailAnywhere(t *testing.T) {
	dir := t.TempDir()
	for at := 1; ; at++ {
		var flt faults
		cfg := sqlite.Config{Path: filepath.Join(dir, fmt.Sprint(at, ".db")), Wrap: flt.wrap}
		flt.arm(func(n int, _ string) bool { return n == at })
		s, err := sqlite.Open(t.Context(), cfg)
		hits := flt.disarm()
		if err != nil {
			if hits == 0 {
				t.Fatalf("without a fault: %v", err)
			}
			s = open(t, cfg)
		}
		storetest.Sound(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if hits == 0 {
			if at < 20 {
				t.Errorf("opening has %d statements", at-1)
			}
			return
		}
	}
}

// A purge that fails half-way leaves a sound store, and is completed by the next.
func TestPurgeMayFailAnywhere(t *testing.T) {
	var flt faults
	s := open(t, sqlite.Config{Wrap: flt.wrap})
	f := fill(t, s)
	for at := 1; ; at++ {
		flt.arm(func(n int, _ string) bool { return n == at })
		_, err := s.Purge(t.Context(), time.Now().Add(time.Hour))
		if flt.disarm() == 0 {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err == nil {
			t.Fatalf("statement %d fails and nobody says so", at)
		}
		storetest.Sound(t, s)
		if at > 200 {
			t.Fatal("the purge does not come to an end")
		}
	}
	if err := s.RestoreDocument(t.Context(), f.scope, f.deleted); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("restore after the purge: %v", err)
	}
	storetest.Sound(t, s)
}

// fixture is a store with a bit of everything in it.
type fixture struct {
	c             rag.Collection
	scope         rag.Scope
	live, deleted rag.DocumentID
	moving        rag.Collection // by move
	hash          rag.Hash       // of its chunk
}

// move makes a collection with a live generation, a previous one, and one that is
// being built and lacks an embedding.
func move(t *testing.T, s *sqlite.Store) (rag.Collection, rag.Hash) {
	t.Helper()
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "moving"))
	if err != nil {
		t.Fatal(err)
	}
	p := storetest.Put(c.ID, "m", "Moving.")
	hash := p.Chunks[0].Hash
	_, err = s.PutDocuments(t.Context(), []rag.Put{p})
	if err == nil {
		_, err = s.StartGeneration(t.Context(), c.ID, "second", 3)
	}
	if err == nil {
		_, err = s.PutEmbeddings(t.Context(), c.ID, 2, []rag.Embedding{{Hash: hash, Vector: []float32{1, 2, 3}}})
	}
	if err == nil {
		c, err = s.SwitchGeneration(t.Context(), c.ID, 2, 0, nil)
	}
	if err == nil {
		_, err = s.StartGeneration(t.Context(), c.ID, "third", 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, hash
}

func fill(t *testing.T, s *sqlite.Store) fixture {
	t.Helper()
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{c: c, scope: rag.Scope{Collection: "c", Admin: true}}
	results, err := s.PutDocuments(t.Context(), []rag.Put{
		storetest.Put(c.ID, "live", "One.", "Two."), storetest.Put(c.ID, "deleted", "One.", "Three."), storetest.Put(c.ID, "other", "Four."),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	f.live, f.deleted = results[0].Document.ID, results[1].Document.ID
	if err := s.DeleteDocument(t.Context(), f.scope, f.deleted); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordQuery(t.Context(), rag.QueryRecord{ID: "q", Scope: f.scope, Text: "one?"}); err != nil {
		t.Fatal(err)
	}
	return f
}

// dump writes down all that can be read of a store.
func dump(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	var b strings.Builder
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cols, err := s.Collections(t.Context(), "", rag.ListOptions{})
	must(err)
	for _, c := range cols.Items {
		scope := rag.Scope{Collection: c.Name, Admin: true}
		fmt.Fprintf(&b, "%+v\n", c)
		docs, err := s.Documents(t.Context(), scope, rag.ListOptions{})
		must(err)
		for _, d := range docs.Items {
			text, err := s.Text(t.Context(), scope, d.ID, 0)
			must(err)
			chunks, err := s.DocumentChunks(t.Context(), scope, d.ID)
			must(err)
			fmt.Fprintf(&b, "%+v\n%+v\n%+v\n", d, text, chunks)
		}
		_, err = s.Snapshot(t.Context(), c.ID, 0, func(r rag.Record) error { fmt.Fprintln(&b, r.ChunkID, r.Text, r.Vector); return nil })
		must(err)
		generations, err := s.Generations(t.Context(), c.ID)
		must(err)
		for _, g := range generations {
			fmt.Fprintf(&b, "%+v %v\n", g, g.Comparison != nil)
		}
		changes, err := s.Changes(t.Context(), c.ID, 0, 0)
		must(err)
		log, err := s.Queries(t.Context(), scope, rag.ListOptions{})
		must(err)
		fmt.Fprintf(&b, "%v\n%+v\n", changes, log.Items)
	}
	return b.String()
}
