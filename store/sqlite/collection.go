package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectCollection = `
SELECT c.id, c.tenant, c.name, c.description, c.metadata, c.created_at, c.seq, c.documents, c.chunks, c.bytes,
       g.number, g.chunker, g.model, g.dimensions
FROM collections c JOIN generations g ON g.collection = c.id AND g.number = c.generation `

// scanner is a row to be read: *sql.Row and *sql.Rows are.
type scanner interface{ Scan(dest ...any) error }

func scanCollection(r scanner) (rag.Collection, error) {
	var c rag.Collection
	var metadata, chunker string
	var created int64
	err := r.Scan(&c.ID, &c.Tenant, &c.Name, &c.Description, &metadata, &created, &c.Seq, &c.Documents, &c.Chunks, &c.Bytes,
		&c.Generation.Number, &chunker, &c.Generation.Model, &c.Generation.Dimensions)
	if err != nil {
		return c, err
	}
	c.CreatedAt = fromMicros(created)
	return c, store.ParseCollection(&c, metadata, chunker)
}

// oneCollection returns the only collection that where finds. name is for the
// error's text.
func oneCollection(ctx context.Context, c *conn, name any, where string, args ...any) (rag.Collection, error) {
	s, err := c.stmt(ctx, selectCollection+where)
	if err != nil {
		return rag.Collection{}, err
	}
	found, err := scanCollection(s.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return found, store.NoCollection(name)
	}
	return found, err
}

func collectionByName(ctx context.Context, c *conn, tenant, name string) (rag.Collection, error) {
	return oneCollection(ctx, c, name, "WHERE c.tenant = ? AND c.name = ?", tenant, name)
}

func collectionByID(ctx context.Context, c *conn, id int64) (rag.Collection, error) {
	return oneCollection(ctx, c, id, "WHERE c.id = ?", id)
}

