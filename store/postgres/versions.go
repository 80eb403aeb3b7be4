package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Versions lists the versions of a document that are kept, oldest first. The last is the
// current one. KindNotFound if there is no such document that scope may see.
func (s *Store) Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error) {
	var all []rag.Version
	err := s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		all = nil
		d, err := visible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT version, sha256, length(content), info, created_at FROM versions WHERE document = $1 ORDER BY version", d.row)
		if err != nil {
			return err
		}
		var v rag.Version
		var info string
		var at time.Time
		_, err = pgx.ForEachRow(rows, []any{&v.Version, &v.SHA256, &v.TextBytes, &info, &at}, func() error {
			t, err := store.ParseFacts(info)
			if err != nil {
				return err
			}
			v.Title, v.MediaType, v.Pages, v.CreatedAt, v.Current = t.Title, t.MediaType, t.Pages, at.UTC(), v.Version == d.Version
			all = append(all, v)
			return nil
		})
		return err
	})
	return all, wrap(err, "list versions")
}

// ForgetVersions removes the versions of a document before the current one, with their
// texts, and returns how many there were. Their originals go with the next clean-up.
func (s *Store) ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (n int, err error) {
	err = s.update(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := lockVisible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "DELETE FROM versions WHERE document = $1 AND version < $2", d.row, d.Version)
		if n = int(tag.RowsAffected()); err != nil || n == 0 {
			return err
		}
		return s.touched(ctx, tx, d.collection)
	})
	return n, wrap(err, "forget versions")
}
