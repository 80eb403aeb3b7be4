-- +goose Up
-- Places in external vector databases, and how far they follow the change feed. A row
-- outlives its collection and generation, until what is in the database is dropped.
CREATE TABLE spaces (
    name       text        COLLATE "C" NOT NULL,
    tenant     text        COLLATE "C" NOT NULL,
    collection bigint      NOT NULL,
    generation integer     NOT NULL,
    seq        bigint      NOT NULL DEFAULT -1,
    epoch      bigint      NOT NULL DEFAULT 0,
    turn       bigint      NOT NULL DEFAULT 0,
    held_until timestamptz, -- null while nobody has a turn
    PRIMARY KEY (name, tenant) -- a name holds the collection's id
) WITH (fillfactor = 50);
SELECT protect('spaces');
