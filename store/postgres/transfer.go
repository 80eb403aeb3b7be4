package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Transfer returns what is known of another store's copy in this one, and whether there
// is nothing in this one.
func (s *Store) Transfer(ctx context.Context) (known store.Transfer, empty bool, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		var text string
		err := tx.QueryRow(ctx, `SELECT transfer, NOT (EXISTS (SELECT FROM collections) OR EXISTS (SELECT FROM ledger) OR EXISTS (SELECT FROM holds)
			OR EXISTS (SELECT FROM spaces) OR EXISTS (SELECT FROM loose_originals)) FROM store`).Scan(&text, &empty)
		if err == nil {
			known, err = store.ParseTransfer(text)
		}
		return err
	})
	return known, empty, wrap(err, "look at the store")
}

// TransferFrom calls fn with a reader of the store, in which nothing can be changed until
// fn returns: other writers wait, and then fail with KindUnavailable. KindUnavailable
// says, too, that it cannot be had for itself within Config.LockTimeout, or that the
// server ended that before fn returned.
func (s *Store) TransferFrom(ctx context.Context, fn func(ctx context.Context, r store.TransferReader) error) error {
	var mine error
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		var names []string
		for _, t := range store.Tables {
			names = append(names, t.Name)
		}
		// A transaction that reads begins after this one has the locks: it sees all that was
		// committed before.
		if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		if err := unhurriedBetween(ctx, tx); err != nil {
			return err
		}
		if mine = s.TransferView(ctx, fn); mine != nil {
			return once(mine)
		}
		_, err := tx.Exec(ctx, "SELECT 1")
		return once(err)
	})
	if mine != nil {
		return mine
	}
	return wrap(err, "keep writers away from the store")
}

// TransferView calls fn with a reader of what is in the store at this moment.
func (s *Store) TransferView(ctx context.Context, fn func(ctx context.Context, r store.TransferReader) error) error {
	var mine error
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		if err := unhurriedBetween(ctx, tx); err != nil {
			return err
		}
		mine = fn(ctx, transferReader{tx})
		return once(mine)
	})
	if mine != nil {
		return mine
	}
	return wrap(err, "read the store")
}

// Place says which database the store is in, without the role.
func (s *Store) Place() string {
	c := s.primary.Config().ConnConfig
	return fmt.Sprintf("PostgreSQL at %s, database %s, schema %s", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.Database, s.cfg.Schema)
}

// asOwner runs fn in a transaction of the role that owns the tables.
func (s *Store) asOwner(ctx context.Context, fn func(tx pgx.Tx) error) error {
	conn, err := s.cfg.migrator(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('smartretriever.every_tenant', 'on', true)"); err != nil {
			return err
		}
		return fn(tx)
	})
}

// BeginTransfer empties the store and makes it the one that another is copied into, whose
// id it takes. Until EndTransfer it can be opened with Config.Receiving only. It works as
// the role that owns the tables.
func (s *Store) BeginTransfer(ctx context.Context, t store.Transfer) error {
	err := s.asOwner(ctx, func(tx pgx.Tx) error {
		names := []string{"loose_embeddings"}
		for _, table := range store.Tables {
			names = append(names, table.Name)
		}
		if _, err := tx.Exec(ctx, "TRUNCATE "+strings.Join(names, ", ")); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE store SET id = $1::text::uuid, transfer = $2", t.From, t.String())
		return err
	})
	if err != nil {
		return wrap(err, "empty the store")
	}
	s.id = t.From
	s.tenants.Clear()
	return nil
}

