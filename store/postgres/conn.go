package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// tenantScope says whose rows a transaction may see and write. Row-level security
// holds it to that, whatever its statements say.
type tenantScope struct {
	tenant     string
	collection int64 // whose tenant is meant, where that is not known yet
	every      bool

	elsewhere bool  // may be read from a replica, see replica.go
	least     int64 // what the replica must have
}

// inTenant is the scope of one tenant.
func inTenant(tenant string) tenantScope { return tenantScope{tenant: tenant} }

// ofCollection is the scope of a collection's tenant. A transaction in it is
// KindNotFound where there is no such collection.
func ofCollection(id int64) tenantScope { return tenantScope{collection: id} }

// everyTenant is for maintenance: purging, claiming, sweeping, verifying.
var everyTenant = tenantScope{every: true}

// The most times that a transaction is begun, and the first and the longest wait
// between two of them, of which a random part is taken.
const (
	maxTries  = 8
	firstWait = 10 * time.Millisecond
	mostWait  = 2 * time.Second
)

// view runs fn in a transaction that reads: all that it reads is of one moment.
// Where the connection is lost, fn is run again with another: it must begin anew
// each time. once says otherwise.
func (s *Store) view(ctx context.Context, scope tenantScope, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return s.again(ctx, scope, func(scope tenantScope) error {
		if done, err := s.viewReplica(ctx, scope, fn); done {
			return err
		}
		// How far it was is noted here too: what is read next must not be older.
		scope.elsewhere, scope.least = scope.elsewhere && len(s.replicas) > 0, -1
		return s.transact(ctx, s.primary, scope, reading, fn)
	})
}

// update runs fn in a transaction that writes, which is committed if fn returns
// nil and leaves nothing otherwise. fn is run again, and must begin anew, where
// another transaction was in the way or the connection was lost before the commit.
// Where it is lost in the commit, the server is asked what came of it; if it does
// not answer, the error is KindUnavailable and says that it is not known.
//
// Statements see what others have committed before each of them: fn locks what it
// decides by.
func (s *Store) update(ctx context.Context, scope tenantScope, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return s.again(ctx, scope, func(scope tenantScope) error {
		return s.transact(ctx, s.primary, scope, writing, fn)
	})
}

// again runs try until it succeeds, fails for good, or has been run maxTries
// times.
func (s *Store) again(ctx context.Context, scope tenantScope, try func(tenantScope) error) error {
	wait := firstWait
	for n := 1; ; n++ {
		resolved, err := s.resolve(ctx, scope)
		if err == nil {
			err = try(resolved)
		}
		if err == nil {
			return nil
		}
		var last final
		if errors.As(err, &last) {
			return last.error
		}
		if cause := ctx.Err(); cause != nil {
			return told(err, cause)
		}
		if errors.Is(err, context.DeadlineExceeded) && rag.KindOf(err) == rag.KindExhausted {
			return rag.Errorf(rag.KindUnavailable, "the database does not answer: %v", plain(err))
		}
		if n == maxTries || !(inTheWay(err) || lost(err)) {
			return err
		}
		select {
		case <-ctx.Done():
			return told(err, ctx.Err())
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, mostWait)
	}
}

// told is err for a caller whose context has ended: what has a kind has it still,
// and the rest is because of that.
func told(err, cause error) error {
	var mine *rag.Error
	if errors.As(err, &mine) {
		return err
	}
	return cause
}

// final is an error after which a transaction is not begun again.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// once keeps a transaction from being begun again because of err.
func once(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

// resolve finds the tenant of a collection, which never changes.
func (s *Store) resolve(ctx context.Context, scope tenantScope) (tenantScope, error) {
	if scope.collection == 0 && !scope.every && scope.tenant == "" {
		return scope, rag.Errorf(rag.KindInternal, "a transaction names no tenant")
	}
	if scope.collection == 0 || scope.tenant != "" {
		return scope, nil
	}
	if known, ok := s.tenants.Load(scope.collection); ok {
		scope.tenant = known.(string)
		return scope, nil
	}
	err := s.transact(ctx, s.primary, everyTenant, reading, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT tenant FROM collections WHERE id = $1", scope.collection).Scan(&scope.tenant)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return scope, store.NoCollection(scope.collection)
	}
	if err == nil {
		s.tenants.Store(scope.collection, scope.tenant)
	}
	return scope, err
}

// tenantOf is the tenant of a collection.
func (s *Store) tenantOf(ctx context.Context, collectionID int64) (tenant string, err error) {
	err = s.again(ctx, ofCollection(collectionID), func(resolved tenantScope) error {
		tenant = resolved.tenant
		return nil
	})
	return tenant, err
}

// acquire waits for a free connection, at most Config.AcquireTimeout.
func (s *Store) acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	brief, cancel := context.WithTimeout(ctx, s.cfg.AcquireTimeout)
	defer cancel()
	conn, err := pool.Acquire(brief)
	if err == nil || brief.Err() == nil || ctx.Err() != nil {
		return conn, err
	}
	if stat := pool.Stat(); stat.AcquiredConns() >= stat.MaxConns() {
		return nil, rag.Errorf(rag.KindExhausted, "all %d connections to the database were in use for %v", stat.MaxConns(), s.cfg.AcquireTimeout)
	}
	return nil, rag.Errorf(rag.KindUnavailable, "no connection to the database could be made within %v", s.cfg.AcquireTimeout)
}

