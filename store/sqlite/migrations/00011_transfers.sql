-- +goose NO TRANSACTION
-- +goose Up
-- Changes are numbered within their collection, as in every other store, so that a store
-- can be copied to another database and back with its numbers. Those that are there
-- keep theirs. id is the order in which the rows came into this file.
CREATE TABLE changes_numbered (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    op         INTEGER NOT NULL, -- rag.ChangePut, rag.ChangeDelete
    chunk      INTEGER NOT NULL,
    document   BLOB    NOT NULL, -- uuid: the row of a deleted document may be gone
    at         INTEGER NOT NULL
) STRICT;
INSERT INTO changes_numbered (id, collection, seq, op, chunk, document, at)
    SELECT seq, collection, seq, op, chunk, document, at FROM changes ORDER BY seq;
DELETE FROM sqlite_sequence WHERE name = 'changes_numbered';
INSERT INTO sqlite_sequence (name, seq) SELECT 'changes_numbered', seq FROM sqlite_sequence WHERE name = 'changes';
DROP TABLE changes;
ALTER TABLE changes_numbered RENAME TO changes;
CREATE UNIQUE INDEX changes_collection ON changes (collection, seq);
CREATE INDEX changes_chunk ON changes (chunk, seq);
CREATE INDEX changes_deletes ON changes (at) WHERE op = 2;
