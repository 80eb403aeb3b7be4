package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// transferKey is the key in meta of what is known of another store's copy in this one.
const transferKey = "transfer"

// Transfer returns what is known of another store's copy in this one, and whether there
// is nothing in this one.
func (s *Store) Transfer(ctx context.Context) (known store.Transfer, empty bool, err error) {
	err = s.view(ctx, "look at the store", func(c *conn) error {
		if known, err = readTransfer(ctx, c); err != nil {
			return err
		}
		return c.row(ctx, `SELECT NOT (EXISTS (SELECT 1 FROM collections) OR EXISTS (SELECT 1 FROM ledger) OR EXISTS (SELECT 1 FROM holds)
			OR EXISTS (SELECT 1 FROM spaces) OR EXISTS (SELECT 1 FROM loose_originals))`, nil, &empty)
	})
	return known, empty, err
}

func readTransfer(ctx context.Context, c *conn) (store.Transfer, error) {
	var text string
	err := c.row(ctx, "SELECT value FROM meta WHERE key = ?", []any{transferKey}, &text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return store.Transfer{}, err
	}
	return store.ParseTransfer(text)
}

// TransferFrom calls fn with a reader of the store, in which nothing can be changed until
// fn returns: other writers wait, and then fail with KindUnavailable.
func (s *Store) TransferFrom(ctx context.Context, fn func(ctx context.Context, r store.TransferReader) error) error {
	var mine error
	err := s.update(ctx, "keep writers away", func(context.Context, *conn) error {
		mine = s.TransferView(ctx, fn)
		return mine
	})
	if mine != nil {
		return mine
	}
	return err
}

// TransferView calls fn with a reader of what is in the store at this moment.
func (s *Store) TransferView(ctx context.Context, fn func(ctx context.Context, r store.TransferReader) error) error {
	var mine error
	err := s.view(ctx, "read the store", func(c *conn) error {
		mine = fn(ctx, transferReader{c})
		return mine
	})
	if mine != nil {
		return mine
	}
	return err
}

// BeginTransfer empties the store and makes it the one that another is copied into, whose
// id it takes. Until EndTransfer it can be opened with Config.Receiving only.
func (s *Store) BeginTransfer(ctx context.Context, t store.Transfer) error {
	err := s.update(ctx, "empty the store", func(ctx context.Context, c *conn) error {
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		tables := []string{"texts", "loose_embeddings"}
		for _, table := range slices.Backward(store.Tables) {
			if table.Name != "loose_originals" {
				tables = append(tables, table.Name)
			}
		}
		for _, name := range append(tables, "loose_originals") { // what triggers wrote
			if _, err := c.sql.ExecContext(ctx, "DELETE FROM "+name); err != nil {
				return err
			}
		}
		if _, err := c.exec(ctx, "DELETE FROM meta WHERE key = 'feed_compacted'"); err != nil {
			return err
		}
		if err := setMeta(ctx, c, "store_id", t.From); err != nil {
			return err
		}
		return setMeta(ctx, c, transferKey, t.String())
	})
	if err == nil {
		s.id = t.From
	}
	return err
}

