//go:build servers

package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// TestSerializationFailures has the server end transactions at each fifth statement that changes rows, in each of their tables in turn, as it does with those that
// cannot be put in an order (40001) and with those that wait for each other (40P01). Whoever calls sees nothing of it, and nothing happens twice.
func TestSerializationFailures(t *testing.T) {
	for _, code := range []string{"40001", "40P01"} {
		t.Run(code, func(t *testing.T) {
			cfg := configure(t, postgres.Config{})
			s := open(t, cfg)
			schema := pgx.Identifier{cfg.Schema}.Sanitize()
			owner, err := pgx.Connect(t.Context(), cfg.MigrateURL)
			if err != nil {
				t.Fatal(err)
			}
			defer owner.Close(context.Background())
			run := func(format string, args ...any) {
				t.Helper()
				if _, err := owner.Exec(t.Context(), fmt.Sprintf(format, args...)); err != nil {
					t.Fatal(err)
				}
			}
			// What a sequence has given is not taken back with a transaction.
			run("CREATE SEQUENCE %s.ended; GRANT USAGE ON SEQUENCE %s.ended TO PUBLIC", schema, schema)
			run(`CREATE FUNCTION %s.ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('%s.ended') %% 5 = 1 THEN RAISE EXCEPTION 'ended by the test' USING ERRCODE = '%s'; END IF;
				RETURN NULL; END $$`, schema, schema, code)
			c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
			if err != nil {
				t.Fatal(err)
			}
			version := 0
			for _, table := range []string{"collections", "documents", "versions", "chunks", "embeddings", "changes"} {
				run("CREATE TRIGGER ends AFTER INSERT OR UPDATE OR DELETE ON %s.%s FOR EACH STATEMENT EXECUTE FUNCTION %s.ends()", schema, table, schema)
				for range 3 {
					version++
					results, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "d", fmt.Sprint("Part ", version), "Whole")})
					if err != nil || results[0].Err != nil || results[0].Document.Version != version {
						t.Fatalf("%s, version %d: %+v, %v", table, version, results, err)
					}
				}
				run("DROP TRIGGER ends ON %s.%s", schema, table)
				var ended int64
				if err := owner.QueryRow(t.Context(), "SELECT last_value FROM "+schema+".ended").Scan(&ended); err != nil {
					t.Fatal(err)
				}
				if ended < 2 {
					t.Errorf("%s: the server has ended nothing", table)
				}
				run("ALTER SEQUENCE %s.ended RESTART", schema)
			}
			storetest.Sound(t, s)
		})
	}
}
