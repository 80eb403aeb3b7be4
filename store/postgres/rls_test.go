//go:build servers

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// Tables without a tenant: nothing in them is a tenant's.
var shared = []string{"goose_db_version", "models", "store"}

// mine and theirs are the tenants of the tests; secret is in every text that theirs has.
const (
	mine   = "mine"
	theirs = "theirs"
	secret = "Quuxsecret"
)

// fillTenant gives a tenant rows in every table.
func fillTenant(t *testing.T, s *postgres.Store, tenant, word string) rag.Collection {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	gone, err := s.CreateCollection(ctx, storetest.Spec(tenant, "gone"))
	must(err)
	put := func(c rag.Collection, id string, paragraphs ...string) rag.Document {
		results, err := s.PutDocuments(ctx, []rag.Put{storetest.Put(c.ID, id, paragraphs...)})
		must(err)
		must(results[0].Err)
		return results[0].Document
	}
	put(gone, word, word+" gone.")
	must(s.DeleteCollection(ctx, tenant, "gone")) // leaves loose embeddings and originals
	spec := storetest.Spec(tenant, word)
	spec.Description, spec.Metadata = word, rag.Metadata{word: rag.Str(word)}
	c, err := s.CreateCollection(ctx, spec)
	must(err)
	d := put(c, word, word+" one.", word+" two.")
	scope := rag.Scope{Tenant: tenant, Collection: word, Admin: true}
	must(s.RecordQuery(ctx, rag.QueryRecord{Scope: scope, Text: word, Answer: word, Citations: []rag.Citation{{Document: d, Quote: word}}}))
	_, err = s.CreateSource(ctx, rag.Source{CollectionID: c.ID, Name: word, Kind: "folder", Settings: []byte(`{"path":"` + word + `"}`)})
	must(err)
	src, err := s.LeaseSource(ctx, c.ID, word, word, "", time.Hour)
	must(err)
	must(s.PutItems(ctx, src, []rag.SourceItem{{ID: word, ExternalID: word, Fingerprint: word}}))
	_, err = s.CreateJob(ctx, rag.Job{CollectionID: c.ID, Kind: rag.JobAdd, Name: word, Key: word}, []rag.JobItem{{Input: rag.StoredInput{ExternalID: word, SHA256: word}}})
	must(err)
	_, err = s.LeaseSpace(ctx, word, c.ID, c.Generation.Number, time.Hour)
	must(err)
	charge := rag.Charge{ChargeKey: rag.ChargeKey{Tenant: tenant, Key: word, Day: "2026-03-04", Operation: rag.OpChat, Provider: word, Model: word, Currency: "EUR"}, Spent: rag.Consumption{Calls: 1}}
	must(s.Charge(ctx, []rag.Charge{charge}))
	_, err = s.Reserve(ctx, rag.Hold{ID: word, Charge: charge, Expires: time.Now().Add(time.Hour)})
	must(err)
	return c
}

// rls is a store with two tenants, and connections that look at its tables.
type rls struct {
	schema string
	owner  *pgx.Conn // sees all
	app    *pgx.Conn // the role of the program
	tables []string  // with a tenant
	c      rag.Collection
	told   []string // notices to app
}

func newRLS(t *testing.T) *rls {
	t.Helper()
	cfg := configure(t, postgres.Config{})
	s := open(t, cfg)
	r := &rls{schema: cfg.Schema}
	fillTenant(t, s, mine, "own")
	r.c = fillTenant(t, s, theirs, secret)
	r.owner = r.connect(t, need(t, "PG_OWNER_URL"))
	r.exec(t, r.owner, "SET smartretriever.every_tenant = 'on'")
	r.app = r.connect(t, need(t, "PG_URL"))
	all := column[string](t, r.owner, "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1", pgx.Identifier{r.schema}.Sanitize())
	for _, table := range all {
		if !slices.Contains(shared, table) {
			r.tables = append(r.tables, table)
		}
	}
	if len(r.tables) < 15 {
		t.Fatalf("only these tables were found: %v", r.tables)
	}
	return r
}

