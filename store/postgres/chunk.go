package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// chunkColumns are those of a chunk k with the text of its span of the version v.
var chunkColumns = `k.id, k.document, k.version, k.ordinal, k.start_at, k.end_at, k.page, k.heading, k.prefix, k.tokens, k.parent_start, k.parent_end, k.hash, ` +
	spanOf("k.start_at", "k.end_at")

// chunkRow is a chunk as it is stored, with its text.
type chunkRow struct {
	rag.Chunk
	document   int64 // row of documents
	versionRow int64 // row of versions
}

// scanChunk reads chunkColumns and whatever columns follow them into more.
func scanChunk(r scanner, more ...any) (chunkRow, error) {
	var k chunkRow
	var hash, prefix, text []byte
	var heading string
	dest := [18]any{&k.ID, &k.document, &k.versionRow, &k.Ordinal, &k.Span.Start, &k.Span.End, &k.Page, &heading, &prefix, &k.Tokens, &k.Parent.Start, &k.Parent.End, &hash, &text}
	if err := r.Scan(append(dest[:14], more...)...); err != nil {
		return k, err
	}
	if len(text) != k.Span.Len() {
		return k, rag.Errorf(rag.KindInternal, "chunk %d: the stored text of version row %d ends before byte %d", k.ID, k.versionRow, k.Span.End)
	}
	k.Prefix, k.Text = string(prefix), string(text)
	return k, store.ParseChunk(&k.Chunk, hash, heading)
}

// Chunks returns the live chunks with these ids and their documents' state at one
// moment, in any order; ids that are gone, or of another collection, are left out.
func (s *Store) Chunks(ctx context.Context, collectionID int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	if len(ids) == 0 {
		return []rag.Chunk{}, map[rag.DocumentID]rag.Document{}, nil
	}
	var chunks []rag.Chunk
	var documents map[rag.DocumentID]rag.Document
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		found, byRow, err := readChunks(ctx, tx, collectionID, ids, 0)
		if err != nil {
			return err
		}
		chunks, documents = make([]rag.Chunk, len(found)), make(map[rag.DocumentID]rag.Document, len(byRow))
		for _, d := range byRow {
			documents[d.ID] = *d
		}
		for i := range found {
			k := &found[i].chunkRow
			doc := byRow[k.document]
			k.DocumentID, k.Version = doc.ID, doc.Version
			chunks[i] = k.Chunk
		}
		return nil
	})
	if rag.KindOf(err) == rag.KindNotFound { // no collection, no chunks
		return []rag.Chunk{}, map[rag.DocumentID]rag.Document{}, nil
	}
	if err != nil {
		return nil, nil, wrap(err, "read chunks")
	}
	return chunks, documents, nil
}

// embeddedChunk is a chunk with its embedding of some model, nil for none.
type embeddedChunk struct {
	chunkRow
	vector []byte
}

// readChunks reads live chunks and the documents they belong to by row: two
// statements in one step, however many ids there are. model is the row of the one
// whose embeddings are wanted, 0 for none.
func readChunks(ctx context.Context, tx pgx.Tx, collectionID int64, ids []rag.ChunkID, model int64) ([]embeddedChunk, map[int64]*rag.Document, error) {
	const wanted = "SELECT * FROM chunks WHERE collection = $1 AND id = ANY($2::bigint[])"
	list := make([]int64, len(ids))
	for i, id := range ids {
		list[i] = int64(id)
	}
	var batch pgx.Batch
	queueChunks(&batch, wanted, model, collectionID, list)
	r := tx.SendBatch(ctx, &batch)
	found, documents, err := scanChunks(r)
	return slices.DeleteFunc(found, func(k embeddedChunk) bool { return documents[k.document] == nil }), documents, earlier(err, r.Close())
}

