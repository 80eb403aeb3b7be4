package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const documentColumns = `d.id, d.uuid, d.external_id, d.title, d.source, d.media_type, d.metadata, d.acl, d.version,
       d.sha256, d.input_hash, d.bytes, d.pages, d.chunks, d.language, d.state, d.error, d.created_at, d.updated_at`

// document is a row: what callers see of it and its number in the store.
type document struct {
	rag.Document
	row        int64
	collection int64 // where the query asked for it
}

// scanDocument reads documentColumns and whatever columns follow them into more.
func scanDocument(r scanner, more ...any) (document, error) {
	var d document
	var id uuid.UUID
	var metadata, acl, state string
	var created, updated int64
	dest := []any{&d.row, &id, &d.ExternalID, &d.Title, &d.Source, &d.MediaType, &metadata, &acl, &d.Version,
		&d.SHA256, &d.InputHash, &d.Bytes, &d.Pages, &d.Chunks, &d.Language, &state, &d.Error, &created, &updated}
	if err := r.Scan(append(dest, more...)...); err != nil {
		return d, err
	}
	d.ID = rag.DocumentID(id.String())
	d.State = rag.DocumentState(state)
	d.CreatedAt, d.UpdatedAt = fromMicros(created), fromMicros(updated)
	return d, store.ParseDocument(&d.Document, metadata, acl)
}

// visible returns a live document of scope's collection that scope may see. One
// that it may not see is not found: who may not read it shall not learn that it
// exists.
func visible(ctx context.Context, c *conn, scope rag.Scope, id rag.DocumentID) (document, error) {
	return inScope(ctx, c, scope, id, "d.deleted_at IS NULL")
}

func inScope(ctx context.Context, c *conn, scope rag.Scope, id rag.DocumentID, state string) (document, error) {
	scope = scope.WithDefaults()
	key, err := store.DocumentKey(id)
	if err != nil {
		return document{}, err
	}
	d, err := oneDocument(ctx, c, `
		JOIN collections c ON c.id = d.collection
		WHERE d.uuid = ? AND c.tenant = ? AND c.name = ? AND `+state, key, scope.Tenant, scope.Collection)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && !scope.May(d.ACL)) {
		return document{}, store.NoDocument(id)
	}
	return d, err
}

func oneDocument(ctx context.Context, c *conn, where string, args ...any) (document, error) {
	s, err := c.stmt(ctx, "SELECT "+documentColumns+", d.collection FROM documents d "+where)
	if err != nil {
		return document{}, err
	}
	var collection int64
	d, err := scanDocument(s.QueryRowContext(ctx, args...), &collection)
	d.collection = collection
	return d, err
}

// Document returns a document that scope may see, KindNotFound otherwise.
func (s *Store) Document(ctx context.Context, scope rag.Scope, id rag.DocumentID) (rag.Document, error) {
	var found rag.Document
	err := s.view(ctx, "read document", func(c *conn) error {
		d, err := visible(ctx, c, scope, id)
		found = d.Document
		return err
	})
	return found, err
}

// FindDocument returns the live document with this external id, KindNotFound if
// there is none. It ignores access lists: it is for ingestion, which replaces by
// id.
func (s *Store) FindDocument(ctx context.Context, collectionID int64, externalID string) (rag.Document, error) {
	var found rag.Document
	err := s.view(ctx, "find document", func(c *conn) error {
		d, err := oneDocument(ctx, c, "WHERE d.collection = ? AND d.external_id = ? AND d.deleted_at IS NULL", collectionID, externalID)
		if errors.Is(err, sql.ErrNoRows) {
			return store.NoExternalID(externalID)
		}
		found = d.Document
		return err
	})
	return found, err
}

