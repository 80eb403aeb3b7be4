package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// PutDocuments stores documents, versions, texts, chunks, new embeddings and feed
// rows in one transaction. A document whose external id is that of a live one of
// its collection replaces it: it keeps the id, gets the next version, and its
// chunks get new ids. An empty external id becomes the document's id.
//
// A fault of one document is its PutResult.Err and leaves the others: KindInvalid
// for what cannot be stored, KindNotFound for a collection that is not there,
// KindConflict where an embedding that was in the store when it was asked for has
// been purged meanwhile, or the collection has moved to another generation, so that
// the document has to be handed in again. A fault of the whole is the error, and
// then nothing was stored.
func (s *Store) PutDocuments(ctx context.Context, puts []rag.Put) ([]rag.PutResult, error) {
	results := make([]rag.PutResult, len(puts))
	for i := range puts {
		if err := store.CheckPut(&puts[i]); err != nil {
			results[i] = store.Failed(puts[i].Document, err)
		}
	}
	err := s.update(ctx, "store documents", func(steady context.Context, c *conn) error {
		b := batch{store: s, conn: c, now: s.now(), generations: map[int64]generation{}}
		for i := range puts {
			if results[i].Err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			undone, err := c.savepoint(steady, func() (err error) {
				results[i], err = b.put(steady, &puts[i])
				return err
			})
			if err != nil && (!undone || fatal(err)) {
				return err
			}
			if err != nil {
				results[i] = store.Failed(puts[i].Document, translate(steady, err, "store document"))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// batch is one call of PutDocuments.
type batch struct {
	store       *Store
	conn        *conn
	now         time.Time
	generations map[int64]generation // by collection
}

// put stores one document: its row, its version with the text, its chunks with
// their embeddings, and the feed.
func (b *batch) put(ctx context.Context, p *rag.Put) (rag.PutResult, error) {
	gen, err := b.generation(ctx, p.CollectionID)
	if err != nil {
		return rag.PutResult{}, err
	}
	if err := store.CheckLive(p, gen.number, gen.name); err != nil {
		return rag.PutResult{}, err
	}
	d, delta, state, err := b.putRow(ctx, p)
	if err != nil {
		return rag.PutResult{}, err
	}
	version, err := b.putVersion(ctx, d, p)
	if err != nil {
		return rag.PutResult{}, err
	}
	if err := b.putChunks(ctx, d, version, gen, p); err != nil {
		return rag.PutResult{}, err
	}
	seq, err := b.store.announce(ctx, b.conn, rag.ChangePut, d, delta)
	if err != nil {
		return rag.PutResult{}, err
	}
	return rag.PutResult{Document: d.Document, State: state, Seq: seq}, nil
}

// generation returns the collection's live generation, with the row of its model.
func (b *batch) generation(ctx context.Context, collectionID int64) (generation, error) {
	if gen, ok := b.generations[collectionID]; ok {
		return gen, nil
	}
	gen, err := generationOf(ctx, b.conn, collectionID, 0)
	if err != nil || gen.name == "" {
		return gen, err
	}
	if gen.model, err = modelRow(ctx, b.conn, gen.name, gen.dimensions); err != nil {
		return gen, err
	}
	b.generations[collectionID] = gen
	return gen, nil
}

// putRow inserts the document's row, or gives the next version to the one it
// replaces, whose chunks and surplus versions are removed.
func (b *batch) putRow(ctx context.Context, p *rag.Put) (d document, delta count, state rag.AddState, err error) {
	d = document{Document: store.NewDocument(p, b.now), collection: p.CollectionID}
	old, err := oneDocument(ctx, b.conn, "WHERE d.collection = ? AND d.external_id = ? AND d.deleted_at IS NULL", p.CollectionID, d.ExternalID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		d, err = b.insert(ctx, d)
		return d, count{1, d.Chunks, d.Bytes}, rag.Added, err
	case err != nil:
		return d, delta, "", err
	}
	d.row, d.ID, d.CreatedAt, d.Version = old.row, old.ID, old.CreatedAt, old.Version+1
	delta = count{0, d.Chunks - old.Chunks, d.Bytes - old.Bytes}
	return d, delta, rag.Updated, b.replace(ctx, old, d)
}

func (b *batch) insert(ctx context.Context, d document) (document, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return d, err
	}
	d.ID, d.Version, d.CreatedAt = rag.DocumentID(id.String()), 1, b.now
	if d.ExternalID == "" {
		d.ExternalID = string(d.ID)
	}
	res, err := b.conn.exec(ctx, `
		INSERT INTO documents (uuid, collection, external_id, title, source, media_type, metadata, acl, version,
			sha256, input_hash, bytes, pages, chunks, language, state, error, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id[:], d.collection, d.ExternalID, d.Title, d.Source, d.MediaType, store.FormatMetadata(d.Metadata), store.FormatStrings(d.ACL), d.Version,
		d.SHA256, d.InputHash, d.Bytes, d.Pages, d.Chunks, d.Language, string(d.State), d.Error, toMicros(d.CreatedAt), toMicros(d.UpdatedAt))
	if err != nil {
		return d, err
	}
	d.row, err = res.LastInsertId()
	return d, err
}

func (b *batch) replace(ctx context.Context, old, d document) error {
	if _, err := b.store.announce(ctx, b.conn, rag.ChangeDelete, old, count{}); err != nil {
		return err
	}
	if err := owesErasure(ctx, b.conn); err != nil {
		return err
	}
	if err := deleteChunks(ctx, b.conn, old.row); err != nil {
		return err
	}
	if err := deleteVersions(ctx, b.conn, old.row, d.Version-b.store.cfg.KeepVersions); err != nil {
		return err
	}
	_, err := b.conn.exec(ctx, `
		UPDATE documents SET title = ?, source = ?, media_type = ?, metadata = ?, acl = ?, version = ?,
			sha256 = ?, input_hash = ?, bytes = ?, pages = ?, chunks = ?, language = ?, state = ?, error = ?, updated_at = ?
		WHERE id = ?`,
		d.Title, d.Source, d.MediaType, store.FormatMetadata(d.Metadata), store.FormatStrings(d.ACL), d.Version,
		d.SHA256, d.InputHash, d.Bytes, d.Pages, d.Chunks, d.Language, string(d.State), d.Error, toMicros(d.UpdatedAt), d.row)
	return err
}

// deleteChunks removes a document's chunks. Their embeddings stay until a purge
// finds that no other chunk has them: the next version of a document has most of
// its chunks in common with the one before.
func deleteChunks(ctx context.Context, c *conn, document int64) error {
	_, err := c.exec(ctx, `INSERT OR IGNORE INTO loose_embeddings (id)
		SELECT e.id FROM chunks k JOIN embeddings e ON e.hash = k.hash WHERE k.document = ?`, document)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, "DELETE FROM chunks WHERE document = ?", document)
	return err
}

// deleteVersions removes the versions of a document up to and including last,
// with their texts. No chunk may refer to them any more.
func deleteVersions(ctx context.Context, c *conn, document int64, last int) error {
	var rows []int64
	err := c.each(ctx, "SELECT id FROM versions WHERE document = ? AND version <= ?", []any{document, last}, func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		rows = append(rows, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range rows {
		if err := deleteText(ctx, c, id); err != nil {
			return err
		}
		if _, err := c.exec(ctx, "DELETE FROM versions WHERE id = ?", id); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) putVersion(ctx context.Context, d document, p *rag.Put) (int64, error) {
	t := &p.Text
	if err := t.Metadata.Validate(); err != nil {
		return 0, err
	}
	info := store.FormatFacts(t)
	res, err := b.conn.exec(ctx, "INSERT INTO versions (document, version, sha256, length, blocks, info, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		d.row, d.Version, d.SHA256, len(t.Content), store.EncodeBlocks(t.Blocks), info, toMicros(b.now))
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, err
	}
	return id, putText(ctx, b.conn, id, t.Content)
}

func (b *batch) putChunks(ctx context.Context, d document, version int64, gen generation, p *rag.Put) error {
	for i := range p.Chunks {
		c := &p.Chunks[i]
		if err := b.embed(ctx, gen, c.Hash, p.Vectors[c.Hash]); err != nil {
			return err
		}
		_, err := b.conn.exec(ctx, `
			INSERT INTO chunks (collection, document, version, ordinal, start_at, end_at, page, heading, prefix, tokens, parent_start, parent_end, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			d.collection, d.row, version, i, c.Span.Start, c.Span.End, c.Page, store.FormatStrings(c.Heading), c.Prefix, c.Tokens, c.Parent.Start, c.Parent.End, c.Hash[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// embed sees to it that a chunk's embedding of the generation is in the store,
// stored now if it is new. A collection without a model has none.
func (b *batch) embed(ctx context.Context, gen generation, hash rag.Hash, vector []float32) error {
	if gen.model == 0 {
		return nil
	}
	var one int
	err := b.conn.row(ctx, "SELECT 1 FROM embeddings WHERE hash = ? AND model = ?", []any{hash[:], gen.model}, &one)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := store.CheckNew(vector, gen.dimensions); err != nil {
		return err
	}
	_, err = b.conn.exec(ctx, "INSERT INTO embeddings (hash, model, vector) VALUES (?, ?, ?)", hash[:], gen.model, store.AppendVector(nil, vector))
	return err
}

// MissingEmbeddings returns those of hashes that have no vector of model, each
// once, in the order of their first place. One file's embeddings are shared by all
// that is in it, whatever the tenant: whoever has the file has them all.
func (s *Store) MissingEmbeddings(ctx context.Context, _, model string, hashes []rag.Hash) ([]rag.Hash, error) {
	var missing []rag.Hash
	err := s.view(ctx, "look up embeddings", func(c *conn) error {
		var id int64
		err := c.row(ctx, "SELECT id FROM models WHERE name = ?", []any{model}, &id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		seen := make(map[rag.Hash]bool, len(hashes))
		for _, h := range hashes {
			if seen[h] {
				continue
			}
			seen[h] = true
			var one int
			err := c.row(ctx, "SELECT 1 FROM embeddings WHERE hash = ? AND model = ?", []any{h[:], id}, &one)
			switch {
			case errors.Is(err, sql.ErrNoRows):
				missing = append(missing, h)
			case err != nil:
				return err
			}
		}
		return nil
	})
	return missing, err
}