// mode is how a transaction begins.
type mode string

const (
	reading mode = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	writing mode = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
)

// endWait bounds what is done after a transaction has failed.
const endWait = 5 * time.Second

// transact runs fn between BEGIN and COMMIT.
func (s *Store) transact(ctx context.Context, pool *pgxpool.Pool, scope tenantScope, m mode, fn func(context.Context, pgx.Tx) error) error {
	t := &txn{preamble: s.preamble(scope, m), patience: s.cfg.StatementTimeout + endWait}
	committing, err := s.begun(ctx, pool, t, fn)
	if err != nil && committing && m == writing {
		err = s.outcome(ctx, t.xid, t.server, err)
	}
	if err == nil {
		s.advance(t.revisions)
	}
	return err
}

// begun runs fn in a transaction on a connection of the pool, which it gives back.
// committing says that an error is that of the COMMIT.
func (s *Store) begun(ctx context.Context, pool *pgxpool.Pool, t *txn, fn func(context.Context, pgx.Tx) error) (committing bool, err error) {
	conn, err := s.acquire(ctx, pool)
	if err != nil {
		return false, err
	}
	defer conn.Release() // closes a connection that is broken or still in a transaction
	t.conn = conn.Conn()
	committed := false
	defer func() {
		// Also reached when fn panics: the transaction must not outlive it.
		if committed || !t.begun || t.conn.IsClosed() {
			return
		}
		brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWait)
		defer cancel()
		_, _ = t.conn.Exec(brief, "ROLLBACK") // a connection on which that fails is closed
	}()
	if err := earlier(fn(ctx, t), ctx.Err()); err != nil || !t.begun {
		return false, err
	}
	tag, err := t.Exec(ctx, "COMMIT")
	committed = err == nil
	if err == nil && tag.String() != "COMMIT" {
		return false, rag.Errorf(rag.KindInternal, "the transaction was rolled back by the database")
	}
	return true, err
}

// outcome is what came of a transaction whose COMMIT got no answer but err: nil
// if it is committed, and an error after which it may be begun again if it is not.
func (s *Store) outcome(ctx context.Context, xid, server string, err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && !lost(err) {
		return err
	}
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ConnectTimeout+endWait)
	defer cancel()
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		status, asked := s.xactStatus(patient, xid, server)
		switch {
		case asked == nil && status == "committed":
			return nil
		case asked == nil && status == "aborted":
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &pgconn.PgError{Code: "40001", Message: "the connection was lost in the commit, which did not take place"}
		case asked == nil && status == "":
			return once(unknownOutcome(err))
		}
		select {
		case <-patient.Done():
			return once(unknownOutcome(err))
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
	}
}

func unknownOutcome(err error) error {
	return rag.Errorf(rag.KindUnavailable, "the connection was lost in the commit, and whether it took place is not known: %v", plain(err))
}

// incarnation is SQL for what differs once a server has lost what it had in memory:
// when it was started, its timeline, which a fail-over changes, and since when it
// counts, which is since the last crash of one of its processes. Numbers of
// transactions that had not come to the disk are given out again after that.
const incarnation = `concat_ws(' ', pg_postmaster_start_time(), left(pg_walfile_name(pg_current_wal_lsn()), 8), (SELECT stats_reset FROM pg_stat_bgwriter))`

// xactStatus asks what became of a transaction: "committed", "aborted", "in
// progress", or nothing where that cannot be known any more.
func (s *Store) xactStatus(ctx context.Context, xid, server string) (status string, err error) {
	conn, err := s.acquire(ctx, s.primary)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	var now string
	err = conn.QueryRow(ctx, "SELECT coalesce(pg_xact_status($1::text::xid8), ''), "+incarnation, xid).Scan(&status, &now)
	if status == "committed" && now != server {
		status = "" // it may be another transaction's
	}
	return status, err
}

// unhurried lifts the bound on the statements of a transaction, for those that go
// through everything.
func unhurried(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', '0', true)")
	tx.(*txn).patience = 0
	return err
}

// unhurriedBetween lifts the bound on how long a transaction may say nothing, for those
// that have callers do something in between.
func unhurriedBetween(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT set_config('idle_in_transaction_session_timeout', '0', true)")
	return err
}

// preamble are the statements that every transaction begins with.
func (s *Store) preamble(scope tenantScope, m mode) preamble {
	p := preamble{begin: string(m), scope: "SELECT set_config('smartretriever.tenant', $1, true), set_config('smartretriever.every_tenant', $2, true)"}
	every := "off"
	if scope.every {
		every = "on"
	}
	p.args = []any{scope.tenant, every}
	if scope.elsewhere {
		p.fresh = &freshness{scope.collection, scope.least, s.seen}
	}
	if s.cfg.PgBouncer {
		for name, value := range s.cfg.session() {
			p.args = append(p.args, name, value)
			p.scope += fmt.Sprintf(", set_config($%d, $%d, true)", len(p.args)-1, len(p.args))
		}
	}
	return p
}
