package sqlite

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// DeleteDocument makes a document invisible: when the call returns no read finds
// it, and the change feed says that its chunks are gone. Its rows stay until
// Purge, so that RestoreDocument can bring it back. KindNotFound if there is no
// such document that scope may see.
//
// An item of a source that has the document remembers what was deleted, so that it
// does not come back as long as its content is the same.
func (s *Store) DeleteDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error {
	return s.update(ctx, "delete document", func(ctx context.Context, c *conn) error {
		d, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		if err := s.deleteRow(ctx, c, d); err != nil {
			return err
		}
		_, err = c.exec(ctx, "UPDATE source_items SET removed = ? WHERE collection = ? AND external_id = ?", d.SHA256, d.collection, d.ExternalID)
		return err
	})
}

// deleteRow makes a live document invisible.
func (s *Store) deleteRow(ctx context.Context, c *conn, d document) error {
	if _, err := c.exec(ctx, "UPDATE documents SET deleted_at = ? WHERE id = ?", toMicros(s.now()), d.row); err != nil {
		return err
	}
	_, err := s.announce(ctx, c, rag.ChangeDelete, d, count{-1, -d.Chunks, -d.Bytes})
	return err
}

// RestoreDocument undoes DeleteDocument: the document is back as it was, its
// chunks with the ids they had. KindNotFound if it was not deleted, or is purged;
// KindConflict if another document has taken its external id.
func (s *Store) RestoreDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error {
	return s.update(ctx, "restore document", func(ctx context.Context, c *conn) error {
		d, err := inScope(ctx, c, scope, id, "d.deleted_at IS NOT NULL")
		if err != nil {
			return err
		}
		var taken int
		err = c.row(ctx, "SELECT count(*) FROM documents WHERE collection = ? AND external_id = ? AND deleted_at IS NULL",
			[]any{d.collection, d.ExternalID}, &taken)
		if err != nil {
			return err
		}
		if taken > 0 {
			return store.ExternalIDTaken(id, d.ExternalID)
		}
		if _, err := c.exec(ctx, "UPDATE documents SET deleted_at = NULL WHERE id = ?", d.row); err != nil {
			return err
		}
		if _, err := c.exec(ctx, "UPDATE source_items SET removed = '' WHERE collection = ? AND external_id = ?", d.collection, d.ExternalID); err != nil {
			return err
		}
		_, err = s.announce(ctx, c, rag.ChangePut, d, count{1, d.Chunks, d.Bytes})
		return err
	})
}
