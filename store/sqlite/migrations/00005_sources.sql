-- +goose NO TRANSACTION
-- +goose Up
-- Places that documents come from again and again. A collection's id stands for
-- its tenant and name. Settings hold no secrets.
CREATE TABLE sources (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    collection   INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    name         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    settings     TEXT    NOT NULL, -- JSON object
    metadata     TEXT    NOT NULL, -- JSON object
    acl          TEXT    NOT NULL, -- JSON array, or empty
    created_at   INTEGER NOT NULL,
    last_run     INTEGER NOT NULL DEFAULT 0,
    last_success INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT    NOT NULL DEFAULT '',
    last_report  TEXT    NOT NULL DEFAULT '{}', -- JSON object
    cursor       BLOB,                          -- what the source left for its next reading
    reading      INTEGER NOT NULL DEFAULT 0,    -- number of the last one
    holder       TEXT    NOT NULL DEFAULT '',   -- the process that is reading, or empty
    held_until   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (collection, name)
) STRICT;

-- What is kept of an item between readings. kind and reason say why it failed.
CREATE TABLE source_items (
    collection  INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    source      INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    id          TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    removed     TEXT    NOT NULL, -- SHA-256 of the document that was deleted by hand, or empty
    reading     INTEGER NOT NULL, -- the one that last told of it
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (collection, source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX source_items_source ON source_items (source, reading);
CREATE INDEX source_items_document ON source_items (collection, external_id);
CREATE INDEX source_items_failing ON source_items (source) WHERE kind <> '';