// CreateCollection makes a collection with its first generation; counters, times
// and numbers of spec are ignored. The empty tenant is the default one. A name in
// use is KindConflict, a bad name or bad metadata KindInvalid.
func (s *Store) CreateCollection(ctx context.Context, spec rag.Collection) (rag.Collection, error) {
	spec, chunker, err := store.NewCollection(spec)
	if err != nil {
		return rag.Collection{}, err
	}
	gen := spec.Generation
	var made rag.Collection
	err = s.update(ctx, "create collection "+spec.Name, func(ctx context.Context, c *conn) error {
		if err := nameFree(ctx, c, spec.Tenant, spec.Name); err != nil {
			return err
		}
		res, err := c.exec(ctx, "INSERT INTO collections (tenant, name, description, metadata, generation, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			spec.Tenant, spec.Name, spec.Description, store.FormatMetadata(spec.Metadata), gen.Number, toMicros(s.now()))
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		now := toMicros(s.now())
		_, err = c.exec(ctx, "INSERT INTO generations (collection, number, chunker, model, dimensions, created_at, live_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			id, gen.Number, chunker, gen.Model, gen.Dimensions, now, now)
		if err != nil {
			return err
		}
		made, err = collectionByID(ctx, c, id)
		return err
	})
	return made, err
}

func nameFree(ctx context.Context, c *conn, tenant, name string) error {
	var n int
	if err := c.row(ctx, "SELECT count(*) FROM collections WHERE tenant = ? AND name = ?", []any{tenant, name}, &n); err != nil {
		return err
	}
	if n > 0 {
		return store.NameTaken(name)
	}
	return nil
}

// Collection returns a collection by name, KindNotFound if there is none. Empty
// names are the defaults.
func (s *Store) Collection(ctx context.Context, tenant, name string) (rag.Collection, error) {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	var found rag.Collection
	err := s.view(ctx, "read collection", func(c *conn) (err error) {
		found, err = collectionByName(ctx, c, scope.Tenant, scope.Collection)
		return err
	})
	return found, err
}

// CollectionByID returns a collection by the store's own number.
func (s *Store) CollectionByID(ctx context.Context, id int64) (rag.Collection, error) {
	var found rag.Collection
	err := s.view(ctx, "read collection", func(c *conn) (err error) {
		found, err = collectionByID(ctx, c, id)
		return err
	})
	return found, err
}

// Collections lists a tenant's collections by name. opt.Filter is on their
// metadata.
func (s *Store) Collections(ctx context.Context, tenant string, opt rag.ListOptions) (rag.Page[rag.Collection], error) {
	if tenant == "" {
		tenant = rag.DefaultTenant
	}
	list, err := store.NewListing[rag.Collection]("collections", opt)
	if err != nil {
		return rag.Page[rag.Collection]{}, err
	}
	if err := opt.Filter.Validate(); err != nil {
		return list.Page, err
	}
	query := selectCollection + "WHERE c.tenant = ? AND (NOT ? OR c.name > ?) ORDER BY c.name"
	if opt.Descending {
		query = selectCollection + "WHERE c.tenant = ? AND (NOT ? OR c.name < ?) ORDER BY c.name DESC"
	}
	err = s.view(ctx, "list collections", func(c *conn) error {
		rows, err := c.query(ctx, query, tenant, list.Begun, list.After.Name)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			col, err := scanCollection(rows)
			if err != nil {
				return err
			}
			if opt.Filter.Match(func(key string) rag.Value { return col.Metadata[key] }) && !list.Add(col, 0, col.Name) {
				return nil
			}
		}
		return rows.Err()
	})
	return list.Page, err
}

// UpdateCollection changes a collection's name, description or metadata.
// KindNotFound if there is none, KindConflict if the new name is in use.
func (s *Store) UpdateCollection(ctx context.Context, tenant, name string, change rag.CollectionChange) (rag.Collection, error) {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	var changed rag.Collection
	if err := store.CheckCollectionChange(change); err != nil {
		return changed, err
	}
	err := s.update(ctx, "change collection "+scope.Collection, func(ctx context.Context, c *conn) error {
		col, err := collectionByName(ctx, c, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		if change.Name != nil && *change.Name != col.Name {
			if err := nameFree(ctx, c, scope.Tenant, *change.Name); err != nil {
				return err
			}
			// The log of questions follows the collection, not the name.
			_, err := c.exec(ctx, "UPDATE queries SET collection = ? WHERE tenant = ? AND collection = ?", *change.Name, scope.Tenant, scope.Collection)
			if err != nil {
				return err
			}
		}
		store.ChangeCollection(&col, change)
		_, err = c.exec(ctx, "UPDATE collections SET name = ?, description = ?, metadata = ? WHERE id = ?",
			col.Name, col.Description, store.FormatMetadata(col.Metadata), col.ID)
		if err != nil {
			return err
		}
		changed, err = collectionByID(ctx, c, col.ID)
		return err
	})
	return changed, err
}

// DeleteCollection removes a collection with everything in it, its query log
// included; embeddings and the bytes in the file go with the next Purge. Whoever
// follows its change feed is told KindNotFound from then on.
func (s *Store) DeleteCollection(ctx context.Context, tenant, name string) error {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	return s.update(ctx, "delete collection "+scope.Collection, func(ctx context.Context, c *conn) error {
		col, err := collectionByName(ctx, c, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		id := col.ID
		_, err = c.exec(ctx, `DELETE FROM texts WHERE id IN (
			SELECT t.id FROM documents d JOIN versions v ON v.document = d.id
			JOIN texts t ON t.id BETWEEN v.id << 24 AND (v.id << 24) + 16777215
			WHERE d.collection = ?)`, id)
		if err != nil {
			return err
		}
		for _, query := range []string{
			"INSERT OR IGNORE INTO loose_embeddings (id) SELECT e.id FROM chunks k JOIN embeddings e ON e.hash = k.hash WHERE k.collection = ?",
			"DELETE FROM chunks WHERE collection = ?",
			"DELETE FROM versions WHERE document IN (SELECT id FROM documents WHERE collection = ?)",
			"DELETE FROM documents WHERE collection = ?",
			"DELETE FROM changes WHERE collection = ?",
			"DELETE FROM collections WHERE id = ?", // and its generations
		} {
			if _, err := c.exec(ctx, query, id); err != nil {
				return err
			}
		}
		_, err = c.exec(ctx, "DELETE FROM queries WHERE tenant = ? AND collection = ?", scope.Tenant, scope.Collection)
		return err
	})
}

// toMicros is how times are stored; the zero time is 0.
func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
