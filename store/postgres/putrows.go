package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// putRows are rows to be written together: columns, since they go to the server as
// arrays, many rows a statement, and all statements in one step. COPY would take
// two steps a table, and cannot pass over an embedding that another transaction
// has stored meanwhile.
type putRows struct {
	gone       []int64 // documents whose chunks go
	goneTo     []int64 // the last of their versions that goes
	documents  documentColumnsRows
	versions   []versionRow
	chunks     chunkRows
	changes    changeRows
	embeddings []embeddingRow
}

type documentColumnsRows struct {
	id, collection, version, bytes, pages, chunks                                                  []int64
	uuid, external, title, source, media, metadata, acl, sha256, input, language, state, errorText []string
	key, rest                                                                                      [][]byte
	created, updated                                                                               []time.Time
}

type versionRow struct {
	id, document    int64
	version         int
	sha256, info    string
	blocks, content []byte
}

type chunkRows struct {
	id, collection, document, version, ordinal, start, end, parentStart, parentEnd, page, tokens []int64
	hash, prefix                                                                                 [][]byte
	heading                                                                                      []string
}

type changeRows struct {
	collection, seq, op, chunk []int64
	document                   []string
}

type embeddingRow struct {
	embeddingKey
	vector []float32
}

func (r *putRows) replace(document int64, lastVersion int) {
	r.gone, r.goneTo = append(r.gone, document), append(r.goneTo, int64(lastVersion))
}

func (r *putRows) document(d document) {
	c := &r.documents
	key, rest := externalKey(d.ExternalID)
	c.id, c.collection, c.version = append(c.id, d.row), append(c.collection, d.collection), append(c.version, int64(d.Version))
	c.bytes, c.pages, c.chunks = append(c.bytes, d.Bytes), append(c.pages, int64(d.Pages)), append(c.chunks, int64(d.Chunks))
	c.uuid, c.external, c.key, c.rest = append(c.uuid, string(d.ID)), append(c.external, d.ExternalID), append(c.key, key), append(c.rest, rest)
	c.title, c.source, c.media = append(c.title, d.Title), append(c.source, d.Source), append(c.media, d.MediaType)
	c.metadata, c.acl = append(c.metadata, store.FormatMetadata(d.Metadata)), append(c.acl, store.FormatStrings(d.ACL))
	c.sha256, c.input, c.language = append(c.sha256, d.SHA256), append(c.input, d.InputHash), append(c.language, d.Language)
	c.state, c.errorText = append(c.state, string(d.State)), append(c.errorText, d.Error)
	c.created, c.updated = append(c.created, d.CreatedAt), append(c.updated, d.UpdatedAt)
}

func (r *putRows) version(d document, id int64, p *rag.Put) {
	t := &p.Text
	info := store.FormatFacts(t)
	r.versions = append(r.versions, versionRow{id, d.row, d.Version, d.SHA256, info, store.EncodeBlocks(t.Blocks), []byte(t.Content)})
}

func (r *putRows) chunk(d document, version int64, ordinal int, id int64, k *rag.Chunk) {
	c := &r.chunks
	c.id, c.collection, c.document, c.version = append(c.id, id), append(c.collection, d.collection), append(c.document, d.row), append(c.version, version)
	c.ordinal, c.start, c.end = append(c.ordinal, int64(ordinal)), append(c.start, int64(k.Span.Start)), append(c.end, int64(k.Span.End))
	c.parentStart, c.parentEnd = append(c.parentStart, int64(k.Parent.Start)), append(c.parentEnd, int64(k.Parent.End))
	c.page, c.tokens = append(c.page, int64(k.Page)), append(c.tokens, int64(k.Tokens))
	c.hash, c.prefix, c.heading = append(c.hash, k.Hash[:]), append(c.prefix, []byte(k.Prefix)), append(c.heading, store.FormatStrings(k.Heading))
}