func setMeta(ctx context.Context, c *conn, key, value string) error {
	_, err := c.exec(ctx, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", key, value)
	return err
}

// EndTransfer makes the store one like any other, which gives no id again that was given
// before.
func (s *Store) EndTransfer(ctx context.Context, t store.Transfer, highest map[string]int64) error {
	return s.update(ctx, "end the copying", func(ctx context.Context, c *conn) error {
		for _, name := range store.Numbered {
			if _, err := c.exec(ctx, "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)", name); err != nil {
				return err
			}
			if _, err := c.exec(ctx, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", name, highest[name]); err != nil {
				return err
			}
		}
		return setMeta(ctx, c, transferKey, t.String())
	})
}

// PutRows adds rows to a table in one transaction, all or none.
func (s *Store) PutRows(ctx context.Context, t *store.Table, rows []store.Row) error {
	return s.update(ctx, "write "+t.Name, func(ctx context.Context, c *conn) error {
		if t.Name == "embeddings" {
			return putEmbeddingRows(ctx, c, rows)
		}
		query := writeTable(t)
		for _, row := range rows {
			if _, err := c.exec(ctx, query, row...); err != nil {
				return fmt.Errorf("row %v: %w", row[:t.Key], err)
			}
			if t.Name == "versions" {
				if err := putText(ctx, c, row[0].(int64), string(row[len(row)-1].([]byte))); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// putEmbeddingRows stores an embedding once that several tenants have.
func putEmbeddingRows(ctx context.Context, c *conn, rows []store.Row) error {
	for _, row := range rows {
		res, err := c.exec(ctx, `INSERT INTO embeddings (hash, model, vector) SELECT ?2, m.id, ?3 FROM models m WHERE m.name = ?1
			ON CONFLICT (hash, model) DO UPDATE SET hash = excluded.hash WHERE vector = excluded.vector`, row[0], row[1], row[3])
		if err != nil {
			return err
		}
		if affected(res) != 1 {
			return rag.Errorf(rag.KindInternal, "an embedding of model %v is there with another vector, or there is no such model", row[0])
		}
	}
	return nil
}

// transferReader reads in a transaction.
type transferReader struct{ c *conn }

// Count of embeddings is that of the rows here, which several tenants may share.
func (r transferReader) Count(ctx context.Context, t *store.Table) (n int64, err error) {
	err = r.c.row(ctx, "SELECT count(*) FROM "+t.Name, nil, &n)
	return n, translate(ctx, err, "count "+t.Name)
}

func (r transferReader) Highest(ctx context.Context) (map[string]int64, error) {
	highest := map[string]int64{}
	err := r.c.each(ctx, "SELECT name, seq FROM sqlite_sequence", nil, func(rows *sql.Rows) error {
		var name string
		var seq int64
		err := rows.Scan(&name, &seq)
		if slices.Contains(store.Numbered, name) {
			highest[name] = seq
		}
		return err
	})
	return highest, translate(ctx, err, "read the highest ids")
}

func (r transferReader) Rows(ctx context.Context, t *store.Table, fn func(store.Row) error) error {
	var mine error // of fn, to be returned as it is
	give := func(row store.Row) error {
		mine = fn(row)
		return mine
	}
	var err error
	if t.Name == "embeddings" {
		err = r.embeddings(ctx, give)
	} else {
		err = r.c.each(ctx, readTable(t), nil, func(rows *sql.Rows) error {
			row, err := scanRow(rows, t)
			if err == nil && t.Name == "versions" {
				err = r.withText(ctx, row)
			}
			if err != nil {
				return err
			}
			return give(row)
		})
	}
	if mine != nil {
		return mine
	}
	return translate(ctx, err, "read "+t.Name)
}

// withText puts the text of a version in the place of its length.
func (r transferReader) withText(ctx context.Context, row store.Row) error {
	at := len(row) - 1
	text, err := readSpan(ctx, r.c, row[0].(int64), rag.Span{End: int(row[at].(int64))})
	row[at] = append([]byte{}, text...) // never nil
	return err
}

func scanRow(rows *sql.Rows, t *store.Table) (store.Row, error) {
	row, into := make(store.Row, len(t.Columns)), make([]any, len(t.Columns))
	for i := range row {
		into[i] = &row[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	for i, c := range t.Columns {
		switch v := row[i].(type) {
		case nil:
			switch {
			case c.Null:
			case c.Kind == store.Bytes:
				row[i] = []byte{} // as the driver gives an empty one
			default:
				return nil, rag.Errorf(rag.KindInternal, "%s.%s is null", t.Name, c.Name)
			}
		case []byte:
			if v == nil {
				row[i] = []byte{}
			}
		case int64:
			if c.Kind == store.Bool {
				row[i] = v != 0
			}
		}
	}
	return row, nil
}

// embeddings gives each to every tenant that has a passage with it.
func (r transferReader) embeddings(ctx context.Context, fn func(store.Row) error) error {
	type model struct {
		id   int64
		name string
	}
	var models []model
	err := r.c.each(ctx, "SELECT id, name FROM models ORDER BY name", nil, func(rows *sql.Rows) error {
		var m model
		err := rows.Scan(&m.id, &m.name)
		models = append(models, m)
		return err
	})
	for _, m := range models {
		if err != nil {
			break
		}
		err = r.c.each(ctx, `
			SELECT e.hash, e.vector, (SELECT json_group_array(DISTINCT c.tenant) FROM chunks k
				JOIN generations g ON g.collection = k.collection JOIN collections c ON c.id = k.collection
				WHERE k.hash = e.hash AND g.model = ?2)
			FROM embeddings e WHERE e.model = ?1 ORDER BY e.hash`, []any{m.id, m.name}, func(rows *sql.Rows) error {
			var hash, vector []byte
			var list string
			if err := rows.Scan(&hash, &vector, &list); err != nil {
				return err
			}
			tenants, err := store.ParseStrings(list)
			if err != nil {
				return err
			}
			slices.Sort(tenants)
			for _, tenant := range tenants {
				if err := fn(store.Row{m.name, hash, tenant, vector}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}
