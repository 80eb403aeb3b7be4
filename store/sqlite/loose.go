package sqlite

import (
	"context"
	"database/sql"

	"github.com/smartretriever/smartretriever/store"
)

// LooseOriginals returns up to limit digests of original files that lost a
// version and that no other refers to, in ascending order. They are returned
// again until DropLooseOriginals says that they have been dealt with.
func (s *Store) LooseOriginals(ctx context.Context, limit int) ([]string, error) {
	var shas []string
	err := s.view(ctx, "list loose original files", func(c *conn) error {
		return c.each(ctx, `
			SELECT sha256 FROM loose_originals l
			WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.sha256 = l.sha256)
			AND NOT EXISTS (SELECT 1 FROM job_items i WHERE i.sha256 = l.sha256) ORDER BY sha256 LIMIT ?`, []any{limit},
			func(r *sql.Rows) error {
				var sha string
				err := r.Scan(&sha)
				shas = append(shas, sha)
				return err
			})
	})
	return shas, err
}

// DropLooseOriginals forgets that files were loose: those in shas, which have
// been deleted, and all that a version refers to again.
func (s *Store) DropLooseOriginals(ctx context.Context, shas []string) error {
	return s.update(ctx, "forget loose original files", func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, `
			DELETE FROM loose_originals WHERE sha256 IN (SELECT value FROM json_each(?))
			OR EXISTS (SELECT 1 FROM versions v WHERE v.sha256 = loose_originals.sha256)
			OR EXISTS (SELECT 1 FROM job_items i WHERE i.sha256 = loose_originals.sha256)`, store.JSON(shas))
		return err
	})
}
