package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// A store of schema 2, in which a chunk named the row of its embedding, has the same
// records afterwards.
func TestMigrateGenerations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, sqlite.Config{Path: path})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.", "Two."), storetest.Put(c.ID, "b", "Three.")}); err != nil {
		t.Fatal(err)
	}
	records := func(s *sqlite.Store) (text string) {
		_, err := s.Snapshot(t.Context(), c.ID, 0, func(r rag.Record) error {
			text += fmt.Sprintln(r.ChunkID, r.Text, r.Vector)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return text
	}
	want := records(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path = oldStore(t, path)
	s = open(t, sqlite.Config{Path: path})
	if got := records(s); got != want || got == "" {
		t.Errorf("records after the migration:\n%swant\n%s", got, want)
	}
	list, err := s.Generations(t.Context(), c.ID)
	if err != nil || len(list) != 1 || list[0].State != rag.GenerationLive || !list[0].CreatedAt.Equal(c.CreatedAt) || !list[0].LiveAt.Equal(c.CreatedAt) {
		t.Errorf("generations: %+v, %v", list, err)
	}
	storetest.Sound(t, s)
}

// oldStore copies a store into one that the first two migrations have made.
func oldStore(t *testing.T, path string) string {
	t.Helper()
	old := filepath.Join(t.TempDir(), "old.db")
	for _, name := range []string{"00001_documents.sql", "00002_loose_originals.sql"} {
		schema, err := os.ReadFile(filepath.Join("migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		raw(t, old, string(schema))
	}
	copied := "ATTACH '" + path + "' AS new;\n"
	for _, table := range []string{"meta", "collections", "documents", "versions", "texts", "models", "embeddings"} {
		copied += fmt.Sprintf("INSERT INTO %[1]s SELECT * FROM new.%[1]s;\n", table)
	}
	raw(t, old, copied+`
		INSERT INTO changes SELECT seq, collection, op, chunk, document, at FROM new.changes;
		INSERT INTO generations SELECT collection, number, chunker, model, dimensions FROM new.generations;
		INSERT INTO chunks SELECT k.id, k.collection, k.document, k.version, k.ordinal, k.start_at, k.end_at, k.page, k.heading, k.prefix, k.tokens, k.hash, e.id FROM new.chunks k JOIN new.embeddings e ON e.hash = k.hash;
		CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
			is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1);`)
	return old
}

// TestChunkerOptionsAreWrittenOut holds the promise that a collection keeps the
// chunker it was made with: what names and sizes meant before they were extended is
// written out by a migration.
func TestChunkerOptionsAreWrittenOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	s := open(t, sqlite.Config{Path: path})
	want := map[string]rag.ChunkerOptions{
		`{"name":"fixed"}`: {Name: "fixed", Unit: "characters"},
		`{"name":"recursive","size":800,"overlap":-1}`: {Name: "recursive", Unit: "characters", Size: 800, Overlap: -1},
		`{"name":"semantic","size":256}`:               {Name: "paragraph", Size: 256},
		`{"name":"structure","size":128,"overlap":16}`: {Name: "structure", Size: 128, Overlap: 16},
		`{}`: {},
	}
	var all []string
	for before := range want {
		all = append(all, before)
	}
	for i := range all {
		if _, err := s.CreateCollection(t.Context(), rag.Collection{Name: fmt.Sprint("c", i), Generation: rag.Generation{Number: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path = oldStore(t, path)
	for i, before := range all {
		raw(t, path, fmt.Sprintf("UPDATE generations SET chunker = '%s' WHERE collection = (SELECT id FROM collections WHERE name = 'c%d')", before, i))
	}
	s = open(t, sqlite.Config{Path: path})
	for i, before := range all {
		c, err := s.Collection(t.Context(), rag.DefaultTenant, fmt.Sprint("c", i))
		if err != nil || c.Generation.Chunker != want[before] {
			t.Errorf("%s became %+v, %v", before, c.Generation.Chunker, err)
		}
	}
}
