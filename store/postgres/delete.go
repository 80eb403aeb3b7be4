package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

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
	err := s.update(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := lockVisible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := s.deleteRow(ctx, tx, d); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE source_items SET removed = $1 WHERE collection = $2 AND external_key = hashtextextended($3, 0) AND external_id = $3", d.SHA256, d.collection, d.ExternalID)
		return err
	})
	return wrap(err, "delete document")
}

// deleteRow makes a live document invisible. Its collection is locked by the caller.
func (s *Store) deleteRow(ctx context.Context, tx pgx.Tx, d document) error {
	now, err := s.clock(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE documents SET deleted_at = $1 WHERE id = $2", now, d.row); err != nil {
		return err
	}
	_, err = s.announce(ctx, tx, rag.ChangeDelete, d, count{-1, -d.Chunks, -d.Bytes})
	return err
}

// RestoreDocument undoes DeleteDocument: the document is back as it was, its
// chunks with the ids they had. KindNotFound if it was not deleted, or is purged;
// KindConflict if another document has taken its external id.
func (s *Store) RestoreDocument(ctx context.Context, scope rag.Scope, id rag.DocumentID) error {
	err := s.update(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		if err := lockScope(ctx, tx, scope); err != nil {
			return err
		}
		d, err := inScope(ctx, tx, scope, id, "d.deleted_at IS NOT NULL")
		if err != nil {
			return err
		}
		_, err = liveByExternalID(ctx, tx, d.collection, d.ExternalID)
		if err == nil {
			return store.ExternalIDTaken(id, d.ExternalID)
		}
		if rag.KindOf(err) != rag.KindNotFound {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE documents SET deleted_at = NULL WHERE id = $1", d.row); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE source_items SET removed = '' WHERE collection = $1 AND external_key = hashtextextended($2, 0) AND external_id = $2", d.collection, d.ExternalID); err != nil {
			return err
		}
		_, err = s.announce(ctx, tx, rag.ChangePut, d, count{1, d.Chunks, d.Bytes})
		return err
	})
	return wrap(err, "restore document")
}