// DocumentsUnder returns the live documents whose external id begins with prefix and
// is greater than after, in the order of their ids' bytes, at most limit. It ignores
// access lists, as FindDocument does. The index of external ids gives the order, so
// that no other documents are read.
func (s *Store) DocumentsUnder(ctx context.Context, collectionID int64, prefix, after string, limit int) ([]rag.Document, error) {
	var found []rag.Document
	err := s.view(ctx, "list documents of an archive", func(c *conn) error {
		rows, err := c.query(ctx, "SELECT "+documentColumns+` FROM documents d
			WHERE d.collection = ? AND d.external_id >= ? AND d.external_id > ? AND d.deleted_at IS NULL
			ORDER BY d.external_id LIMIT ?`, collectionID, prefix, after, limit)
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
		return rows.Err()
	})
	return found, err
}

// DocumentByExternalID is FindDocument for callers: it returns only a document
// that scope may see.
func (s *Store) DocumentByExternalID(ctx context.Context, scope rag.Scope, externalID string) (rag.Document, error) {
	scope = scope.WithDefaults()
	var found rag.Document
	err := s.view(ctx, "find document", func(c *conn) error {
		d, err := oneDocument(ctx, c, `
			JOIN collections c ON c.id = d.collection
			WHERE c.tenant = ? AND c.name = ? AND d.external_id = ? AND d.deleted_at IS NULL`,
			scope.Tenant, scope.Collection, externalID)
		if errors.Is(err, sql.ErrNoRows) || (err == nil && !scope.May(d.ACL)) {
			return store.NoExternalID(externalID)
		}
		found = d.Document
		return err
	})
	return found, err
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
	where, args := pushDown(opt.Filter)
	query := "SELECT " + documentColumns + " FROM documents d WHERE d.collection = ? AND d.deleted_at IS NULL" + where
	switch {
	case list.Begun && opt.Descending:
		query += " AND d.id < ?"
	case list.Begun:
		query += " AND d.id > ?"
	}
	if list.Begun {
		args = append(args, list.After.ID)
	}
	query += " ORDER BY d.id"
	if opt.Descending {
		query += " DESC"
	}
	err = s.view(ctx, "list documents", func(c *conn) error {
		col, err := collectionByName(ctx, c, scope.Tenant, scope.Collection)
		if err != nil {
			return err
		}
		rows, err := c.query(ctx, query, append([]any{col.ID}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			d, err := scanDocument(rows)
			if err != nil {
				return err
			}
			if scope.May(d.ACL) && opt.Filter.Match(d.Lookup) && !list.Add(d.Document, d.row, "") {
				return nil
			}
		}
		return rows.Err()
	})
	return list.Page, err
}

// pushDown returns a condition that the filter implies and an index can answer:
// an external or document id that must be equal. The filter itself is still
// tested on what comes.
func pushDown(f rag.Filter) (where string, args []any) {
	if f.Type == rag.OpAnd {
		for _, sub := range f.Filters {
			if where, args := pushDown(sub); where != "" {
				return where, args
			}
		}
	}
	if f.Type != rag.OpEq || f.Value.Kind() != rag.StringValue {
		return "", nil
	}
	switch f.Key {
	case rag.KeyExternalID:
		return " AND d.external_id = ?", []any{f.Value.Text()}
	case rag.KeyDocumentID:
		key, err := store.DocumentKey(rag.DocumentID(f.Value.Text()))
		if err != nil {
			return " AND 0", nil
		}
		return " AND d.uuid = ?", []any{key}
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
	err := s.update(ctx, "change document", func(ctx context.Context, c *conn) error {
		d, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		store.ChangeDocument(&d.Document, change)
		now := s.now()
		_, err = c.exec(ctx, "UPDATE documents SET title = ?, metadata = ?, acl = ?, updated_at = ? WHERE id = ?",
			d.Title, store.FormatMetadata(d.Metadata), store.FormatStrings(d.ACL), toMicros(now), d.row)
		if err != nil {
			return err
		}
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		if _, err := s.announce(ctx, c, rag.ChangePut, d, count{}); err != nil {
			return err
		}
		fresh, err := oneDocument(ctx, c, "WHERE d.id = ?", d.row)
		changed = fresh.Document
		return err
	})
	return changed, err
}