// EndTransfer makes the store one like any other, which gives no id again that was given
// before. It works as the role that owns the tables.
func (s *Store) EndTransfer(ctx context.Context, t store.Transfer, highest map[string]int64) error {
	err := s.asOwner(ctx, func(tx pgx.Tx) error {
		for _, name := range store.Numbered {
			_, err := tx.Exec(ctx, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), greatest(1, h.id), h.id > 0)
				FROM (SELECT greatest($1::bigint, (SELECT max(id) FROM %[1]s)) AS id) h`, name), highest[name])
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "UPDATE store SET transfer = $1", t.String())
		return err
	})
	return wrap(err, "end the copying")
}

// GatherStatistics tells the planner what is in tables that have been filled: without it,
// what reads them all takes far longer. It works as the role that owns them.
func (s *Store) GatherStatistics(ctx context.Context) error {
	return wrap(s.asOwner(ctx, func(tx pgx.Tx) error {
		for _, table := range store.Tables {
			if _, err := tx.Exec(ctx, "ANALYZE "+table.Name); err != nil {
				return err
			}
		}
		return nil
	}), "gather statistics")
}

// PutRows adds rows to a table in one transaction, all or none.
func (s *Store) PutRows(ctx context.Context, t *store.Table, rows []store.Row) error {
	if len(rows) == 0 {
		return nil
	}
	columns := arraysOf(t, rows)
	query := writeTable(t)
	if t.Name == "embeddings" {
		query = `INSERT INTO embeddings (tenant, model, hash, vector) SELECT w.tenant, m.id, w.hash, w.vector
			FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[]) w (model, hash, tenant, vector) JOIN models m ON m.name = w.model`
	}
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, query, columns...)
		if err == nil && tag.RowsAffected() != int64(len(rows)) {
			err = rag.Errorf(rag.KindInternal, "of %d rows %d belong to something that is there", len(rows), tag.RowsAffected())
		}
		return err
	})
	return wrap(err, "write %s", t.Name)
}

// arraysOf turns rows into columns.
func arraysOf(t *store.Table, rows []store.Row) []any {
	columns := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Kind {
		case store.Int:
			columns[i] = arrayOf[int64](rows, i)
		case store.Text:
			columns[i] = arrayOf[string](rows, i)
		case store.Bytes:
			columns[i] = arrayOf[[]byte](rows, i)
		case store.Bool:
			columns[i] = arrayOf[bool](rows, i)
		case store.Float:
			columns[i] = arrayOf[float64](rows, i)
		case store.Time:
			times := make([]*time.Time, len(rows))
			for n, row := range rows {
				if micros, ok := row[i].(int64); ok {
					at := time.UnixMicro(micros).UTC()
					times[n] = &at
				}
			}
			columns[i] = times
		}
	}
	return columns
}

func arrayOf[T any](rows []store.Row, column int) []T {
	list := make([]T, len(rows))
	for n, row := range rows {
		list[n], _ = row[column].(T) // only a time, or bytes, can be nil
	}
	return list
}

// transferReader reads in a transaction.
type transferReader struct{ tx pgx.Tx }

func (r transferReader) Count(ctx context.Context, t *store.Table) (n int64, err error) {
	err = r.tx.QueryRow(ctx, "SELECT count(*) FROM "+fromTable(t)).Scan(&n)
	return n, wrap(err, "count %s", t.Name)
}

func (r transferReader) Highest(ctx context.Context) (map[string]int64, error) {
	highest := map[string]int64{}
	for _, name := range store.Numbered {
		var n int64
		// A sequence tells its role what it gave last; one that may only draw from it sees
		// that in pg_sequences, or not, and then the rows have to do.
		err := r.tx.QueryRow(ctx, fmt.Sprintf(`SELECT greatest(
			(SELECT max(id) FROM %[1]s),
			(SELECT q.last_value FROM pg_sequences q WHERE format('%%I.%%I', q.schemaname, q.sequencename) = pg_get_serial_sequence('%[1]s', 'id')), 0)`, name)).Scan(&n)
		if err != nil {
			return nil, wrap(err, "read the highest ids")
		}
		highest[name] = n
	}
	return highest, nil
}

func (r transferReader) Rows(ctx context.Context, t *store.Table, fn func(store.Row) error) error {
	var mine error // of fn, to be returned as it is
	give := func(row store.Row) error {
		mine = fn(row)
		return mine
	}
	var err error
	if t.Name == "embeddings" {
		err = r.embeddings(ctx, t, give)
	} else {
		err = r.each(ctx, t, readTable(t), nil, give)
	}
	if mine != nil {
		return mine
	}
	return wrap(err, "read %s", t.Name)
}

// each reads the rows of a query whose columns are those of a table.
func (r transferReader) each(ctx context.Context, t *store.Table, query string, args []any, fn func(store.Row) error) error {
	rows, err := r.tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return err
		}
		for i, c := range t.Columns {
			if row[i], err = neutral(row[i], c); err != nil {
				return fmt.Errorf("%s.%s: %w", t.Name, c.Name, err)
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

func neutral(value any, c store.Column) (any, error) {
	switch v := value.(type) {
	case nil:
		if c.Null {
			return nil, nil
		}
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case time.Time:
		return v.UnixMicro(), nil
	case int64, string, bool, float64, []byte:
		return v, nil
	}
	return nil, rag.Errorf(rag.KindInternal, "a value of type %T has no place in a copy", value)
}

// embeddings gives each that a passage of its tenant has. What several tenants have is
// the first one's for all, as in a store that keeps it once: where an API answers twice
// it need not answer the same.
func (r transferReader) embeddings(ctx context.Context, t *store.Table, fn func(store.Row) error) error {
	rows, err := r.tx.Query(ctx, "SELECT name FROM models ORDER BY name")
	if err != nil {
		return err
	}
	models, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, model := range models {
		var last store.Row
		err := r.each(ctx, t, `SELECT $1::text, e.hash, e.tenant, e.vector FROM embeddings e
			WHERE e.model = (SELECT id FROM models WHERE name = $1) AND EXISTS (
				SELECT FROM chunks k JOIN generations g ON g.collection = k.collection
				WHERE k.hash = e.hash AND k.tenant = e.tenant AND g.model = $1)
			ORDER BY e.hash, e.tenant`, []any{model}, func(row store.Row) error {
			if last != nil && bytes.Equal(last[1].([]byte), row[1].([]byte)) {
				row[3] = last[3]
			}
			last = row
			return fn(row)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
