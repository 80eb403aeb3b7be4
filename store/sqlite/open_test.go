package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "100% a?b#c", "store.db")
	s := open(t, sqlite.Config{Path: path})
	f := fill(t, s)
	before, id := dump(t, s), s.ID()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	for what, err := range map[string]error{
		"read":    second(s.Collection(t.Context(), "", "c")),
		"write":   s.DeleteDocument(t.Context(), f.scope, f.live),
		"version": second(s.DataVersion(t.Context())),
		"purge":   second(s.Purge(t.Context(), time.Now())),
	} {
		if !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("Close leaves %v, %v", files, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	again := open(t, sqlite.Config{Path: path})
	if dump(t, again) != before || again.ID() != id {
		t.Error("a store that is opened again is another")
	}
	if other := open(t, sqlite.Config{}); other.ID() == id {
		t.Error("two stores have one id")
	}
}

func second[T any](_ T, err error) error { return err }

// A file that has a later migration and not an earlier one gets it.
func TestMissedMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := open(t, sqlite.Config{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, path, "DROP TABLE source_items", "DROP TABLE sources", "DELETE FROM goose_db_version WHERE version_id = 5")
	s := open(t, sqlite.Config{Path: path})
	if list, err := s.AllSources(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string, content []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	newer := filepath.Join(dir, "newer.db")
	if err := open(t, sqlite.Config{Path: newer}).Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)")
	for what, test := range map[string]struct {
		cfg  sqlite.Config
		kind rag.Kind
		say  string
	}{
		"no path":         {sqlite.Config{}, rag.KindInvalid, "path"},
		"bad numbers":     {sqlite.Config{Path: "x", Readers: -1, KeepVersions: -1}, rag.KindInvalid, "kept versions"},
		"another file":    {sqlite.Config{Path: path("text", []byte(strings.Repeat("this is no database. ", 500)))}, rag.KindInvalid, "not a store"},
		"a newer schema":  {sqlite.Config{Path: newer}, rag.KindInvalid, "4711"},
		"a folder":        {sqlite.Config{Path: dir}, rag.KindUnavailable, dir},
		"below a file":    {sqlite.Config{Path: filepath.Join(path("file", nil), "store.db")}, rag.KindUnavailable, "store.db"},
		"a done context":  {sqlite.Config{Path: filepath.Join(dir, "done.db")}, rag.KindUnavailable, "canceled"},
		"a damaged start": {sqlite.Config{Path: path("damaged", append([]byte("SQLite format 3\x00"), make([]byte, 9000)...))}, rag.KindInvalid, "not a store"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if what == "a done context" {
			cancel()
		}
		s, err := sqlite.Open(ctx, test.cfg)
		cancel()
		if err == nil {
			_ = s.Close()
		}
		if rag.KindOf(err) != test.kind || !strings.Contains(fmt.Sprint(err), test.say) {
			t.Errorf("%s: %s error %v", what, rag.KindOf(err), err)
		}
	}
}

// raw changes a store's file behind its back.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// Processes that open a new file at the same time make one schema and one id.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = s.ID()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids: %q", ids)
		}
	}
}

// Two stores on one file are two processes: each waits for the other, and sees
// what the other has committed.
func TestTwoOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	a, b := open(t, sqlite.Config{Path: path}), open(t, sqlite.Config{Path: path})
	c, err := a.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	before, err := b.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const writers, rounds = 4, 25
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				s := []*sqlite.Store{a, b}[w%2]
				results, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, fmt.Sprint(w, " ", i), fmt.Sprint("Text ", w, i), "Common.")})
				if err != nil || results[0].Err != nil {
					t.Errorf("writer %d: %v %+v", w, err, results)
					return
				}
			}
		})
	}
	wg.Wait()
	if after, err := b.DataVersion(t.Context()); err != nil || after == before {
		t.Errorf("data version %d is still %d: %v", after, before, err)
	}
	for _, s := range []*sqlite.Store{a, b} {
		got, err := s.Collection(t.Context(), "", "c")
		if err != nil || got.Documents != writers*rounds || got.Seq != 2*writers*rounds {
			t.Errorf("%+v, %v", got, err)
		}
		storetest.Sound(t, s)
	}
	// A purge in one process while another reads.
	if err := a.DeleteCollection(t.Context(), "", "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Changes(t.Context(), c.ID, 0, 0); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("the feed of a collection that the other deleted: %v", err)
	}
	report, err := a.Purge(t.Context(), time.Now())
	if err != nil || !report.Erased {
		t.Errorf("purge: %+v, %v", report, err)
	}
}

// A writer that is kept waiting says so, in time, and stores nothing.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, sqlite.Config{Path: path, BusyTimeout: time.Millisecond})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "another process is writing") {
		t.Errorf("busy: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateCollection(t.Context(), storetest.Spec("", "c")); err != nil {
		t.Errorf("free again: %v", err)
	}
}