// queueChunks queues two statements: for the chunks that wanted selects, in the
// order of their ids, with their embeddings of a model (0 for none), and for those
// of their documents that are live.
//
// The chunks are found first, and what belongs to each of them by its key. Left to
// choose, the planner can begin with all documents where it has no statistics yet,
// which takes a hundred times as long. OFFSET 0 keeps it from choosing.
func queueChunks(b *pgx.Batch, wanted string, model int64, args ...any) {
	chunks := "WITH k AS MATERIALIZED (" + wanted + ") SELECT " + chunkColumns
	joins := " FROM k CROSS JOIN LATERAL (SELECT content FROM versions WHERE id = k.version OFFSET 0) v"
	if model == 0 {
		b.Queue(chunks+", NULL::bytea"+joins+" ORDER BY k.id", args...)
	} else {
		joins += fmt.Sprintf(` LEFT JOIN LATERAL (SELECT vector FROM embeddings WHERE hash = k.hash AND model = $%d AND tenant = k.tenant OFFSET 0) e ON true`, len(args)+1)
		b.Queue(chunks+", e.vector"+joins+" ORDER BY k.id", append(slices.Clone(args), model)...)
	}
	b.Queue("WITH k AS MATERIALIZED (SELECT DISTINCT document FROM ("+wanted+`) w)
		SELECT `+documentColumns+" FROM k CROSS JOIN LATERAL (SELECT * FROM documents WHERE id = k.document AND deleted_at IS NULL OFFSET 0) d", args...)
}

// scanChunks reads the answers to what queueChunks queued.
func scanChunks(r pgx.BatchResults) (chunks []embeddedChunk, documents map[int64]*rag.Document, err error) {
	documents = map[int64]*rag.Document{}
	err = eachRow(r, func(rows pgx.Rows) (err error) {
		var k embeddedChunk
		k.chunkRow, err = scanChunk(rows, &k.vector)
		chunks = append(chunks, k)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	err = eachRow(r, func(rows pgx.Rows) error {
		d, err := scanDocument(rows)
		documents[d.row] = &d.Document
		return err
	})
	return chunks, documents, err
}

// eachRow calls fn for every row of the next statement of a batch.
func eachRow(r pgx.BatchResults, fn func(pgx.Rows) error) error {
	rows, err := r.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Quote returns the bytes of a span of the stored text of one version of a
// document. KindNotFound when that document, version or span is not there.
func (s *Store) Quote(ctx context.Context, collectionID int64, id rag.DocumentID, version int, span rag.Span) (string, error) {
	if _, err := store.DocumentKey(id); err != nil {
		return "", err
	}
	gone := store.NoQuote(id, version, span)
	if span.Start < 0 || span.End < span.Start || span.End > maxText {
		return "", gone
	}
	var quote []byte
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "SELECT "+spanOf("$4::integer", "$5::integer")+` FROM documents d JOIN versions v ON v.document = d.id
			WHERE d.uuid = $1::text::uuid AND d.collection = $2 AND d.deleted_at IS NULL AND v.version = $3::bigint`, string(id), collectionID, version, span.Start, span.End).Scan(&quote)
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && len(quote) < span.Len()) {
			return gone
		}
		return err
	})
	return string(quote), wrap(err, "read quote")
}

