package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Purge removes for good the documents that were deleted at olderThan or before,
// of every tenant: versions, texts, chunks, embeddings that no chunk has any more,
// and the rows of the query log whose answers were made from them.
//
// It also shortens the change feed: rows that a later one of the same chunk makes
// void, and deletes that are older than Config.FeedRetention.
//
// The work is done in many short transactions, so that others can write in
// between; a Purge that is interrupted is completed by the next one. No statement
// finds what is purged any more. Its bytes go as the server reuses their place,
// recycles its log and does the same on its replicas, which a client does not see:
// PurgeReport.Erased stays false.
func (s *Store) Purge(ctx context.Context, olderThan time.Time) (store.PurgeReport, error) {
	var report store.PurgeReport
	here := time.Now() // before the database's clock is read: what was deleted before olderThan is not missed
	now, err := s.now(ctx)
	if err == nil {
		err = s.purgeDocuments(ctx, s.moment(olderThan, here, now), &report)
	}
	if err == nil {
		err = s.purgeEmbeddings(ctx, &report)
	}
	if err == nil {
		err = s.compactFeeds(ctx, &report)
	}
	if err == nil {
		err = s.dropDeletes(ctx, now.Add(-s.cfg.FeedRetention), &report)
	}
	return report, wrap(err, "purge")
}

// Sizes of the purge's transactions.
const (
	purgeDocumentBatch  = 50
	purgeEmbeddingBatch = 5000
	purgeFeedBatch      = 20_000
)

// inPortions runs step in the transaction of a collection, whose row is locked,
// until it has done all. A collection that is gone meanwhile has nothing to do.
func (s *Store) inPortions(ctx context.Context, collectionID int64, report *store.PurgeReport, step func(context.Context, pgx.Tx, *store.PurgeReport) (more bool, err error)) error {
	for more := true; more; {
		var done store.PurgeReport
		err := s.update(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) error {
			done = *report
			if err := unhurried(ctx, tx); err != nil {
				return err
			}
			col, err := lockByID(ctx, tx, collectionID)
			if rag.KindOf(err) == rag.KindNotFound {
				more = false
				return nil
			}
			if err == nil {
				err = s.keepEmbeddings(ctx, tx, col.Tenant)
			}
			if err != nil {
				return err
			}
			more, err = step(ctx, tx, &done)
			return err
		})
		if rag.KindOf(err) == rag.KindNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		*report = done
	}
	return nil
}

// collectionsWith returns the collections that a query finds, of all tenants.
func (s *Store) collectionsWith(ctx context.Context, query string, args ...any) (ids []int64, err error) {
	err = s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	return ids, err
}

func (s *Store) purgeDocuments(ctx context.Context, until time.Time, report *store.PurgeReport) error {
	ids, err := s.collectionsWith(ctx, "SELECT DISTINCT collection FROM documents WHERE deleted_at <= $1 ORDER BY collection", until)
	for _, id := range ids {
		if err != nil {
			break
		}
		err = s.inPortions(ctx, id, report, func(ctx context.Context, tx pgx.Tx, report *store.PurgeReport) (bool, error) {
			return purgeDocumentsOf(ctx, tx, id, until, report)
		})
	}
	return err
}

func purgeDocumentsOf(ctx context.Context, tx pgx.Tx, collectionID int64, until time.Time, report *store.PurgeReport) (more bool, err error) {
	// Their locks keep answers that are made from them from being recorded now.
	rows, err := tx.Query(ctx, `
		SELECT id, uuid::text, chunks FROM documents WHERE collection = $1 AND deleted_at <= $2
		ORDER BY deleted_at, id LIMIT $3 FOR UPDATE`, collectionID, until, purgeDocumentBatch)
	if err != nil {
		return false, err
	}
	var ids []int64
	var uuids []string
	var id int64
	var uuid string
	var chunks int
	_, err = pgx.ForEachRow(rows, []any{&id, &uuid, &chunks}, func() error {
		ids, uuids = append(ids, id), append(uuids, uuid)
		report.Documents++
		report.Chunks += chunks
		return nil
	})
	if err != nil || len(ids) == 0 {
		return false, err
	}
	tag, err := tx.Exec(ctx, "DELETE FROM queries q USING query_documents d WHERE d.query = q.id AND d.document = ANY($1::text[]::uuid[])", uuids)
	if err != nil {
		return false, err
	}
	report.Queries += int(tag.RowsAffected())
	var batch pgx.Batch
	batch.Queue("DELETE FROM job_items WHERE document = ANY($1::text[])", uuids)
	batch.Queue(loosenEmbeddings, ids)
	batch.Queue(deleteChunks, ids)
	batch.Queue("DELETE FROM versions WHERE document = ANY($1::bigint[])", ids)
	batch.Queue("DELETE FROM documents WHERE id = ANY($1::bigint[])", ids)
	return len(ids) == purgeDocumentBatch, tx.SendBatch(ctx, &batch).Close()
}

