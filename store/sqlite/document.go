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
	var err error
	if d.Metadata, err = parseMetadata(metadata); err != nil {
		return d, rag.Errorf(rag.KindInternal, "document %s: %v", d.ID, err)
	}
	if d.ACL, err = parseStrings(acl); err != nil {
		return d, rag.Errorf(rag.KindInternal, "document %s: %v", d.ID, err)
	}
	return d, nil
}

// idBytes is a document id as it is stored. Text that is no UUID names no
// document, so it is KindNotFound.
func idBytes(id rag.DocumentID) ([]byte, error) {
	u, err := uuid.Parse(string(id))
	if err != nil || len(id) != 36 {
		return nil, noDocument(id)
	}
	return u[:], nil
}

func noDocument(id rag.DocumentID) error {
	return rag.Errorf(rag.KindNotFound, "there is no document %.64q", string(id))
}

// visible returns a live document of scope's collection that scope may see. One
// that it may not see is not found: who may not read it shall not learn that it
// exists.
func visible(ctx context.Context, c *conn, scope rag.Scope, id rag.DocumentID) (document, error) {
	return inScope(ctx, c, scope, id, "d.deleted_at IS NULL")
}

func inScope(ctx context.Context, c *conn, scope rag.Scope, id rag.DocumentID, state string) (document, error) {
	scope = scope.WithDefaults()
	key, err := idBytes(id)
	if err != nil {
		return document{}, err
	}
	d, err := oneDocument(ctx, c, `
		JOIN collections c ON c.id = d.collection
		WHERE d.uuid = ? AND c.tenant = ? AND c.name = ? AND `+state, key, scope.Tenant, scope.Collection)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && !scope.May(d.ACL)) {
		return document{}, noDocument(id)
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
			return rag.Errorf(rag.KindNotFound, "there is no document with the external id %.80q", externalID)
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
			return rag.Errorf(rag.KindNotFound, "there is no document with the external id %.80q", externalID)
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
	var page rag.Page[rag.Document]
	limit, err := store.Limit(opt)
	if err != nil {
		return page, err
	}
	cursor, begun, err := store.ParseCursor("documents", opt)
	if err != nil {
		return page, err
	}
	if err := opt.Filter.Validate(); err != nil {
		return page, err
	}
	where, args := pushDown(opt.Filter)
	query := "SELECT " + documentColumns + " FROM documents d WHERE d.collection = ? AND d.deleted_at IS NULL" + where
	switch {
	case begun && opt.Descending:
		query += " AND d.id < ?"
	case begun:
		query += " AND d.id > ?"
	}
	if begun {
		args = append(args, cursor.ID)
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
			if !scope.May(d.ACL) || !opt.Filter.Match(d.Lookup) {
				continue
			}
			if len(page.Items) == limit {
				page.Next = cursor.String()
				return nil
			}
			cursor.ID = d.row
			page.Items = append(page.Items, d.Document)
		}
		return rows.Err()
	})
	return page, err
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
		key, err := idBytes(rag.DocumentID(f.Value.Text()))
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
		if change.Title != nil {
			d.Title = *change.Title
		}
		if change.Metadata != nil {
			d.Metadata = *change.Metadata
		}
		if change.ACL != nil {
			d.ACL = *change.ACL
		}
		now := s.now()
		_, err = c.exec(ctx, "UPDATE documents SET title = ?, metadata = ?, acl = ?, updated_at = ? WHERE id = ?",
			d.Title, formatMetadata(d.Metadata), formatStrings(d.ACL), toMicros(now), d.row)
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
