package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/smartretriever/smartretriever/rag"
)

// translate gives err the kind that says what a caller can do about it, and
// keeps the driver's own types out of the chain. Errors that have a kind pass
// unchanged; a done context stays visible to errors.Is.
func translate(ctx context.Context, err error, doing string) error {
	var mine *rag.Error
	if err == nil || errors.As(err, &mine) {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return rag.Wrap(rag.KindOf(cause), cause, doing)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return rag.Wrap(rag.KindOf(err), err, doing)
	case errors.Is(err, sql.ErrNoRows):
		return rag.Errorf(rag.KindNotFound, "%s: not found", doing)
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), errors.Is(err, driver.ErrBadConn):
		return rag.Errorf(rag.KindUnavailable, "%s: the store is closed", doing)
	}
	var db *sqlite.Error
	if !errors.As(err, &db) {
		return rag.Errorf(rag.KindInternal, "%s: %v", doing, err)
	}
	kind, say := meaning(db.Code())
	return rag.Errorf(kind, "%s: %s: %s", doing, say, db.Error())
}

// meaning maps SQLite's result codes (https://www.sqlite.org/rescode.html); the
// low byte is the primary one.
func meaning(code int) (rag.Kind, string) {
	switch code & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return rag.KindUnavailable, "another process is writing to the store"
	case lib.SQLITE_FULL:
		return rag.KindExhausted, "the disk is full"
	case lib.SQLITE_TOOBIG:
		return rag.KindExhausted, "too large for the store"
	case lib.SQLITE_NOMEM:
		return rag.KindExhausted, "out of memory"
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_PROTOCOL:
		return rag.KindUnavailable, "the store's file cannot be read or written"
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return rag.KindUnavailable, "the store's file may not be written"
	case lib.SQLITE_CORRUPT:
		return rag.KindInternal, "the store's file is damaged"
	case lib.SQLITE_NOTADB:
		return rag.KindInvalid, "the file is not a store"
	case lib.SQLITE_CONSTRAINT:
		return rag.KindConflict, "rows contradict each other"
	case lib.SQLITE_INTERRUPT:
		return rag.KindUnavailable, "interrupted"
	}
	return rag.KindInternal, fmt.Sprintf("SQLite error %d", code)
}

// fatal reports whether err ends the whole transaction rather than one document
// of it: everything but what the document itself is to blame for.
func fatal(err error) bool {
	var mine *rag.Error
	if errors.As(err, &mine) {
		return mine.Kind != rag.KindInvalid && mine.Kind != rag.KindConflict && mine.Kind != rag.KindNotFound
	}
	var db *sqlite.Error
	if errors.As(err, &db) {
		switch db.Code() & 0xff {
		case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
			return false
		}
	}
	return true
}

// busy reports whether err says that another connection holds a lock.
func busy(err error) bool {
	var db *sqlite.Error
	return errors.As(err, &db) && db.Code()&0xff == lib.SQLITE_BUSY
}
