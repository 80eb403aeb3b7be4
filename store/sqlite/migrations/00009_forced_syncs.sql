-- +goose NO TRANSACTION
-- +goose Up
-- How the source of a sync is read: rag.Job.Force.
ALTER TABLE jobs ADD COLUMN force INTEGER NOT NULL DEFAULT 0;
