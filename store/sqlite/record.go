package sqlite

import (
	"context"
	"database/sql"
	"errors"

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
	err = s.view(ctx, "read collection", func(c *conn) error {
		if _, seq, err = feedBounds(ctx, c, collectionID); err != nil {
			return err
		}
		gen, err := generationOf(ctx, c, collectionID, generation)
		if err != nil {
			return err
		}
		return snapshot(ctx, c, collectionID, gen, func(r rag.Record) error {
			stop = fn(r)
			return stop
		})
	})
	if stop != nil {
		return 0, stop
	}
	return seq, err
}

// snapshot reads three tables side by side. Chunks come in the order of their
// ids. All chunks of a document are made in one step, together with the version
// whose text they are cut from, so versions come in ascending order too, and the
// texts are read once, in the order in which they lie.
func snapshot(ctx context.Context, c *conn, collectionID int64, gen generation, fn func(rag.Record) error) error {
	documents := map[int64]*rag.Document{}
	err := c.each(ctx, "SELECT "+documentColumns+" FROM documents d WHERE d.collection = ? AND d.deleted_at IS NULL AND d.chunks > 0", []any{collectionID},
		func(r *sql.Rows) error {
			d, err := scanDocument(r)
			documents[d.row] = &d.Document
			return err
		})
	if err != nil {
		return err
	}
	texts, err := openTexts(ctx, c, collectionID)
	if err != nil {
		return err
	}
	defer texts.close()
	var k chunkRow
	var vector sql.RawBytes
	return c.each(ctx, "SELECT "+chunkColumns+`, e.vector
		FROM chunks k INDEXED BY chunks_collection LEFT JOIN embeddings e ON e.hash = k.hash AND e.model = ?
		WHERE k.collection = ? ORDER BY k.id`, []any{gen.model, collectionID},
		func(r *sql.Rows) error {
			if err := k.scan(r, &vector); err != nil {
				return err
			}
			d := documents[k.document]
			if d == nil {
				return nil // soft-deleted
			}
			if k.Text, err = texts.cut(k.versionRow, k.Span); err != nil {
				return err
			}
			rec, err := store.NewRecord(&k.Chunk, d, vector, gen.building())
			if err != nil {
				return err
			}
			return fn(rec)
		})
}

// textWalk reads the texts of a collection's current versions one after the
// other, and holds the one that is asked for.
type textWalk struct {
	rows    *sql.Rows
	version int64
	text    []byte
	next    struct { // read ahead: the first piece of the version after
		version int64
		content sql.RawBytes
	}
}

func openTexts(ctx context.Context, c *conn, collectionID int64) (*textWalk, error) {
	rows, err := c.query(ctx, `SELECT t.id, t.content
		FROM (SELECT DISTINCT k.version FROM chunks k JOIN documents d ON d.id = k.document
			WHERE k.collection = ? AND d.deleted_at IS NULL ORDER BY k.version) v
		CROSS JOIN texts t ON t.id BETWEEN v.version << 24 AND (v.version << 24) + 16777215
		ORDER BY t.id`, collectionID)
	if err != nil {
		return nil, err
	}
	w := &textWalk{rows: rows}
	if err := w.advance(); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return w, nil
}

func (w *textWalk) close() { _ = w.rows.Close() }

// advance reads the next piece; version is 0 at the end.
func (w *textWalk) advance() error {
	if !w.rows.Next() {
		w.next.version = 0
		return w.rows.Err()
	}
	var id int64
	if err := w.rows.Scan(&id, &w.next.content); err != nil {
		return err
	}
	w.next.version = id >> pieceBits
	return nil
}

// cut returns a span of a version's text. Versions are asked for in ascending
// order.
func (w *textWalk) cut(version int64, span rag.Span) (string, error) {
	for w.version != version {
		if w.next.version == 0 || w.next.version > version {
			return "", rag.Errorf(rag.KindInternal, "version row %d has no text", version)
		}
		w.version, w.text = w.next.version, w.text[:0]
		for w.next.version == w.version {
			w.text = append(w.text, w.next.content...)
			if err := w.advance(); err != nil {
				return "", err
			}
		}
	}
	if span.Start < 0 || span.End < span.Start || span.End > len(w.text) {
		return "", rag.Errorf(rag.KindInternal, "the text of version row %d has %d bytes, and a chunk at %d to %d", version, len(w.text), span.Start, span.End)
	}
	return string(w.text[span.Start:span.End]), nil
}

// Records returns the live chunks with these ids as index records of a generation
// (0: the live one), in any order; ids that are gone, or of another collection, are
// left out. Records of one document share Document. Errors are those of Snapshot.
func (s *Store) Records(ctx context.Context, collectionID int64, generation int, ids []rag.ChunkID) ([]rag.Record, error) {
	records := make([]rag.Record, 0, len(ids))
	err := s.view(ctx, "read records", func(c *conn) error {
		gen, err := generationOf(ctx, c, collectionID, generation)
		if err != nil {
			return err
		}
		found, documents, texts, err := readChunks(ctx, c, collectionID, ids)
		if err != nil {
			return err
		}
		vectors, err := readVectors(ctx, c, gen, found)
		if err != nil {
			return err
		}
		for i := range found {
			k := &found[i]
			if k.Text, err = texts.cut(k.versionRow, k.Span); err != nil {
				return err
			}
			rec, err := store.NewRecord(&k.Chunk, documents[k.document], vectors[k.ID], gen.building())
			if err != nil {
				return err
			}
			records = append(records, rec)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// readVectors returns the embeddings of chunks in a generation, by chunk.
func readVectors(ctx context.Context, c *conn, gen generation, chunks []chunkRow) (map[rag.ChunkID][]byte, error) {
	ids := make([]rag.ChunkID, len(chunks))
	for i := range chunks {
		ids[i] = chunks[i].ID
	}
	vectors := make(map[rag.ChunkID][]byte, len(ids))
	err := c.each(ctx, `SELECT k.id, e.vector FROM json_each(?) wanted
		CROSS JOIN chunks k ON k.id = wanted.value CROSS JOIN embeddings e ON e.hash = k.hash AND e.model = ?`, []any{store.JSON(ids), gen.model},
		func(r *sql.Rows) error {
			var id rag.ChunkID
			var vector []byte
			err := r.Scan(&id, &vector)
			vectors[id] = vector
			return err
		})
	return vectors, err
}
