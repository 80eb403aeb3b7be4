//go:build servers

package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// Each damage is found by the rule that is about it, also of a tenant that nobody
// asked for.
func TestVerifyFindsDamage(t *testing.T) {
	s := open(t, postgres.Config{})
	for _, tenant := range []string{"a", "b"} {
		c, err := s.CreateCollection(t.Context(), storetest.Spec(tenant, "c"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "one", "One.", "Two."), storetest.Put(c.ID, "two", "Three.")}); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), need(t, "PG_SUPER_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "SET search_path = "+pgx.Identifier{s.Schema()}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	const b = "(SELECT id FROM collections WHERE tenant = 'b')"
	for rule, damage := range map[string]string{
		"collection counters":            "UPDATE collections SET chunks = chunks + 1 WHERE id = " + b,
		"active generation":              "UPDATE collections SET generation = 9 WHERE id = " + b,
		"document chunk count":           "UPDATE documents SET chunks = 9 WHERE collection = " + b,
		"current version":                "UPDATE documents SET version = 9 WHERE collection = " + b,
		"chunks of the current version":  "UPDATE chunks SET version = version + 1 WHERE collection = " + b,
		"spans within the text":          "UPDATE chunks SET end_at = 10000 WHERE collection = " + b,
		"embeddings of the active model": "DELETE FROM embeddings WHERE tenant = 'b'",
		"generations":                    "UPDATE generations SET live_at = NULL WHERE collection = " + b,
		"embeddings in use":              "UPDATE chunks SET hash = 'x' WHERE collection = " + b,
		"live chunks in the feed":        "DELETE FROM changes WHERE collection = " + b,
		"gone chunks in the feed":        "DELETE FROM chunks WHERE collection = " + b,
		"sequence numbers":               "UPDATE collections SET seq = 0 WHERE id = " + b,
		"feeds of collections":           "UPDATE changes SET collection = 99999 WHERE collection = " + b,
		"tenant of every row":            "UPDATE chunks SET tenant = 'a' WHERE collection = " + b,
		"keys of external ids":           "UPDATE documents SET external_key = 'x' || external_key WHERE collection = " + b,
	} {
		// The damage is committed, looked at, and undone by putting the rows back.
		for _, table := range []string{"collections", "generations", "documents", "chunks", "embeddings", "changes"} {
			command(t, conn, "CREATE TEMPORARY TABLE kept_"+table+" AS SELECT * FROM "+table)
		}
		command(t, conn, "SET session_replication_role = replica") // no triggers, no checks of references
		command(t, conn, damage)
		faults, err := s.Verify(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		found := false
		for _, f := range faults {
			found = found || strings.HasPrefix(f, rule+": ")
		}
		if !found {
			t.Errorf("%s: not among %q", rule, faults)
		}
		for _, table := range []string{"collections", "generations", "documents", "chunks", "embeddings", "changes"} {
			command(t, conn, "DELETE FROM "+table)
			command(t, conn, "INSERT INTO "+table+" OVERRIDING SYSTEM VALUE SELECT * FROM kept_"+table)
			command(t, conn, "DROP TABLE kept_"+table)
		}
		command(t, conn, "SET session_replication_role = origin")
		storetest.Sound(t, s)
		if t.Failed() {
			t.FailNow()
		}
	}
}

func command(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%.80s: %v", sql, err)
	}
}
