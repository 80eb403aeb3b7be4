package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
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
	if c.Metadata, err = parseMetadata(metadata); err != nil {
		return c, rag.Errorf(rag.KindInternal, "collection row %d: %v", c.ID, err)
	}
	if err := json.Unmarshal([]byte(chunker), &c.Generation.Chunker); err != nil {
		return c, rag.Errorf(rag.KindInternal, "collection row %d: its chunker options are damaged: %v", c.ID, err)
	}
	return c, nil
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
		return found, rag.Errorf(rag.KindNotFound, "there is no collection %v", name)
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
	if spec.Tenant == "" {
		spec.Tenant = rag.DefaultTenant
	}
	gen := spec.Generation
	gen.Number = 1
	err := errors.Join(store.CheckTenant(spec.Tenant), store.CheckName(spec.Name), spec.Metadata.Validate(), checkGeneration(gen))
	if err != nil {
		return rag.Collection{}, rag.Wrap(rag.KindInvalid, err, "create collection")
	}
	chunker, err := json.Marshal(gen.Chunker)
	if err != nil {
		return rag.Collection{}, rag.Wrap(rag.KindInternal, err, "create collection "+spec.Name)
	}
	var made rag.Collection
	err = s.update(ctx, "create collection "+spec.Name, func(ctx context.Context, c *conn) error {
		if err := nameFree(ctx, c, spec.Tenant, spec.Name); err != nil {
			return err
		}
		res, err := c.exec(ctx, "INSERT INTO collections (tenant, name, description, metadata, generation, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			spec.Tenant, spec.Name, spec.Description, formatMetadata(spec.Metadata), gen.Number, toMicros(s.now()))
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		now := toMicros(s.now())
		_, err = c.exec(ctx, "INSERT INTO generations (collection, number, chunker, model, dimensions, created_at, live_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			id, gen.Number, string(chunker), gen.Model, gen.Dimensions, now, now)
		if err != nil {
			return err
		}
		made, err = collectionByID(ctx, c, id)
		return err
	})
	return made, err
}

// maxDimensions bounds what a row can hold; models have at most a few thousand.
const maxDimensions = 1 << 16

func checkGeneration(g rag.Generation) error {
	if g.Dimensions < 0 || g.Dimensions > maxDimensions || (g.Model == "") != (g.Dimensions == 0) {
		return rag.Errorf(rag.KindInvalid, "model %q with %d dimensions: name both or neither, at most %d dimensions", g.Model, g.Dimensions, maxDimensions)
	}
	return nil
}

func nameFree(ctx context.Context, c *conn, tenant, name string) error {
	var n int
	if err := c.row(ctx, "SELECT count(*) FROM collections WHERE tenant = ? AND name = ?", []any{tenant, name}, &n); err != nil {
		return err
	}
	if n > 0 {
		return rag.Errorf(rag.KindConflict, "collection %s exists already", name)
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
	var page rag.Page[rag.Collection]
	if tenant == "" {
		tenant = rag.DefaultTenant
	}
	limit, err := store.Limit(opt)
	if err != nil {
		return page, err
	}
	cursor, begun, err := store.ParseCursor("collections", opt)
	if err != nil {
		return page, err
	}
	if err := opt.Filter.Validate(); err != nil {
		return page, err
	}
	query := selectCollection + "WHERE c.tenant = ? AND (NOT ? OR c.name > ?) ORDER BY c.name"
	if opt.Descending {
		query = selectCollection + "WHERE c.tenant = ? AND (NOT ? OR c.name < ?) ORDER BY c.name DESC"
	}
	err = s.view(ctx, "list collections", func(c *conn) error {
		rows, err := c.query(ctx, query, tenant, begun, cursor.Name)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			col, err := scanCollection(rows)
			if err != nil {
				return err
			}
			if !opt.Filter.Match(func(key string) rag.Value { return col.Metadata[key] }) {
				continue
			}
			if len(page.Items) == limit {
				cursor.Name = page.Items[limit-1].Name
				page.Next = cursor.String()
				return nil
			}
			page.Items = append(page.Items, col)
		}
		return rows.Err()
	})
	return page, err
}

// UpdateCollection changes a collection's name, description or metadata.
// KindNotFound if there is none, KindConflict if the new name is in use.
func (s *Store) UpdateCollection(ctx context.Context, tenant, name string, change rag.CollectionChange) (rag.Collection, error) {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	var changed rag.Collection
	if change.Name != nil {
		if err := store.CheckName(*change.Name); err != nil {
			return changed, err
		}
	}
	if change.Metadata != nil {
		if err := change.Metadata.Validate(); err != nil {
			return changed, err
		}
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
			col.Name = *change.Name
			// The log of questions follows the collection, not the name.
			_, err := c.exec(ctx, "UPDATE queries SET collection = ? WHERE tenant = ? AND collection = ?", col.Name, scope.Tenant, scope.Collection)
			if err != nil {
				return err
			}
		}
		if change.Description != nil {
			col.Description = *change.Description
		}
		if change.Metadata != nil {
			col.Metadata = *change.Metadata
		}
		_, err = c.exec(ctx, "UPDATE collections SET name = ?, description = ?, metadata = ? WHERE id = ?",
			col.Name, col.Description, formatMetadata(col.Metadata), col.ID)
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

func formatMetadata(m rag.Metadata) string {
	if len(m) == 0 {
		return "{}"
	}
	return mustJSON(m)
}

func parseMetadata(s string) (rag.Metadata, error) {
	m := rag.Metadata{}
	if s == "{}" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return nil, rag.Errorf(rag.KindInternal, "stored metadata is damaged: %v", err)
	}
	return m, nil
}

// formatStrings writes a list as JSON, the empty one as nothing.
func formatStrings(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return mustJSON(list)
}

func parseStrings(s string) (list []string, err error) {
	if s == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, rag.Errorf(rag.KindInternal, "a stored list is damaged: %v", err)
	}
	return list, nil
}

// mustJSON is for values that JSON can always hold: validated metadata, strings,
// numbers that are finite.
func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("sqlite: a checked value is not JSON: " + err.Error())
	}
	return string(data)
}
