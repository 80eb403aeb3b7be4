-- Every migration runs inside the one transaction that package sqlite opens
-- around all pending ones; a transaction of its own would end that early.
-- +goose NO TRANSACTION
-- +goose Up

-- Facts about the file itself: "store_id" is its random UUID.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Times are microseconds since 1970, UTC. documents, chunks and bytes count what
-- is live; they change in the transaction that changes the rows they count.
CREATE TABLE collections (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL,
    metadata    TEXT    NOT NULL, -- JSON object
    generation  INTEGER NOT NULL, -- number of the active one
    created_at  INTEGER NOT NULL,
    seq         INTEGER NOT NULL DEFAULT 0, -- of its last change
    feed_start  INTEGER NOT NULL DEFAULT 0, -- deletes up to here are no longer in the feed
    documents   INTEGER NOT NULL DEFAULT 0,
    chunks      INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE generations (
    collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    chunker    TEXT    NOT NULL, -- JSON object
    model      TEXT    NOT NULL,
    dimensions INTEGER NOT NULL,
    PRIMARY KEY (collection, number)
) STRICT, WITHOUT ROWID;

-- id orders documents by age and is what other tables refer to; uuid is the id
-- that callers know. A soft-deleted document keeps all its rows until a purge.
CREATE TABLE documents (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB    NOT NULL UNIQUE,
    collection  INTEGER NOT NULL REFERENCES collections (id),
    external_id TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    media_type  TEXT    NOT NULL,
    metadata    TEXT    NOT NULL, -- JSON object
    acl         TEXT    NOT NULL, -- JSON array, or empty for the whole tenant
    version     INTEGER NOT NULL,
    sha256      TEXT    NOT NULL,
    input_hash  TEXT    NOT NULL, -- of what else the caller gave: rag.Document.InputHash
    bytes       INTEGER NOT NULL,
    pages       INTEGER NOT NULL,
    chunks      INTEGER NOT NULL,
    language    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    error       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX documents_external ON documents (collection, external_id) WHERE deleted_at IS NULL;
CREATE INDEX documents_listed ON documents (collection, id);
CREATE INDEX documents_deleted ON documents (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    document   INTEGER NOT NULL REFERENCES documents (id),
    version    INTEGER NOT NULL,
    sha256     TEXT    NOT NULL, -- of the original file: what keeps its blob alive
    length     INTEGER NOT NULL, -- of the text, bytes
    blocks     BLOB    NOT NULL, -- see store.EncodeBlocks
    info       TEXT    NOT NULL, -- JSON: the text's own title, language, metadata, warnings
    created_at INTEGER NOT NULL,
    UNIQUE (document, version)
) STRICT;
CREATE INDEX versions_sha256 ON versions (sha256);

-- The text of a version in pieces of 8 KiB: id is versions.id * 2^24 + the number
-- of the piece, so that a span is read without reading what stands before it.
CREATE TABLE texts (
    id      INTEGER PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

-- A chunk's own text is not here: it is bytes start_at to end_at of its version's.
CREATE TABLE chunks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    document   INTEGER NOT NULL REFERENCES documents (id),
    version    INTEGER NOT NULL REFERENCES versions (id),
    ordinal    INTEGER NOT NULL,
    start_at   INTEGER NOT NULL,
    end_at     INTEGER NOT NULL,
    page       INTEGER NOT NULL,
    heading    TEXT    NOT NULL, -- JSON array, or empty
    prefix     TEXT    NOT NULL,
    tokens     INTEGER NOT NULL,
    hash       BLOB    NOT NULL, -- SHA-256 of the text that was embedded
    embedding  INTEGER REFERENCES embeddings (id) -- null in a collection without a model
) STRICT;
CREATE UNIQUE INDEX chunks_document ON chunks (document, ordinal);
CREATE INDEX chunks_collection ON chunks (collection, id);
CREATE INDEX chunks_version ON chunks (version);
CREATE INDEX chunks_embedding ON chunks (embedding, collection);

CREATE TABLE models (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    dimensions INTEGER NOT NULL
) STRICT;

CREATE TABLE embeddings (
    id     INTEGER PRIMARY KEY,
    hash   BLOB    NOT NULL,
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL, -- little-endian float32
    UNIQUE (hash, model)
) STRICT;

-- Embeddings whose last chunk may be gone: what a purge has to look at.
CREATE TABLE loose_embeddings (
    id INTEGER PRIMARY KEY
) STRICT;

-- The change feed. There is one writer at a time, so the order of seq is the
-- order of commit.
CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    op         INTEGER NOT NULL, -- rag.ChangePut, rag.ChangeDelete
    chunk      INTEGER NOT NULL,
    document   BLOB    NOT NULL, -- uuid: the row of a deleted document may be gone
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_collection ON changes (collection, seq);
CREATE INDEX changes_chunk ON changes (chunk, seq);
CREATE INDEX changes_deletes ON changes (at) WHERE op = 2;

CREATE TABLE queries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       TEXT    NOT NULL,
    tenant     TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    principals TEXT    NOT NULL, -- JSON array, sorted
    kind       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    answer     TEXT    NOT NULL,
    hits       TEXT    NOT NULL, -- JSON array of chunk ids
    citations  TEXT    NOT NULL, -- JSON array
    confidence REAL    NOT NULL,
    refused    INTEGER NOT NULL,
    cached     INTEGER NOT NULL,
    usage      TEXT    NOT NULL, -- JSON object
    took       INTEGER NOT NULL, -- nanoseconds
    at         INTEGER NOT NULL,
    error      TEXT    NOT NULL
) STRICT;
CREATE INDEX queries_scope ON queries (tenant, collection, id);

-- Which documents an answer was made from: its row goes when one of them does.
CREATE TABLE query_documents (
    document BLOB    NOT NULL,
    query    INTEGER NOT NULL REFERENCES queries (id) ON DELETE CASCADE,
    PRIMARY KEY (document, query)
) STRICT, WITHOUT ROWID;
CREATE INDEX query_documents_query ON query_documents (query);
