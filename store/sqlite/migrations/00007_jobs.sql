-- +goose NO TRANSACTION
-- +goose Up
-- Work that outlives the process that began it. A process that works on a job holds
-- it until held_until and says so again before that; a job whose holder is gone is
-- taken by another.
CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid       BLOB    NOT NULL UNIQUE,
    tenant     TEXT    NOT NULL,
    collection INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    source     TEXT    NOT NULL, -- of a sync, else empty
    principals TEXT    NOT NULL, -- JSON array, sorted
    admin      INTEGER NOT NULL, -- whether they manage the tenant
    key        TEXT    NOT NULL, -- name of the API key that is charged
    state      TEXT    NOT NULL,
    error      TEXT    NOT NULL,
    cancelling INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    progress   TEXT    NOT NULL, -- JSON object: rag.Progress
    created_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL, -- 0 before
    updated_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL, -- 0 before
    not_before INTEGER NOT NULL,
    holder     TEXT    NOT NULL,
    held_until INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_listed ON jobs (collection, id);
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at > 0;

-- The inputs of a job. sha256 keeps the content alive as long as it may be needed;
-- it is empty once the item is stored as a document.
CREATE TABLE job_items (
    job      INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    input    TEXT    NOT NULL, -- JSON object: rag.StoredInput
    sha256   TEXT    NOT NULL,
    bytes    INTEGER NOT NULL,
    state    TEXT    NOT NULL, -- empty before there is a verdict
    error    TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    tries    INTEGER NOT NULL,
    document TEXT    NOT NULL,
    chunks   INTEGER NOT NULL,
    warnings TEXT    NOT NULL, -- JSON array
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_items_state ON job_items (job, state, number);
-- What a purge looks for: items name the document that they became.
CREATE INDEX job_items_document ON job_items (document) WHERE document <> '';
CREATE INDEX job_items_sha256 ON job_items (sha256) WHERE sha256 <> '';

-- +goose StatementBegin
CREATE TRIGGER job_items_loosen_deleted AFTER DELETE ON job_items WHEN old.sha256 <> '' BEGIN
    INSERT OR IGNORE INTO loose_originals (sha256) VALUES (old.sha256);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER job_items_loosen_done AFTER UPDATE OF sha256 ON job_items WHEN old.sha256 <> '' AND new.sha256 = '' BEGIN
    INSERT OR IGNORE INTO loose_originals (sha256) VALUES (old.sha256);
END;
-- +goose StatementEnd