// purgeEmbeddings removes embeddings that lost a chunk, or their generation, and
// that no chunk has in any generation of its collection. Nobody stores documents of
// the tenant meanwhile: they could count on an embedding that goes.
func (s *Store) purgeEmbeddings(ctx context.Context, report *store.PurgeReport) error {
	var tenants []string
	err := s.view(ctx, everyTenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT DISTINCT tenant FROM loose_embeddings ORDER BY tenant")
		if err != nil {
			return err
		}
		tenants, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	for _, tenant := range tenants {
		for more := true; more && err == nil; {
			var looked, removed int
			err = s.update(ctx, inTenant(tenant), func(ctx context.Context, tx pgx.Tx) error {
				if err := unhurried(ctx, tx); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", s.embeddingsLock(tenant)); err != nil {
					return err
				}
				return tx.QueryRow(ctx, `
					WITH looked AS (
						DELETE FROM loose_embeddings WHERE (hash, model, tenant) IN (
							SELECT hash, model, tenant FROM loose_embeddings WHERE tenant = $1 ORDER BY hash, model LIMIT $2)
						RETURNING hash, model, tenant),
					removed AS (
						DELETE FROM embeddings e USING looked l WHERE e.hash = l.hash AND e.model = l.model AND e.tenant = l.tenant
						AND NOT EXISTS (
							SELECT 1 FROM chunks k JOIN generations g ON g.collection = k.collection JOIN models m ON m.name = g.model
							WHERE k.hash = e.hash AND k.tenant = e.tenant AND m.id = e.model)
						RETURNING 1)
					SELECT (SELECT count(*) FROM looked), (SELECT count(*) FROM removed)`, tenant, purgeEmbeddingBatch).Scan(&looked, &removed)
			})
			if err == nil {
				report.Embeddings += removed
				more = looked == purgeEmbeddingBatch
			}
		}
	}
	return err
}

// compactFeeds drops the rows of the feeds that a later row of the same chunk makes
// void: whoever reads on from any point ends in the same state without them. The
// number up to which this was done is in the collection's row.
func (s *Store) compactFeeds(ctx context.Context, report *store.PurgeReport) error {
	ids, err := s.collectionsWith(ctx, "SELECT id FROM collections WHERE seq > feed_compacted ORDER BY id")
	for _, id := range ids {
		if err != nil {
			break
		}
		err = s.inPortions(ctx, id, report, func(ctx context.Context, tx pgx.Tx, report *store.PurgeReport) (bool, error) {
			var from, to int64
			err := tx.QueryRow(ctx, "SELECT feed_compacted, least(seq, feed_compacted + $2) FROM collections WHERE id = $1", id, purgeFeedBatch).Scan(&from, &to)
			if err != nil {
				return false, err
			}
			tag, err := tx.Exec(ctx, `
				DELETE FROM changes old USING changes new
				WHERE new.collection = $1 AND new.seq > $2 AND new.seq <= $3 AND old.chunk = new.chunk AND old.collection = $1 AND old.seq < new.seq`, id, from, to)
			if err != nil {
				return false, err
			}
			report.Changes += int(tag.RowsAffected())
			_, err = tx.Exec(ctx, "UPDATE collections SET feed_compacted = $2 WHERE id = $1", id, to)
			return to == from+purgeFeedBatch, err
		})
	}
	return err
}

// dropDeletes drops the deletes of horizon or before. From then on the feed cannot be
// continued from before them, which feed_start says.
func (s *Store) dropDeletes(ctx context.Context, horizon time.Time, report *store.PurgeReport) error {
	ids, err := s.collectionsWith(ctx, "SELECT DISTINCT collection FROM changes WHERE op = 2 AND at <= $1 ORDER BY collection", horizon)
	for _, id := range ids {
		if err != nil {
			break
		}
		err = s.inPortions(ctx, id, report, func(ctx context.Context, tx pgx.Tx, report *store.PurgeReport) (bool, error) {
			_, err := tx.Exec(ctx, `
				UPDATE collections SET feed_start = greatest(feed_start, (SELECT max(seq) FROM changes WHERE collection = $1 AND op = 2 AND at <= $2)) WHERE id = $1`, id, horizon)
			if err != nil {
				return false, err
			}
			tag, err := tx.Exec(ctx, "DELETE FROM changes WHERE collection = $1 AND op = 2 AND at <= $2", id, horizon)
			report.Changes += int(tag.RowsAffected())
			return false, err
		})
	}
	return err
}