// Blocks returns the blocks of the stored text of one version of a document, in
// order. KindNotFound when that document or version is not there.
func (s *Store) Blocks(ctx context.Context, collectionID int64, id rag.DocumentID, version int) ([]rag.Block, error) {
	if _, err := store.DocumentKey(id); err != nil {
		return nil, err
	}
	var encoded []byte
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT v.blocks FROM documents d JOIN versions v ON v.document = d.id
			WHERE d.uuid = $1::text::uuid AND d.collection = $2 AND d.deleted_at IS NULL AND v.version = $3::bigint`, string(id), collectionID, version).Scan(&encoded)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoVersion(id, version)
		}
		return err
	})
	if err != nil {
		return nil, wrap(err, "read blocks")
	}
	return store.DecodeBlocks(encoded)
}

// ChunkAt returns the live chunk of a version of a document that holds the byte at
// offset, the first where chunks overlap. KindNotFound if none does.
func (s *Store) ChunkAt(ctx context.Context, collectionID int64, id rag.DocumentID, version, offset int) (rag.Chunk, error) {
	if _, err := store.DocumentKey(id); err != nil {
		return rag.Chunk{}, err
	}
	var k chunkRow
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) (err error) {
		k, err = scanChunk(tx.QueryRow(ctx, "SELECT "+chunkColumns+` FROM documents d JOIN versions v ON v.document = d.id AND v.version = $3::bigint
			JOIN chunks k ON k.document = d.id AND k.version = v.id
			WHERE d.uuid = $1::text::uuid AND d.collection = $2 AND d.deleted_at IS NULL AND k.start_at <= $4::bigint AND k.end_at > $4::bigint
			ORDER BY k.ordinal LIMIT 1`, string(id), collectionID, version, offset))
		if errors.Is(err, pgx.ErrNoRows) {
			return store.NoChunkAt(id, version, offset)
		}
		return err
	})
	if err != nil {
		return rag.Chunk{}, wrap(err, "read chunk")
	}
	k.DocumentID, k.Version = id, version
	return k.Chunk, nil
}

// ChunksAfter returns up to limit live chunks of a collection with ids above after,
// in the order of their ids, with their documents' state at one moment. It returns
// none when there are no more.
func (s *Store) ChunksAfter(ctx context.Context, collectionID int64, after rag.ChunkID, limit int) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error) {
	limit = max(1, min(limit, 10_000))
	var chunks []rag.Chunk
	var documents map[rag.DocumentID]rag.Document
	err := s.view(ctx, fromReplica(collectionID), func(ctx context.Context, tx pgx.Tx) error {
		chunks, documents = nil, nil
		rows, err := tx.Query(ctx, `SELECT k.id FROM chunks k JOIN documents d ON d.id = k.document
			WHERE k.collection = $1 AND k.id > $2 AND d.deleted_at IS NULL ORDER BY k.id LIMIT $3`, collectionID, int64(after), limit)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(ids) == 0 {
			return err
		}
		wanted := make([]rag.ChunkID, len(ids))
		for i, id := range ids {
			wanted[i] = rag.ChunkID(id)
		}
		found, byRow, err := readChunks(ctx, tx, collectionID, wanted, 0)
		if err != nil {
			return err
		}
		documents = make(map[rag.DocumentID]rag.Document, len(byRow))
		for i := range found {
			k := &found[i].chunkRow
			doc := byRow[k.document]
			k.DocumentID, k.Version = doc.ID, doc.Version
			documents[doc.ID] = *doc
			chunks = append(chunks, k.Chunk)
		}
		return nil
	})
	if rag.KindOf(err) == rag.KindNotFound {
		return nil, nil, nil
	}
	slices.SortFunc(chunks, func(a, b rag.Chunk) int { return cmp.Compare(a.ID, b.ID) })
	return chunks, documents, wrap(err, "list chunks")
}

// DocumentChunks returns a document's chunks in reading order. KindNotFound if
// there is no such document that scope may see.
func (s *Store) DocumentChunks(ctx context.Context, scope rag.Scope, id rag.DocumentID) ([]rag.Chunk, error) {
	var chunks []rag.Chunk
	err := s.view(ctx, inTenantOf(scope), func(ctx context.Context, tx pgx.Tx) error {
		d, err := visible(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		chunks = make([]rag.Chunk, 0, d.Chunks)
		rows, err := tx.Query(ctx, "SELECT "+chunkColumns+" FROM chunks k JOIN versions v ON v.id = k.version WHERE k.document = $1 ORDER BY k.ordinal", d.row)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k, err := scanChunk(rows)
			if err != nil {
				return err
			}
			k.DocumentID, k.Version = d.ID, d.Version
			chunks = append(chunks, k.Chunk)
		}
		return rows.Err()
	})
	return chunks, wrap(err, "read chunks")
}