func TestKeepVersions(t *testing.T) {
	s := open(t, sqlite.Config{KeepVersions: 3})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	scope := rag.Scope{Collection: "c"}
	var id rag.DocumentID
	for v := 1; v <= 5; v++ {
		r, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "d", fmt.Sprintf("Version %d.", v))})
		if err != nil || r[0].Err != nil {
			t.Fatal(err, r)
		}
		id = r[0].Document.ID
	}
	for v, kept := range map[int]bool{1: false, 2: false, 3: true, 4: true, 5: true, 6: false} {
		text, err := s.Text(t.Context(), scope, id, v)
		quote, qerr := s.Quote(t.Context(), c.ID, id, v, rag.Span{Start: 8, End: 9})
		if kept && (err != nil || qerr != nil || text.Content != fmt.Sprintf("Version %d.", v) || quote != fmt.Sprint(v)) {
			t.Errorf("version %d: %q, %v, %q, %v", v, text.Content, err, quote, qerr)
		}
		if !kept && (!errors.Is(err, rag.ErrNotFound) || !errors.Is(qerr, rag.ErrNotFound)) {
			t.Errorf("version %d is still there: %v, %v", v, err, qerr)
		}
	}
	n := 0
	if err := s.LiveBlobs(t.Context(), func(string) error { n++; return nil }); err != nil || n != 3 {
		t.Errorf("%d blobs are live: %v", n, err)
	}
	storetest.Sound(t, s)
}

// A follower that missed a delete which is no longer in the feed is told to begin
// again.
func TestFeedRetention(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, sqlite.Config{FeedRetention: time.Hour, Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	f := fill(t, s) // puts 1 to 5, deletes 6 and 7
	purge := func() {
		t.Helper()
		if _, err := s.Purge(t.Context(), now.Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	purge()
	if _, err := s.Changes(t.Context(), f.c.ID, 5, 0); err != nil {
		t.Errorf("within the retention: %v", err)
	}
	pass(2 * time.Hour)
	purge()
	start, err := s.FeedStart(t.Context(), f.c.ID)
	if err != nil || start != 7 {
		t.Errorf("the feed starts at %d, %v", start, err)
	}
	if _, err := s.Changes(t.Context(), f.c.ID, 5, 0); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("beyond the retention: %v", err)
	}
	for _, after := range []int64{0, 7} {
		if _, err := s.Changes(t.Context(), f.c.ID, after, 0); err != nil {
			t.Errorf("after %d: %v", after, err)
		}
	}
	whole, err := s.Changes(t.Context(), f.c.ID, 0, 0)
	if err != nil || len(whole) != 3 {
		t.Errorf("the whole feed: %+v, %v", whole, err)
	}
	if last, err := s.LastSeq(t.Context(), f.c.ID); err != nil || last != 7 {
		t.Errorf("the last change is %d, %v", last, err)
	}
	storetest.Sound(t, s)
}

// Verify finds what is wrong.
func TestVerifyFinds(t *testing.T) {
	for rule, harm := range map[string]string{
		"collection counters":            "UPDATE collections SET chunks = chunks + 1",
		"active generation":              "UPDATE collections SET generation = 7",
		"document chunk count":           "UPDATE chunks SET ordinal = ordinal + 10",
		"current version":                "UPDATE documents SET version = 9 WHERE external_id = 'live'",
		"chunks of the current version":  "UPDATE chunks SET version = (SELECT max(id) FROM versions) WHERE id = 1",
		"spans within the text":          "UPDATE chunks SET end_at = 1000 WHERE id = 1",
		"text of every version":          "UPDATE texts SET content = CAST(substr(content, 2) AS BLOB)",
		"version of every text":          "INSERT INTO texts (id, content) VALUES (1 << 40, x'00')",
		"embeddings of the active model": "DELETE FROM embeddings WHERE id = 1",
		"embeddings in use":              "INSERT INTO embeddings (hash, model, vector) VALUES (x'00', 1, x'00')",
		"generations":                    "INSERT INTO generations (collection, number, chunker, model, dimensions) VALUES (1, 8, '{}', 'a', 1), (1, 9, '{}', 'b', 1)",
		"live chunks in the feed":        "DELETE FROM changes WHERE chunk = 1",
		"gone chunks in the feed":        "DELETE FROM changes WHERE op = 2",
		"sequence numbers":               "UPDATE collections SET seq = 1",
		"feeds of collections":           "UPDATE changes SET collection = 99 WHERE seq = 1",
		"items of sources":               "INSERT INTO sources (collection, name, kind, settings, metadata, acl, created_at) VALUES (1, 's', 'k', '{}', '{}', '', 0); INSERT INTO source_items VALUES (1, 99, 'i', '', '', '', '', '', 1, 0)",
		"references":                     "UPDATE chunks SET document = 99 WHERE id = 1",
	} {
		path := filepath.Join(t.TempDir(), "store.db")
		s := open(t, sqlite.Config{Path: path})
		fill(t, s)
		storetest.Sound(t, s)
		raw(t, path, harm)
		faults, err := s.Verify(t.Context())
		if err != nil || !strings.Contains("\n"+strings.Join(faults, "\n"), "\n"+rule+": ") {
			t.Errorf("%s: found %q, %v", rule, faults, err)
		}
	}
}

// A page that is overwritten on the disk is an error that says so.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, sqlite.Config{Path: path})
	f := fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 8192; i < len(data); i++ {
		data[i] ^= 0x5a
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err == nil {
		_, err = s.Document(t.Context(), f.scope, f.live)
		_ = s.Close()
	}
	if !errors.Is(err, rag.ErrInternal) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
}
