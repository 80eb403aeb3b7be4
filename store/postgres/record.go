package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Snapshot calls fn with every live chunk of a collection as an index record with
// its vector of a generation (0: the live one), in ascending order of chunk id, and
// returns the number of the last change that
// they include: the feed continues from there. All is of one moment. Records of
// one document share Document; fn may keep what it is given. An error of fn ends
// the reading and is returned. KindNotFound says that the collection or the
// generation is gone, KindConflict that the generation, which is not live, lacks the
// embedding of a chunk.
func (s *Store) Snapshot(ctx context.Context, collectionID int64, generation int, fn func(rag.Record) error) (seq int64, err error) {
	var stop error // of fn, to be returned as it is
	err = s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		given := false
		if err := unhurriedBetween(ctx, tx); err != nil {
			return err
		}
		gen, bounds, err := generationOf(ctx, tx, collectionID, generation)
		if err != nil {
			return err
		}
		seq = bounds.last
		err = snapshot(ctx, tx, collectionID, gen, func(r rag.Record) error {
			given = true
			stop = fn(r)
			return stop
		})
		if given { // fn has records that must not come twice
			err = once(err)
		}
		return err
	})
	if stop != nil {
		return 0, stop
	}
	return seq, wrap(err, "read collection")
}

// snapshotPage is how many chunks are read at once: with their vectors and texts a
// few megabytes. fn is given them when they are read, so that however slow it is, as when
// it builds a part of an index or sends records on, no statement takes long.
const snapshotPage = 1000

func snapshot(ctx context.Context, tx pgx.Tx, collectionID int64, gen generation, fn func(rag.Record) error) error {
	// The chunks of a document have numbers side by side: a document is in this
	// page or the one before.
	var documents map[int64]*rag.Document
	for after := int64(0); ; {
		page, fresh, err := snapshotFrom(ctx, tx, collectionID, gen.model, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for row := range fresh {
			if known := documents[row]; known != nil {
				fresh[row] = known
			}
		}
		documents = fresh
		for i := range page {
			k := &page[i]
			after = int64(k.ID)
			d := documents[k.document]
			if d == nil {
				continue // soft-deleted
			}
			rec, err := store.NewRecord(&k.Chunk, d, k.vector, gen.building())
			if err != nil {
				return err
			}
			if err := fn(rec); err != nil {
				return err
			}
		}
		if len(page) < snapshotPage {
			return nil
		}
	}
}

// snapshotFrom reads the next chunks of a collection, and those of their documents
// that are live.
func snapshotFrom(ctx context.Context, tx pgx.Tx, collectionID, model, after int64) ([]embeddedChunk, map[int64]*rag.Document, error) {
	var batch pgx.Batch
	queueChunks(&batch, "SELECT * FROM chunks WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3", model, collectionID, after, snapshotPage)
	r := tx.SendBatch(ctx, &batch)
	chunks, documents, err := scanChunks(r)
	return chunks, documents, earlier(err, r.Close())
}

// Records returns the live chunks with these ids as index records of a generation
// (0: the live one), in any order; ids that are gone, or of another collection, are
// left out. Records of one document share Document. Errors are those of Snapshot.
func (s *Store) Records(ctx context.Context, collectionID int64, generation int, ids []rag.ChunkID) ([]rag.Record, error) {
	var records []rag.Record
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		records = make([]rag.Record, 0, len(ids))
		gen, _, err := generationOf(ctx, tx, collectionID, generation)
		if err != nil || len(ids) == 0 {
			return err
		}
		found, documents, err := readChunks(ctx, tx, collectionID, ids, gen.model)
		if err != nil {
			return err
		}
		for i := range found {
			rec, err := store.NewRecord(&found[i].Chunk, documents[found[i].document], found[i].vector, gen.building())
			if err != nil {
				return err
			}
			records = append(records, rec)
		}
		return nil
	})
	if err != nil {
		return nil, wrap(err, "read records")
	}
	return records, nil
}
