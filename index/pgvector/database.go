package pgvector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// mark is the comment of a table that is a space.
const mark = "vectors of smartretriever, 1"

// Database is PostgreSQL with pgvector. Goroutine-safe.
type Database struct {
	cfg  Config
	pool *pgxpool.Pool

	living context.Context // ends with Close
	stop   context.CancelFunc
	builds sync.WaitGroup

	mu    sync.Mutex
	setUp bool
}

var _ external.Database = (*Database)(nil)

// New returns a database that is not asked for anything yet.
func New(cfg Config) (*Database, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	pc, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	living, stop := context.WithCancel(context.Background())
	pool, err := pgxpool.NewWithConfig(living, pc)
	if err != nil {
		stop()
		return nil, translate(err, "open")
	}
	return &Database{cfg: cfg, pool: pool, living: living, stop: stop}, nil
}

func poolConfig(cfg Config) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "pgvector")
	}
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = int32(cfg.Connections), 0, 0
	pc.ConnConfig.ConnectTimeout = cfg.ConnectTimeout
	secure(cfg, pc.ConnConfig)
	if cfg.PgBouncer {
		pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if cfg.Password != nil {
		pc.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) (err error) {
			c.Password, err = cfg.Password(ctx)
			return err
		}
	}
	return pc, nil
}

// secure puts Config.TLS in the place of what a URL says.
func secure(cfg Config, c *pgx.ConnConfig) {
	if cfg.TLS == nil {
		return
	}
	t := cfg.TLS.Clone()
	if t.ServerName == "" {
		t.ServerName = c.Host
	}
	c.TLSConfig, c.Fallbacks = t, nil
}

// Close ends the connections and what is being built.
func (d *Database) Close() error {
	d.stop()
	d.builds.Wait()
	d.pool.Close()
	return nil
}

// Limits are ours: PostgreSQL has none that would matter.
func (d *Database) Limits() external.Limits {
	return external.Limits{TopK: 10_000, Items: 2000, IDs: 20_000, Bytes: 32 << 20, Words: true}
}

// Describe returns the versions of the server and of pgvector.
func (d *Database) Describe(ctx context.Context) (external.Server, error) {
	var server, extension string
	err := d.pool.QueryRow(ctx, "SELECT current_setting('server_version'), coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), 'is not installed')").Scan(&server, &extension)
	server, _, _ = strings.Cut(server, " ")
	return external.Server{Product: "PostgreSQL " + server + ", pgvector", Version: extension}, translate(err, "describe")
}

// qualified returns the quoted name of a space's table.
func (d *Database) qualified(name string) string {
	return pgx.Identifier{d.cfg.Schema, name}.Sanitize()
}

// Spaces lists the tables that are spaces.
func (d *Database) Spaces(ctx context.Context) ([]string, error) {
	rows, err := d.pool.Query(ctx, `
		SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind = 'r' AND obj_description(c.oid, 'pg_class') = $2`, d.cfg.Schema, mark)
	if err != nil {
		return nil, translate(err, "list spaces")
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, translate(err, "list spaces")
}

// Drop removes a space's table.
func (d *Database) Drop(ctx context.Context, name string) error {
	if there, err := d.schemaThere(ctx); err != nil || !there {
		return err
	}
	_, err := d.pool.Exec(ctx, "DROP TABLE IF EXISTS "+d.qualified(name))
	return translate(err, "drop space "+name)
}

func (d *Database) schemaThere(ctx context.Context) (there bool, err error) {
	err = d.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", d.cfg.Schema).Scan(&there)
	return there, translate(err, "look for the schema")
}

// Open returns the table of a space, and makes it where there is none.
func (d *Database) Open(ctx context.Context, s external.Space) (external.Table, error) {
	column, err := d.cfg.column(s.Dimensions)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(ctx); err != nil {
		return nil, err
	}
	t := &table{db: d, space: s, name: d.qualified(s.Name)}
	if t.kind, err = d.columnOf(ctx, s.Name); err != nil {
		return nil, err
	}
	if t.kind == "" {
		if err := d.create(ctx, s, column); err != nil {
			return nil, err
		}
		if t.kind, err = d.columnOf(ctx, s.Name); err != nil {
			return nil, err
		}
	}
	kind, dims, _ := strings.Cut(strings.TrimSuffix(t.kind, ")"), "(")
	if dims != fmt.Sprint(s.Dimensions) {
		return nil, rag.Errorf(rag.KindConflict, "pgvector: space %s is there as %s, and %d dimensions are wanted", s.Name, t.kind, s.Dimensions)
	}
	t.class = kind + "_" + distances[d.cfg.Distance].class
	t.grown.Store(int64(d.cfg.IndexFrom)) // so that the first batch has it looked at
	return t, nil
}

// columnOf returns the type of the column embedding, as "vector(384)", "" where there is no such table.
func (d *Database) columnOf(ctx context.Context, name string) (kind string, err error) {
	err = d.pool.QueryRow(ctx, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'embedding'", d.qualified(name)).Scan(&kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if _, unqualified, ok := strings.Cut(kind, "."); ok { // the extension's schema, where it is not on the search path
		kind = unqualified
	}
	return kind, translate(err, "look at space "+name)
}

func (d *Database) create(ctx context.Context, s external.Space, column string) error {
	name := d.qualified(s.Name)
	index := func(ending string) string { return pgx.Identifier{s.Name + ending}.Sanitize() }
	ddl := []string{
		fmt.Sprintf("CREATE TABLE %s (id bigint PRIMARY KEY, document text NOT NULL, tags bigint[] NOT NULL, embedding %s NOT NULL, words tsvector)", name, column),
		fmt.Sprintf("CREATE INDEX %s ON %s USING gin (tags)", index("_t"), name),
		fmt.Sprintf("COMMENT ON TABLE %s IS '%s'", name, mark),
	}
	if s.Text {
		ddl = append(ddl, fmt.Sprintf("CREATE INDEX %s ON %s USING gin (words)", index("_w"), name))
	}
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		// Others that make the same table wait, and then find it.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name); err != nil {
			return err
		}
		var there bool // not by to_regclass, which looks into what the session remembers
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)", d.cfg.Schema, s.Name).Scan(&there)
		if err != nil || there {
			return err
		}
		for _, q := range ddl {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	return translate(err, "make space "+s.Name)
}

