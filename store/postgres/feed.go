package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// count is what a change adds to a collection's counters.
type count struct {
	documents, chunks int
	bytes             int64
}

// announce writes a row of the change feed for every chunk that d has now, in
// reading order, and adds delta to the collection's counters. It returns the
// collection's last sequence number. The collection's row is locked by the caller.
func (s *Store) announce(ctx context.Context, tx pgx.Tx, op rag.ChangeOp, d document, delta count) (int64, error) {
	now, err := s.clock(ctx, tx)
	if err != nil {
		return 0, err
	}
	var seq int64
	err = tx.QueryRow(ctx, `
		WITH written AS (
			INSERT INTO changes (tenant, collection, seq, op, chunk, document, at)
			SELECT k.tenant, k.collection, c.seq + row_number() OVER (ORDER BY k.ordinal), $3, k.id, $4::text::uuid, $5
			FROM chunks k JOIN collections c ON c.id = k.collection WHERE k.document = $2
			RETURNING seq)
		UPDATE collections SET documents = documents + $6, chunks = chunks + $7, bytes = bytes + $8,
			seq = greatest(seq, (SELECT max(seq) FROM written))
		WHERE id = $1 RETURNING seq`,
		d.collection, d.row, int16(op), string(d.ID), now, delta.documents, delta.chunks, delta.bytes).Scan(&seq)
	if err != nil {
		return 0, err
	}
	return seq, s.touched(ctx, tx, d.collection)
}

// Changes returns up to limit rows of a collection's change feed after afterSeq,
// in order; none when there is nothing new. A limit of 0 is 1,000, at most
// 100,000 are given.
//
// KindNotFound says that the collection is gone. KindConflict says that the feed
// cannot be continued from afterSeq: deletes after it were dropped by a purge
// (see FeedStart), or the store is an older copy that has not come so far. The
// follower then begins again with a Snapshot. From 0 the feed is always whole:
// every live chunk is in it.
func (s *Store) Changes(ctx context.Context, collectionID int64, afterSeq int64, limit int) ([]rag.Change, error) {
	var changes []rag.Change
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		changes = nil
		var batch pgx.Batch
		queueBounds(&batch, collectionID)
		batch.Queue("SELECT seq, op, chunk, document::text FROM changes WHERE collection = $1 AND seq > $2 ORDER BY seq LIMIT $3",
			collectionID, afterSeq, store.FeedLimit(limit))
		r := tx.SendBatch(ctx, &batch)
		bounds, err := readBounds(r, collectionID)
		if err != nil {
			return earlier(err, r.Close())
		}
		err = eachRow(r, func(rows pgx.Rows) error {
			change := rag.Change{CollectionID: collectionID}
			err := rows.Scan(&change.Seq, &change.Op, &change.ChunkID, &change.DocumentID)
			changes = append(changes, change)
			return err
		})
		if err := earlier(err, r.Close()); err != nil {
			return err
		}
		if err := store.CheckFeed(collectionID, afterSeq, bounds.start, bounds.last); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, wrap(err, "read changes")
	}
	return changes, nil
}

// feedBounds are where a collection's feed begins and ends.
type feedBounds struct{ start, last int64 }

func queueBounds(b *pgx.Batch, collectionID int64) {
	b.Queue("SELECT feed_start, seq FROM collections WHERE id = $1", collectionID)
}

func readBounds(r pgx.BatchResults, collectionID int64) (b feedBounds, err error) {
	err = r.QueryRow().Scan(&b.start, &b.last)
	if errors.Is(err, pgx.ErrNoRows) {
		err = store.NoCollection(collectionID)
	}
	return b, err
}

// LastSeq returns the number of a collection's last change, 0 if it has none.
func (s *Store) LastSeq(ctx context.Context, collectionID int64) (int64, error) {
	b, err := s.bounds(ctx, collectionID)
	return b.last, err
}

// FeedStart returns the smallest sequence number above 0 from which Changes can
// be continued.
func (s *Store) FeedStart(ctx context.Context, collectionID int64) (int64, error) {
	b, err := s.bounds(ctx, collectionID)
	return b.start, err
}

func (s *Store) bounds(ctx context.Context, collectionID int64) (b feedBounds, err error) {
	err = s.view(ctx, ofCollection(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		var batch pgx.Batch
		queueBounds(&batch, collectionID)
		r := tx.SendBatch(ctx, &batch)
		b, err = readBounds(r, collectionID)
		return earlier(err, r.Close())
	})
	return b, wrap(err, "read the feed's bounds")
}
