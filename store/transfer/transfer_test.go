package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// file opens a store in a file of its own, until the test's end.
func file(t testing.TB, receiving bool) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db"), Receiving: receiving})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// contents are all rows of a store.
func contents(t *testing.T, s transfer.Store) map[string][]store.Row {
	t.Helper()
	all := map[string][]store.Row{}
	err := s.TransferView(context.WithoutCancel(t.Context()), func(ctx context.Context, r store.TransferReader) error {
		for _, table := range store.Tables {
			if err := r.Rows(ctx, table, func(row store.Row) error {
				all[table.Name] = append(all[table.Name], row)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same fails the test where a table of two stores differs.
func same(t *testing.T, a, b transfer.Store) {
	t.Helper()
	if a.ID() != b.ID() {
		t.Errorf("ids %s and %s", a.ID(), b.ID())
	}
	left, right := contents(t, a), contents(t, b)
	for _, table := range store.Tables {
		l, r := left[table.Name], right[table.Name]
		if len(l) != len(r) {
			t.Errorf("%s: %d rows and %d", table.Name, len(l), len(r))
			continue
		}
		for i := range l {
			for n, column := range table.Columns {
				if !equal(l[i][n], r[i][n]) {
					t.Errorf("%s.%s of row %v: %v (%T) and %v (%T)", table.Name, column.Name, l[i][:table.Key], l[i][n], l[i][n], r[i][n], r[i][n])
				}
			}
		}
	}
}

// equal compares two values; no bytes are no bytes, whether the slice is nil or not.
func equal(a, b any) bool {
	left, ok := a.([]byte)
	right, both := b.([]byte)
	if ok && both {
		return bytes.Equal(left, right)
	}
	return a == b
}

func copied(t *testing.T, from, to transfer.Store, opt transfer.Options) transfer.Report {
	t.Helper()
	report, err := transfer.Copy(context.WithoutCancel(t.Context()), from, to, opt)
	if err != nil {
		t.Fatal(err)
	}
	same(t, from, to)
	return report
}

// Whatever the suite of all stores leaves in a store is the same in a copy of it.
func TestEverythingIsCopied(t *testing.T) {
	rows := map[string]int64{}
	storetest.Run(t, func(t *testing.T) storetest.Store {
		s, to := file(t, false), file(t, true)
		t.Cleanup(func() {
			for _, table := range copied(t, s, to, transfer.Options{}).Tables {
				rows[table.Name] += table.Rows
			}
			storetest.Sound(t, to)
		})
		return s
	})
	for _, table := range store.Tables {
		if rows[table.Name] == 0 && !t.Failed() {
			t.Errorf("no test of the suite left a row in %s: its copying was not tested", table.Name)
		}
	}
}

// filled has a few hundred rows in many tables.
func filled(t *testing.T) *sqlite.Store {
	t.Helper()
	s := file(t, false)
	fill(t, s)
	return s
}

func fill(t *testing.T, s storetest.Store) {
	t.Helper()
	for _, tenant := range []string{"a", "b"} {
		c, err := s.CreateCollection(t.Context(), storetest.Spec(tenant, "notes"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			put := storetest.Put(c.ID, fmt.Sprint("note ", i), "A sentence that all share.", fmt.Sprintf("Sentence %d.", i), fmt.Sprintf("Sentence %d of %s.", i, tenant))
			results, err := s.PutDocuments(t.Context(), []rag.Put{put})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results)
			}
		}
		scope := rag.Scope{Tenant: tenant, Collection: "notes", Admin: true}
		page, err := s.Documents(t.Context(), scope, rag.ListOptions{Limit: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			if err := s.DeleteDocument(t.Context(), scope, d.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Purge(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// A copy that ends at any write is gone on with: what is there stays, and in the end
// both stores are the same. Until then nobody can open the target.
func TestCopyIsResumed(t *testing.T) {
	from := filled(t)
	path := filepath.Join(t.TempDir(), "target.db")
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Receiving: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	broken := errors.New("broken off")
	for writes := 0; ; writes++ {
		to := open()
		failing := &failing{Store: to, left: 1, err: broken}
		report, err := transfer.Copy(t.Context(), from, failing, transfer.Options{})
		if err == nil {
			if writes < 8 || !report.Resumed || report.Emptied != "" {
				t.Errorf("after %d broken copies: %+v", writes, report)
			}
			for _, table := range report.Tables[:5] {
				if table.Kept != table.Rows {
					t.Errorf("%d of %d rows of %s were kept", table.Kept, table.Rows, table.Name)
				}
			}
			same(t, from, to)
			to.Close()
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		to.Close()
		if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); rag.KindOf(err) != rag.KindUnavailable {
			t.Fatalf("an unfinished copy was opened: %v", err)
		}
	}
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// No id is given twice, not even those of documents that are gone.
	highest := func(s *sqlite.Store) (ids map[string]int64) {
		err := s.TransferView(t.Context(), func(ctx context.Context, r store.TransferReader) (err error) {
			ids, err = r.Highest(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	for name, id := range highest(from) {
		if now := highest(s)[name]; now != id {
			t.Errorf("the highest id of %s is %d, and was %d", name, now, id)
		}
	}
	fill2 := storetest.Put(1, "later", "Another sentence.")
	if results, err := s.PutDocuments(t.Context(), []rag.Put{fill2}); err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	storetest.Sound(t, s)
}

// failing fails after some writes.
type failing struct {
	transfer.Store
	left int
	err  error
}

func (f *failing) PutRows(ctx context.Context, t *store.Table, rows []store.Row) error {
	if f.left == 0 {
		return f.err
	}
	f.left--
	return f.Store.PutRows(ctx, t, rows)
}

// A source that has changed since an earlier copy was broken off is copied anew.
func TestChangedSourceIsCopiedAnew(t *testing.T) {
	from, to := filled(t), file(t, true)
	broken := errors.New("broken off")
	if _, err := transfer.Copy(t.Context(), from, &failing{Store: to, left: 6, err: broken}, transfer.Options{}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if results, err := from.PutDocuments(t.Context(), []rag.Put{storetest.Put(1, "note 20", "It has changed.")}); err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	if report := copied(t, from, to, transfer.Options{}); report.Emptied == "" || report.Resumed {
		t.Errorf("%+v", report)
	}
}

// A finished copy is left alone unless it may be replaced; what is another store is
// never touched.
func TestTargetsThatAreRefused(t *testing.T) {
	from, to := filled(t), file(t, true)
	copied(t, from, to, transfer.Options{})
	if _, err := transfer.Copy(t.Context(), from, to, transfer.Options{}); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("a finished copy: %v", err)
	}
	if report := copied(t, from, to, transfer.Options{Replace: true}); report.Emptied != "" || !report.Resumed {
		t.Errorf("a finished copy that has not changed was copied anew: %+v", report)
	}
	if results, err := to.PutDocuments(t.Context(), []rag.Put{storetest.Put(1, "new", "It is new.")}); err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	if report := copied(t, from, to, transfer.Options{Replace: true}); report.Emptied == "" {
		t.Errorf("a finished copy that has changed was kept: %+v", report)
	}
	// Also where the source has only more: were that written to a copy that may be used,
	// and broken off, nobody would know.
	if err := from.RecordQuery(t.Context(), rag.QueryRecord{Scope: rag.Scope{Tenant: "a", Collection: "notes"}, Kind: "search", Text: "Is there more?"}); err != nil {
		t.Fatal(err)
	}
	if report := copied(t, from, to, transfer.Options{Replace: true}); report.Emptied != "queries" {
		t.Errorf("a finished copy was added to: %+v", report)
	}
	other := filled(t)
	before := contents(t, other)
	for _, opt := range []transfer.Options{{}, {Replace: true}} {
		if _, err := transfer.Copy(t.Context(), from, other, opt); rag.KindOf(err) != rag.KindConflict {
			t.Errorf("another store: %v", err)
		}
		if _, err := transfer.Copy(t.Context(), from, from, opt); err == nil {
			t.Error("a store was copied into itself")
		}
	}
	if !reflect.DeepEqual(before, contents(t, other)) {
		t.Error("a store that was refused has changed")
	}
}

// Nobody writes to the source while it is copied.
func TestSourceIsHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open := func() *sqlite.Store {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, BusyTimeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	from, writer := open(), open()
	fill(t, from)
	tried := false
	copied(t, from, file(t, true), transfer.Options{Beside: func(ctx context.Context) error {
		tried = true
		if _, err := writer.CreateCollection(ctx, storetest.Spec("a", "late")); rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("a collection was made meanwhile: %v", err)
		}
		return nil
	}})
	if !tried {
		t.Error("nothing was done beside")
	}
}

// A target to which somebody writes is not taken for a copy.
func TestTargetThatDiffersIsNotFinished(t *testing.T) {
	from, to := filled(t), file(t, true)
	_, err := transfer.Copy(t.Context(), from, to, transfer.Options{Beside: func(ctx context.Context) error {
		_, err := to.CreateCollection(ctx, storetest.Spec("a", "other"))
		return err
	}})
	if rag.KindOf(err) != rag.KindInternal {
		t.Errorf("the copy ended with %v", err)
	}
	if known, _, err := to.Transfer(t.Context()); err != nil || !known.Unfinished() {
		t.Errorf("%+v, %v", known, err)
	}
}
