package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const itemColumns = "id, fingerprint, external_id, kind, reason, removed, reading, updated_at"

func scanItem(r scanner) (rag.SourceItem, error) {
	var i rag.SourceItem
	var updated int64
	err := r.Scan(&i.ID, &i.Fingerprint, &i.ExternalID, &i.Kind, &i.Reason, &i.Removed, &i.Reading, &updated)
	i.UpdatedAt = fromMicros(updated)
	return i, err
}

// SourceItem returns what is kept of an item, KindNotFound if nothing is.
func (s *Store) SourceItem(ctx context.Context, src rag.Source, id string) (item rag.SourceItem, err error) {
	err = s.view(ctx, "read item", func(c *conn) error {
		st, err := c.stmt(ctx, "SELECT "+itemColumns+" FROM source_items WHERE collection = ? AND source = ? AND id = ?")
		if err != nil {
			return err
		}
		item, err = scanItem(st.QueryRowContext(ctx, src.CollectionID, src.ID, id))
		if errors.Is(err, sql.ErrNoRows) {
			return store.NoItem(id)
		}
		return err
	})
	return item, err
}

// SourceItems lists items in the order of their ids, those after the given one, at
// most limit of them. failing takes only those that could not be read.
func (s *Store) SourceItems(ctx context.Context, src rag.Source, after string, failing bool, limit int) ([]rag.SourceItem, error) {
	query := "SELECT " + itemColumns + " FROM source_items WHERE collection = ? AND source = ? AND id > ? ORDER BY id LIMIT ?"
	if failing {
		query = "SELECT " + itemColumns + " FROM source_items WHERE collection = ? AND source = ? AND id > ? AND kind <> '' ORDER BY id LIMIT ?"
	}
	return s.items(ctx, query, src.CollectionID, src.ID, after, limit)
}

// StaleItems lists up to limit items that no reading from the given one on has told
// of.
func (s *Store) StaleItems(ctx context.Context, src rag.Source, reading int64, limit int) ([]rag.SourceItem, error) {
	return s.items(ctx, "SELECT "+itemColumns+" FROM source_items WHERE source = ? AND reading < ? ORDER BY reading, id LIMIT ?", src.ID, reading, limit)
}

func (s *Store) items(ctx context.Context, query string, args ...any) (list []rag.SourceItem, err error) {
	err = s.view(ctx, "list items", func(c *conn) error {
		return c.each(ctx, query, args, func(rows *sql.Rows) error {
			i, err := scanItem(rows)
			list = append(list, i)
			return err
		})
	})
	return list, err
}

