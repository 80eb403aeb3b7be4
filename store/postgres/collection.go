package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const selectCollection = `
SELECT c.id, c.tenant, c.name, c.description, c.metadata, c.created_at, c.seq, c.documents, c.chunks, c.bytes,
       g.number, g.chunker, g.model, g.dimensions
FROM collections c JOIN generations g ON g.collection = c.id AND g.number = c.generation `

// scanner is a row to be read: pgx.Row and pgx.Rows are.
type scanner interface{ Scan(dest ...any) error }

func scanCollection(r scanner, more ...any) (rag.Collection, error) {
	var c rag.Collection
	var metadata, chunker string
	dest := []any{&c.ID, &c.Tenant, &c.Name, &c.Description, &metadata, &c.CreatedAt, &c.Seq, &c.Documents, &c.Chunks, &c.Bytes,
		&c.Generation.Number, &chunker, &c.Generation.Model, &c.Generation.Dimensions}
	if err := r.Scan(append(dest, more...)...); err != nil {
		return c, err
	}
	c.CreatedAt = c.CreatedAt.UTC()
	return c, store.ParseCollection(&c, metadata, chunker)
}

// oneCollection returns the only collection that where finds. name is for the
// error's text.
func oneCollection(ctx context.Context, tx pgx.Tx, name any, where string, args ...any) (rag.Collection, error) {
	found, err := scanCollection(tx.QueryRow(ctx, selectCollection+where, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		return found, store.NoCollection(name)
	}
	return found, err
}

func collectionByName(ctx context.Context, tx pgx.Tx, tenant, name string) (rag.Collection, error) {
	return oneCollection(ctx, tx, name, "WHERE c.tenant = $1 AND c.name = $2", tenant, name)
}

func collectionByID(ctx context.Context, tx pgx.Tx, id int64) (rag.Collection, error) {
	return oneCollection(ctx, tx, id, "WHERE c.id = $1", id)
}

// lockByName locks the row of a collection until the end of the transaction and
// returns the collection: whoever changes anything in it does so first. Locks of
// several collections are taken in the order of their ids.
func lockByName(ctx context.Context, tx pgx.Tx, tenant, name string) (rag.Collection, error) {
	return lock(ctx, tx, name, "WHERE c.tenant = $1 AND c.name = $2", tenant, name)
}

// lockByID is lockByName by number.
func lockByID(ctx context.Context, tx pgx.Tx, id int64) (rag.Collection, error) {
	return lock(ctx, tx, id, "WHERE c.id = $1", id)
}

// lock locks and then reads, in one step. In one statement the wait for the lock
// would come between the two: PostgreSQL then looks again at the row that it locks,
// but not at those that are joined with it, and finds none where another generation
// has become live meanwhile.
func lock(ctx context.Context, tx pgx.Tx, name any, where string, args ...any) (rag.Collection, error) {
	var batch pgx.Batch
	batch.Queue("SELECT c.id FROM collections c "+where+" FOR NO KEY UPDATE", args...)
	batch.Queue(selectCollection+where, args...)
	r := tx.SendBatch(ctx, &batch)
	var locked int64
	if err := r.QueryRow().Scan(&locked); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return rag.Collection{}, earlier(err, r.Close())
	}
	c, err := scanCollection(r.QueryRow())
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = store.NoCollection(name)
	case err == nil && c.ID != locked:
		err = errRenamed
	}
	return c, earlier(err, r.Close())
}

// errRenamed has a transaction begun again: the collection that it waited for has lost its
// name to the one that was read, which is not locked.
var errRenamed = &pgconn.PgError{Code: "40001", Message: "the collection was renamed"}

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
	err = s.update(ctx, inTenant(spec.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		var id int64
		err = tx.QueryRow(ctx, `
			INSERT INTO collections (tenant, name, description, metadata, generation, created_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, name) DO NOTHING RETURNING id`,
			spec.Tenant, spec.Name, spec.Description, store.FormatMetadata(spec.Metadata), gen.Number, now).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NameTaken(spec.Name)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO generations (tenant, collection, number, chunker, model, dimensions, created_at, live_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
			spec.Tenant, id, gen.Number, chunker, gen.Model, gen.Dimensions, now)
		if err != nil {
			return err
		}
		if err := s.touched(ctx, tx, id); err != nil {
			return err
		}
		made, err = collectionByID(ctx, tx, id)
		return err
	})
	return made, wrap(err, "create collection %s", spec.Name)
}

// Collection returns a collection by name, KindNotFound if there is none. Empty
// names are the defaults. It is read from the primary, and so names the state that
// what is read next must reach, from wherever that is read.
func (s *Store) Collection(ctx context.Context, tenant, name string) (rag.Collection, error) {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	return s.collection(ctx, inTenant(scope.Tenant), scope.Collection, "WHERE c.tenant = $1 AND c.name = $2", scope.Tenant, scope.Collection)
}