func (r *rls) connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	cc, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cc.RuntimeParams["search_path"] = pgx.Identifier{r.schema}.Sanitize()
	cc.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { r.told = append(r.told, n.Message+n.Detail) }
	conn, err := pgx.ConnectConfig(t.Context(), cc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (r *rls) exec(t *testing.T, conn *pgx.Conn, query string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func column[T any](t *testing.T, conn *pgx.Conn, query string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

// as runs one statement as a tenant in a transaction that is undone. It returns the
// number of rows that the statement says it touched.
func (r *rls) as(t *testing.T, tenant, query string, args ...any) (n int64, err error) {
	t.Helper()
	tx, err := r.app.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "SELECT set_config('smartretriever.tenant', $1, true)", tenant); err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(t.Context(), query, args...)
	return tag.RowsAffected(), err
}

func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return fmt.Sprint(err)
}

// Every table that is not known to be shared has a tenant and is protected, and the
// program's role has no right that would lead around the protection. A new table
// without a policy fails here.
func TestEveryTableIsProtected(t *testing.T) {
	r := newRLS(t)
	for _, table := range r.tables {
		var kind string
		var enabled, forced, tenant bool
		var policy string
		err := r.owner.QueryRow(t.Context(), `
			SELECT c.relkind::text, c.relrowsecurity, c.relforcerowsecurity,
				EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant' AND attnotnull),
				coalesce((SELECT string_agg(p.polcmd::text || p.polpermissive::text || p.polroles::text || pg_get_expr(p.polqual, p.polrelid) || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''), ';')
					FROM pg_policy p WHERE p.polrelid = c.oid), '')
			FROM pg_class c WHERE c.oid = to_regclass($1)`, table).Scan(&kind, &enabled, &forced, &tenant, &policy)
		if err != nil {
			t.Fatal(err)
		}
		if kind != "r" || !enabled || !forced || !tenant {
			t.Errorf("%s: kind %s, row-level security %v, forced %v, has a tenant %v", table, kind, enabled, forced, tenant)
		}
		const want = "*true{0}((tenant = ( SELECT current_setting('smartretriever.tenant'::text, true) AS current_setting)) OR (( SELECT current_setting('smartretriever.every_tenant'::text, true) AS current_setting) = 'on'::text))"
		if policy != want {
			t.Errorf("%s: its policies are %s", table, policy)
		}
		for _, right := range []string{"TRUNCATE", "REFERENCES", "TRIGGER"} {
			if column[bool](t, r.app, "SELECT has_table_privilege($1, $2)", table, right)[0] {
				t.Errorf("%s: the program's role has the right %s", table, right)
			}
		}
		// Both look past row-level security.
		for _, key := range column[string](t, r.owner, `
			SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique
				AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND a.attname = 'tenant')
				AND NOT (i.indnatts = 1 AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attidentity <> ''))`, table) {
			t.Errorf("%s: a unique key without the tenant tells what others have: %s", table, key)
		}
		for _, key := range column[string](t, r.owner, `
			SELECT pg_get_constraintdef(f.oid) FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = to_regclass($1)
				AND f.confrelid IN (SELECT attrelid FROM pg_attribute WHERE attname = 'tenant')
				AND NOT EXISTS (SELECT 1 FROM unnest(f.conkey, f.confkey) AS k (own, other)
					JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.own AND a.attname = 'tenant'
					JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.other AND b.attname = 'tenant')`, table) {
			t.Errorf("%s: a reference without the tenant reaches rows of others: %s", table, key)
		}
	}
	for _, table := range shared {
		if n := column[int64](t, r.owner, "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'tenant'", table)[0]; n > 0 {
			t.Errorf("%s counts as shared and has a tenant", table)
		}
	}
	for what, query := range map[string]string{
		"may more than log in":                              "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user",
		"may make objects":                                  "SELECT has_schema_privilege(current_schema(), 'CREATE')",
		"owns something":                                    "SELECT EXISTS (SELECT 1 FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user))",
		"is a member of other roles":                        "SELECT EXISTS (SELECT 1 FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = current_user))",
		"has functions that work with the rights of others": "SELECT EXISTS (SELECT 1 FROM pg_proc WHERE prosecdef AND pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()))",
		"sees statistics of columns":                        "SELECT EXISTS (SELECT 1 FROM pg_stats WHERE schemaname = current_schema() AND tablename <> ALL ('{" + strings.Join(shared, ",") + "}'))",
	} {
		if what == "sees statistics of columns" {
			r.exec(t, r.owner, "ANALYZE")
		}
		if column[bool](t, r.app, query)[0] {
			t.Errorf("the program's role %s", what)
		}
	}
}

// What a transaction that named one tenant can do to the rows of another, table by
// table, with statements that ask for just that: nothing.
func TestTenantsApart(t *testing.T) {
	r := newRLS(t)
	for _, table := range r.tables {
		counts := map[string]int64{}
		for _, tenant := range []string{mine, theirs} {
			counts[tenant] = column[int64](t, r.owner, "SELECT count(*) FROM "+table+" WHERE tenant = $1", tenant)[0]
			if counts[tenant] == 0 {
				t.Errorf("%s: the test has no rows of %s in it", table, tenant)
			}
		}
		touches := func(what, query string, want int64) {
			t.Helper()
			n, err := r.as(t, mine, fmt.Sprintf(query, table))
			if err != nil || n != want {
				t.Errorf("%s: %s: %d rows, %v; want %d", table, what, n, err, want)
			}
		}
		touches("all rows", "SELECT 1 FROM %s", counts[mine])
		touches("rows of another", "SELECT 1 FROM %s WHERE tenant = '"+theirs+"'", 0)
		touches("locking them", "SELECT 1 FROM %s WHERE tenant <> '"+mine+"' FOR UPDATE", 0)
		touches("changing them", "UPDATE %s SET tenant = tenant WHERE tenant = '"+theirs+"'", 0)
		touches("taking them", "UPDATE %s SET tenant = '"+mine+"' WHERE tenant <> '"+mine+"'", 0)
		touches("deleting them", "DELETE FROM %s WHERE tenant = '"+theirs+"'", 0)
		refused := func(what, query string) {
			t.Helper()
			if _, err := r.as(t, mine, fmt.Sprintf(query, table)); code(err) != "42501" {
				t.Errorf("%s: %s: %v", table, what, err)
			}
		}
		refused("giving rows away", "UPDATE %s SET tenant = '"+theirs+"'")
		cols := r.columns(t, table, "attname <> 'tenant'")
		refused("inserting for another", "INSERT INTO %[1]s (tenant, "+cols+") OVERRIDING SYSTEM VALUE SELECT '"+theirs+"', "+cols+" FROM %[1]s")
		refused("emptying the table", "TRUNCATE %s CASCADE")
		refused("switching it off", "SET LOCAL row_security = off; SELECT 1 FROM %s")
		// Without a tenant there is nothing, and a name that is none is a tenant without rows.
		for _, nobody := range []string{"", "on", mine + "' OR true --", "%"} {
			if n, err := r.as(t, nobody, "SELECT 1 FROM "+table); err != nil || n != 0 {
				t.Errorf("%s: as tenant %q: %d rows, %v", table, nobody, n, err)
			}
		}
		if n := column[int64](t, r.app, "SELECT count(*) FROM "+table)[0]; n != 0 {
			t.Errorf("%s: without a tenant: %d rows", table, n)
		}
		for tenant, n := range counts {
			if now := column[int64](t, r.owner, "SELECT count(*) FROM "+table+" WHERE tenant = $1", tenant)[0]; now != n {
				t.Errorf("%s: %s had %d rows and has %d", table, tenant, n, now)
			}
		}
	}
}

// Statements whose errors or messages would tell what is in rows that they must not see.
func TestErrorsTellNothing(t *testing.T) {
	r := newRLS(t)
	r.exec(t, r.app, `CREATE FUNCTION pg_temp.tell(given text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', given; RETURN true; END $$`)
	for _, table := range r.tables {
		// A function that is as cheap as can be is called for the rows of the tenant only.
		r.told = nil
		if _, err := r.as(t, mine, "SELECT 1 FROM "+table+" x WHERE pg_temp.tell(x::text)"); err != nil {
			t.Errorf("%s: %v", table, err)
		}
		for _, told := range r.told {
			if strings.Contains(told, secret) || strings.Contains(told, theirs) {
				t.Errorf("%s: a function was given %s", table, told)
			}
		}
		if own := column[int64](t, r.owner, "SELECT count(*) FROM "+table+" WHERE tenant = $1", mine)[0]; int64(len(r.told)) != own {
			t.Errorf("%s: a function was called %d times for %d rows", table, len(r.told), own)
		}
		for _, col := range column[string](t, r.owner, "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped", table) {
			quoted := pgx.Identifier{col}.Sanitize()
			// Dividing by zero, or reading as a number, where a row of theirs would match.
			for what, query := range map[string]string{
				"division":   "SELECT 1 FROM %[1]s WHERE 1 / (CASE WHEN %[2]s::text IN (SELECT unnest($1::text[])) THEN 0 ELSE 1 END) = 1",
				"conversion": "SELECT 1 FROM %[1]s WHERE (CASE WHEN %[2]s::text = ANY ($1::text[]) THEN %[2]s::text ELSE '0' END)::int = 0",
			} {
				values := column[string](t, r.owner, fmt.Sprintf("SELECT DISTINCT %s::text FROM %s WHERE tenant = $1 AND %[1]s IS NOT NULL EXCEPT SELECT %[1]s::text FROM %[2]s WHERE tenant = $2", quoted, table), theirs, mine)
				if _, err := r.as(t, mine, fmt.Sprintf(query, table, quoted), values); err != nil {
					t.Errorf("%s.%s: %s tells: %v", table, col, what, err)
				}
			}
		}
		r.keysTellNothing(t, table)
	}
}

// columns are those of a table into which values can be inserted, as a list.
func (r *rls) columns(t *testing.T, table, which string) string {
	t.Helper()
	return column[string](t, r.owner, `SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND `+which, table)[0]
}

// keysTellNothing inserts rows of the tenant's own with all the keys of a row of another:
// what the error says must not depend on whether there is such a row.
func (r *rls) keysTellNothing(t *testing.T, table string) {
	t.Helper()
	cols := r.columns(t, table, "attname <> 'tenant' AND attidentity = ''")
	row := column[string](t, r.owner, "SELECT to_jsonb(x)::text FROM "+table+" x WHERE tenant = $1 LIMIT 1", theirs)[0]
	insert := fmt.Sprintf("INSERT INTO %[1]s (tenant, %[2]s) SELECT '%[3]s', %[2]s FROM jsonb_populate_record(NULL::%[1]s, $1::text::jsonb)", table, cols, mine)
	_, taken := r.as(t, mine, insert, row)
	if code(taken) == "23505" {
		t.Errorf("%s: a unique key tells of another tenant: %v", table, taken)
	}
	// References: to a row of theirs, and to one that is not there at all.
	for _, col := range column[string](t, r.owner, `
		SELECT a.attname::text FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND a.attname <> 'tenant'
		WHERE f.contype = 'f' AND f.conrelid = to_regclass($1) AND f.confrelid IN (SELECT attrelid FROM pg_attribute WHERE attname = 'tenant')`, table) {
		absent := "INSERT INTO " + table + ` (tenant, ` + cols + `) SELECT '` + mine + `', ` + cols + ` FROM jsonb_populate_record(NULL::` + table + `, $1::text::jsonb || '{"` + col + `": 999999999}')`
		_, none := r.as(t, mine, absent, row)
		if code(taken) != code(none) {
			t.Errorf("%s.%s: a reference tells: %v for a row of another tenant, %v for none", table, col, taken, none)
		}
	}
}

// The tenant of one transaction is not that of the next on the same connection, through
// PgBouncer neither.
func TestTenantEndsWithTheTransaction(t *testing.T) {
	r := newRLS(t)
	for name, conn := range map[string]*pgx.Conn{"direct": r.app, "PgBouncer": nil} {
		if conn == nil {
			cc, err := pgx.ParseConfig(need(t, "PG_BOUNCER_URL"))
			if err != nil {
				t.Fatal(err)
			}
			cc.DefaultQueryExecMode = pgx.QueryExecModeExec
			if conn, err = pgx.ConnectConfig(t.Context(), cc); err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
		}
		table := pgx.Identifier{r.schema, "documents"}.Sanitize()
		for range 20 { // PgBouncer gives one of several connections
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "SELECT set_config('smartretriever.tenant', $1, true), set_config('smartretriever.every_tenant', 'on', true)", theirs); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := column[int64](t, conn, "SELECT count(*) FROM "+table)[0]; n != 0 {
				t.Fatalf("%s: after the transaction of a tenant: %d rows", name, n)
			}
		}
	}
}
