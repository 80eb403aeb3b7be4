package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/smartretriever/smartretriever/rag"
)

// wrap gives err the kind that says what a caller can do about it, and keeps the
// driver's own types out of the chain. Errors that have a kind pass unchanged; a
// done context stays visible to errors.Is. The words say what was being done.
func wrap(err error, format string, args ...any) error {
	var mine *rag.Error
	if err == nil || errors.As(err, &mine) {
		return err
	}
	doing := fmt.Sprintf(format, args...)
	switch {
	case errors.Is(err, context.Canceled):
		return rag.Wrap(rag.KindUnavailable, context.Canceled, doing)
	case errors.Is(err, context.DeadlineExceeded):
		return rag.Wrap(rag.KindExhausted, context.DeadlineExceeded, doing)
	case errors.Is(err, pgx.ErrNoRows):
		return rag.Errorf(rag.KindNotFound, "%s: not found", doing)
	case errors.Is(err, puddle.ErrClosedPool):
		return rag.Errorf(rag.KindUnavailable, "%s: the store is closed", doing)
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		kind, say := meaning(server.Code)
		return rag.Errorf(kind, "%s: %s: %s (SQLSTATE %s)", doing, say, server.Message, server.Code)
	}
	if lost(err) {
		return rag.Errorf(rag.KindUnavailable, "%s: the connection to the database failed: %v", doing, plain(err))
	}
	return rag.Errorf(rag.KindInternal, "%s: %v", doing, err)
}

// meaning maps SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html);
// the first two characters are the class.
func meaning(code string) (rag.Kind, string) {
	switch code {
	case "22021", "22P05":
		return rag.KindInvalid, "text that PostgreSQL cannot hold"
	case "54000", "54001", "54011", "54023":
		return rag.KindInvalid, "too large for the database"
	case "42501":
		return rag.KindUnavailable, "the role lacks a right"
	case "53100":
		return rag.KindExhausted, "the database's disk is full"
	case "53200":
		return rag.KindExhausted, "the database is out of memory"
	case "53300":
		return rag.KindExhausted, "the database has no connections left"
	case "55P03":
		return rag.KindUnavailable, "another transaction held a lock for too long"
	case "57014":
		return rag.KindExhausted, "the statement took too long"
	case "25P03":
		return rag.KindExhausted, "the transaction was silent for too long"
	case "25006":
		return rag.KindUnavailable, "the database only reads: it is a replica"
	case "3D000", "3F000", "42P01":
		return rag.KindUnavailable, "the database is not set up"
	}
	switch code[:min(2, len(code))] {
	case "08":
		return rag.KindUnavailable, "the connection to the database failed"
	case "23":
		return rag.KindConflict, "rows contradict each other"
	case "28":
		return rag.KindUnavailable, "the database refuses the role"
	case "40":
		return rag.KindConflict, "other transactions were in the way"
	case "53":
		return rag.KindExhausted, "the database lacks resources"
	case "57":
		return rag.KindUnavailable, "the database is shutting down or starting"
	case "58":
		return rag.KindUnavailable, "the database's machine has a fault"
	}
	return rag.KindInternal, "the database reports an error"
}

// inTheWay reports an error after which the same transaction, begun again, can
// succeed at once: it lost to another one.
func inTheWay(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01")
}

// violates reports that a unique constraint of this name stood in the way.
func violates(err error, constraint string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23505" && server.ConstraintName == constraint
}

// lost reports an error after which the connection is gone, or was never made,
// and a new one may do.
func lost(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case "57P01", "57P02", "57P03", "53300", "08P01", "08006", "08003", "08000", "08001", "08004":
			return true
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}

// plain is the text of an error of a connection on one line: where several
// addresses were tried, pgx writes one each.
func plain(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
