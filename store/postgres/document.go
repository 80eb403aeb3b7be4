package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const documentColumns = `d.id, d.uuid::text, d.external_id, d.title, d.source, d.media_type, d.metadata, d.acl, d.version,
       d.sha256, d.input_hash, d.bytes, d.pages, d.chunks, d.language, d.state, d.error, d.created_at, d.updated_at, d.collection`

// document is a row: what callers see of it and its number in the store.
type document struct {
	rag.Document
	row        int64
	collection int64
}

// scanDocument reads documentColumns and whatever columns follow them into more.
func scanDocument(r scanner, more ...any) (document, error) {
	var d document
	var metadata, acl string
	dest := []any{&d.row, &d.ID, &d.ExternalID, &d.Title, &d.Source, &d.MediaType, &metadata, &acl, &d.Version,
		&d.SHA256, &d.InputHash, &d.Bytes, &d.Pages, &d.Chunks, &d.Language, &d.State, &d.Error, &d.CreatedAt, &d.UpdatedAt, &d.collection}
	if err := r.Scan(append(dest, more...)...); err != nil {
		return d, err
	}
	d.CreatedAt, d.UpdatedAt = d.CreatedAt.UTC(), d.UpdatedAt.UTC()
	return d, store.ParseDocument(&d.Document, metadata, acl)
}

// keyBytes is how much of an external id is in the key of an index.
const keyBytes = 1000

// externalKey is an external id as documents_external has it. Keys stand in the
// order of the ids' bytes, but for ids that have their first keyBytes in common.
func externalKey(id string) (key, rest []byte) {
	if len(id) <= keyBytes {
		return []byte(id), []byte{}
	}
	sum := sha256.Sum256([]byte(id))
	return []byte(id[:keyBytes]), sum[:]
}

func inTenantOf(scope rag.Scope) tenantScope { return inTenant(scope.WithDefaults().Tenant) }

// visible returns a live document of scope's collection that scope may see. One
// that it may not see is not found: who may not read it shall not learn that it
// exists.
func visible(ctx context.Context, tx pgx.Tx, scope rag.Scope, id rag.DocumentID) (document, error) {
	return inScope(ctx, tx, scope, id, "d.deleted_at IS NULL")
}

func inScope(ctx context.Context, tx pgx.Tx, scope rag.Scope, id rag.DocumentID, state string) (document, error) {
	scope = scope.WithDefaults()
	if _, err := store.DocumentKey(id); err != nil {
		return document{}, err
	}
	d, err := oneDocument(ctx, tx, `
		JOIN collections c ON c.id = d.collection
		WHERE d.uuid = $1::text::uuid AND c.tenant = $2 AND c.name = $3 AND `+state, string(id), scope.Tenant, scope.Collection)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !scope.May(d.ACL)) {
		return document{}, store.NoDocument(id)
	}
	return d, err
}

// lockVisible is visible after the collection's row was locked.
func lockVisible(ctx context.Context, tx pgx.Tx, scope rag.Scope, id rag.DocumentID) (document, error) {
	if err := lockScope(ctx, tx, scope); err != nil {
		if rag.KindOf(err) == rag.KindNotFound {
			err = store.NoDocument(id)
		}
		return document{}, err
	}
	return visible(ctx, tx, scope, id)
}

func lockScope(ctx context.Context, tx pgx.Tx, scope rag.Scope) error {
	scope = scope.WithDefaults()
	_, err := lockByName(ctx, tx, scope.Tenant, scope.Collection)
	return err
}

func oneDocument(ctx context.Context, tx pgx.Tx, where string, args ...any) (document, error) {
	return scanDocument(tx.QueryRow(ctx, "SELECT "+documentColumns+" FROM documents d "+where, args...))
}

// liveByExternalID returns the live document with an external id, KindNotFound if
// there is none.
func liveByExternalID(ctx context.Context, tx pgx.Tx, collectionID int64, externalID string) (document, error) {
	key, rest := externalKey(externalID)
	d, err := oneDocument(ctx, tx, "WHERE d.collection = $1 AND d.external_key = $2 AND d.external_rest = $3 AND d.deleted_at IS NULL", collectionID, key, rest)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, store.NoExternalID(externalID)
	}
	return d, err
}

// Document returns a document that scope may see, KindNotFound otherwise.
func (s *Store) Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error) {
	var found rag.Document
	err := s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := visible(ctx, tx, scope, id)
		found = d.Document
		return err
	})
	return found, wrap(err, "read document")
}

// FindDocument returns the live document with this external id, KindNotFound if
// there is none. It ignores access lists: it is for ingestion, which replaces by
// id.
func (s *Store) FindDocument(ctx context.Context, collectionID int64, externalID string) (rag.Document, error) {
	var found rag.Document
	err := s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		d, err := liveByExternalID(ctx, tx, collectionID, externalID)
		found = d.Document
		return err
	})
	return found, wrap(err, "find document")
}

// DocumentsUnder returns the live documents whose external id begins with prefix and
// is greater than after, in the order of their ids' bytes, at most limit. It ignores
// access lists, as FindDocument does. The index of external ids gives the order, so
// that no other documents are read.
func (s *Store) DocumentsUnder(ctx context.Context, collectionID int64, prefix, after string, limit int) ([]rag.Document, error) {
	from, _ := externalKey(max(prefix, after))
	var found []rag.Document
	err := s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		found = nil
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+` FROM documents d
			WHERE d.collection = $1 AND d.external_key >= $2 AND d.external_id >= $3 AND d.external_id > $4 AND d.deleted_at IS NULL
			ORDER BY d.external_key, d.external_id LIMIT $5`, collectionID, from, prefix, after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			d, err := scanDocument(rows)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(d.ExternalID, prefix) {
				break
			}
			found = append(found, d.Document)
		}
		rows.Close()
		return rows.Err()
	})
	return found, wrap(err, "list documents of an archive")
}

