-- +goose NO TRANSACTION
-- +goose Up
-- A collection has one generation that is live (collections.generation), at most
-- one that is being built (it never was live) and at most one that was live before.
ALTER TABLE generations ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generations ADD COLUMN live_at INTEGER; -- when it last became live, null if it never was
ALTER TABLE generations ADD COLUMN comparison TEXT NOT NULL DEFAULT ''; -- JSON object, or empty
UPDATE generations SET created_at = c.created_at, live_at = c.created_at FROM collections c WHERE c.id = generations.collection;

-- The embedding of a chunk in a generation is found by its hash and the
-- generation's model, so that a generation becomes live by one number.
DROP INDEX chunks_embedding;
ALTER TABLE chunks DROP COLUMN embedding;
CREATE INDEX chunks_hash ON chunks (hash, collection);
