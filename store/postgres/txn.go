package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// preamble is what is sent before a transaction's first statement.
type preamble struct {
	begin string
	scope string // a SELECT of set_config
	args  []any
	// fresh, if set, is asked before fn is given anything.
	fresh *freshness
}

// txn is a transaction that begins with its first statement: BEGIN, the setting of
// the tenant and that statement go to the server in one step, so that a transaction
// costs one round trip more than its statements, which is the COMMIT.
type txn struct {
	conn     *pgx.Conn
	preamble preamble
	begun    bool      // something was sent
	now      time.Time // the database's clock at the beginning
	xid      string    // of a transaction that writes
	server   string    // and the server's incarnation then

	revisions map[int64]int64 // of collections that it changes, see notify.go

	// patience is how long a statement waits for its answer, 0 for ever. The server
	// keeps to its own bound, which is shorter; this one is for a server, or a
	// pooler, that says nothing.
	patience time.Duration
}

var errNested = errors.New("postgres: transactions are begun and ended by view and update")

// lead queues the preamble, unless it was sent.
func (t *txn) lead(b *pgx.Batch) int {
	if t.begun {
		return 0
	}
	t.begun = true
	b.Queue(t.preamble.begin)
	b.Queue(t.preamble.scope, t.preamble.args...)
	facts := "SELECT clock_timestamp(), '', ''"
	if t.preamble.begin == string(writing) {
		facts = "SELECT clock_timestamp(), pg_current_xact_id()::text, " + incarnation
	}
	b.Queue(facts)
	if t.preamble.fresh != nil {
		t.preamble.fresh.queue(b)
	}
	return b.Len()
}

// follow reads the answers to the preamble.
func (t *txn) follow(r pgx.BatchResults, led int) error {
	if led == 0 {
		return nil
	}
	if _, err := r.Exec(); err != nil {
		return err
	}
	if _, err := r.Exec(); err != nil {
		return err
	}
	if err := r.QueryRow().Scan(&t.now, &t.xid, &t.server); err != nil {
		return err
	}
	if t.preamble.fresh != nil {
		return t.preamble.fresh.check(r)
	}
	return nil
}

// begin sends the preamble alone, where nothing was sent yet.
func (t *txn) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	var b pgx.Batch
	led := t.lead(&b)
	r := t.send(ctx, &b)
	return earlier(t.follow(r, led), r.Close())
}

// SendBatch sends statements together. Its results have to be read in order and
// closed.
func (t *txn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if t.begun {
		return t.send(ctx, b)
	}
	var whole pgx.Batch
	led := t.lead(&whole)
	whole.QueuedQueries = append(whole.QueuedQueries, b.QueuedQueries...)
	r := t.send(ctx, &whole)
	if err := t.follow(r, led); err != nil {
		return failedBatch{earlier(err, r.Close())}
	}
	return r
}

// bound is a context that ends when the transaction's patience does.
func (t *txn) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if t.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, t.patience)
}

// send sends a batch whose answers have to come in time.
func (t *txn) send(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	ctx, cancel := t.bound(ctx)
	return &boundBatch{t.conn.SendBatch(ctx, b), cancel}
}

// boundBatch are results with which a bound ends.
type boundBatch struct {
	pgx.BatchResults
	cancel context.CancelFunc
}

func (b *boundBatch) Close() error {
	defer b.cancel()
	return b.BatchResults.Close()
}

// noBatch is the batch of rows that came by themselves.
type noBatch struct{ failedBatch }

func (noBatch) Close() error { return nil }

// Exec runs a statement that returns no rows.
func (t *txn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if t.begun {
		ctx, cancel := t.bound(ctx)
		defer cancel()
		return t.conn.Exec(ctx, sql, args...)
	}
	var b pgx.Batch
	b.Queue(sql, args...)
	r := t.SendBatch(ctx, &b)
	tag, err := r.Exec()
	return tag, earlier(err, r.Close())
}

// Query runs a statement for its rows, which have to be read or closed.
func (t *txn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.begun {
		ctx, cancel := t.bound(ctx)
		rows, err := t.conn.Query(ctx, sql, args...)
		if err != nil {
			cancel()
			return rows, err
		}
		return &firstRows{Rows: rows, batch: &boundBatch{BatchResults: noBatch{}, cancel: cancel}}, nil
	}
	var b pgx.Batch
	b.Queue(sql, args...)
	r := t.SendBatch(ctx, &b)
	rows, err := r.Query()
	if err != nil {
		return &firstRows{Rows: rows, batch: r}, earlier(err, r.Close())
	}
	return &firstRows{Rows: rows, batch: r}, nil
}

// QueryRow runs a statement for its first row.
func (t *txn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := t.Query(ctx, sql, args...)
	return &firstRow{rows, err}
}

// earlier is the first of two errors: a batch repeats its own when it is closed.
func earlier(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// What a transaction of the store has no use for.

func (t *txn) Begin(context.Context) (pgx.Tx, error) { return nil, errNested }
func (t *txn) Commit(context.Context) error          { return errNested }
func (t *txn) Rollback(context.Context) error        { return errNested }
func (t *txn) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (t *txn) Conn() *pgx.Conn                       { return t.conn }

// CopyFrom is refused by the server for tables under row-level security.
func (t *txn) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errNested
}

func (t *txn) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return nil, errNested
}

// firstRows are rows of which nothing else is wanted: with them, their batch is
// closed.
type firstRows struct {
	pgx.Rows
	batch  pgx.BatchResults
	closed bool
	err    error
}

func (r *firstRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *firstRows) Close() {
	r.Rows.Close()
	if !r.closed {
		r.closed = true
		r.err = r.batch.Close()
	}
}

func (r *firstRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// firstRow is what QueryRow gives of firstRows.
type firstRow struct {
	rows pgx.Rows
	err  error
}

func (r *firstRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// failedBatch answers for a batch that did not come to its statements.
type failedBatch struct{ err error }

func (f failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }
func (f failedBatch) Query() (pgx.Rows, error)         { return failedRows(f), f.err }
func (f failedBatch) QueryRow() pgx.Row                { return failedRows(f) }
func (f failedBatch) Close() error                     { return f.err }
func (f failedBatch) Tx() pgx.Tx                       { return nil }

// failedRows are the rows of failedBatch.
type failedRows struct{ err error }

func (f failedRows) Close()                                       {}
func (f failedRows) Err() error                                   { return f.err }
func (f failedRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (f failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (f failedRows) Next() bool                                   { return false }
func (f failedRows) Scan(...any) error                            { return f.err }
func (f failedRows) Values() ([]any, error)                       { return nil, f.err }
func (f failedRows) RawValues() [][]byte                          { return nil }
func (f failedRows) Conn() *pgx.Conn                              { return nil }
func (f failedRows) TypeMap() *pgtype.Map                         { return nil }

// clock is the time that is written in rows, of which microseconds are kept: that
// of Config.Clock, or the database's as it was when the transaction began.
func (s *Store) clock(ctx context.Context, tx pgx.Tx) (time.Time, error) {
	if s.cfg.Clock != nil {
		return s.cfg.Clock().UTC().Truncate(time.Microsecond), nil
	}
	t := tx.(*txn)
	err := t.begin(ctx)
	return t.now.UTC(), err
}

// now is clock in a transaction of its own.
func (s *Store) now(ctx context.Context) (now time.Time, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		now, err = s.clock(ctx, tx)
		return err
	})
	return now, err
}
