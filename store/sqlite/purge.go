package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/store"
)

// Purge removes for good the documents that were deleted at olderThan or before,
// of every tenant: versions, texts, chunks, embeddings that no chunk has any more,
// and the rows of the query log whose answers were made from them. What they, and
// versions and titles that were replaced, have left in the file is overwritten
// with zeros, and the write-ahead log is emptied.
//
// It also shortens the change feed: rows that a later one of the same chunk makes
// void, and deletes that are older than Config.FeedRetention.
//
// The work is done in many short transactions, so that others can write in
// between; a Purge that is interrupted is completed by the next one.
func (s *Store) Purge(ctx context.Context, olderThan time.Time) (store.PurgeReport, error) {
	var report store.PurgeReport
	for _, step := range []func(context.Context, *conn, *store.PurgeReport) (more bool, err error){
		func(ctx context.Context, c *conn, r *store.PurgeReport) (bool, error) {
			return purgeDocuments(ctx, c, olderThan, r)
		},
		purgeEmbeddings,
		compactFeed,
		func(ctx context.Context, c *conn, r *store.PurgeReport) (bool, error) {
			return dropDeletes(ctx, c, s.now().Add(-s.cfg.FeedRetention), r)
		},
	} {
		for more := true; more; {
			var done store.PurgeReport
			err := s.update(ctx, "purge", func(ctx context.Context, c *conn) (err error) {
				done = report
				more, err = step(ctx, c, &done)
				return err
			})
			if err != nil {
				return report, err
			}
			report = done
		}
	}
	var err error
	report.Erased, err = s.erase(ctx)
	return report, err
}

// Sizes of the purge's transactions.
const (
	purgeDocumentBatch = 50
	purgeRowBatch      = 20_000
)

func purgeDocuments(ctx context.Context, c *conn, until time.Time, report *store.PurgeReport) (more bool, err error) {
	type row struct {
		id     int64
		uuid   []byte
		chunks int
	}
	var rows []row
	err = c.each(ctx, "SELECT id, uuid, chunks FROM documents WHERE deleted_at <= ? ORDER BY deleted_at LIMIT ?", []any{toMicros(until), purgeDocumentBatch},
		func(r *sql.Rows) error {
			var d row
			err := r.Scan(&d.id, &d.uuid, &d.chunks)
			rows = append(rows, d)
			return err
		})
	if err != nil {
		return false, err
	}
	if len(rows) > 0 {
		if err := owesErasure(ctx, c); err != nil {
			return false, err
		}
	}
	for _, d := range rows {
		res, err := c.exec(ctx, "DELETE FROM queries WHERE id IN (SELECT query FROM query_documents WHERE document = ?)", d.uuid)
		if err != nil {
			return false, err
		}
		report.Queries += affected(res)
		if _, err := c.exec(ctx, "DELETE FROM job_items WHERE document = ?", uuid.UUID(d.uuid).String()); err != nil {
			return false, err
		}
		if err := deleteChunks(ctx, c, d.id); err != nil {
			return false, err
		}
		if err := deleteVersions(ctx, c, d.id, maxVersion); err != nil {
			return false, err
		}
		if _, err := c.exec(ctx, "DELETE FROM documents WHERE id = ?", d.id); err != nil {
			return false, err
		}
		report.Documents++
		report.Chunks += d.chunks
	}
	return len(rows) == purgeDocumentBatch, nil
}

// maxVersion is above every version's number.
const maxVersion = 1<<31 - 1

// purgeEmbeddings removes embeddings that lost a chunk, or their generation, and
// that no chunk has in any generation of its collection.
func purgeEmbeddings(ctx context.Context, c *conn, report *store.PurgeReport) (more bool, err error) {
	var last sql.NullInt64
	err = c.row(ctx, "SELECT max(id) FROM (SELECT id FROM loose_embeddings ORDER BY id LIMIT ?)", []any{purgeRowBatch}, &last)
	if err != nil || !last.Valid {
		return false, err
	}
	res, err := c.exec(ctx, `
		DELETE FROM embeddings WHERE id IN (SELECT id FROM loose_embeddings WHERE id <= ?)
		AND NOT EXISTS (
			SELECT 1 FROM chunks k JOIN generations g ON g.collection = k.collection JOIN models m ON m.name = g.model
			WHERE k.hash = embeddings.hash AND m.id = embeddings.model)`, last.Int64)
	if err != nil {
		return false, err
	}
	report.Embeddings += affected(res)
	_, err = c.exec(ctx, "DELETE FROM loose_embeddings WHERE id <= ?", last.Int64)
	return true, err
}