// DocumentByExternalID is FindDocument for callers: it returns only a document
// that scope may see.
func (s *Store) DocumentByExternalID(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error) {
	scope = scope.WithDefaults()
	key, rest := externalKey(externalID)
	var found rag.Document
	err := s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := oneDocument(ctx, tx, `
			JOIN collections c ON c.id = d.collection
			WHERE c.tenant = $1 AND c.name = $2 AND d.external_key = $3 AND d.external_rest = $4 AND d.deleted_at IS NULL`,
			scope.Tenant, scope.Collection, key, rest)
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && !scope.May(d.ACL)) {
			return store.NoExternalID(externalID)
		}
		found = d.Document
		return err
	})
	return found, wrap(err, "find document")
}

// Documents lists the documents of scope's collection that scope may see and
// opt.Filter matches, oldest first, or newest first if opt says so. KindNotFound
// if there is no such collection.
//
// Access and filter are tested row by row while the list is walked, so a page is
// full unless it is the last, however few rows match.
func (s *Store) Documents(ctx context.Context, scope rag.Scope, opt rag.ListOptions) (rag.Page[rag.Document], error) {
	scope = scope.WithDefaults()
	list, err := store.NewListing[rag.Document]("documents", opt)
	if err != nil {
		return rag.Page[rag.Document]{}, err
	}
	if err := opt.Filter.Validate(); err != nil {
		return list.Page, err
	}
	walk := newDocumentWalk(opt, list.Limit, list.After.ID, list.Begun)
	err = s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		list.Restart()
		col, err := collectionByName(ctx, tx, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		return walk.each(ctx, tx, col.ID, func(d document) (more bool) {
			return !scope.May(d.ACL) || !opt.Filter.Match(d.Lookup) || list.Add(d.Document, d.row, "")
		})
	})
	return list.Page, wrap(err, "list documents")
}

// documentWalk reads a collection's documents in the order of a listing, in
// portions: how many will be wanted is not known before they are seen, and what is
// left of a statement's rows would be sent all the same.
type documentWalk struct {
	query string
	args  []any // after the collection, the place to begin after and the portion
	after int64
	size  int
}

// mostPortion bounds how many documents are read at once.
const mostPortion = 2000

func newDocumentWalk(opt rag.ListOptions, limit int, after int64, begun bool) documentWalk {
	where, arg := pushDown(opt.Filter)
	w := documentWalk{args: arg, after: after, size: limit + 1}
	order := " AND d.id > $2 ORDER BY d.id LIMIT $3"
	if opt.Descending {
		order = " AND d.id < $2 ORDER BY d.id DESC LIMIT $3"
		if !begun {
			w.after = math.MaxInt64
		}
	}
	w.query = "SELECT " + documentColumns + " FROM documents d WHERE d.collection = $1 AND d.deleted_at IS NULL" + where + order
	return w
}

// each calls fn for each document until it says that it wants no more.
func (w documentWalk) each(ctx context.Context, tx pgx.Tx, collectionID int64, fn func(document) (more bool)) error {
	for {
		read := 0
		rows, err := tx.Query(ctx, w.query, append([]any{collectionID, w.after, w.size}, w.args...)...)
		if err != nil {
			return err
		}
		for rows.Next() {
			d, err := scanDocument(rows)
			if err != nil {
				rows.Close()
				return err
			}
			read++
			w.after = d.row
			if !fn(d) {
				rows.Close()
				return rows.Err()
			}
		}
		if err := rows.Err(); err != nil || read < w.size {
			return err
		}
		w.size = min(2*w.size, mostPortion)
	}
}

// pushDown returns a condition on parameter 4 that the filter implies and an index
// can answer: an external or document id that must be equal. The filter itself is
// still tested on what comes.
func pushDown(f rag.Filter) (where string, arg []any) {
	if f.Type == rag.OpAnd {
		for _, sub := range f.Filters {
			if where, arg := pushDown(sub); where != "" {
				return where, arg
			}
		}
	}
	if f.Type != rag.OpEq || f.Value.Kind() != rag.StringValue {
		return "", nil
	}
	switch f.Key {
	case rag.KeyExternalID:
		key, rest := externalKey(f.Value.Text())
		return " AND d.external_key = $4 AND d.external_rest = $5", []any{key, rest}
	case rag.KeyDocumentID:
		if _, err := store.DocumentKey(rag.DocumentID(f.Value.Text())); err != nil {
			return " AND false", nil
		}
		return " AND d.uuid = $4::text::uuid", []any{f.Value.Text()}
	}
	return "", nil
}

// UpdateDocument changes title, metadata or access list without a new version.
// The document's chunks keep their ids and embeddings, which were made with the
// title as it was, and appear in the change feed, so that indexes take over what
// they filter by.
func (s *Store) UpdateDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID, change rag.DocumentChange) (rag.Document, error) {
	var changed rag.Document
	if err := store.CheckChange(change); err != nil {
		return changed, err
	}
	err := s.update(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := lockVisible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		store.ChangeDocument(&d.Document, change)
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE documents SET title = $1, metadata = $2, acl = $3, updated_at = $4 WHERE id = $5",
			d.Title, store.FormatMetadata(d.Metadata), store.FormatStrings(d.ACL), now, d.row)
		if err != nil {
			return err
		}
		if _, err := s.announce(ctx, tx, rag.ChangePut, d, count{}); err != nil {
			return err
		}
		fresh, err := oneDocument(ctx, tx, "WHERE d.id = $1", d.row)
		changed = fresh.Document
		return err
	})
	return changed, wrap(err, "change document")
}
