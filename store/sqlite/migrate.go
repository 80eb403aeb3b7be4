package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/smartretriever/smartretriever/rag"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schemaVersion is the number of the newest migration this program knows.
func schemaVersion() (int64, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return 0, err
	}
	number, _, _ := strings.Cut(entries[len(entries)-1].Name(), "_")
	return strconv.ParseInt(number, 10, 64)
}

// migrate brings the file to this program's schema. A file that is there already
// costs one small query.
func migrate(ctx context.Context, connector driver.Connector, path string) error {
	db := sql.OpenDB(connector)
	defer db.Close()
	// One connection, because the lock below is a transaction on it.
	db.SetMaxOpenConns(1)
	newest, err := schemaVersion()
	if err != nil {
		return err
	}
	found, err := currentVersion(ctx, db)
	if err != nil {
		return err
	}
	if found > newest {
		return rag.Errorf(rag.KindInvalid, "store %s has schema %d, made by a newer version of this program, which knows schemas up to %d", path, found, newest)
	}
	if found == newest {
		return nil
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
		goose.WithIsolateDDL(true), // no transactions of goose's own
		goose.WithSessionLocker(wholeOrNothing{newest: newest}))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// querier is a database or one of its connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// currentVersion returns the file's schema, 0 for a new file.
func currentVersion(ctx context.Context, db querier) (int64, error) {
	var tables int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", goose.DefaultTablename).Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	var version int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&version)
	return version, err
}

// wholeOrNothing is goose's lock: the write transaction of the connection that
// migrates. Other processes that open the file wait for it, and find the work
// done; a fault or a crash half-way leaves the file as it was.
type wholeOrNothing struct{ newest int64 }

func (w wholeOrNothing) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

func (w wholeOrNothing) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	version, err := currentVersion(ctx, conn)
	end := "COMMIT"
	if err != nil || version != w.newest {
		end = "ROLLBACK"
	}
	_, failed := conn.ExecContext(ctx, end)
	return errors.Join(err, failed)
}
