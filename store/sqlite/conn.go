package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"
)

// pool lends connections, each to one goroutine at a time. Its statements are
// prepared once a connection and kept, which database/sql's own pool cannot do
// for a transaction without preparing them anew.
type pool struct {
	db    *sql.DB
	free  chan *conn
	size  int
	begin string
	made  atomic.Int64
}

func newPool(connector driver.Connector, size int, begin string) *pool {
	p := &pool{db: sql.OpenDB(connector), free: make(chan *conn, size), size: size, begin: begin}
	// A connection that is given back is one that broke: keep none.
	p.db.SetMaxIdleConns(0)
	for range size {
		p.free <- &conn{}
	}
	return p
}

// take waits for a free connection. The caller gives it back.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case c, open := <-p.free:
		if !open {
			return nil, sql.ErrConnDone
		}
		if c.sql != nil {
			return c, nil
		}
		inner, err := p.db.Conn(ctx)
		if err != nil {
			p.free <- c
			return nil, err
		}
		c.sql, c.stmts, c.serial = inner, map[string]*sql.Stmt{}, p.made.Add(1)
		return c, nil
	}
}

func (p *pool) give(c *conn) { p.free <- c }

// close waits for the connections that are lent and closes all. last, if set, is
// run on each that was in use.
func (p *pool) close(last func(*conn) error) error {
	var errs []error
	for range p.size {
		c := <-p.free
		if c.sql != nil && last != nil {
			errs = append(errs, last(c))
		}
		c.drop()
	}
	close(p.free)
	return errors.Join(append(errs, p.db.Close())...)
}

// conn is a connection with its prepared statements.
type conn struct {
	sql    *sql.Conn
	stmts  map[string]*sql.Stmt
	serial int64 // how many the pool had opened when it opened this one
}

// drop closes the connection; the next take opens another in its place.
func (c *conn) drop() {
	if c.sql == nil {
		return
	}
	for _, s := range c.stmts {
		_ = s.Close()
	}
	_ = c.sql.Close()
	c.sql, c.stmts = nil, nil
}

func (c *conn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.sql.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs one of the package's constant statements. Texts that vary are not
// for here: each is kept for the life of the connection.
func (c *conn) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// query is exec for rows. The caller closes them.
func (c *conn) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// row scans the first row into dest; sql.ErrNoRows if there is none.
func (c *conn) row(ctx context.Context, query string, args []any, dest ...any) error {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(dest...)
}

// each calls fn for every row.
func (c *conn) each(ctx context.Context, query string, args []any, fn func(*sql.Rows) error) error {
	rows, err := c.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// view runs fn in a read transaction: all it reads is of one moment.
func (s *Store) view(ctx context.Context, doing string, fn func(c *conn) error) error {
	return translate(ctx, s.readers.transact(ctx, ctx, fn), doing)
}

// update runs fn in a write transaction, which is committed if fn returns nil
// and leaves nothing otherwise. ctx is obeyed while waiting for the turn and
// between the steps of fn that ask for it; a statement once begun is not
// interrupted, so that the connection with its warm cache survives.
func (s *Store) update(ctx context.Context, doing string, fn func(ctx context.Context, c *conn) error) error {
	steady := context.WithoutCancel(ctx)
	err := s.writer.transact(ctx, steady, func(c *conn) error {
		if err := fn(steady, c); err != nil {
			return err
		}
		return ctx.Err()
	})
	return translate(ctx, err, doing)
}

// transact takes a connection and runs fn between BEGIN and COMMIT. wait bounds
// the waiting, run is for the rest.
func (p *pool) transact(wait, run context.Context, fn func(*conn) error) error {
	c, err := p.take(wait)
	if err != nil {
		return err
	}
	defer p.give(c)
	if _, err := c.exec(wait, p.begin); err != nil {
		c.drop()
		return err
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		// Also reached when fn panics: the transaction must not outlive it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(run), 10*time.Second)
		defer cancel()
		if _, err := c.exec(ctx, "ROLLBACK"); err != nil || wait.Err() != nil {
			c.drop()
		}
	}()
	if err := fn(c); err != nil {
		return err
	}
	if _, err := c.exec(run, "COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}

// savepoint runs fn so that its failure undoes only what fn did. The error is
// fn's; undone is false when the undoing failed and the transaction must end.
func (c *conn) savepoint(ctx context.Context, fn func() error) (undone bool, err error) {
	if _, err := c.exec(ctx, "SAVEPOINT one"); err != nil {
		return false, err
	}
	if err := fn(); err != nil {
		if _, failed := c.exec(ctx, "ROLLBACK TO one"); failed != nil {
			return false, err
		}
		if _, failed := c.exec(ctx, "RELEASE one"); failed != nil {
			return false, err
		}
		return true, err
	}
	_, err = c.exec(ctx, "RELEASE one")
	return false, err
}
