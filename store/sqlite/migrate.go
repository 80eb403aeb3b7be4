package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

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

// migrateInTurn is migrate for several processes that open a new file at the same
// time. They wait for each other's transactions; but switching a new file to
// write-ahead logging needs it alone, and is not waited for but tried again.
func migrateInTurn(ctx context.Context, connector driver.Connector, cfg Config) error {
	patience, cancel := context.WithTimeout(ctx, cfg.BusyTimeout)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := migrate(ctx, connector, cfg)
		if !busy(err) {
			return err
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// migrate brings the file to this program's schema. A file that is there already
// costs one small query.
//
// All pending migrations are one transaction, begun before goose looks at the
// file: other processes wait for it and find the work done, and a fault or a crash
// half-way leaves the file as it was. goose knows nothing of it. It is told to use
// no transactions, and is given a database with a single connection, which is the
// one that the transaction is on.
func migrate(ctx context.Context, connector driver.Connector, cfg Config) error {
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	known, err := store.KnownSchema(migrations())
	if err != nil {
		return err
	}
	found, err := currentSchema(ctx, db)
	if err != nil {
		return err
	}
	if err := known.Check(found, "store "+cfg.Path); err != nil || found == known {
		return err
	}
	for _, statement := range []string{
		"PRAGMA busy_timeout=0", // see migrateInTurn
		"PRAGMA journal_mode=WAL",
		fmt.Sprintf("PRAGMA busy_timeout=%d", cfg.BusyTimeout.Milliseconds()),
		"BEGIN IMMEDIATE",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := runMigrations(ctx, db, cfg, known); err != nil {
		// Closing the connection would undo it as well.
		_, failed := db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, failed)
	}
	_, err = db.ExecContext(ctx, "COMMIT")
	return err
}

func runMigrations(ctx context.Context, db *sql.DB, cfg Config, known store.Schema) error {
	// Another process may have been first, and be newer.
	found, err := currentSchema(ctx, db)
	if err == nil {
		err = known.Check(found, "store "+cfg.Path)
	}
	if err != nil || found == known {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations(),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
		goose.WithAllowOutofOrder(true), // a file may have a later migration and not an earlier one, if these were written side by side
		goose.WithIsolateDDL(true))      // no transactions of goose's own
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// currentSchema returns that of the file, the zero one for a new file.
func currentSchema(ctx context.Context, db *sql.DB) (found store.Schema, err error) {
	var tables int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", goose.DefaultTablename).Scan(&tables)
	if err != nil || tables == 0 {
		return store.Schema{}, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0), count(DISTINCT version_id) FROM "+goose.DefaultTablename+" WHERE is_applied AND version_id > 0").
		Scan(&found.Newest, &found.Count)
	return found, err
}
