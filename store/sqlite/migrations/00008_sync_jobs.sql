-- +goose NO TRANSACTION
-- +goose Up
-- How the source of a sync is read: rag.Job.Again and AllowEmpty.
ALTER TABLE jobs ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN allow_empty INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_source ON jobs (collection, source, id) WHERE kind = 'sync';
