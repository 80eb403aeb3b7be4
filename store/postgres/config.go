package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says which database to open and how. Only URL is needed.
type Config struct {
	// URL is the database and the role that the store works as, as a URL or as
	// keywords and values (libpq's "connection strings"). sslmode, sslrootcert,
	// sslcert and sslkey are understood. The role needs to own nothing; it should
	// neither be a superuser nor have BYPASSRLS, since row-level security does not
	// hold such a role (see Store.Warnings).
	URL string
	// MigrateURL is the same database with the role that owns the schema and
	// changes it; it then grants the role of URL what that needs. Empty is
	// DirectURL, or else URL: one role for both.
	MigrateURL string
	// DirectURL goes to the server itself where URL goes to PgBouncer: for what
	// needs a session, which is listening for notifications and migrations. Empty
	// with PgBouncer set means that there are no notifications, and DataVersion asks
	// the database each time.
	DirectURL string
	// Replicas are read replicas of the database, as URL. They are read where they
	// are as far as this process knows the primary to be.
	Replicas []string
	// Password is asked for the password before each connection, for one that is
	// kept outside the URL or changes; nil takes the URL's. It must be safe for
	// concurrent use, and is not asked for MigrateURL where that is set.
	Password func(context.Context) (string, error)
	// TLS replaces what the URLs say about TLS; nil leaves it to them. It is used
	// for every connection, with the host's name where ServerName is empty.
	TLS *tls.Config
	// Schema holds all tables; "" is "smartretriever". It is made where it does not
	// exist and the migrating role may.
	Schema string
	// PgBouncer says that URL goes to a pooler in transaction mode: no prepared
	// statements and no state of a session are used then.
	PgBouncer bool

	// MaxConns is the most connections to the primary, and to each replica; 0 is
	// 20, at most 1,000.
	MaxConns int
	// MinIdleConns is how many unused connections are kept open; 0 is 2, a negative
	// number none.
	MinIdleConns int
	// MaxConnLifetime is how long a connection is used, so that load moves to other
	// servers behind one name; 0 is 1 h. A tenth of it is added at random.
	MaxConnLifetime time.Duration
	// MaxConnIdle is how long an unused connection is kept; 0 is 30 min.
	MaxConnIdle time.Duration
	// HealthCheck is how often unused connections are looked after; 0 is 30 s. One
	// that was unused for a second is tried before it is used in any case.
	HealthCheck time.Duration
	// ConnectTimeout bounds making a connection; 0 is 5 s.
	ConnectTimeout time.Duration
	// AcquireTimeout bounds the wait for a free connection; 0 is 10 s. Then the call
	// is KindExhausted.
	AcquireTimeout time.Duration
	// StatementTimeout bounds a statement on the server; 0 is 60 s. It does not bound
	// what looks at, or removes, all that is in a collection or the store: migrations,
	// purges, Verify, Generations, Embedded, SwitchGeneration, DeleteCollection.
	StatementTimeout time.Duration
	// LockTimeout bounds a statement's wait for locks of others; 0 is 30 s.
	LockTimeout time.Duration
	// IdleTransactionTimeout is after how long the server ends a transaction whose
	// client says nothing; 0 is 60 s. It does not bound what has a caller do something in
	// between: Snapshot, TransferFrom, TransferView.
	IdleTransactionTimeout time.Duration

	// Receiving opens a store into which another is being copied as well: for what
	// copies it.
	Receiving bool

	// Logger takes the few lines the store has to say; nil discards them.
	Logger *slog.Logger
	// Clock tells the time, for tests. nil takes the database's, which is one for
	// all processes: a lease must not depend on whose clock is right.
	Clock func() time.Time
	// KeepVersions is how many versions of a document's text are kept, the current
	// one included; 0 is 1. Chunks exist of the current version only.
	KeepVersions int
	// FeedRetention is how long the change feed keeps saying that a chunk was
	// deleted; 0 is 24 hours. A follower that is further behind is told to begin
	// again with a snapshot. Puts of live chunks are kept for ever.
	FeedRetention time.Duration
	// Tracer, if set, sees every statement.
	Tracer pgx.QueryTracer
	// Dial makes connections: for a tunnel, and for tests that cut them. nil is
	// net.Dialer's.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// WithDefaults fills in the fields that are zero.
func (c Config) WithDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Schema == "" {
		c.Schema = "smartretriever"
	}
	if c.MaxConns == 0 {
		c.MaxConns = 20
	}
	switch {
	case c.MinIdleConns == 0:
		c.MinIdleConns = min(2, c.MaxConns)
	case c.MinIdleConns < 0:
		c.MinIdleConns = 0
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.MaxConnLifetime, time.Hour},
		{&c.MaxConnIdle, 30 * time.Minute},
		{&c.HealthCheck, 30 * time.Second},
		{&c.ConnectTimeout, 5 * time.Second},
		{&c.AcquireTimeout, 10 * time.Second},
		{&c.StatementTimeout, time.Minute},
		{&c.LockTimeout, 30 * time.Second},
		{&c.IdleTransactionTimeout, time.Minute},
		{&c.FeedRetention, 24 * time.Hour},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.KeepVersions == 0 {
		c.KeepVersions = 1
	}
	return c
}

// maxSchema is the most bytes of a name in PostgreSQL.
const maxSchema = 63

// Validate reports all faults together, as KindInvalid. It repeats no URL.
func (c Config) Validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, rag.Errorf(rag.KindInvalid, format, args...))
		}
	}
	fault(c.URL == "", "the store needs the URL of a database")
	for name, u := range c.urls() {
		if u == "" {
			continue
		}
		_, err := parseURL(u)
		fault(err != nil, "%s: %v", name, err)
	}
	fault(len(c.Schema) > maxSchema, "the schema's name has %d bytes; PostgreSQL takes %d", len(c.Schema), maxSchema)
	fault(checkSchema(c.Schema) != nil, "%v", checkSchema(c.Schema))
	fault(c.MaxConns < 0 || c.MaxConns > 1000, "the most connections are %d; 1 to 1000 are allowed", c.MaxConns)
	fault(c.MaxConns > 0 && c.MinIdleConns > c.MaxConns, "%d unused connections are to be kept of at most %d", c.MinIdleConns, c.MaxConns)
	for name, d := range map[string]time.Duration{
		"lifetime of connections": c.MaxConnLifetime, "idle time of connections": c.MaxConnIdle, "period of health checks": c.HealthCheck,
		"connect timeout": c.ConnectTimeout, "acquire timeout": c.AcquireTimeout, "statement timeout": c.StatementTimeout,
		"lock timeout": c.LockTimeout, "idle transaction timeout": c.IdleTransactionTimeout, "feed's retention": c.FeedRetention,
	} {
		fault(d < 0, "the %s %v is negative", name, d)
	}
	fault(c.KeepVersions < 0, "the number of kept versions %d is negative", c.KeepVersions)
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "store configuration")
}

// urls names all that Validate looks at.
func (c Config) urls() map[string]string {
	all := map[string]string{"the store's URL": c.URL, "the URL for migrations": c.MigrateURL, "the direct URL": c.DirectURL}
	for i, u := range c.Replicas {
		all["the URL of replica "+itoa(i+1)] = u
	}
	return all
}