// PutItems keeps items as they were found by a reading, src.Reading, in one
// transaction. KindConflict says that another reading has begun meanwhile.
func (s *Store) PutItems(ctx context.Context, src rag.Source, items []rag.SourceItem) error {
	for _, i := range items {
		if err := store.CheckItem(i); err != nil {
			return err
		}
	}
	return s.update(ctx, "keep items", func(ctx context.Context, c *conn) error {
		if err := stillReading(ctx, c, src.ID, src.Reading); err != nil {
			return err
		}
		now := toMicros(s.now())
		for _, i := range items {
			_, err := c.exec(ctx, `
				INSERT INTO source_items (collection, source, id, fingerprint, external_id, kind, reason, removed, reading, updated_at)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
				ON CONFLICT DO UPDATE SET fingerprint = ?4, external_id = ?5, kind = ?6, reason = ?7, removed = ?8, reading = ?9, updated_at = ?10`,
				src.CollectionID, src.ID, i.ID, i.Fingerprint, i.ExternalID, string(i.Kind), store.Cut(i.Reason), i.Removed, src.Reading, now)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// SeenItems notes that items are as they were, in one transaction.
func (s *Store) SeenItems(ctx context.Context, src rag.Source, ids []string) error {
	return s.update(ctx, "keep items", func(ctx context.Context, c *conn) error {
		if err := stillReading(ctx, c, src.ID, src.Reading); err != nil {
			return err
		}
		for _, id := range ids {
			_, err := c.exec(ctx, "UPDATE source_items SET reading = ? WHERE collection = ? AND source = ? AND id = ?", src.Reading, src.CollectionID, src.ID, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DropItems forgets items of a source and deletes their documents, with those that
// are within them, unless another item of the collection has the same document. It
// returns the external ids of what was deleted.
func (s *Store) DropItems(ctx context.Context, src rag.Source, ids []string) (deleted []string, err error) {
	err = s.update(ctx, "drop items", func(ctx context.Context, c *conn) error {
		deleted = nil
		if err := stillReading(ctx, c, src.ID, src.Reading); err != nil {
			return err
		}
		for _, id := range ids {
			var external string
			err := c.row(ctx, "DELETE FROM source_items WHERE collection = ? AND source = ? AND id = ? RETURNING external_id",
				[]any{src.CollectionID, src.ID, id}, &external)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			docs, err := documentsOf(ctx, c, src.CollectionID, external)
			if err != nil {
				return err
			}
			gone, err := s.deleteUnheld(ctx, c, docs, "")
			if err != nil {
				return err
			}
			deleted = append(deleted, gone...)
		}
		return nil
	})
	return deleted, err
}

// PruneDocuments deletes what an item has no more: of the document with its external
// id and those within it, all that are not in keep, unless another item has them as
// its own. It returns the external ids of what was deleted.
func (s *Store) PruneDocuments(ctx context.Context, src rag.Source, externalID string, keep []string) (deleted []string, err error) {
	kept := make(map[string]bool, len(keep))
	for _, id := range keep {
		kept[id] = true
	}
	obsolete := func(ctx context.Context, c *conn) (list []document, err error) {
		docs, err := documentsOf(ctx, c, src.CollectionID, externalID)
		return slices.DeleteFunc(docs, func(d document) bool { return kept[d.ExternalID] }), err
	}
	// Nearly always there is nothing to do, which is found out without a turn at
	// writing.
	some := false
	err = s.view(ctx, "find documents", func(c *conn) error {
		docs, err := obsolete(ctx, c)
		some = len(docs) > 0
		return err
	})
	if err != nil || !some {
		return nil, err
	}
	err = s.update(ctx, "prune documents", func(ctx context.Context, c *conn) error {
		deleted = nil
		if err := stillReading(ctx, c, src.ID, src.Reading); err != nil {
			return err
		}
		docs, err := obsolete(ctx, c)
		if err != nil {
			return err
		}
		deleted, err = s.deleteUnheld(ctx, c, docs, externalID)
		return err
	})
	return deleted, err
}

// documentsOf returns the live document with an external id and those within it.
func documentsOf(ctx context.Context, c *conn, collectionID int64, externalID string) (list []document, err error) {
	if externalID == "" {
		return nil, nil
	}
	within := externalID + rag.MemberMark
	end := within[:len(within)-1] + string(within[len(within)-1]+1) // the first text behind all that begin so
	err = c.each(ctx, "SELECT "+documentColumns+` FROM documents d WHERE d.collection = ?1 AND d.deleted_at IS NULL
		AND (d.external_id = ?2 OR (d.external_id >= ?3 AND d.external_id < ?4))`, []any{collectionID, externalID, within, end}, func(rows *sql.Rows) error {
		d, err := scanDocument(rows)
		d.collection = collectionID
		list = append(list, d)
		return err
	})
	return list, err
}

// deleteUnheld deletes those documents that no item has, that of the external id
// except not counting. It returns their external ids.
func (s *Store) deleteUnheld(ctx context.Context, c *conn, docs []document, except string) (deleted []string, err error) {
	for _, d := range docs {
		held, err := heldByItem(ctx, c, d, except)
		if err != nil {
			return nil, err
		}
		if held {
			continue
		}
		if err := s.deleteRow(ctx, c, d); err != nil {
			return nil, err
		}
		deleted = append(deleted, d.ExternalID)
	}
	return deleted, nil
}

// heldByItem reports whether an item of any source has a document: under its own
// external id or that of a document around it.
func heldByItem(ctx context.Context, c *conn, d document, except string) (bool, error) {
	for _, name := range store.Containers(d.ExternalID) {
		if name == except {
			continue
		}
		var n int
		err := c.row(ctx, "SELECT EXISTS (SELECT 1 FROM source_items WHERE collection = ? AND external_id = ?)", []any{d.collection, name}, &n)
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}
