package sqlite

import (
	"context"
	"database/sql"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Versions lists the versions of a document that are kept, oldest first. The last is the
// current one. KindNotFound if there is no such document that scope may see.
func (s *Store) Versions(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Version, error) {
	var all []rag.Version
	err := s.view(ctx, "list versions", func(c *conn) error {
		d, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		return c.each(ctx, "SELECT version, sha256, length, info, created_at FROM versions WHERE document = ? ORDER BY version", []any{d.row}, func(r *sql.Rows) error {
			var v rag.Version
			var info string
			var at int64
			if err := r.Scan(&v.Version, &v.SHA256, &v.TextBytes, &info, &at); err != nil {
				return err
			}
			t, err := store.ParseFacts(info)
			if err != nil {
				return rag.Errorf(rag.KindInternal, "version %d of document %s: %v", v.Version, id, err)
			}
			v.Title, v.MediaType, v.Pages, v.CreatedAt, v.Current = t.Title, t.MediaType, t.Pages, fromMicros(at), v.Version == d.Version
			all = append(all, v)
			return nil
		})
	})
	return all, err
}

// ForgetVersions removes the versions of a document before the current one, with their
// texts, and returns how many there were. Their originals, and their bytes in the file, go
// with the next clean-up.
func (s *Store) ForgetVersions(ctx context.Context, scope rag.Scope, id rag.DocumentID) (n int, err error) {
	err = s.update(ctx, "forget versions", func(ctx context.Context, c *conn) error {
		d, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		if err := c.row(ctx, "SELECT count(*) FROM versions WHERE document = ? AND version < ?", []any{d.row, d.Version}, &n); err != nil || n == 0 {
			return err
		}
		if err := owesErasure(ctx, c); err != nil {
			return err
		}
		return deleteVersions(ctx, c, d.row, d.Version-1)
	})
	return n, err
}
