package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// referred is SQL for whether a version or a job refers to the original file x.sha256.
const referred = `(EXISTS (SELECT 1 FROM versions v WHERE v.sha256 = x.sha256) OR EXISTS (SELECT 1 FROM job_items i WHERE i.sha256 = x.sha256 AND i.sha256 <> ''))`

// LooseOriginals returns up to limit digests of original files that lost a
// version and that no other refers to, in ascending order. They are returned
// again until DropLooseOriginals says that they have been dealt with.
func (s *Store) LooseOriginals(ctx context.Context, limit int) (shas []string, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT DISTINCT x.sha256 FROM loose_originals x WHERE NOT "+referred+" ORDER BY x.sha256 LIMIT $1", limit)
		if err != nil {
			return err
		}
		shas, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return shas, wrap(err, "list loose original files")
}

// DropLooseOriginals forgets that files were loose: those in shas, which have
// been deleted, and all that a version refers to again.
func (s *Store) DropLooseOriginals(ctx context.Context, shas []string) error {
	if shas == nil {
		shas = []string{}
	}
	err := s.update(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM loose_originals x WHERE x.sha256 = ANY($1::text[]) OR "+referred, shas)
		return err
	})
	return wrap(err, "forget loose original files")
}

// UnreferencedBlobs returns those of shas that are the original file of no
// version of any document, deleted ones that can be restored included, and that no
// job still has to read.
func (s *Store) UnreferencedBlobs(ctx context.Context, shas []string) (dead []string, err error) {
	if len(shas) == 0 {
		return nil, nil
	}
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT x.sha256 FROM unnest($1::text[]) WITH ORDINALITY x (sha256, place) WHERE NOT `+referred+" ORDER BY x.place", shas)
		if err != nil {
			return err
		}
		dead, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return dead, wrap(err, "look up original files")
}

// blobPage is how many digests LiveBlobs reads at once.
const blobPage = 5000

// LiveBlobs calls fn with the digest of every original file that a document or a
// job refers to, each once, in ascending order. An error of fn ends it. A file that comes
// or goes meanwhile may be among them or not: fn may take its time, and so what is read at
// once is not all of one moment.
func (s *Store) LiveBlobs(ctx context.Context, fn func(sha string) error) error {
	for after := ""; ; {
		page, err := s.liveBlobs(ctx, after)
		if err != nil {
			return wrap(err, "list original files")
		}
		for _, after = range page {
			if err := fn(after); err != nil {
				return err
			}
		}
		if len(page) < blobPage {
			return nil
		}
	}
}

func (s *Store) liveBlobs(ctx context.Context, after string) (page []string, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			(SELECT DISTINCT sha256 FROM versions WHERE sha256 > $1 ORDER BY sha256 LIMIT $2)
			UNION (SELECT DISTINCT sha256 FROM job_items WHERE sha256 > $1 AND sha256 <> '' ORDER BY sha256 LIMIT $2)
			ORDER BY sha256 LIMIT $2`, after, blobPage)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return page, err
}
