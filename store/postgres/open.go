package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/smartretriever/smartretriever/rag"
)

// Store is an open document store. All methods are safe for concurrent use; any
// number of processes may have the same database open.
type Store struct {
	cfg      Config
	id       string
	instance string // of this Store among all that are open, see notify.go
	primary  *pgxpool.Pool
	tenants  sync.Map // of collections that exist or existed: id to tenant
	warnings []string
	progress progress
	listener listener
	replicas []*replica
	turn     atomic.Uint32 // which replica is next

	closing sync.Once
	closed  atomic.Bool
}

// Open opens the store of cfg.URL, and makes or updates its tables where needed.
// Tables that a newer version of the program made are KindInvalid, a database that
// cannot be reached, or into which another store is still being copied (see
// Config.Receiving), is KindUnavailable.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	if err := migrateInTurn(ctx, cfg); err != nil {
		return nil, wrap(err, "set up the store's schema %s", cfg.Schema)
	}
	s := &Store{cfg: cfg, instance: uuid.NewString()}
	var err error
	if s.primary, err = cfg.pool(ctx, cfg.URL); err != nil {
		return nil, wrap(err, "open the store")
	}
	if err := s.identify(ctx); err != nil {
		return nil, errors.Join(wrap(err, "open the store"), s.Close())
	}
	if known, _, err := s.Transfer(ctx); err != nil || known.Unfinished() && !cfg.Receiving {
		return nil, errors.Join(cmp.Or(err, known.ErrUnfinished()), s.Close())
	}
	if err := s.openReplicas(ctx); err != nil {
		return nil, errors.Join(wrap(err, "open the store's replicas"), s.Close())
	}
	if !cfg.PgBouncer || cfg.DirectURL != "" {
		s.startListening()
	}
	return s, nil
}

// identify reads the store's id and looks at what its role may do.
func (s *Store) identify(ctx context.Context) error {
	var role string
	var super, bypass bool
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT s.id::text, r.rolname, r.rolsuper, r.rolbypassrls FROM store s, pg_roles r WHERE r.rolname = current_user").
			Scan(&s.id, &role, &super, &bypass)
	})
	if err != nil {
		return err
	}
	switch {
	case super:
		s.warn("the role %s is a superuser: row-level security does not hold it, so that tenants are kept apart by the program alone", role)
	case bypass:
		s.warn("the role %s has BYPASSRLS: row-level security does not hold it, so that tenants are kept apart by the program alone", role)
	}
	return nil
}

func (s *Store) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.warnings = append(s.warnings, text)
	s.cfg.Logger.Warn("store: " + text)
}

// Warnings says what of the database's set-up is not as it should be, a sentence
// each; none is well.
func (s *Store) Warnings() []string { return append([]string(nil), s.warnings...) }

// ID returns the store's random UUID. Whatever is derived from a store, such as
// the files of an index, keeps it and is discarded when it differs.
func (s *Store) ID() string { return s.id }

// Schema returns the name of the schema that holds the store's tables.
func (s *Store) Schema() string { return s.cfg.Schema }

// Close waits for running calls and closes all connections. Later calls are
// KindUnavailable; closing twice is no error.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.listener.close()
		for _, r := range s.replicas {
			r.pool.Close()
		}
		s.primary.Close()
	})
	return nil
}

// stillOpen is an error once the store is closed.
func (s *Store) stillOpen() error {
	if s.closed.Load() {
		return rag.Errorf(rag.KindUnavailable, "the store is closed")
	}
	return nil
}

// parseURL reads a URL without telling in the error what it holds.
func parseURL(u string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(u)
	if err == nil {
		return cfg, nil
	}
	var bad *pgconn.ParseConfigError
	if !errors.As(err, &bad) {
		return nil, rag.Errorf(rag.KindInvalid, "it cannot be read")
	}
	// The error's text repeats the URL with the password masked as far as pgx can
	// tell it from the rest; the cause's text repeats parts of it at times.
	reason := "it is neither a URL nor keywords and values"
	for _, word := range []string{"sslmode", "sslrootcert", "CA file", "sslcert", "sslkey", "certificate", "key", "port", "host", "timeout", "passfile", "service"} {
		if cause := errors.Unwrap(bad); cause != nil && strings.Contains(cause.Error(), word) {
			reason = "its " + word + " cannot be used"
			break
		}
	}
	return nil, rag.Errorf(rag.KindInvalid, "it cannot be read: %s", reason)
}

