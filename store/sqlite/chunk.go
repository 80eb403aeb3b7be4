package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

const chunkColumns = `k.id, k.document, k.version, k.ordinal, k.start_at, k.end_at, k.page, k.heading, k.prefix, k.tokens, k.parent_start, k.parent_end, k.hash`

// chunkRow is a chunk as it is stored: without its text.
type chunkRow struct {
	rag.Chunk
	document   int64 // row of documents
	versionRow int64 // row of versions
	hash       sql.RawBytes
	heading    string
}

// scan reads chunkColumns and whatever columns follow them into more. The row is
// reused: what of it outlives the next scan is in Chunk.
func (k *chunkRow) scan(r scanner, more ...any) error {
	k.Chunk = rag.Chunk{}
	dest := [18]any{&k.ID, &k.document, &k.versionRow, &k.Ordinal, &k.Span.Start, &k.Span.End, &k.Page, &k.heading, &k.Prefix, &k.Tokens, &k.Parent.Start, &k.Parent.End, &k.hash}
	if err := r.Scan(append(dest[:13], more...)...); err != nil {
		return err
	}
	return store.ParseChunk(&k.Chunk, k.hash, k.heading)
}

// Chunks returns the live chunks with these ids and their documents' state at one
// moment, in any order; ids that are gone, or of another collection, are left out.
func (s *Store) Chunks(ctx context.Context, collectionID int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	chunks := make([]rag.Chunk, 0, len(ids))
	documents := make(map[rag.DocumentID]rag.Document)
	err := s.view(ctx, "read chunks", func(c *conn) error {
		found, byRow, texts, err := readChunks(ctx, c, collectionID, ids)
		if err != nil {
			return err
		}
		for i := range found {
			k := &found[i]
			doc := byRow[k.document]
			if k.Text, err = texts.cut(k.versionRow, k.Span); err != nil {
				return err
			}
			k.DocumentID, k.Version = doc.ID, doc.Version
			documents[doc.ID] = *doc
			chunks = append(chunks, k.Chunk)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return chunks, documents, nil
}

// readChunks reads the rows of live chunks, the documents they belong to by row,
// and the pieces of text that they are cut from: three statements, however many
// ids there are.
func readChunks(ctx context.Context, c *conn, collectionID int64, ids []rag.ChunkID) ([]chunkRow, map[int64]*rag.Document, pieces, error) {
	if len(ids) == 0 {
		return nil, nil, nil, nil
	}
	const live = `FROM (SELECT DISTINCT value AS id FROM json_each(?2)) wanted
		CROSS JOIN chunks k ON k.id = wanted.id AND k.collection = ?1
		CROSS JOIN documents d ON d.id = k.document AND d.deleted_at IS NULL `
	args := []any{collectionID, store.JSON(ids)}

	found := make([]chunkRow, 0, len(ids))
	var k chunkRow
	err := c.each(ctx, "SELECT "+chunkColumns+" "+live, args, func(r *sql.Rows) error {
		if err := k.scan(r); err != nil {
			return err
		}
		found = append(found, k)
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	documents := make(map[int64]*rag.Document)
	err = c.each(ctx, `SELECT `+documentColumns+` FROM documents d WHERE d.id IN (SELECT k.document `+live+`)`, args, func(r *sql.Rows) error {
		d, err := scanDocument(r)
		documents[d.row] = &d.Document
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	var texts pieces
	err = c.each(ctx, `SELECT t.id, t.content `+live+`
		CROSS JOIN texts t ON t.id BETWEEN (k.version << 24) + (k.start_at >> 13) AND (k.version << 24) + ((k.end_at - 1) >> 13)`, args, texts.scan)
	return found, documents, texts, err
}

// Quote returns the bytes of a span of the stored text of one version of a
// document. KindNotFound when that document, version or span is not there.
func (s *Store) Quote(ctx context.Context, collectionID int64, id rag.DocumentID, version int, span rag.Span) (string, error) {
	key, err := store.DocumentKey(id)
	if err != nil {
		return "", err
	}
	var quote string
	err = s.view(ctx, "read quote", func(c *conn) error {
		var row int64
		var length int
		err := c.row(ctx, `
			SELECT v.id, v.length FROM documents d JOIN versions v ON v.document = d.id
			WHERE d.uuid = ? AND d.collection = ? AND d.deleted_at IS NULL AND v.version = ?`, []any{key, collectionID, version}, &row, &length)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err != nil || span.Start < 0 || span.End < span.Start || span.End > length {
			return store.NoQuote(id, version, span)
		}
		quote, err = readSpan(ctx, c, row, span)
		return err
	})
	return quote, err
}

// Blocks returns the blocks of the stored text of one version of a document, in
// order. KindNotFound when that document or version is not there.
func (s *Store) Blocks(ctx context.Context, collectionID int64, id rag.DocumentID, version int) ([]rag.Block, error) {
	key, err := store.DocumentKey(id)
	if err != nil {
		return nil, err
	}
	var encoded []byte
	err = s.view(ctx, "read blocks", func(c *conn) error {
		err := c.row(ctx, `
			SELECT v.blocks FROM documents d JOIN versions v ON v.document = d.id
			WHERE d.uuid = ? AND d.collection = ? AND d.deleted_at IS NULL AND v.version = ?`, []any{key, collectionID, version}, &encoded)
		if errors.Is(err, sql.ErrNoRows) {
			return store.NoVersion(id, version)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return store.DecodeBlocks(encoded)
}

// ChunkAt returns the live chunk of a version of a document that holds the byte at
// offset, the first where chunks overlap. KindNotFound if none does.
func (s *Store) ChunkAt(ctx context.Context, collectionID int64, id rag.DocumentID, version, offset int) (rag.Chunk, error) {
	key, err := store.DocumentKey(id)
	if err != nil {
		return rag.Chunk{}, err
	}
	var out rag.Chunk
	err = s.view(ctx, "read chunk", func(c *conn) error {
		var k chunkRow
		found := false
		err := c.each(ctx, "SELECT "+chunkColumns+` FROM documents d JOIN versions v ON v.document = d.id AND v.version = ?3
			JOIN chunks k ON k.document = d.id AND k.version = v.id
			WHERE d.uuid = ?1 AND d.collection = ?2 AND d.deleted_at IS NULL AND k.start_at <= ?4 AND k.end_at > ?4
			ORDER BY k.ordinal LIMIT 1`, []any{key, collectionID, version, offset}, func(r *sql.Rows) error {
			found = true
			return k.scan(r)
		})
		if err != nil {
			return err
		}
		if !found {
			return store.NoChunkAt(id, version, offset)
		}
		k.DocumentID, k.Version = id, version
		k.Text, err = readSpan(ctx, c, k.versionRow, k.Span)
		out = k.Chunk
		return err
	})
	return out, err
}

// ChunksAfter returns up to limit live chunks of a collection with ids above after,
// in the order of their ids, with their documents' state at one moment. It returns
// none when there are no more.
func (s *Store) ChunksAfter(ctx context.Context, collectionID int64, after rag.ChunkID, limit int) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	limit = max(1, min(limit, 10_000))
	var ids []rag.ChunkID
	err := s.view(ctx, "list chunks", func(c *conn) error {
		return c.each(ctx, `SELECT k.id FROM chunks k JOIN documents d ON d.id = k.document
			WHERE k.collection = ?1 AND k.id > ?2 AND d.deleted_at IS NULL ORDER BY k.id LIMIT ?3`, []any{collectionID, after, limit}, func(r *sql.Rows) error {
			var id rag.ChunkID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	if err != nil || len(ids) == 0 {
		return nil, nil, err
	}
	chunks, documents, err := s.Chunks(ctx, collectionID, ids)
	if err != nil {
		return nil, nil, err
	}
	if len(chunks) == 0 { // all went meanwhile: go on behind them
		return s.ChunksAfter(ctx, collectionID, ids[len(ids)-1], limit)
	}
	slices.SortFunc(chunks, func(a, b rag.Chunk) int { return cmp.Compare(a.ID, b.ID) })
	return chunks, documents, nil
}

// DocumentChunks returns a document's chunks in reading order. KindNotFound if
// there is no such document that scope may see.
func (s *Store) DocumentChunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error) {
	var chunks []rag.Chunk
	err := s.view(ctx, "read chunks", func(c *conn) error {
		d, err := visible(ctx, c, scope, id)
		if err != nil {
			return err
		}
		chunks = make([]rag.Chunk, 0, d.Chunks)
		var version int64
		var k chunkRow
		err = c.each(ctx, "SELECT "+chunkColumns+" FROM chunks k WHERE k.document = ? ORDER BY k.ordinal", []any{d.row}, func(r *sql.Rows) error {
			if err := k.scan(r); err != nil {
				return err
			}
			k.DocumentID, k.Version, version = d.ID, d.Version, k.versionRow
			chunks = append(chunks, k.Chunk)
			return nil
		})
		if err != nil || len(chunks) == 0 {
			return err
		}
		var texts pieces
		err = c.each(ctx, "SELECT id, content FROM texts WHERE id BETWEEN ? AND ?", []any{firstPiece(version), lastPiece(version)}, texts.scan)
		for i := range chunks {
			if err == nil {
				chunks[i].Text, err = texts.cut(version, chunks[i].Span)
			}
		}
		return err
	})
	return chunks, err
}
