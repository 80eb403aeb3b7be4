package postgres

import (
	"context"
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are the files of migrationFiles by their names.
func migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // of a name that is none
	}
	return files
}

// migrateInTurn brings the database to this program's schema. Where it is there
// already, that costs one connection and two small queries, and needs no rights
// but those of the store's role.
//
// Processes that start together take turns by an advisory lock of the migrating
// session; whoever comes second finds the work done. Each migration is one
// transaction, so that a fault or a crash leaves the database at a known schema,
// from which the next process goes on.
func migrateInTurn(ctx context.Context, cfg Config) error {
	known, err := store.KnownSchema(migrations())
	if err != nil {
		return err
	}
	role, found, err := lookAtSchema(ctx, cfg)
	if err != nil {
		return err
	}
	if err := known.Check(found, "schema "+cfg.Schema); err != nil || found == known {
		return err
	}
	conn, err := cfg.migrator(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // and with it the lock is given back
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", cfg.lockKey("migrate")); err != nil {
		return err
	}
	if found, err = currentSchema(ctx, conn, cfg); err == nil {
		err = known.Check(found, "schema "+cfg.Schema) // by another process, while this one waited
	}
	if err != nil {
		return err
	}
	if found != known {
		if err := migrate(ctx, conn, cfg); err != nil {
			return err
		}
	}
	return grant(ctx, conn, cfg, role)
}

// lookAtSchema asks as the store's own role, which it names. A role that may not
// see the tables finds none. A server that says nothing is KindUnavailable.
func lookAtSchema(ctx context.Context, cfg Config) (role string, found store.Schema, err error) {
	brief, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout+endWait)
	defer cancel()
	role, found, err = askForSchema(brief, cfg)
	if err != nil && brief.Err() != nil && ctx.Err() == nil {
		err = rag.Errorf(rag.KindUnavailable, "the database does not answer: %v", plain(err))
	}
	return role, found, err
}

func askForSchema(ctx context.Context, cfg Config) (role string, found store.Schema, err error) {
	u := cfg.URL
	if cfg.DirectURL != "" {
		u = cfg.DirectURL
	}
	cc, err := cfg.sessionConfig(ctx, u)
	if err != nil {
		return "", store.Schema{}, err
	}
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return "", store.Schema{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, "SELECT current_user").Scan(&role); err != nil {
		return "", store.Schema{}, err
	}
	found, err = currentSchema(ctx, conn, cfg)
	return role, found, err
}

// sessionConfig is for a connection that has a session of its own: no statement
// timeout, names of the schema.
func (c Config) sessionConfig(ctx context.Context, u string) (*pgx.ConnConfig, error) {
	cc, err := c.connConfig(u)
	if err != nil {
		return nil, err
	}
	if c.PgBouncer && u == c.URL {
		cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	} else {
		cc.RuntimeParams["search_path"] = c.searchPath()
		for _, timeout := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
			cc.RuntimeParams[timeout] = "0" // whatever the role has by default
		}
	}
	if u != c.MigrateURL {
		err = c.askPassword(ctx, cc)
	}
	return cc, err
}

func (c Config) migrator(ctx context.Context) (*pgx.Conn, error) {
	u := c.MigrateURL
	if u == "" {
		u = c.DirectURL
	}
	if u == "" && c.PgBouncer {
		return nil, rag.Errorf(rag.KindInvalid, "the schema %s has to be set up or updated, which needs a connection that does not go through PgBouncer: a URL for migrations, or a direct URL", c.Schema)
	}
	if u == "" {
		u = c.URL
	}
	cc, err := c.sessionConfig(ctx, u)
	if err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, cc)
}

// migrate runs the pending migrations.
func migrate(ctx context.Context, conn *pgx.Conn, cfg Config) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", cfg.Schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{cfg.Schema}.Sanitize()); err != nil {
			return err
		}
	}
	cc := conn.Config()
	// Row-level security holds the owner too, and a migration changes all rows.
	cc.RuntimeParams["smartretriever.every_tenant"] = "on"
	db := stdlib.OpenDB(*cc)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations(),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
		goose.WithAllowOutofOrder(true)) // as the SQLite store
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// currentSchema returns that of the database, the zero one for a new one, or
// where the role may not see it.
func currentSchema(ctx context.Context, conn *pgx.Conn, cfg Config) (found store.Schema, err error) {
	var readable bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
			AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))`, cfg.Schema, goose.DefaultTablename).Scan(&readable)
	if err != nil || !readable {
		return store.Schema{}, err
	}
	table := pgx.Identifier{cfg.Schema, goose.DefaultTablename}.Sanitize()
	err = conn.QueryRow(ctx, "SELECT coalesce(max(version_id), 0), count(DISTINCT version_id) FROM "+table+" WHERE is_applied AND version_id > 0").
		Scan(&found.Newest, &found.Count)
	return found, err
}

// grant gives the store's role what it needs and not more: it may not change
// tables, nor what says which migrations were applied.
func grant(ctx context.Context, conn *pgx.Conn, cfg Config, role string) error {
	var owner string
	if err := conn.QueryRow(ctx, "SELECT current_user").Scan(&owner); err != nil || owner == role {
		return err
	}
	in, to := pgx.Identifier{cfg.Schema}.Sanitize(), pgx.Identifier{role}.Sanitize()
	for _, statement := range []string{
		"GRANT USAGE ON SCHEMA " + in + " TO " + to,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + in + " TO " + to,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + in + " TO " + to,
		"REVOKE INSERT, UPDATE, DELETE ON " + in + "." + goose.DefaultTablename + ", " + in + ".store FROM " + to,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