// prepare sees to it that extension and schema are there.
func (d *Database) prepare(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.setUp {
		return nil
	}
	var extension, schema, may bool
	err := d.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector'), EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
			coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1), false)`, d.cfg.Schema).Scan(&extension, &schema, &may)
	if err != nil {
		return translate(err, "look for the extension")
	}
	if !extension || !may {
		if err := d.make(ctx, schema); err != nil {
			return err
		}
	}
	d.setUp = true
	return nil
}

// make makes extension and schema with the role of SetupURL, and lets the role of URL make tables there.
func (d *Database) make(ctx context.Context, schema bool) error {
	var role string
	if err := d.pool.QueryRow(ctx, "SELECT current_user::text").Scan(&role); err != nil {
		return translate(err, "set up")
	}
	cc, err := pgx.ParseConfig(d.cfg.SetupURL)
	if err != nil {
		return rag.Wrap(rag.KindInvalid, err, "pgvector")
	}
	secure(d.cfg, cc)
	if d.cfg.SetupURL == d.cfg.URL && d.cfg.Password != nil {
		if cc.Password, err = d.cfg.Password(ctx); err != nil {
			return err
		}
	}
	cc.ConnectTimeout = d.cfg.ConnectTimeout
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return translate(err, "set up")
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	name := pgx.Identifier{d.cfg.Schema}.Sanitize()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		steps := []string{"SELECT pg_advisory_xact_lock(hashtextextended('smartretriever pgvector', 0))", "CREATE EXTENSION IF NOT EXISTS vector"}
		if !schema {
			steps = append(steps, "CREATE SCHEMA IF NOT EXISTS "+name)
		}
		steps = append(steps, fmt.Sprintf("GRANT USAGE, CREATE ON SCHEMA %s TO %s", name, pgx.Identifier{role}.Sanitize()))
		for _, q := range steps {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	return translate(err, "make extension and schema (or have a superuser do it, see docs/backends.md)")
}

// translate gives an error its kind. The driver's errors hold no password.
func translate(err error, doing string) error {
	if err == nil {
		return nil
	}
	var own *rag.Error
	if errors.As(err, &own) {
		return err
	}
	return rag.Wrap(kindOf(err), err, "pgvector: "+doing)
}

func kindOf(err error) rag.Kind {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code == "" {
		return rag.KindUnavailable // the connection, or the time
	}
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) && pg.Code == "08P01" {
		return rag.KindUnauthorized // PgBouncer's word for a wrong password
	}
	switch class := pg.Code[:2]; {
	case pg.Code == "42P01" || pg.Code == "3F000":
		return rag.KindNotFound
	case class == "28" || pg.Code == "42501":
		return rag.KindUnauthorized
	case class == "22" || class == "23":
		return rag.KindInvalid
	case class == "53":
		return rag.KindExhausted
	case class == "08" || class == "40" || class == "55" || class == "57" || class == "58":
		return rag.KindUnavailable
	}
	return rag.KindInternal
}