func (r *putRows) change(d document, seq int64, op rag.ChangeOp, chunk int64) {
	c := &r.changes
	c.collection, c.seq, c.op, c.chunk, c.document = append(c.collection, d.collection), append(c.seq, seq), append(c.op, int64(op)), append(c.chunk, chunk), append(c.document, string(d.ID))
}

// Bounds of one statement: rows of a kind, and bytes that are sent before answers
// are read.
const (
	portionRows  = 5000
	portionBytes = 8 << 20
)

// write stores the rows of the wave.
func (b *batch) write(ctx context.Context) error {
	w := writer{tx: b.tx}
	r := &b.rows
	w.removeReplaced(r.gone, r.goneTo)
	w.putDocuments(b.tenant, &r.documents)
	w.putVersions(ctx, b.tenant, r.versions, b.now)
	w.putChunks(ctx, b.tenant, &r.chunks)
	w.putChanges(ctx, b.tenant, &r.changes, b.now)
	sortEmbeddings(r.embeddings)
	w.putEmbeddings(ctx, b.tenant, r.embeddings)
	w.flush(ctx)
	return w.err
}

// writer gathers statements and sends them when they are many bytes. After an
// error it does nothing.
type writer struct {
	tx    pgx.Tx
	batch pgx.Batch
	bytes int
	err   error
}

func (w *writer) add(ctx context.Context, bytes int, sql string, args ...any) {
	w.batch.Queue(sql, args...)
	if w.bytes += bytes; w.bytes >= portionBytes {
		w.flush(ctx)
	}
}

func (w *writer) flush(ctx context.Context) {
	if w.err == nil && w.batch.Len() > 0 {
		w.err = w.tx.SendBatch(ctx, &w.batch).Close()
	}
	w.batch, w.bytes = pgx.Batch{}, 0
}

const (
	// Embeddings stay until a purge finds that no other chunk has them: the next
	// version of a document has most of its chunks in common with the one before.
	loosenEmbeddings = `
		INSERT INTO loose_embeddings (tenant, model, hash)
		SELECT DISTINCT e.tenant, e.model, e.hash FROM (SELECT DISTINCT hash, tenant FROM chunks WHERE document = ANY($1::bigint[])) k
		CROSS JOIN LATERAL (SELECT * FROM embeddings WHERE hash = k.hash AND tenant = k.tenant OFFSET 0) e
		ORDER BY e.hash, e.model ON CONFLICT DO NOTHING`
	deleteChunks = "DELETE FROM chunks WHERE document = ANY($1::bigint[])"
)

func (w *writer) removeReplaced(documents, lastVersions []int64) {
	if len(documents) == 0 {
		return
	}
	w.batch.Queue(loosenEmbeddings, documents)
	w.batch.Queue(deleteChunks, documents)
	w.batch.Queue("DELETE FROM versions v USING unnest($1::bigint[], $2::bigint[]) w (document, last) WHERE v.document = w.document AND v.version <= w.last", documents, lastVersions)
}

func (w *writer) putDocuments(tenant string, c *documentColumnsRows) {
	if len(c.id) == 0 {
		return
	}
	w.batch.Queue(`
		INSERT INTO documents (tenant, id, collection, uuid, external_id, external_key, external_rest, title, source, media_type, metadata, acl, version,
			sha256, input_hash, bytes, pages, chunks, language, state, error, created_at, updated_at)
		SELECT $1::text, w.id, w.collection, w.uuid::uuid, w.external, w.key, w.rest, w.title, w.source, w.media, w.metadata, w.acl, w.version,
			w.sha256, w.input, w.bytes, w.pages, w.chunks, w.language, w.state, w.error, w.created, w.updated
		FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
			$14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[], $20::text[], $21::text[], $22::timestamptz[], $23::timestamptz[])
			w (id, collection, uuid, external, key, rest, title, source, media, metadata, acl, version, sha256, input, bytes, pages, chunks, language, state, error, created, updated)
		ON CONFLICT (id, tenant) DO UPDATE SET title = excluded.title, source = excluded.source, media_type = excluded.media_type, metadata = excluded.metadata,
			acl = excluded.acl, version = excluded.version, sha256 = excluded.sha256, input_hash = excluded.input_hash, bytes = excluded.bytes, pages = excluded.pages,
			chunks = excluded.chunks, language = excluded.language, state = excluded.state, error = excluded.error, updated_at = excluded.updated_at`,
		tenant, c.id, c.collection, c.uuid, c.external, c.key, c.rest, c.title, c.source, c.media, c.metadata, c.acl, c.version,
		c.sha256, c.input, c.bytes, c.pages, c.chunks, c.language, c.state, c.errorText, c.created, c.updated)
}

