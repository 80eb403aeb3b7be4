-- +goose NO TRANSACTION
-- +goose Up
-- Places in external vector databases, and how far they follow the change feed. A row
-- outlives its collection and generation, until what is in the database is dropped.
CREATE TABLE spaces (
    name       TEXT    PRIMARY KEY,
    collection INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    turn       INTEGER NOT NULL,
    held       INTEGER NOT NULL,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
