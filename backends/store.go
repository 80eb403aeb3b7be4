package backends

import (
	"cmp"
	"context"
	"strings"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
)

// openStore has the store opened that is named. SQLite is the Retriever's own.
func openStore(cfg config.Config, deps Deps, c *root.Config) error {
	switch cfg.Store.Name {
	case "sqlite":
		return nil
	case "postgres":
	default:
		return unknown("store.name", cfg.Store.Name)
	}
	pg, err := postgresConfig(cfg, deps)
	if err != nil {
		return err
	}
	c.OpenStore = func(ctx context.Context) (root.Store, error) {
		s, err := postgres.Open(ctx, pg)
		if err != nil {
			return nil, err // not a Store that holds a nil pointer
		}
		return s, nil
	}
	return nil
}

func postgresConfig(cfg config.Config, deps Deps) (postgres.Config, error) {
	p := cfg.Store.Postgres
	secure, err := tlsConfig("store.postgres.tls", p.TLS)
	if err != nil {
		return postgres.Config{}, err
	}
	pg := postgres.Config{
		URL: p.URL.Reveal(), MigrateURL: p.MigrateURL.Reveal(), DirectURL: p.DirectURL.Reveal(), Replicas: strings.Fields(p.Replicas.Reveal()),
		Password: password(p.Password), TLS: secure, Schema: p.Schema, PgBouncer: p.PgBouncer,
		MaxConns: p.Connections, MinIdleConns: cmp.Or(p.IdleConnections, -1), MaxConnLifetime: p.Lifetime, MaxConnIdle: p.IdleTime,
		ConnectTimeout: p.ConnectTimeout, AcquireTimeout: p.AcquireTimeout, StatementTimeout: p.StatementTimeout, LockTimeout: p.LockTimeout, IdleTransactionTimeout: p.IdleTransaction,
		Logger: deps.Logger, Clock: deps.Clock, KeepVersions: cmp.Or(cfg.Versions.Keep, root.DefaultKeepVersions),
	}
	if err := pg.WithDefaults().Validate(); err != nil {
		return pg, rag.Errorf(rag.KindInvalid, "store.postgres: %w", err)
	}
	return pg, nil
}

// password returns what drivers ask for a password, nil where none is set.
func password(s config.Secret) func(context.Context) (string, error) {
	if !s.IsSet() {
		return nil
	}
	return func(context.Context) (string, error) { return s.Reveal(), nil }
}
