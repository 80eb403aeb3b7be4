package sqlite_test

import (
	"fmt"
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
	raw(t, path,
		"DROP INDEX chunks_hash",
		"ALTER TABLE chunks ADD COLUMN embedding INTEGER REFERENCES embeddings (id)",
		"UPDATE chunks SET embedding = (SELECT id FROM embeddings e WHERE e.hash = chunks.hash)",
		"CREATE INDEX chunks_embedding ON chunks (embedding, collection)",
		"ALTER TABLE generations DROP COLUMN created_at",
		"ALTER TABLE generations DROP COLUMN live_at",
		"ALTER TABLE generations DROP COLUMN comparison",
		"DELETE FROM goose_db_version WHERE version_id >= 3")
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