// connConfig is how a connection is made.
func (c Config) connConfig(u string) (*pgx.ConnConfig, error) {
	cc, err := parseURL(u)
	if err != nil {
		return nil, err
	}
	cc.ConnectTimeout = c.ConnectTimeout
	if c.TLS != nil {
		setTLS(cc, c.TLS)
	}
	cc.Tracer = c.Tracer
	if c.Dial != nil {
		cc.DialFunc = c.Dial
	}
	cc.RuntimeParams["application_name"] = "smartretriever"
	// A call whose context ends has its statement cancelled on the server; only
	// where that brings no answer the connection is given up. Behind PgBouncer it is
	// given up at once, and the cancel request that goes with that is seen to its end:
	// before 1.20, PgBouncer ends itself, with all its connections, when a client leaves
	// in the middle of one (https://github.com/pgbouncer/pgbouncer/issues/801).
	if !c.PgBouncer || u == c.DirectURL || u == c.MigrateURL {
		cc.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
			return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 2 * time.Second}
		}
	}
	return cc, nil
}

// setTLS replaces what the URL says of TLS. Attempts without TLS, which sslmode
// prefer and allow make, are left out.
func setTLS(cc *pgx.ConnConfig, t *tls.Config) {
	with := func(host string) *tls.Config {
		own := t.Clone()
		if own.ServerName == "" {
			own.ServerName = host
		}
		return own
	}
	cc.TLSConfig = with(cc.Host)
	var fallbacks []*pgconn.FallbackConfig
	seen := map[string]bool{cc.Host + ":" + strconv.Itoa(int(cc.Port)): true}
	for _, f := range cc.Fallbacks {
		if key := f.Host + ":" + strconv.Itoa(int(f.Port)); !seen[key] {
			seen[key] = true
			fallbacks = append(fallbacks, &pgconn.FallbackConfig{Host: f.Host, Port: f.Port, TLSConfig: with(f.Host)})
		}
	}
	cc.Fallbacks = fallbacks
}

// session are the settings of a connection, or behind PgBouncer of a transaction.
func (c Config) session() map[string]string {
	ms := func(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }
	return map[string]string{
		"search_path":                         c.searchPath(),
		"statement_timeout":                   ms(c.StatementTimeout),
		"lock_timeout":                        ms(c.LockTimeout),
		"idle_in_transaction_session_timeout": ms(c.IdleTransactionTimeout),
	}
}

// searchPath makes the schema's names known without it. Temporary tables come
// last, so that none takes the place of one of the store's.
func (c Config) searchPath() string {
	return pgx.Identifier{c.Schema}.Sanitize() + ", pg_temp"
}

// pool opens the connections to one server.
func (c Config) pool(ctx context.Context, u string) (*pgxpool.Pool, error) {
	cc, err := c.connConfig(u)
	if err != nil {
		return nil, err
	}
	// What pool_* parameters in the URL say is not for us to take.
	pc, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the environment's settings of PostgreSQL cannot be read")
	}
	pc.ConnConfig = cc
	if c.PgBouncer {
		cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	} else {
		for name, value := range c.session() {
			cc.RuntimeParams[name] = value
		}
	}
	pc.MaxConns = int32(c.MaxConns)
	pc.MinIdleConns = int32(c.MinIdleConns)
	pc.MaxConnLifetime = c.MaxConnLifetime
	pc.MaxConnLifetimeJitter = c.MaxConnLifetime / 10
	pc.MaxConnIdleTime = c.MaxConnIdle
	pc.HealthCheckPeriod = c.HealthCheck
	pc.PingTimeout = c.ConnectTimeout
	pc.BeforeConnect = c.askPassword
	return pgxpool.NewWithConfig(ctx, pc)
}

func (c Config) askPassword(ctx context.Context, cc *pgx.ConnConfig) error {
	if c.Password == nil {
		return nil
	}
	password, err := c.Password(ctx)
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "ask for the database's password")
	}
	cc.Password = password
	return nil
}

// checkSchema reports a schema's name that cannot be one.
func checkSchema(name string) error {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) || strings.HasPrefix(name, "pg_") {
		return rag.Errorf(rag.KindInvalid, "schema %.80q cannot be used as a name", name)
	}
	return nil
}

// lockKey is the number of an advisory lock that is the schema's own.
func (c Config) lockKey(purpose string) int64 {
	h := fnv.New64a()
	h.Write([]byte("smartretriever\x00" + c.Schema + "\x00" + purpose))
	return int64(h.Sum64())
}

func itoa(n int) string { return strconv.Itoa(n) }