func (w *writer) putVersions(ctx context.Context, tenant string, rows []versionRow, now time.Time) {
	for _, v := range rows {
		w.add(ctx, len(v.content)+len(v.blocks),
			"INSERT INTO versions (tenant, id, document, version, sha256, blocks, info, created_at, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			tenant, v.id, v.document, v.version, v.sha256, v.blocks, v.info, now, v.content)
	}
}

func (w *writer) putChunks(ctx context.Context, tenant string, c *chunkRows) {
	for from, to := range portions(len(c.id), portionRows) {
		w.add(ctx, (to-from)*200, `
			INSERT INTO chunks (tenant, id, collection, document, version, ordinal, start_at, end_at, parent_start, parent_end, page, tokens, hash, prefix, heading)
			SELECT $1::text, w.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
				$11::bigint[], $12::bigint[], $13::bytea[], $14::bytea[], $15::text[]) w`,
			tenant, c.id[from:to], c.collection[from:to], c.document[from:to], c.version[from:to], c.ordinal[from:to], c.start[from:to], c.end[from:to],
			c.parentStart[from:to], c.parentEnd[from:to], c.page[from:to], c.tokens[from:to], c.hash[from:to], c.prefix[from:to], c.heading[from:to])
	}
}

func (w *writer) putChanges(ctx context.Context, tenant string, c *changeRows, now time.Time) {
	for from, to := range portions(len(c.seq), portionRows) {
		w.add(ctx, (to-from)*100, `
			INSERT INTO changes (tenant, at, collection, seq, op, chunk, document)
			SELECT $1::text, $2::timestamptz, w.collection, w.seq, w.op, w.chunk, w.document::uuid
			FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[]) w (collection, seq, op, chunk, document)`,
			tenant, now, c.collection[from:to], c.seq[from:to], c.op[from:to], c.chunk[from:to], c.document[from:to])
	}
}

// putEmbeddings stores embeddings that are not there, those of rows, in their order.
func (w *writer) putEmbeddings(ctx context.Context, tenant string, rows []embeddingRow) {
	if len(rows) == 0 {
		return
	}
	size := 4*len(rows[0].vector) + 100
	for from, to := range portions(len(rows), max(1, min(portionRows, portionBytes/size))) {
		models, hashes, vectors := columnsOf(rows[from:to])
		w.add(ctx, (to-from)*size, `
			INSERT INTO embeddings (tenant, model, hash, vector) SELECT $1::text, w.* FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) w
			ON CONFLICT DO NOTHING`, tenant, models, hashes, vectors)
	}
}

func columnsOf(rows []embeddingRow) (models []int64, hashes, vectors [][]byte) {
	for i := range rows {
		models, hashes = append(models, rows[i].model), append(hashes, rows[i].hash[:])
		vectors = append(vectors, store.AppendVector(make([]byte, 0, 4*len(rows[i].vector)), rows[i].vector))
	}
	return models, hashes, vectors
}

// portions yields the bounds of parts of n things, at most size each.
func portions(n, size int) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		for from := 0; from < n; from += size {
			if !yield(from, min(n, from+size)) {
				return
			}
		}
	}
}