// compactFeed drops the rows of the feed that a later row of the same chunk makes
// void: whoever reads on from any point ends in the same state without them. The
// row up to which this was done is in meta.
func compactFeed(ctx context.Context, c *conn, report *store.PurgeReport) (more bool, err error) {
	var mark int64
	err = c.row(ctx, "SELECT value FROM meta WHERE key = 'feed_compacted'", nil, &mark)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	var last sql.NullInt64
	err = c.row(ctx, "SELECT max(id) FROM (SELECT id FROM changes WHERE id > ? ORDER BY id LIMIT ?)", []any{mark, purgeRowBatch}, &last)
	if err != nil || !last.Valid {
		return false, err
	}
	res, err := c.exec(ctx, `
		DELETE FROM changes WHERE id IN (
			SELECT old.id FROM changes new JOIN changes old ON old.chunk = new.chunk AND old.seq < new.seq
			WHERE new.id > ? AND new.id <= ?)`, mark, last.Int64)
	if err != nil {
		return false, err
	}
	report.Changes += affected(res)
	_, err = c.exec(ctx, "INSERT INTO meta (key, value) VALUES ('feed_compacted', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1", last.Int64)
	return true, err
}

// dropDeletes drops the deletes up to horizon. From then on the feed cannot be
// continued from before them, which feed_start says.
func dropDeletes(ctx context.Context, c *conn, horizon time.Time, report *store.PurgeReport) (more bool, err error) {
	at := toMicros(horizon)
	_, err = c.exec(ctx, `
		UPDATE collections SET feed_start = max(feed_start, gone.seq)
		FROM (SELECT collection, max(seq) AS seq FROM changes WHERE op = 2 AND at <= ? GROUP BY collection) gone
		WHERE gone.collection = collections.id`, at)
	if err != nil {
		return false, err
	}
	res, err := c.exec(ctx, "DELETE FROM changes WHERE op = 2 AND at <= ?", at)
	if err != nil {
		return false, err
	}
	report.Changes += affected(res)
	return false, nil
}

// emptyLog moves the write-ahead log into the file and cuts it to nothing. It
// waits a little for readers, of this process or another, that still need it.
func (s *Store) emptyLog(ctx context.Context) (done bool, err error) {
	const doing = "empty the write-ahead log"
	c, err := s.writer.take(ctx)
	if err != nil {
		return false, translate(ctx, err, doing)
	}
	defer s.writer.give(c)
	done, err = checkpoint(ctx, c)
	return done, translate(ctx, err, doing)
}

func affected(res sql.Result) int {
	n, err := res.RowsAffected()
	if err != nil {
		return 0 // SQLite always knows
	}
	return int(n)
}

// UnreferencedBlobs returns those of shas that are the original file of no
// version of any document, deleted ones that can be restored included, and that no
// job still has to read.
func (s *Store) UnreferencedBlobs(ctx context.Context, shas []string) ([]string, error) {
	if len(shas) == 0 {
		return nil, nil
	}
	list := store.JSON(shas)
	var dead []string
	err := s.view(ctx, "look up original files", func(c *conn) error {
		return c.each(ctx, `
			SELECT j.value FROM json_each(?) j WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.sha256 = j.value)
			AND NOT EXISTS (SELECT 1 FROM job_items i WHERE i.sha256 = j.value)`, []any{list},
			func(r *sql.Rows) error {
				var sha string
				err := r.Scan(&sha)
				dead = append(dead, sha)
				return err
			})
	})
	return dead, err
}

// LiveBlobs calls fn with the digest of every original file that a document or a
// job refers to, each once, in ascending order. An error of fn ends it.
func (s *Store) LiveBlobs(ctx context.Context, fn func(sha string) error) error {
	var stop error // of fn, to be returned as it is
	err := s.view(ctx, "list original files", func(c *conn) error {
		return c.each(ctx, "SELECT sha256 FROM versions WHERE sha256 <> '' UNION SELECT sha256 FROM job_items WHERE sha256 <> '' ORDER BY sha256", nil, func(r *sql.Rows) error {
			var sha string
			if err := r.Scan(&sha); err != nil {
				return err
			}
			stop = fn(sha)
			return stop
		})
	})
	if stop != nil {
		return stop
	}
	return err
}