// CollectionByID returns a collection by the store's own number. It is read from
// the primary, as by Collection.
func (s *Store) CollectionByID(ctx context.Context, id int64) (rag.Collection, error) {
	return s.collection(ctx, ofCollection(id), id, "WHERE c.id = $1", id)
}

// collection reads a collection, and notes how far it has come.
func (s *Store) collection(ctx context.Context, scope tenantScope, name any, where string, args ...any) (rag.Collection, error) {
	var found rag.Collection
	var revision int64
	err := s.view(ctx, scope, func(ctx context.Context, tx pgx.Tx) (err error) {
		found, err = scanCollection(tx.QueryRow(ctx, strings.Replace(selectCollection, "FROM", ", c.revision FROM", 1)+where, args...), &revision)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoCollection(name)
		}
		return err
	})
	if err == nil {
		s.tenants.LoadOrStore(found.ID, found.Tenant)
		s.seen(found.ID, revision)
	}
	return found, wrap(err, "read collection")
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
	query := selectCollection + "WHERE c.tenant = $1 AND (NOT $2 OR c.name > $3) ORDER BY c.name"
	if opt.Descending {
		query = selectCollection + "WHERE c.tenant = $1 AND (NOT $2 OR c.name < $3) ORDER BY c.name DESC"
	}
	err = s.view(ctx, inTenant(tenant), func(ctx context.Context, tx pgx.Tx) error {
		list.Restart()
		rows, err := tx.Query(ctx, query, tenant, list.Begun, list.After.Name)
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
	return list.Page, wrap(err, "list collections")
}

// UpdateCollection changes a collection's name, description or metadata.
// KindNotFound if there is none, KindConflict if the new name is in use.
func (s *Store) UpdateCollection(ctx context.Context, tenant, name string, change rag.CollectionChange) (rag.Collection, error) {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	var changed rag.Collection
	if err := store.CheckCollectionChange(change); err != nil {
		return changed, err
	}
	err := s.update(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		col, err := lockByName(ctx, tx, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		if change.Name != nil && *change.Name != col.Name {
			var taken bool
			err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM collections WHERE tenant = $1 AND name = $2)", scope.Tenant, *change.Name).Scan(&taken)
			if err != nil {
				return err
			}
			if taken {
				return store.NameTaken(*change.Name)
			}
		}
		store.ChangeCollection(&col, change)
		// Another call may take the name at the same time: that is a conflict too.
		_, err = tx.Exec(ctx, "UPDATE collections SET name = $1, description = $2, metadata = $3 WHERE id = $4",
			col.Name, col.Description, store.FormatMetadata(col.Metadata), col.ID)
		if violates(err, "collections_tenant_name_key") {
			return store.NameTaken(col.Name)
		}
		if err != nil {
			return err
		}
		if err := s.touched(ctx, tx, col.ID); err != nil {
			return err
		}
		changed, err = collectionByID(ctx, tx, col.ID)
		return err
	})
	return changed, wrap(err, "change collection %s", scope.Collection)
}

// DeleteCollection removes a collection with everything in it, its query log
// included; embeddings go with the next Purge. Whoever follows its change feed is
// told KindNotFound from then on.
func (s *Store) DeleteCollection(ctx context.Context, tenant, name string) error {
	scope := rag.Scope{Tenant: tenant, Collection: name}.WithDefaults()
	err := s.update(ctx, inTenant(scope.Tenant), func(ctx context.Context, tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		col, err := lockByName(ctx, tx, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		if err := s.keepEmbeddings(ctx, tx, col.Tenant); err != nil {
			return err
		}
		if err := s.touched(ctx, tx, col.ID); err != nil {
			return err
		}
		for _, query := range []string{
			`INSERT INTO loose_embeddings (tenant, model, hash)
				SELECT DISTINCT e.tenant, e.model, e.hash FROM chunks k JOIN embeddings e ON e.hash = k.hash AND e.tenant = k.tenant
				WHERE k.collection = $1 ORDER BY e.hash, e.model ON CONFLICT DO NOTHING`,
			"DELETE FROM chunks WHERE collection = $1",
			"DELETE FROM versions WHERE document IN (SELECT id FROM documents WHERE collection = $1)",
			"DELETE FROM documents WHERE collection = $1",
			"DELETE FROM changes WHERE collection = $1",
			"DELETE FROM collections WHERE id = $1", // and its generations, sources, jobs and query log
		} {
			if _, err := tx.Exec(ctx, query, col.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "delete collection %s", scope.Collection)
}

// orZero is a time that may be null.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// orNull is how the zero time is stored.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
