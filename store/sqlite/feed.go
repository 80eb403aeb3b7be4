package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// count is what a change adds to a collection's counters.
type count struct {
	documents, chunks int
	bytes             int64
}

// announce writes a row of the change feed for every chunk that d has now, in
// the order of their ids, and adds delta to the collection's counters. It returns
// the collection's last sequence number.
//
// Puts are announced after the chunks are written, deletes before they are
// removed.
func (s *Store) announce(ctx context.Context, c *conn, op rag.ChangeOp, d document, delta count) (int64, error) {
	key, err := store.DocumentKey(d.ID)
	if err != nil {
		return 0, err
	}
	_, err = c.exec(ctx, `
		INSERT INTO changes (collection, seq, op, chunk, document, at)
		SELECT k.collection, c.seq + row_number() OVER (ORDER BY k.ordinal), ?, k.id, ?, ?
		FROM chunks k JOIN collections c ON c.id = k.collection WHERE k.document = ? ORDER BY k.ordinal`,
		int(op), key, toMicros(s.now()), d.row)
	if err != nil {
		return 0, err
	}
	var seq int64
	err = c.row(ctx, `
		UPDATE collections SET
			documents = documents + ?2, chunks = chunks + ?3, bytes = bytes + ?4,
			seq = max(seq, coalesce((SELECT max(seq) FROM changes WHERE collection = ?1), 0))
		WHERE id = ?1 RETURNING seq`,
		[]any{d.collection, delta.documents, delta.chunks, delta.bytes}, &seq)
	return seq, err
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
	err := s.view(ctx, "read changes", func(c *conn) error {
		start, last, err := feedBounds(ctx, c, collectionID)
		if err != nil {
			return err
		}
		if err := store.CheckFeed(collectionID, afterSeq, start, last); err != nil {
			return err
		}
		return c.each(ctx, "SELECT seq, op, chunk, document FROM changes WHERE collection = ? AND seq > ? ORDER BY seq LIMIT ?",
			[]any{collectionID, afterSeq, store.FeedLimit(limit)}, func(rows *sql.Rows) error {
				change := rag.Change{CollectionID: collectionID}
				var id uuid.UUID
				if err := rows.Scan(&change.Seq, &change.Op, &change.ChunkID, &id); err != nil {
					return err
				}
				change.DocumentID = rag.DocumentID(id.String())
				changes = append(changes, change)
				return nil
			})
	})
	return changes, err
}

func feedBounds(ctx context.Context, c *conn, collectionID int64) (start, last int64, err error) {
	err = c.row(ctx, "SELECT feed_start, seq FROM collections WHERE id = ?", []any{collectionID}, &start, &last)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NoCollection(collectionID)
	}
	return start, last, err
}

// LastSeq returns the number of a collection's last change, 0 if it has none.
func (s *Store) LastSeq(ctx context.Context, collectionID int64) (int64, error) {
	_, last, err := s.bounds(ctx, collectionID)
	return last, err
}

// FeedStart returns the smallest sequence number above 0 from which Changes can
// be continued.
func (s *Store) FeedStart(ctx context.Context, collectionID int64) (int64, error) {
	start, _, err := s.bounds(ctx, collectionID)
	return start, err
}

func (s *Store) bounds(ctx context.Context, collectionID int64) (start, last int64, err error) {
	err = s.view(ctx, "read the feed's bounds", func(c *conn) (err error) {
		start, last, err = feedBounds(ctx, c, collectionID)
		return err
	})
	return start, last, err
}
